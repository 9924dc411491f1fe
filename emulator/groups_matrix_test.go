package emulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// groupMatrix is testdata/groups.tsv: who may do what with groups; matrix-README.md says how to read it.
type groupMatrix struct {
	table
	ops    map[string]groupOp
	actors map[string]string // actor: the line of an expectation's head
	cells  []groupCell
}

type groupOp struct{ request, status, prepare, body string }

// groupCell is what a row says of one of its actors.
type groupCell struct {
	tableRow
	actor string
}

// The people and the groups that the matrix speaks of, besides those of contoso.yaml. carol and dave own all of the groups.
const groupMatrixSetup = `
users:
  - {id: aaaaaaaa-0000-4000-8000-000000000101, upn: gro@contoso.com, roles: [Groups Administrator], values: {displayName: Gro, mailNickname: gro, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000102, upn: pra@contoso.com, roles: [Privileged Role Administrator], values: {displayName: Pra, mailNickname: pra, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000103, upn: dwr@contoso.com, roles: [Directory Writers], values: {displayName: Dwr, mailNickname: dwr, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000104, upn: drr@contoso.com, roles: [Directory Readers], values: {displayName: Drr, mailNickname: drr, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000105, upn: gre@contoso.com, roles: [Global Reader], values: {displayName: Gre, mailNickname: gre, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000106, upn: lic@contoso.com, roles: [License Administrator], values: {displayName: Lic, mailNickname: lic, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000107, upn: exa@contoso.com, roles: [Exchange Administrator], values: {displayName: Exa, mailNickname: exa, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000108, upn: tea@contoso.com, roles: [Teams Administrator], values: {displayName: Tea, mailNickname: tea, accountEnabled: true, userType: Member}}
  - {id: aaaaaaaa-0000-4000-8000-000000000109, upn: ita@contoso.com, roles: [Intune Administrator], values: {displayName: Ita, mailNickname: ita, accountEnabled: true, userType: Member}}
groups:
  - {id: bbbbbbbb-0000-4000-8000-000000000011, name: Plain, type: security, members: [anna@contoso.com], owners: [carol@contoso.com, dave@contoso.com]}
  - {id: bbbbbbbb-0000-4000-8000-000000000012, name: Club, type: microsoft365, members: [anna@contoso.com], owners: [carol@contoso.com, dave@contoso.com]}
  - {id: bbbbbbbb-0000-4000-8000-000000000013, name: Keys, type: role-assignable, members: [anna@contoso.com], owners: [carol@contoso.com, dave@contoso.com]}
`

// every scope that an operation of the matrix asks for: the persons' rows are about the person alone.
const groupMatrixScopes = "Group.ReadWrite.All,GroupMember.ReadWrite.All,Directory.ReadWrite.All,User.ReadWrite.All,RoleManagement.ReadWrite.Directory,LicenseAssignment.ReadWrite.All"

func readGroupMatrix(t *testing.T) groupMatrix {
	t.Helper()
	m := groupMatrix{table: readTable(t, "groups.tsv"), ops: map[string]groupOp{}, actors: map[string]string{}}
	for line, says := range m.says {
		kind, name, _ := strings.Cut(line, " ")
		switch kind {
		case "#person":
			m.actors[name] = "delegated person=" + says + " scopes=" + groupMatrixScopes
		case "#permission":
			list := strings.ReplaceAll(name, "+", ",")
			m.actors["app:"+name] = "app roles=" + list
			if says == "both" {
				m.actors["ga:"+name] = "delegated person=glenda scopes=" + list
			}
		case "#op":
			f := append(strings.SplitN(says, " ", 4), "") // method, path, status, maybe a body
			m.ops[name] = groupOp{f[0] + " " + f[1], f[2], m.says["#before "+name], f[3]}
		}
	}
	m.spread(t)
	return m
}

// spread makes one cell of each actor that a row names. "persons" and "permissions" are those that no row of the operation names.
func (m *groupMatrix) spread(t *testing.T) {
	t.Helper()
	named := map[string]bool{}
	put := func(r tableRow, actor string) {
		if key := r.at("operation") + " " + actor; named[key] {
			t.Errorf("groups.tsv:%d names %s again", r.line, key)
		} else {
			named[key] = true
			m.cells = append(m.cells, groupCell{r, actor})
		}
	}
	var rest []tableRow
	for _, r := range m.rows {
		for _, a := range strings.Split(r.at("actors"), ", ") {
			known := false
			for _, kind := range []string{"", "app:", "ga:"} {
				if _, ok := m.actors[kind+a]; ok {
					known = true
					put(r, kind+a)
				}
			}
			switch {
			case a == "persons" || a == "permissions":
				rest = append(rest, r)
			case !known:
				t.Errorf("groups.tsv:%d: who is %q?", r.line, a)
			}
		}
	}
	for _, r := range rest {
		for _, a := range slices.Sorted(maps.Keys(m.actors)) {
			person := m.says["#person "+a] != ""
			if person == (r.at("actors") == "persons") && !named[r.at("operation")+" "+a] {
				put(r, a)
			}
		}
	}
}

// TestGroupMatrixIsWhole asserts that every operation says of every actor what happens.
func TestGroupMatrixIsWhole(t *testing.T) {
	t.Parallel()
	m := readGroupMatrix(t)
	have := map[string]bool{}
	for _, c := range m.cells {
		have[c.at("operation")+" "+c.actor] = true
	}
	for _, r := range m.rows {
		if _, ok := m.ops[r.at("operation")]; !ok {
			t.Errorf("groups.tsv:%d: no operation %q", r.line, r.at("operation"))
		}
		outcome := r.at("outcome")
		if !slices.Contains([]string{"ok", "denied", "open"}, outcome) || (outcome == "open") != (r.at("mark") == "Unsettled") {
			t.Errorf("groups.tsv:%d: %s is no outcome of mark %s", r.line, outcome, r.at("mark"))
		}
	}
	for op := range m.ops {
		for a := range m.actors {
			if !have[op+" "+a] {
				t.Errorf("what happens when %s does %s?", a, op)
			}
		}
	}
}

// TestGroupMatrix holds the emulator to testdata/groups.tsv. Operations that wait for a part of the emulator are listed; one
// of which every cell is met waits no more.
func TestGroupMatrix(t *testing.T) {
	t.Parallel()
	m := readGroupMatrix(t)
	// What is refused and what reads changes nothing and shares a tenant; each other cell has its own.
	var own []int
	for i, c := range m.cells {
		op := m.ops[c.at("operation")]
		if c.at("outcome") != "denied" && !strings.HasPrefix(op.request, "GET ") || op.prepare != "" {
			own = append(own, i)
		}
	}
	worlds := newWorlds(t, emulator.DocumentedRules, slices.Repeat([]string{groupMatrixSetup}, len(own)+1))
	bad := map[string][]string{} // by operation
	for i, c := range m.cells {
		w := worlds[0]
		if at, ok := slices.BinarySearch(own, i); ok {
			w = worlds[at+1]
		}
		op := c.at("operation")
		if miss := m.try(w, c); miss != "" {
			bad[op] = append(bad[op], fmt.Sprintf("by %s: %s, wanted %s (%s)", c.actor, miss, c.at("outcome"), m.source(c.tableRow)))
		}
	}
	met := tally{}
	for op := range m.ops {
		met.settle(t, m.says["#waits "+op], bad[op], op, "groups.tsv")
	}
	t.Logf("%d cells; operations: %s", len(m.cells), met)
}

// try makes the cell's request and says what is not as expected; "" is nothing.
func (m groupMatrix) try(w *world, c groupCell) string {
	op := m.ops[c.at("operation")]
	ask := func(actor, request, body string) (answer, error) {
		method, path, _ := strings.Cut(request, " ")
		header := http.Header{}
		if body != "" {
			header.Set("Content-Type", "application/json")
		}
		return w.send(actor, method+" /v1.0"+w.fill(path), header, []byte(w.fill(body)))
	}
	if op.prepare != "" {
		if a, err := ask("app roles=Group.ReadWrite.All", op.prepare, ""); err != nil || a.status >= 400 {
			return fmt.Sprintf("%s: %d %v", op.prepare, a.status, err)
		}
	}
	made := len(w.mutations())
	a, err := ask(m.actors[c.actor], op.request, op.body)
	if err != nil {
		return err.Error()
	}
	code, message := a.said()
	said := fmt.Sprintf("%d %s %s", a.status, code, short(message))
	denied := a.status == http.StatusForbidden && code == "Authorization_RequestDenied"
	if denied && len(w.mutations()) != made {
		return said + ", but the ledger has an entry"
	}
	switch done, outcome := statusIs(op.status, a.status), c.at("outcome"); {
	case outcome == "ok" && done, outcome == "denied" && denied, outcome == "open" && (done || denied):
		return ""
	}
	return said
}
