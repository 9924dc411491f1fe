package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// portalApps is what testdata/applications.tsv speaks of: the administrators, and the application that is acted upon.
const portalApps = `
users:
  - {id: aaaaaaaa-0000-4000-8000-000000000301, upn: ada@contoso.com, roles: [Application Administrator], values: {displayName: Ada Apps, mailNickname: ada, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000302, upn: clara@contoso.com, roles: [Cloud Application Administrator], values: {displayName: Clara Cloud, mailNickname: clara, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000303, upn: prisca@contoso.com, roles: [Privileged Role Administrator], values: {displayName: Prisca Roles, mailNickname: prisca, accountEnabled: true, userType: Member}}
apps:
  - clientId: cccccccc-0000-4000-8000-000000000007
    objectId: cccccccc-0000-4000-8000-0000000000a7
    name: Portal
    appRoles: [{id: 1b4f816e-5eaf-48b9-8613-7923830595ad, value: Admin, name: Admin}]
`

const everything = "app roles=Application.ReadWrite.All,Directory.ReadWrite.All"

// TestApplicationMatrix holds the emulator to testdata/applications.tsv: S1.46, S1.49, S1.52 to S1.56.
func TestApplicationMatrix(t *testing.T) {
	t.Parallel()
	holdToActors(t, "applications.tsv", portalApps)
}

// holdToActors holds the emulator to a table of operations by actors. What is refused and what reads changes nothing and shares a tenant;
// each other cell has its own, made with setup.
func holdToActors(t *testing.T, name, setup string) {
	t.Helper()
	m := readTable(t, name)
	actors := m.heading[slices.Index(m.heading, "waits")+1:]
	own := map[string]int{} // by row and actor
	for _, r := range m.rows {
		for _, actor := range actors {
			if owners[actor] != "" || r.at(actor) != "." && !strings.HasPrefix(r.at("request"), "GET ") {
				own[r.at("operation")+actor] = len(own) + 1
			}
		}
	}
	worlds := newWorlds(t, emulator.ObservedRules, slices.Repeat([]string{setup}, len(own)+1))
	met := tally{}
	for _, r := range m.rows {
		t.Run(r.at("operation"), func(t *testing.T) {
			var bad []string
			for _, actor := range actors {
				for _, miss := range mayDo(worlds[own[r.at("operation")+actor]], r, m.says["#actor "+actor], actor) {
					bad = append(bad, actor+": "+miss)
				}
			}
			met.settle(t, r.at("waits"), bad, fmt.Sprintf("%s:%d %s", name, r.line, r.at("operation")), m.source(r))
		})
	}
	t.Logf("%d operations by %d actors: %s", len(m.rows), len(actors), met)
}

// owners are actors who own what is acted upon: who that is.
var owners = map[string]string{"owner": "<bob>", "a-owned-owner": "<testclient>"}

// mayDo makes the row's request as the actor and says what is not as the cell has it.
func mayDo(w *world, r tableRow, token, actor string) []string {
	want := r.at(actor)
	asJSON := http.Header{"Content-Type": {"application/json"}}
	prepare := func(line, body string) (answer, []string) {
		a, err := w.send(everything, w.fill(line), asJSON, []byte(w.fill(body)))
		if err != nil || a.status >= 300 {
			return a, []string{fmt.Sprintf("%s: %d %v %s", line, a.status, err, short(string(a.raw)))}
		}
		return a, nil
	}
	graph, bad := prepare("GET /v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id", "")
	if bad != nil {
		return bad
	}
	w.remember(map[string]any{"id": "=graphsp"}, graph.body)
	if owner := owners[actor]; owner != "" {
		for _, of := range []string{"/v1.0/applications(appId='cccccccc-0000-4000-8000-000000000007')", "/v1.0/servicePrincipals/<portal>"} {
			if _, bad := prepare("POST "+of+"/owners/$ref", `{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/`+owner+`"}`); bad != nil {
				return bad
			}
		}
	}
	made := len(w.mutations())
	a, err := w.send(strings.ReplaceAll(token, "{s}", r.at("scopes")), w.fill(r.at("request")), asJSON, []byte(w.fill(r.at("body"))))
	if err != nil {
		return []string{err.Error()}
	}
	code, message := a.said()
	refused := a.status == http.StatusForbidden && code == "Authorization_RequestDenied"
	switch {
	case refused && len(w.mutations()) != made:
		return []string{"refused, but something was changed"}
	case want == "y" && a.status/100 == 2, want == "." && refused, want == "?" && (refused || a.status/100 == 2):
		return nil
	}
	return []string{fmt.Sprintf("%d %s %s, wanted %s", a.status, code, short(message), want)}
}
