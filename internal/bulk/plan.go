package bulk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// Upload is a file and what was said with it.
type Upload struct {
	Name  string
	Data  []byte
	Group string // id or name, for the formats that are about the members of one
	// Pictures are those that a column photo names, or zips of them.
	Pictures []File
	sheet.Options
}

// slice is how many rows are written at once: a person's save waits no longer than for one of them.
const slice = 500

// MakePlan reads a spreadsheet, compares it with the directory and keeps what it would change. The error is that of a file that cannot
// be read at all, or of the directory; everything else is in the plan and its rows.
func (b *Bulk) MakePlan(ctx context.Context, by directory.Actor, tenant string, up Upload) (Plan, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, true); err != nil {
		return Plan{}, err
	}
	f, err := b.opened(up)
	if err != nil {
		return Plan{}, err
	}
	sum := sha256.Sum256(up.Data)
	m := b.making(by, tenant, Plan{File: up.Name, Sum: hex.EncodeToString(sum[:]), Problems: slices.Clone(f.Problems())})
	m.plan.About, m.each, m.up, m.columns = f.About, f.Each, up, f.Columns
	m.told = func() (sheet.About, []sheet.Problem) { return f.About, f.Notes() } // its line ends are known at its end
	if err := m.group(); err != nil {
		return Plan{}, err
	}
	if m.album, err = newAlbum(up.Pictures); err != nil {
		return Plan{}, err
	}
	w, err := gather(f, up.Group)
	if err != nil {
		return Plan{}, err
	}
	if m.crowd, err = b.read(ctx, tenant, w); err != nil {
		return Plan{}, err
	}
	return m.make(ctx)
}

// opened is a file whose headings were read.
func (b *Bulk) opened(up Upload) (*sheet.File, error) {
	up.Properties = b.Desk.Policy.Properties()
	return sheet.Open(bytes.NewReader(up.Data), int64(len(up.Data)), up.Options)
}

// make judges all rows and keeps the plan.
func (m *making) make(ctx context.Context) (p Plan, err error) {
	if err := m.meet(); err != nil {
		return Plan{}, err
	}
	return m.write(ctx, func() error {
		if err := m.each(func(r sheet.Record) error { return m.row(ctx, r) }); err != nil {
			return err
		}
		m.finish()
		return nil
	})
}

// write keeps a plan whose rows each makes and takes.
func (m *making) write(ctx context.Context, each func() error) (p Plan, err error) {
	if err := m.Store.Begin(ctx, m.plan); err != nil {
		return Plan{}, err
	}
	defer func() {
		if err != nil {
			_ = m.Store.Drop(context.WithoutCancel(ctx), m.tenant, m.plan.ID) // nobody sees it, and the store sweeps what is left
		}
	}()
	if err := each(); err != nil {
		return Plan{}, err
	}
	if err := m.flush(ctx); err != nil {
		return Plan{}, err
	}
	_, _ = io.WriteString(m.digest.h, m.tenant+"\x00"+m.plan.Sum) // a hash takes everything
	m.plan.Digest = m.digest.sum()
	return m.plan, m.Store.End(ctx, m.plan)
}

// making is a plan that is being made.
type making struct {
	*Bulk
	by      directory.Actor
	tenant  string
	columns []sheet.Column                        // of the file
	each    func(func(sheet.Record) error) error  // all rows, once more at each call
	told    func() (sheet.About, []sheet.Problem) // what is known of the whole, after each
	up      Upload
	crowd   *crowd
	plan    Plan
	digest  digest
	rows    []Row
	lines   map[string][]said // by object id: the lines about each person
	bosses  map[string]string // managers that the file gives, by object id
	free    map[string]int    // seats
	asked   map[string]int    // seats that the file asks for
	odd     int               // rows with a value that does not belong into its column
	album   *album
	gives   map[given][]byte // with the row that is being judged
}

// making begins a plan of which only what it is made from is known.
func (b *Bulk) making(by directory.Actor, tenant string, p Plan) *making {
	p.ID, p.Tenant, p.By, p.Made = b.NewID(), tenant, by, b.Now()
	p.By.Session = "" // who it was, not the right to be them
	p.Counts = Counts{Kinds: map[string]int{}, Cells: map[property.Name]int{}}
	return &making{Bulk: b, by: by, tenant: tenant, plan: p, digest: newDigest()}
}

// said is a line and a sum of what it says.
type said struct {
	line int
	sum  uint64
}

// group asks for the group where the format needs one.
func (m *making) group() error {
	act := sheet.Act("")
	for _, f := range sheet.Formats() {
		if f.Name == m.plan.About.Format {
			act = f.Act
		}
	}
	needs := act == sheet.Join || act == sheet.Leave
	var say fail.Text
	switch {
	case needs && m.up.Group == "":
		say = fail.T("This file lists members and does not say of which group. Say the group, by its name or object id.")
	case !needs && m.up.Group != "":
		say = fail.T("A group was said, and this file is not a list of members. Leave the group out, or write it into a column groups:add.")
	default:
		return nil
	}
	f := fail.New(fail.Invalid, "bulk.plan", say)
	f.Code = "group"
	return f
}

// find is the person that a row is about; why is what to say when there is none.
func (m *making) find(r sheet.Record) (u *directory.User, code string, why fail.Text) {
	c := m.crowd
	byID, byUPN := c.people[r.ID], c.upn[strings.ToLower(r.UPN)]
	if r.Act == sheet.Restore {
		if u := c.deleted(r.ID, strings.ToLower(r.UPN)); u != nil {
			return u, "", fail.Text{}
		}
		if byID != nil || byUPN != nil {
			return nil, "not_deleted", fail.T("%s was not deleted.", whom(r))
		}
		return nil, "nobody", fail.T("Nobody who was deleted in the last 30 days is called %s.", whom(r))
	}
	switch {
	case r.ID != "" && r.UPN != "" && byID != nil && !strings.EqualFold(byID.Values["userPrincipalName"].Str(), r.UPN):
		return nil, "two_people", fail.T("The object id %[1]s is that of %[2]s, and the row says %[3]s. Correct one of them. A new sign-in name has a column of its own, userPrincipalName:new.",
			r.ID, byID.Values["userPrincipalName"].Str(), r.UPN)
	case byID != nil:
		return byID, "", fail.Text{}
	case r.ID != "" && r.Act != sheet.Delete:
		return nil, "nobody", fail.T("Nobody has the object id %s.", r.ID)
	case r.ID == "" && byUPN != nil && r.Act == sheet.Create:
		return nil, "exists", fail.T("Somebody has the sign-in name %s already.", r.UPN)
	case r.ID == "" && byUPN != nil:
		return byUPN, "", fail.Text{}
	case r.Act == sheet.Delete && c.deleted(r.ID, strings.ToLower(r.UPN)) != nil:
		return c.deleted(r.ID, strings.ToLower(r.UPN)), "", fail.Text{}
	case r.Act == sheet.Ensure || r.Act == sheet.Create:
		return newcomer(m.tenant, r.UPN), "", fail.Text{}
	}
	return nil, "nobody", fail.T("Nobody is called %s.", whom(r))
}

func whom(r sheet.Record) string {
	if r.UPN != "" {
		return r.UPN
	}
	return r.ID
}

// meet reads the file once for what rows say about one another: the same person twice, managers in a ring.
func (m *making) meet() error {
	m.lines, m.bosses, m.free, m.asked = map[string][]said{}, map[string]string{}, map[string]int{}, map[string]int{}
	for _, s := range m.crowd.skus {
		m.free[s.ID] = s.Free()
	}
	return m.each(func(r sheet.Record) error {
		u, _, _ := m.find(r)
		if u == nil || len(r.Problems) > 0 {
			return nil
		}
		h := fnv.New64a()
		for _, c := range r.Cells {
			fmt.Fprintf(h, "%s\x00%s\x00", c.Name, c.Text)
		}
		if r.Manager != nil {
			fmt.Fprintf(h, "m%s\x00", *r.Manager)
		}
		if r.Picture != nil {
			fmt.Fprintf(h, "p%s\x00", *r.Picture)
		}
		fmt.Fprintf(h, "%q%q%q%q%q%q%q", r.Act, r.Join, r.Leave, r.Give, r.Take, r.Like, r.Secret)
		m.lines[u.Ref.ID] = append(m.lines[u.Ref.ID], said{r.Line, h.Sum64()})
		if r.Manager != nil && *r.Manager != "" {
			if boss, _ := m.boss(*r.Manager); boss != nil {
				m.bosses[u.Ref.ID] = boss.Ref.ID
			}
		}
		return nil
	})
}

// boss finds a manager by what a cell says.
func (m *making) boss(text string) (*directory.User, fail.Text) {
	t := strings.ToLower(text)
	if guid.MatchString(t) {
		if u := m.crowd.people[t]; u != nil {
			return u, fail.Text{}
		}
		return nil, fail.T("Nobody has the object id %s.", text)
	}
	if strings.Contains(t, "@") {
		if u := m.crowd.upn[t]; u != nil {
			return u, fail.Text{}
		}
		return nil, fail.T("Nobody has the sign-in name %s.", text)
	}
	switch l := m.crowd.named[t]; len(l) {
	case 0:
		return nil, fail.T("Nobody is called %q.", text)
	case 1:
		return l[0], fail.Text{}
	default:
		return nil, fail.T("%[1]d people are called %[2]q. Write the sign-in name of the one that is meant.", len(l), text)
	}
}

// ring is the way of managers that leads back to a person, "" for none.
func (m *making) ring(id string) string {
	way, at := []string{}, id
	for range 1000 {
		u := m.crowd.people[at]
		if u == nil {
			return ""
		}
		way = append(way, u.Values["userPrincipalName"].Str())
		next, said := m.bosses[at]
		if !said {
			next = u.Values[directory.FacetManager].Str()
		}
		if next == id {
			return strings.Join(append(way, way[0]), " → ")
		}
		if at = next; at == "" {
			return ""
		}
	}
	return ""
}

// row makes one row of the plan.
func (m *making) row(ctx context.Context, r sheet.Record) error {
	out := Row{Line: r.Line, Sheet: r.Sheet, UPN: r.UPN, Problems: slices.Clone(r.Problems), Notes: slices.Clone(r.Notes)}
	j := &judging{making: m, row: &out, rec: r}
	if len(out.Problems) == 0 {
		u, code, why := m.find(r)
		if u == nil {
			j.problem(sheet.UPN, code, why)
		} else {
			j.about(u)
			if err := j.judge(ctx); err != nil {
				return err
			}
		}
	}
	return m.take(ctx, out)
}

// take counts a row that was judged and keeps it.
func (m *making) take(ctx context.Context, out Row) error {
	switch {
	case len(out.Problems) > 0:
		out.State = Refused
		if m.plan.Undoes == "" { // what would be undone tells what somebody has changed since
			out.Steps = nil
		}
		m.plan.Counts.Refused++
	case len(out.Steps) > 0:
		out.State = Ready
		m.plan.Counts.Ready++
		if out.Privileged {
			m.plan.Counts.Privileged++
		}
		for _, s := range out.Steps {
			m.plan.Counts.Kinds[s.Kind()]++
			if s.Do == change.Update {
				for n := range s.Set {
					m.plan.Counts.Cells[n]++
				}
			}
		}
	default:
		out.State = Unchanged
		m.plan.Counts.Unchanged++
	}
	m.plan.Counts.Rows++
	if out.State == Ready {
		if err := m.kept(ctx, m.plan.Counts.Rows); err != nil {
			return err
		}
	}
	m.gives = nil
	if err := m.digest.add(out); err != nil {
		return fail.Wrap(fail.Internal, "bulk.plan", err)
	}
	if m.rows = append(m.rows, out); len(m.rows) == slice {
		return m.flush(ctx)
	}
	return nil
}

func (m *making) flush(ctx context.Context) error {
	if len(m.rows) == 0 {
		return nil
	}
	err := m.Store.Add(ctx, m.plan, m.plan.Counts.Rows-len(m.rows)+1, m.rows)
	m.rows = m.rows[:0]
	return err
}

// finish tells what can only be told at the end.
func (m *making) finish() {
	p := &m.plan
	about, notes := m.told()
	p.About, p.Notes = about, append(p.Notes, notes...)
	if m.odd >= 3 && m.odd*10 > p.Counts.Rows*3 {
		p.Notes = append(p.Notes, sheet.Problem{Code: "shifted", Say: fail.T("%[1]d of %[2]d rows have values that do not belong into their columns. The columns may have been shifted against their headings.", m.odd, p.Counts.Rows)})
	}
	if m.album != nil {
		if n, names := m.album.rest(); n > 0 {
			p.Notes = append(p.Notes, sheet.Problem{Code: "pictures", Say: fail.T("Pictures that no row names: %[1]d (%[2]s).", n, names)})
		}
	}
	for _, s := range m.crowd.skus {
		if n := m.asked[s.ID]; n > 0 {
			p.Notes = append(p.Notes, sheet.Problem{Code: "seats", Say: fail.T("%[1]s: the file gives %[2]d, and %[3]d of %[4]d seats are free.", directory.ProductName(s.Part), n, s.Free(), s.Seats)})
		}
	}
}
