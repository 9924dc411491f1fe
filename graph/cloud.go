package graph

// Cloud is one of Microsoft's national clouds. https://learn.microsoft.com/graph/deployments
type Cloud int

const (
	Global Cloud = iota
	USGovL4
	USGovL5 // Department of Defense
	China   // operated by 21Vianet
)

// China signs in at the name that its metadata and tokens call their issuer; login.chinacloudapi.cn is an older name of the same service.
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
var clouds = [...]struct{ name, graph, login, portal, exchange string }{
	Global:  {"global", "https://graph.microsoft.com", "https://login.microsoftonline.com", "https://portal.azure.com", "api://AzureADTokenExchange"},
	USGovL4: {"us-gov-l4", "https://graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us", "api://AzureADTokenExchangeUSGov"},
	USGovL5: {"us-gov-l5", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us", "api://AzureADTokenExchangeUSGov"},
	China:   {"china", "https://microsoftgraph.chinacloudapi.cn", "https://login.partner.microsoftonline.cn", "https://portal.azure.cn", "api://AzureADTokenExchangeChina"},
}

func (c Cloud) valid() Cloud {
	if c < 0 || int(c) >= len(clouds) {
		return Global
	}
	return c
}

// String is the cloud's name in settings: "global", "us-gov-l4", "us-gov-l5", "china".
func (c Cloud) String() string { return clouds[c.valid()].name }

// Graph is the origin of Microsoft Graph in this cloud.
func (c Cloud) Graph() string { return clouds[c.valid()].graph }

// Login is the origin where people and applications sign in.
func (c Cloud) Login() string { return clouds[c.valid()].login }

// Portal is the origin of the administrators' portal.
func (c Cloud) Portal() string { return clouds[c.valid()].portal }

// Exchange is the audience of a token with which another issuer, or a managed identity, vouches for an application in this cloud.
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
func (c Cloud) Exchange() string { return clouds[c.valid()].exchange }

// CloudNamed finds a cloud by its name in settings.
func CloudNamed(name string) (Cloud, bool) {
	for i, c := range clouds {
		if c.name == name {
			return Cloud(i), true
		}
	}
	return Global, false
}
