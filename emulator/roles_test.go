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

// roleTry is one request of the two tables of testdata/roles.tsv.
type roleTry struct {
	table, actor, target, body string
	application                bool // with the application's own token and role instead of a person's
	may                        bool
}

// The requests that each table speaks of.
var roleBodies = map[string][]string{
	"password": {
		`{"passwordProfile": {"password": "xWwvJ]6NMw+bWH-d", "forceChangePasswordNextSignIn": true}}`,
		`{"mobilePhone": "+1 425 555 0199"}`, `{"businessPhones": ["+1 425 555 0199"]}`, `{"otherMails": ["new@example.net"]}`,
	},
	"sensitive": {`{"accountEnabled": false}`, `{"userPrincipalName": "renamed@contoso.com"}`, `{"onPremisesImmutableId": "YmFyYmFy"}`},
}

func roleTries(t *testing.T) []roleTry {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "roles.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var actors []string
	var out []roleTry
	for _, l := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case strings.HasPrefix(l, "#"):
		case f[0] == "table":
			actors = f[2:]
		case len(f) != 2+len(actors):
			t.Fatalf("roles.tsv: %q", l)
		default:
			for i, cell := range f[2:] {
				for _, body := range roleBodies[f[0]] {
					one := roleTry{table: f[0], target: f[1], actor: actors[i], body: body, may: cell == "y"}
					out = append(out, one)
					// An application needs a role only for people with one: https://learn.microsoft.com/en-us/graph/api/user-update.
					// Left out is what the pages leave open: whether less than User Administrator is enough for an
					// application's passwords, and whether the lightest roles count (in 2022 they did not).
					if f[1] != "(none)" && !light(f[1]) && !strings.Contains(body, "passwordProfile") {
						one.application = true
						out = append(out, one)
					}
				}
			}
		}
	}
	return out
}

// light says whether a person holds none but the roles that the page of 2022 counts as no administrator's.
func light(target string) bool {
	for _, r := range strings.Split(target, " + ") {
		if !strings.HasSuffix(r, "Reader") && r != "Directory Readers" && r != "Guest Inviter" && r != "User Experience Success Manager" {
			return false
		}
	}
	return true
}

// TestRoles holds the emulator to "Who can reset passwords" and "Who can perform sensitive actions": S2.8, S2.9, S2.15 to S2.17.
func TestRoles(t *testing.T) {
	t.Parallel()
	tries := roleTries(t)
	var setups []string
	pairs := map[string]int{} // one tenant for each two people
	for _, r := range tries {
		if _, ok := pairs[r.setup()]; !ok {
			pairs[r.setup()] = len(setups)
			setups = append(setups, r.setup())
		}
	}
	worlds := newWorlds(t, emulator.ObservedRules, setups)
	for _, r := range tries {
		w := worlds[pairs[r.setup()]]
		who := r.actor
		actor := "delegated person=actor scopes=User.ReadWrite.All,Directory.AccessAsUser.All"
		if r.application {
			who += " (application)"
			actor = "app roles=User.ReadWrite.All wids=" + r.actor
		}
		t.Run(strings.Join([]string{"S2.8", r.table, who, "on", r.target}, "/"), func(t *testing.T) {
			made := len(w.mutations())
			a, err := w.send(actor, "PATCH /v1.0/users/"+w.people["target"], http.Header{"Content-Type": {"application/json"}}, []byte(r.body))
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusForbidden
			if r.may {
				want = http.StatusNoContent
			}
			if a.status != want {
				t.Errorf("%s: %d, wanted %d: %s", r.body, a.status, want, short(string(a.raw)))
			}
			if n := len(w.mutations()) - made; n > 0 && !r.may {
				t.Errorf("%s: refused, but the ledger has %d entries more", r.body, n)
			}
		})
	}
}

// setup adds the two people to the tenant.
func (r roleTry) setup() string {
	id := func(names string) string {
		var ids []string
		for _, n := range strings.Split(names, " + ") {
			ids = append(ids, templates[n])
		}
		return strings.Join(ids, ", ")
	}
	roles, group := id(r.target), ""
	switch r.target {
	case "(none)":
		roles = ""
	case "(role-assignable group)":
		roles, group = "", "groups:\n  - {name: More role holders, type: role-assignable, members: [target@contoso.com]}\n"
	default:
		if slices.Contains(strings.Split(roles, ", "), "") {
			panic("no template id for " + r.target)
		}
	}
	return fmt.Sprintf(`users:
  - id: aaaaaaaa-0000-4000-8000-000000000098
    upn: actor@contoso.com
    roles: [%s]
    values: {displayName: Actor, mailNickname: actor, accountEnabled: true, userType: Member}
  - id: aaaaaaaa-0000-4000-8000-000000000099
    upn: target@contoso.com
    roles: [%s]
    values: {displayName: Target, mailNickname: target, accountEnabled: true, userType: Member}
%s`, id(r.actor), roles, group)
}
