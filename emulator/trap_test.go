package emulator_test

import (
	"slices"
	"strings"
	"testing"
)

// traps are the threads in which people met Graph's own traps again and again, by what they are about. Each has a case of its own:
// a file of testdata/vendor whose source it is.
var traps = map[string]string{
	"SharePoint's properties are the person's own": `microsoftgraph/microsoft-graph-docs/issues/22189 microsoftgraph/microsoft-graph-docs/issues/5597
		microsoftgraph/msgraph-sdk-dotnet/issues/536 microsoftgraph/msgraph-sdk-powershell/issues/3234`,
	"documentation and service disagree": `microsoftgraph/microsoft-graph-docs/issues/15736 microsoftgraph/microsoft-graph-docs/issues/8177`,
	"what people may not write":          `microsoftgraph/microsoft-graph-docs/issues/11978`,
	"telephone numbers of administrators": `microsoftgraph/microsoft-graph-docs/issues/3216 microsoftgraph/msgraph-sdk-powershell/issues/965
		microsoftgraph/msgraph-sdk-powershell/issues/1051 MicrosoftDocs/entra-docs/issues/809`,
	"synced people": `microsoftgraph/microsoft-graph-docs/issues/7301 microsoftgraph/microsoft-graph-docs/issues/18038
		microsoftgraph/microsoft-graph-docs-contrib/issues/1900`,
	"people whom Exchange masters": `microsoftgraph/microsoft-graph-docs/issues/12584 microsoftgraph/microsoft-graph-docs/issues/14210
		microsoftgraph/msgraph-sdk-powershell/issues/1854 microsoftgraph/msgraph-sdk-php/issues/292`,
	"managers in delta":       `microsoftgraph/microsoft-graph-docs-contrib/issues/7202`,
	"deleted people in delta": `microsoftgraph/microsoft-graph-docs-contrib/issues/1774 microsoftgraph/microsoft-graph-docs-contrib/issues/5855`,
	"life of a delta token": `microsoftgraph/microsoft-graph-docs/issues/2877 microsoftgraph/microsoft-graph-docs/issues/2350
		microsoftgraph/msgraph-sdk-javascript/issues/99 microsoftgraph/microsoft-graph-docs/issues/16690`,
	"batches": `microsoftgraph/microsoft-graph-toolkit/issues/448 microsoftgraph/msgraph-sdk-dotnet/issues/1759 microsoftgraph/microsoft-graph-docs/issues/3877
		microsoftgraph/microsoft-graph-docs-contrib/issues/8883 microsoftgraph/msgraph-sdk-dotnet/issues/1850`,
	"photos": `microsoftgraph/microsoft-graph-docs/issues/3751 microsoftgraph/microsoft-graph-docs-contrib/issues/8491 MicrosoftDocs/msteams-docs/issues/3774
		microsoftgraph/microsoft-graph-docs/issues/6672 microsoftgraph/msgraph-sdk-dotnet/issues/2374`,
}

func TestEveryTrapHasACase(t *testing.T) {
	t.Parallel()
	cases, n := vendorCases(t), 0
	for about, threads := range traps {
		for _, thread := range strings.Fields(threads) {
			n++
			if !slices.ContainsFunc(cases, func(c vendorCase) bool { return c.head["source"] == "https://github.com/"+thread }) {
				t.Errorf("%s: no case has the source %s", about, thread)
			}
		}
	}
	if n != 35 {
		t.Errorf("%d threads", n)
	}
}
