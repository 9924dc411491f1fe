package graph_test

import (
	"testing"

	"nameplate/graph"
)

// The addresses of each cloud, typed from https://learn.microsoft.com/graph/deployments (Graph, portal) and
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud (sign-in), the audience of the exchange from
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity. The first page still gives the older name of
// China's sign-in service, login.chinacloudapi.cn, under which metadata and tokens name another issuer:
// https://github.com/jenkinsci/azure-ad-plugin/issues/679 and https://github.com/Azure/azure-dev/issues/5912
func TestClouds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][4]string{
		"global":    {"https://graph.microsoft.com", "https://login.microsoftonline.com", "https://portal.azure.com", "api://AzureADTokenExchange"},
		"us-gov-l4": {"https://graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us", "api://AzureADTokenExchangeUSGov"},
		"us-gov-l5": {"https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us", "api://AzureADTokenExchangeUSGov"},
		"china":     {"https://microsoftgraph.chinacloudapi.cn", "https://login.partner.microsoftonline.cn", "https://portal.azure.cn", "api://AzureADTokenExchangeChina"},
	} {
		c, ok := graph.CloudNamed(name)
		if got := [4]string{c.Graph(), c.Login(), c.Portal(), c.Exchange()}; !ok || got != want || c.String() != name {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if _, ok := graph.CloudNamed("germany"); ok {
		t.Error("a cloud that was closed is known")
	}
}
