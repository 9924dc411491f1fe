package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// cloud is one of Microsoft's clouds by the names that clients know it by:
// https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud,
// https://learn.microsoft.com/en-us/graph/deployments
type cloud struct {
	azure   string   // as Azure tools call it
	network string   // the sign-in host that its answers name; v2.0 issuers have it
	cache   string   // preferred_cache of instance discovery
	aliases []string // all sign-in hosts, in the order of instance discovery
	sts     string   // host of v1.0 issuers
	graphs  []string // hosts of Graph; the first is the one that its answers name
	portal  string
	manage  string // Azure Resource Manager
	classic string // its older name, which its tokens are asked for under as well
}

// instance is cloud_instance_name of discovery.
func (c *cloud) instance() string {
	return strings.TrimPrefix(strings.TrimPrefix(c.network, "login."), "partner.")
}

// clouds are those that have not been closed. Aliases and preferred names are as instance discovery gives them (recorded in the
// test suites of the client libraries: AzureAD/microsoft-authentication-library-for-js, msal-node).
var clouds = []*cloud{
	{
		azure: "AzureCloud", network: "login.microsoftonline.com", cache: "login.windows.net",
		aliases: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		sts:     "sts.windows.net", graphs: []string{graphHost}, portal: "https://portal.azure.com",
		manage: "https://management.azure.com/", classic: "https://management.core.windows.net/",
	},
	{
		azure: "AzureChinaCloud", network: "login.partner.microsoftonline.cn", cache: "login.partner.microsoftonline.cn",
		aliases: []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"},
		sts:     "sts.chinacloudapi.cn", graphs: []string{"microsoftgraph.chinacloudapi.cn"}, portal: "https://portal.azure.cn",
		manage: "https://management.chinacloudapi.cn/", classic: "https://management.core.chinacloudapi.cn/",
	},
	{
		azure: "AzureUSGovernment", network: "login.microsoftonline.us", cache: "login.microsoftonline.us",
		aliases: []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		sts:     "sts.windows.net", graphs: []string{"graph.microsoft.us", "dod-graph.microsoft.us"}, portal: "https://portal.azure.us",
		manage: "https://management.usgovcloudapi.net/", classic: "https://management.core.usgovcloudapi.net/",
	},
}

// cloudAt is the cloud that a host belongs to, nil for any other host. graph says that the host is Graph's.
func cloudAt(host string) (c *cloud, graph bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	for _, c := range clouds {
		if slices.Contains(c.aliases, host) {
			return c, false
		}
		if slices.Contains(c.graphs, host) {
			return c, true
		}
	}
	return nil, false
}

// homeCloud is where a tenant is at home.
func homeCloud(t *tenant) *cloud {
	for _, c := range clouds {
		if strings.EqualFold(c.azure, t.policy.cloud) {
			return c
		}
	}
	return clouds[0]
}

// site is the addresses that an answer carries: the service's own where the client asked for the service by its own name, which it
// does through the proxy, and the address that the client used everywhere else.
type site struct {
	cloud  *cloud // the public one for addresses of this machine
	real   bool   // the client used the service's own names
	login  string // origin of the sign-in endpoints
	issuer string // origin of v2.0 issuers
	graph  string // origin of Graph
}

func siteOf(r *http.Request) site {
	c, graph := cloudAt(r.Host)
	if c == nil {
		o := origin(r)
		return site{clouds[0], false, o, o, o}
	}
	s := site{c, true, origin(r), "https://" + c.network, "https://" + c.graphs[0]}
	if graph {
		s.login, s.graph = s.issuer, origin(r)
	}
	return s
}

// service is the site of tokens that are made without a request.
func service() site {
	c := clouds[0]
	return site{c, true, "https://" + c.network, "https://" + c.network, "https://" + c.graphs[0]}
}

// issuerOf is the v2.0 issuer of a tenant.
func (s site) issuerOf(tenantID string) string { return s.issuer + "/" + tenantID + "/v2.0" }

// stsOf is the v1.0 issuer of a tenant, which is the same at every address of this machine.
func (s site) stsOf(tenantID string) string { return "https://" + s.cloud.sts + "/" + tenantID + "/" }

// isGraph says whether an origin (lower case, no path) names Graph in this cloud.
func (s site) isGraph(address string) bool {
	scheme, host, ok := strings.Cut(address, "://")
	return ok && (scheme == "https" || scheme == "http") && slices.Contains(s.cloud.graphs, host)
}
