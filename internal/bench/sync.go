package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/sample"
	"nameplate/internal/app"
	"nameplate/internal/mirror"
	"nameplate/internal/store"
)

// SyncOptions say what copies of a directory are measured on.
type SyncOptions struct {
	Users   int
	Latency []time.Duration // of a request to Graph: everything is measured at each
	Chaos   float64         // share of requests that go wrong in the run that is about that; 0 leaves it out
	Pages   []int           // sizes of a page of changes, beside the published one; listings with $expand have a hundred rows then
	Runs    int             // of what is told in seconds
	Program string          // this one: what is measured runs in processes of its own
}

// Valid says what is wrong with the options.
func (o SyncOptions) Valid() error {
	switch {
	case o.Users < 1000 || o.Users > 1_000_000:
		return fmt.Errorf("an organization of 1,000 to 1,000,000 people is measured, not of %d", o.Users)
	case o.Chaos < 0 || o.Chaos > 0.5:
		return fmt.Errorf("%v is no share of requests that may go wrong: from 0 to 0.5", o.Chaos)
	case o.Runs < 1 || len(o.Latency) == 0:
		return errors.New("something is measured once at least, and at one latency")
	}
	for _, n := range o.Pages {
		if n < 1 {
			return fmt.Errorf("%d rows are no page", n)
		}
	}
	return nil
}

// crowd is an organization of n people with managers; one in a hundred of its groups, one for ten people, has a thousand members, the others
// eleven.
func crowd(n int) (emulator.Organization, []emulator.User) {
	org := sample.Large(n, 1)
	var people []emulator.User
	for u := range org.People {
		people = append(people, u)
	}
	org.People, org.Users = nil, people
	for g := range n / 10 {
		members := 11
		if g%100 == 0 {
			members = min(1000, n)
		}
		x := emulator.Group{ID: fmt.Sprintf("40000000-0000-4000-8000-%012d", g), Name: fmt.Sprintf("Group %d", g)}
		for i := range members {
			x.Members = append(x.Members, people[(g*7+i)%n].UPN)
		}
		org.Groups = append(org.Groups, x)
	}
	return org, people
}

// service is a running emulator whose distance can be changed, with what its answers weigh.
type service struct {
	*emulator.Emulator
	client  string
	server  *emulator.Server
	people  []emulator.User
	latency atomic.Int64
	bytes   atomic.Int64
}

func serve(ctx context.Context, n int, chaos float64) (*service, error) {
	org, people := crowd(n)
	s := &service{people: people}
	s.client, _ = org.Client()
	var err error
	s.Emulator, err = emulator.New(emulator.Options{
		Organizations: []emulator.Organization{org}, Chaos: chaos, Throttle: emulator.Throttle{On: true}, Wrap: s.wrap,
	})
	if err != nil {
		return nil, err
	}
	s.server, err = s.Start(ctx, emulator.Addresses{HTTP: "127.0.0.1:0", HTTPS: "-", Control: "-"})
	return s, err
}

// wrap makes the way to the service as long as it is to be, and weighs what comes back.
func (s *service) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest(r.Context(), time.Duration(s.latency.Load())) == nil {
			next.ServeHTTP(&weighed{w, &s.bytes}, r)
		}
	})
}

type weighed struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w *weighed) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.n.Add(int64(n))
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *weighed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// cost is what the emulator counted of one run, and what the run says of itself.
type cost struct {
	Outcome
	requests, inner, units, refused, bytes float64
}

// run lets another process do a job.
func (s *service) run(ctx context.Context, program string, j Job) (cost, error) {
	token, err := s.Mint(emulator.Token{Client: s.client, Expires: 12 * time.Hour})
	if err != nil {
		return cost{}, err
	}
	j.Graph, j.Token, j.Tenant = s.server.GraphHTTP, token, s.Tenants()[0]
	was, weight := s.Statistics(), s.bytes.Load()
	out, err := j.start(ctx, program)
	now := s.Statistics()
	return cost{
		Outcome: out, bytes: float64(s.bytes.Load() - weight), requests: float64(now.Requests - was.Requests), inner: float64(now.Inner - was.Inner),
		units: float64(now.Apps[s.client].Units - was.Apps[s.client].Units), refused: float64(now.Apps[s.client].Throttled - was.Apps[s.client].Throttled),
	}, err
}

// change gives n people another job title, as another program would.
func (s *service) change(ctx context.Context, n int, title string) error {
	for i := range n {
		if err := s.Set(s.Tenants()[0], s.people[i*(len(s.people)/n)].UPN, map[string]any{"jobTitle": title}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// digest is a sum of lines, in whatever order they come.
type digest struct {
	sum   uint64
	lines int
}

func (d *digest) add(fields ...string) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(fields, "\x00"))) // never fails
	d.sum += h.Sum64()
	d.lines++
}

// differs says how many lines more or fewer the copy has than the directory, at least 1 where they are not the same.
func (s *service) differs(ctx context.Context, path string) (float64, error) {
	var here, there digest
	org := s.Snapshot()[0]
	ids := map[string]string{"": ""}
	for _, u := range org.Users {
		ids[u.UPN] = u.ID
	}
	text := func(v any) string { t, _ := v.(string); return t }
	for _, u := range org.Users {
		there.add(u.ID, u.UPN, text(u.Values["displayName"]), text(u.Values["jobTitle"]), text(u.Values["department"]), text(u.Values["mobilePhone"]), ids[u.Manager])
	}
	for _, g := range org.Groups {
		there.add(g.ID, g.Name)
		for _, m := range g.Members {
			there.add(g.ID, ids[m], "member")
		}
	}
	db, err := store.Open(ctx, store.Options{Path: path, Now: app.Clock, Aside: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	if err := copied(ctx, db.Mirror(), org.ID, &here); err != nil {
		return 0, err
	}
	if here == there {
		return 0, nil
	}
	return max(1, math.Abs(float64(here.lines-there.lines))), nil
}

// syncs is one measurement of copies under way.
type syncs struct {
	*service
	SyncOptions
	folder string
	tally  tally
	note   func(string)
	n      int
}

// Sync measures copies of a directory: what a full reading and changes cost, and how that compares with the plainest program.
func Sync(ctx context.Context, o SyncOptions, tell func(Figure), note func(string)) error {
	folder, err := os.MkdirTemp("", "nameplate-bench-sync-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	m := &syncs{SyncOptions: o, folder: folder, note: note}
	note("making an organization")
	if m.service, err = serve(ctx, o.Users, 0); err != nil {
		return err
	}
	defer func() { _ = m.server.Close() }()
	steps := []func(context.Context) error{m.memory, m.decoding}
	for _, d := range o.Latency {
		steps = append(steps, func(ctx context.Context) error { return m.at(ctx, d, emulator.PageSizes{}, "") })
	}
	for _, n := range o.Pages {
		steps = append(steps, func(ctx context.Context) error {
			return m.at(ctx, o.Latency[0], emulator.PageSizes{Delta: n, Expanded: 100}, fmt.Sprintf(", pages of changes of %d, with $expand of 100", n))
		})
	}
	if o.Chaos > 0 {
		steps = append(steps, m.chaotic)
	}
	for _, step := range steps {
		m.tally = tally{}
		if err := step(ctx); err != nil {
			return err
		}
		m.tally.tell(tell)
	}
	return nil
}

func (m *syncs) figure(id, name string, value float64, unit, goal string, latency time.Duration) {
	m.tally.add(Figure{ID: id, Name: name, Value: value, Unit: unit, Goal: goal, Latency: float64(latency.Milliseconds())})
}

func (m *syncs) database() string {
	m.n++
	return filepath.Join(m.folder, fmt.Sprintf("%d.db", m.n))
}

// at measures everything that is counted, at a distance and with pages of some size.
func (m *syncs) at(ctx context.Context, latency time.Duration, pages emulator.PageSizes, how string) error {
	m.latency.Store(int64(latency))
	defer m.latency.Store(0)
	if err := m.SetPages(pages); err != nil {
		return err
	}
	where := fmt.Sprintf("%s people, %s", grouped(m.Users), distance(latency)) + how
	path := m.database()
	m.note("full reading, " + where)
	full, err := m.run(ctx, m.Program, Job{Do: Copy, Path: path})
	if err != nil {
		return err
	}
	differ, err := m.differs(ctx, path)
	if err != nil {
		return err
	}
	m.figure("P1", "full reading, "+where+": requests", full.requests, "requests", "≤ 200", latency)
	m.figure("P1", "full reading, "+where+": of them inside batches", full.inner, "inner requests", "", latency)
	m.figure("P1", "full reading, "+where+": resource units", full.units, "units", "", latency)
	m.figure("P1", "full reading, "+where+": answers 429", full.refused, "answers", "≤ 0", latency)
	m.figure("P1", "full reading, "+where+": differences between copy and directory", differ, "lines", "≤ 0", latency)
	m.figure("P1", "full reading, "+where+": whole time", full.Seconds, "s", "", latency)
	if latency > 0 {
		read, err := m.run(ctx, m.Program, Job{Do: Read, Path: m.database()})
		if err != nil {
			return err
		}
		page := 999
		if pages.Expanded > 0 {
			page = pages.Expanded
		}
		limit := math.Ceil(float64(m.Users)/float64(page)) * latency.Seconds() / 2
		m.figure("P2", "people and managers, "+where+": time to read them", read.People, "s", fmt.Sprintf("≤ %.2f", limit), latency)
		m.figure("P2", "people and managers, "+where+": time to read them and to write them down", full.People, "s", "", latency)
	}
	if err := m.changes(ctx, path, where, latency, full.bytes); err != nil {
		return err
	}
	return m.moving(ctx, where, latency)
}

// changes measures what following costs.
func (m *syncs) changes(ctx context.Context, path, where string, latency time.Duration, all float64) error {
	m.note("changes, " + where)
	idle, err := m.run(ctx, m.Program, Job{Do: Copy, Path: path})
	if err != nil {
		return err
	}
	m.figure("P4", "nothing changed, "+where+": requests", idle.requests, "requests", "≤ 2", latency)
	m.figure("P4", "nothing changed, "+where+": rows written", float64(idle.Rows), "rows", "≤ 0", latency)
	few := min(1000, m.Users/10)
	if err := m.change(ctx, few, "Since "+where); err != nil {
		return err
	}
	some, err := m.run(ctx, m.Program, Job{Do: Copy, Path: path})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s changed, %s", grouped(few), where)
	m.figure("P4", name+": requests", some.requests, "requests", "≤ 8", latency)
	m.figure("P4", name+": bytes of a full reading", 100*some.bytes/all, "%", fmt.Sprintf("≤ %.1f", 120*float64(few)/float64(m.Users)), latency)
	bosses, err := m.run(ctx, m.Program, Job{Do: Copy, Path: path, Ahead: 25 * time.Hour})
	if err != nil {
		return err
	}
	m.figure("P4", "everybody's manager once a day, "+where+": requests", bosses.requests, "requests", "", latency)
	differ, err := m.differs(ctx, path)
	m.figure("P4", "after that, "+where+": differences between copy and directory", differ, "lines", "≤ 0", latency)
	return err
}

// moving measures a full reading while one in a hundred people changes.
func (m *syncs) moving(ctx context.Context, where string, latency time.Duration) error {
	m.note("while people change, " + where)
	path, n, left := m.database(), 0, m.Users/100
	var fault atomic.Pointer[error]
	stop := m.OnRequest(emulator.Match{Path: `^/v1\.0/users$`}, func() {
		if n++; n == 10 { // the reading is under way
			if err := m.change(ctx, left, "While "+where); err != nil {
				fault.Store(&err)
			}
		}
	})
	full, err := m.run(ctx, m.Program, Job{Do: Copy, Path: path})
	stop()
	if e := fault.Load(); e != nil {
		err = errors.Join(err, *e)
	}
	if err != nil {
		return err
	}
	differ, err := m.differs(ctx, path)
	m.figure("P1b", "full reading while one in a hundred changes, "+where+": requests", full.requests, "requests", "≤ 200", latency)
	m.figure("P1b", "full reading while one in a hundred changes, "+where+": answers 429", full.refused, "answers", "≤ 0", latency)
	m.figure("P1b", "full reading while one in a hundred changes, "+where+": differences between copy and directory", differ, "lines", "≤ 0", latency)
	return err
}

// memory compares what a full reading holds at most with one of a tenth of the people.
func (m *syncs) memory(ctx context.Context) error {
	m.note("memory")
	small, err := serve(ctx, m.Users/10, 0)
	if err != nil {
		return err
	}
	defer func() { _ = small.server.Close() }()
	for range m.Runs {
		large, err := m.run(ctx, m.Program, Job{Do: Copy, Path: m.database()})
		if err != nil {
			return err
		}
		few, err := small.run(ctx, m.Program, Job{Do: Copy, Path: m.database()})
		if err != nil {
			return err
		}
		m.figure("P3", fmt.Sprintf("full reading, %s people, a process of its own: peak memory", grouped(m.Users)), large.Peak, "MiB", "≤ 48", 0)
		m.figure("P3", fmt.Sprintf("full reading, peak memory with %s people : with %s", grouped(m.Users), grouped(m.Users/10)), large.Peak/few.Peak, "", "≤ 1.3", 0)
	}
	return nil
}

// decoding compares the processor's time of reading everybody with that of net/http and encoding/json, in turn.
func (m *syncs) decoding(ctx context.Context) error {
	listing := ""
	for _, r := range m.Requests(0) {
		if query, _, _ := strings.Cut(r.Query, "&$filter"); strings.HasSuffix(r.Path, "/users") && strings.Contains(query, "$expand") {
			listing = r.Path + "?" + query
			break
		}
	}
	for range m.Runs {
		m.note("reading and decoding")
		plain, err := m.run(ctx, m.Program, Job{Do: Plain, Listing: listing})
		if err != nil {
			return err
		}
		ours, err := m.run(ctx, m.Program, Job{Do: Read, Path: m.database()})
		if err != nil {
			return err
		}
		if plain.Rows != m.Users || ours.Rows < m.Users {
			return fmt.Errorf("%d people were read plainly and %d rows by this program, of %d", plain.Rows, ours.Rows, m.Users)
		}
		m.figure("P3", "people and managers, net/http and encoding/json: processor", plain.PeopleCPU, "s", "", 0)
		m.figure("P3", "people and managers, as a copy reads, decodes and compares them: processor", ours.PeopleCPU, "s", "", 0)
		m.figure("P3", "people and managers, processor of this program : net/http and encoding/json", ours.PeopleCPU/plain.PeopleCPU, "", "≤ 0.33", 0)
	}
	return nil
}

// chaotic measures a full reading while requests go wrong: rounds are begun anew until one comes to its end.
func (m *syncs) chaotic(ctx context.Context) error {
	latency := m.Latency[len(m.Latency)-1]
	for _, d := range m.Latency {
		if d == 60*time.Millisecond {
			latency = d
		}
	}
	where := fmt.Sprintf("%s people, %s, chaos %.0f %%", grouped(m.Users), distance(latency), 100*m.Chaos)
	m.note("full reading, " + where)
	s, err := serve(ctx, m.Users, m.Chaos)
	if err != nil {
		return err
	}
	defer func() { _ = s.server.Close() }()
	s.latency.Store(int64(latency))
	path := m.database()
	full, err := s.run(ctx, m.Program, Job{Do: Copy, Path: path, Rounds: 20})
	if err != nil {
		return err
	}
	differ, err := s.differs(ctx, path)
	m.figure("P1", "full reading, "+where+": requests", full.requests, "requests", "≤ 200", latency)
	m.figure("P1", "full reading, "+where+": rounds", float64(full.Rounds), "rounds", "", latency)
	m.figure("P1", "full reading, "+where+": differences between copy and directory", differ, "lines", "≤ 0", latency)
	return err
}

func distance(d time.Duration) string {
	if d == 0 {
		return "Graph answers at once"
	}
	return "Graph answers after " + d.String()
}

// grouped is a number with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// copied adds the lines of a copy.
func copied(ctx context.Context, m mirror.Store, tenant string, d *digest) error {
	var ids []string
	people := func() error {
		rows, err := m.People(ctx, tenant, ids)
		for id, p := range rows {
			boss := ""
			if p.Manager != nil {
				boss = *p.Manager
			}
			v := values(p.Doc)
			d.add(id, p.UPN, v["displayName"], v["jobTitle"], v["department"], v["mobilePhone"], boss)
		}
		ids = ids[:0]
		return err
	}
	err := m.Living(ctx, tenant, mirror.PartPeople, func(id string) error {
		if ids = append(ids, id); len(ids) < 1000 {
			return nil
		}
		return people()
	})
	if err == nil {
		err = people()
	}
	if err == nil {
		err = m.Living(ctx, tenant, mirror.PartGroups, func(id string) error { ids = append(ids, id); return nil })
	}
	if err != nil {
		return err
	}
	groups, err := m.Groups(ctx, tenant, ids)
	for id, g := range groups {
		d.add(id, g.Name)
	}
	if err != nil {
		return err
	}
	return m.Memberships(ctx, tenant, func(x mirror.Membership) error { d.add(x.Group, x.ID, "member"); return nil })
}
