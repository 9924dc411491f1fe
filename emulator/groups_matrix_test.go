package emulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// groupMatrix is testdata/groups.tsv: who may do what with groups; matrix-README.md says how to read it.
type groupMatrix struct {
	sources map[string]string
	persons map[string]string // who: the person's key
	ops     map[string]groupOp
	waits   map[string]string // operation: what it waits for
	actors  map[string]string // actor: the line of an expectation's head
	rows    []groupRow
}

type groupOp struct{ request, status, prepare, body string }

// groupRow is one cell: an operation, an actor, what is said.
type groupRow struct{ op, outcome, actor, mark, source, remark string }

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
	raw, err := os.ReadFile(filepath.Join("testdata", "groups.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	m := groupMatrix{sources: map[string]string{}, persons: map[string]string{}, ops: map[string]groupOp{}, waits: map[string]string{}, actors: map[string]string{}}
	var lines [][]string
	for i, l := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		f := strings.Split(l, "\t")
		switch {
		case f[0] == "#source" && len(f) == 3:
			m.sources[f[1]] = f[2]
		case f[0] == "#person" && len(f) == 3:
			m.persons[f[1]] = f[2]
			m.actors[f[1]] = "delegated person=" + f[2] + " scopes=" + groupMatrixScopes
		case f[0] == "#permission" && len(f) == 3:
			list := strings.ReplaceAll(f[1], "+", ",")
			m.actors["app:"+f[1]] = "app roles=" + list
			if f[2] == "both" {
				m.actors["ga:"+f[1]] = "delegated person=glenda scopes=" + list
			}
		case f[0] == "#op" && len(f) == 6:
			m.ops[f[1]] = groupOp{f[2], f[3], f[4], f[5]}
		case f[0] == "#waits" && len(f) == 3:
			m.waits[f[1]] = f[2]
		case strings.HasPrefix(l, "#"), f[0] == "operation":
		case len(f) == 6:
			lines = append(lines, f)
		default:
			t.Fatalf("groups.tsv:%d has %d columns", i+1, len(f))
		}
	}
	m.spread(t, lines)
	return m
}

// spread makes one row of each actor that a line names. "persons" and "permissions" are those that no line of the operation names.
func (m *groupMatrix) spread(t *testing.T, lines [][]string) {
	t.Helper()
	named := map[string]bool{}
	var rest [][]string
	put := func(f []string, actor string) {
		if key := f[0] + " " + actor; named[key] {
			t.Errorf("groups.tsv names %s twice", key)
		} else {
			named[key] = true
			m.rows = append(m.rows, groupRow{f[0], f[1], actor, f[3], f[4], f[5]})
		}
	}
	for _, f := range lines {
		for _, a := range strings.Split(f[2], ", ") {
			_, one := m.actors[a]
			_, app := m.actors["app:"+a]
			switch {
			case a == "persons" || a == "permissions":
				rest = append(rest, f)
			case one:
				put(f, a)
			case app:
				for _, kind := range []string{"app:", "ga:"} {
					if _, ok := m.actors[kind+a]; ok {
						put(f, kind+a)
					}
				}
			default:
				t.Errorf("groups.tsv: who is %q?", a)
			}
		}
	}
	for _, f := range rest {
		for _, a := range slices.Sorted(maps.Keys(m.actors)) {
			_, person := m.persons[a]
			if person == (f[2] == "persons") && !named[f[0]+" "+a] {
				put(f, a)
			}
		}
	}
}

// TestGroupMatrixIsWhole asserts that every operation says of every actor what happens, and from which source it is known.
func TestGroupMatrixIsWhole(t *testing.T) {
	t.Parallel()
	m := readGroupMatrix(t)
	have := map[string]bool{}
	for _, r := range m.rows {
		have[r.op+" "+r.actor] = true
		if m.sources[r.source] == "" {
			t.Errorf("%s, %s: no source %q", r.op, r.actor, r.source)
		}
		if _, ok := m.ops[r.op]; !ok {
			t.Errorf("no operation %q", r.op)
		}
		if !slices.Contains([]string{"ok", "denied", "open"}, r.outcome) || (r.outcome == "open") != (r.mark == "Unsettled") {
			t.Errorf("%s, %s: %s is no outcome of mark %s", r.op, r.actor, r.outcome, r.mark)
		}
		if r.outcome == "open" && r.remark == "" {
			t.Errorf("%s, %s: open, but not why", r.op, r.actor)
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
// of which every row is met waits no more.
func TestGroupMatrix(t *testing.T) {
	t.Parallel()
	m := readGroupMatrix(t)
	// What is refused and what reads changes nothing and shares a tenant; each other row has its own.
	var own []int
	for i, r := range m.rows {
		if r.outcome != "denied" && !strings.HasPrefix(m.ops[r.op].request, "GET ") || m.ops[r.op].prepare != "" {
			own = append(own, i)
		}
	}
	worlds := newWorlds(t, emulator.DocumentedRules, slices.Repeat([]string{groupMatrixSetup}, len(own)+1))
	missed, summary := map[string]int{}, map[string]int{}
	for i, r := range m.rows {
		w := worlds[0]
		if at, ok := slices.BinarySearch(own, i); ok {
			w = worlds[at+1]
		}
		waits := m.waits[r.op]
		summary[r.outcome]++
		bad := m.try(w, r)
		switch {
		case bad == "":
		case waits != "":
			missed[r.op]++
		default:
			t.Errorf("%s by %s: %s, wanted %s\n  %s %s", r.op, r.actor, bad, r.outcome, m.sources[r.source], r.remark)
		}
	}
	for op, what := range m.waits {
		if missed[op] == 0 {
			t.Errorf("every row of %s is met: it waits for %s no more, take the mark off", op, what)
		}
	}
	t.Logf("%d rows: %v; waiting: %v", len(m.rows), summary, missed)
}

// try makes the row's request and says what is not as expected; "" is nothing.
func (m groupMatrix) try(w *world, r groupRow) string {
	op := m.ops[r.op]
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
	a, err := ask(m.actors[r.actor], op.request, op.body)
	if err != nil {
		return err.Error()
	}
	code, message := a.said()
	said := fmt.Sprintf("%d %s %s", a.status, code, short(message))
	denied := a.status == http.StatusForbidden && code == "Authorization_RequestDenied"
	if denied && len(w.mutations()) != made {
		return said + ", but the ledger has an entry"
	}
	switch done := statusIs(op.status, a.status); {
	case r.outcome == "ok" && done, r.outcome == "denied" && denied, r.outcome == "open" && (done || denied):
		return ""
	}
	return said
}
