package emulator

import "strings"

// microsoftTenant is where Microsoft's own applications are registered.
// https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
const microsoftTenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// firstParties are Microsoft's own public clients that tools sign in with: every organization knows them, without a registration of
// its own. Ids and names are from the page above; that they are public clients with loopback redirects is from the tools' own sources
// (microsoftgraph/msgraph-sdk-powershell, Azure/azure-cli).
var firstParties = []App{
	{ClientID: "14d82eec-204b-4c2f-b7e8-296a70dab67e", Name: "Microsoft Graph Command Line Tools"},
	{ClientID: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", Name: "Microsoft Azure CLI"},
	{ClientID: "1950a258-227b-4e31-a9cf-717495945fc2", Name: "Microsoft Azure PowerShell"},
}

// firstPartyNamed is one of Microsoft's own clients by its id.
func firstPartyNamed(clientID string) (App, bool) {
	for _, a := range firstParties {
		if strings.EqualFold(a.ClientID, clientID) {
			a.Public, a.Audience, a.Redirects = true, "AzureADMultipleOrgs", []string{"http://localhost", "http://127.0.0.1"}
			return a, true
		}
	}
	return App{}, false
}

// firstParty is one of Microsoft's own clients as sign-in to tenant t, or to any when t is nil, sees it. Its service principal comes
// with the first consent.
func (e *Emulator) firstParty(t *tenant, clientID string) (registration, bool) {
	a, ok := firstPartyNamed(clientID)
	if !ok || len(e.tenants) == 0 {
		return registration{}, false
	}
	if t == nil {
		t = e.tenants[0]
	}
	if own := t.dir.service(clientID); own != nil {
		a.ObjectID, a.Disabled, a.AssignedOnly = own.id, own.rec.get(sEnabled) == "false", own.rec.get(sAssigned) == "true"
	}
	return registration{App: a, tenant: t, home: t, multi: true}, true
}
