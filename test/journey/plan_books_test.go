package journey

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
)

// planBooks compares the four books of a plan that gives each person a department of their own: the file, the report (rows and rejects),
// the emulator's ledger and the directory. It asks over HTTP and shares no line with the product.
type planBooks struct {
	*testing.T
	k           *killed
	portal, key string
}

func (b planBooks) get(address, token string) []byte {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("GET %s: %d %s %v", address, resp.StatusCode, text, err)
	}
	return text
}

func (b planBooks) read(address, token string, into any) {
	b.Helper()
	if err := json.Unmarshal(b.get(address, token), into); err != nil {
		b.Fatal(err)
	}
}

func (b planBooks) check(plan, file string) {
	b.Helper()
	b.k.emulator.ClearFaults() // who looks now is not to be disturbed
	lines, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		b.Fatal(err)
	}
	want := map[string]string{}
	for _, l := range lines[1:] {
		want[l[0]] = l[1]
	}

	fates := map[string]string{}
	for path := "/api/v1/plans/" + plan + "/rows?limit=999"; path != ""; {
		var page struct {
			Rows []struct {
				UPN  string `json:"userPrincipalName"`
				Fate string
			}
			Next string
		}
		b.read(b.portal+path, b.key, &page)
		for _, r := range page.Rows {
			if fates[r.UPN] != "" {
				b.Errorf("the report has %s twice", r.UPN)
			}
			fates[r.UPN] = r.Fate
		}
		if path = ""; page.Next != "" {
			path = "/api/v1/plans/" + plan + "/rows?limit=999&cursor=" + url.QueryEscape(page.Next)
		}
	}
	rejects, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b.get(b.portal+"/api/v1/plans/"+plan+"/rejects?as=csv", b.key)), "\ufeff"))).ReadAll()
	if err != nil || len(rejects) != 1 {
		b.Errorf("did not arrive: %v %v", rejects, err)
	}

	var ledger []struct {
		Op     string
		Object string
		After  map[string]any
	}
	b.read(b.k.server.Control+"/ledger", "", &ledger)
	wrote, objects := map[string]int{}, map[string]int{}
	for _, e := range ledger {
		if d, ok := e.After["department"].(string); ok && e.Op == "user.update" {
			wrote[d]++
			objects[e.Object]++
		} else if e.Op == "user.update" || e.Op == "user.create" {
			b.Errorf("the ledger has a write that nobody asked for: %+v", e)
		}
	}

	token, err := b.k.emulator.Mint(emulator.Token{Client: b.k.org.Apps[0].ClientID})
	if err != nil {
		b.Fatal(err)
	}
	has := map[string]string{}
	for address := b.k.server.GraphHTTP + "/v1.0/users?$top=999&$select=userPrincipalName,department"; address != ""; {
		var page struct {
			Value []struct{ UserPrincipalName, Department string }
			Next  string `json:"@odata.nextLink"`
		}
		b.read(address, token, &page)
		for _, u := range page.Value {
			has[u.UserPrincipalName] = u.Department
		}
		address = page.Next
	}

	if len(fates) != len(want) || len(objects) != len(want) {
		b.Errorf("the file has %d people, the report %d, the ledger %d", len(want), len(fates), len(objects))
	}
	for upn, d := range want {
		if fates[upn] != "applied" || wrote[d] != 1 || has[upn] != d {
			b.Errorf("%s: the report says %q, the ledger %d writes of %q, the directory %q", upn, fates[upn], wrote[d], d, has[upn])
		}
	}
}
