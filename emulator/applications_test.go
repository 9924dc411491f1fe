package emulator_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// portalApps is what testdata/applications.tsv speaks of: the administrators, and the application that is acted upon.
const portalApps = `
users:
  - {upn: ada@contoso.com, roles: [Application Administrator], values: {displayName: Ada Apps, mailNickname: ada, accountEnabled: true, userType: Member}}
  - {upn: clara@contoso.com, roles: [Cloud Application Administrator], values: {displayName: Clara Cloud, mailNickname: clara, accountEnabled: true, userType: Member}}
  - {upn: prisca@contoso.com, roles: [Privileged Role Administrator], values: {displayName: Prisca Roles, mailNickname: prisca, accountEnabled: true, userType: Member}}
apps:
  - clientId: cccccccc-0000-4000-8000-000000000007
    objectId: cccccccc-0000-4000-8000-0000000000a7
    name: Portal
    appRoles: [{id: 1b4f816e-5eaf-48b9-8613-7923830595ad, value: Admin, name: Admin}]
`

const everything = "app roles=Application.ReadWrite.All,Directory.ReadWrite.All"

// appsTable is testdata/applications.tsv, whose head says how to read it.
type appsTable struct {
	sources, actors map[string]string
	columns         []string // actors, in the order of the cells
	rows            []appsRow
}

type appsRow struct {
	line                                            int
	operation, source, request, body, scopes, waits string
	cells                                           []string
}

func readApps(t *testing.T) appsTable {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "applications.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	m := appsTable{sources: map[string]string{}, actors: map[string]string{}}
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case f[0] == "#source" && len(f) == 3:
			m.sources[f[1]] = f[2]
		case f[0] == "#actor" && len(f) == 3:
			m.actors[f[1]] = f[2]
		case strings.HasPrefix(l, "#"):
		case f[0] == "operation":
			m.columns = f[6:]
		case len(f) == 6+len(m.columns):
			m.rows = append(m.rows, appsRow{i + 1, f[0], f[1], f[2], f[3], f[4], f[5], f[6:]})
		default:
			t.Fatalf("applications.tsv:%d has %d columns", i+1, len(f))
		}
	}
	return m
}

// TestApplicationMatrix holds the emulator to testdata/applications.tsv: S1.46, S1.49, S1.52 to S1.56.
func TestApplicationMatrix(t *testing.T) {
	t.Parallel()
	m := readApps(t)
	worlds := newWorlds(t, emulator.ObservedRules, slices.Repeat([]string{portalApps}, len(m.rows)*len(m.columns)))
	met := tally{}
	for i, r := range m.rows {
		t.Run(r.operation, func(t *testing.T) {
			if m.sources[r.source] == "" {
				t.Errorf("applications.tsv:%d: no source %q", r.line, r.source)
			}
			var bad []string
			for j, actor := range m.columns {
				for _, miss := range m.try(worlds[i*len(m.columns)+j], r, actor, r.cells[j]) {
					bad = append(bad, actor+": "+miss)
				}
			}
			met.settle(t, r.waits, bad, fmt.Sprintf("applications.tsv:%d %s", r.line, r.operation), m.sources[r.source])
		})
	}
	t.Logf("%d operations by %d actors: %s", len(m.rows), len(m.columns), met)
}

// try makes the row's request as the actor and says what is not as the cell has it.
func (m appsTable) try(w *world, r appsRow, actor, want string) []string {
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
	if owner := map[string]string{"owner": "<bob>", "a-owned-owner": "<testclient>"}[actor]; owner != "" {
		for _, of := range []string{"/v1.0/applications(appId='cccccccc-0000-4000-8000-000000000007')", "/v1.0/servicePrincipals/<portal>"} {
			if _, bad := prepare("POST "+of+"/owners/$ref", `{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/`+owner+`"}`); bad != nil {
				return bad
			}
		}
	}
	made := len(w.mutations())
	a, err := w.send(strings.ReplaceAll(m.actors[actor], "{s}", r.scopes), w.fill(r.request), asJSON, []byte(w.fill(r.body)))
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
