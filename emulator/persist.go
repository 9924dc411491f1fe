package emulator

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The data folder holds one file: a line that names the format, a JSON head with everything small, the people as rows of bytes,
// and a checksum. A row's record stays where it was read, so starting copies nothing.
const (
	stateFile   = "emulator.state"
	stateFormat = "nameplate emulator state 5\n"
	ledgerKept  = 1000 // entries that a data folder remembers
)

type savedHead struct {
	Saved   time.Time
	Starts  uint64        // how often a kept state was taken up
	Offset  time.Duration // of the clock
	Seq     int64         // of the ledger
	Ledger  []Entry
	Outbox  []Mail `json:",omitempty"`
	Keys    []savedKey
	CA      savedKey
	Tenants []savedTenant
	Login   savedLogin
}

type savedTenant struct {
	ID, Name, Country string
	Domains           []Domain
	Values            map[string]string `json:",omitempty"`
	Subscriptions     []Subscription
	Apps              []App // as the organization file described them
	Tables            []savedTable
	Shared            []string // values by the place that records use
	Bonds             []string // names of the relationships whose rows follow the objects'
	LastOrd, Changes  uint64
}

// savedTable says which rows of objects are of a type.
type savedTable struct {
	Name          string
	Props         []string // property names by the number that records use
	Extensions    []savedProp
	Live, Deleted int // rows
}

type savedProp struct {
	Name, Ops, Adv string
	Type           edm
	Single         bool
	Max            int  `json:",omitempty"`
	Gone           bool `json:",omitempty"` // its definition was deleted
}

// savedExtras is the JSON of what few people have.
type savedExtras struct {
	Password string                     `json:",omitempty"`
	Force    bool                       `json:",omitempty"`
	Open     map[string]json.RawMessage `json:",omitempty"`
	Secrets  map[string]string          `json:",omitempty"`
	Once     bool                       `json:",omitempty"`
	Name     string                     `json:",omitempty"`
	Manager  uint64                     `json:",omitempty"` // row + 1
	Reports  []uint64                   `json:",omitempty"` // rows
	Photo    []byte                     `json:",omitempty"`
	Etag     string                     `json:",omitempty"` // of the photo
	Side     int                        `json:",omitempty"`
	Drawn    bool                       `json:",omitempty"`
	Invite   *invite                    `json:",omitempty"`
}

// Save writes the whole state to Options.Data, whole or not at all. Without a folder it does nothing. A Server saves by itself:
// when it is closed, and every few seconds while somebody writes.
func (e *Emulator) Save() error {
	if e.opts.Data == "" {
		return nil
	}
	e.saving.Lock()
	defer e.saving.Unlock()
	b, err := e.encode()
	if err != nil {
		return fmt.Errorf("save the emulator: %w", err)
	}
	if err := writeWhole(filepath.Join(e.opts.Data, stateFile), b); err != nil {
		return fmt.Errorf("save the emulator: %w", err)
	}
	return nil
}

// writeWhole replaces a file by way of another one beside it, so that a reader finds the old or the new one even after a power cut.
func writeWhole(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".state-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (e *Emulator) encode() ([]byte, error) {
	head := savedHead{Saved: e.clock.wall(), Starts: e.starts, Offset: e.clock.ahead()}
	var err error
	if head.Keys, err = e.keys.save(); err != nil {
		return nil, err
	}
	if head.CA, err = e.ca.save(); err != nil {
		return nil, err
	}
	head.Login = e.login.save(e.Now())
	e.mu.RLock()
	defer e.mu.RUnlock()
	head.Seq = e.ledger.last()
	head.Ledger = e.ledger.since(head.Seq - ledgerKept)
	head.Outbox = e.outbox.newest(mailBytesFile)
	var rows []byte
	for _, t := range e.tenants {
		saved, more, err := t.save(rows)
		if err != nil {
			return nil, err
		}
		rows = more
		head.Tenants = append(head.Tenants, saved)
	}
	j, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(stateFormat)+len(j)+len(rows)+16)
	b = append(b, stateFormat...)
	b = binary.AppendUvarint(b, uint64(len(j)))
	b = append(b, j...)
	b = append(b, rows...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), nil
}

func (t *tenant) save(rows []byte) (savedTenant, []byte, error) {
	d := t.dir
	out := savedTenant{
		ID: t.id, Name: t.name, Country: t.country, Domains: t.domains, Values: t.values, Subscriptions: t.skus, LastOrd: d.lastOrd, Changes: d.changes.last,
		Shared: d.shared.values, Apps: t.described, Bonds: slices.Sorted(maps.Keys(d.bonds)),
	}
	at := make(map[*object]uint64, len(d.byID)+len(d.deleted))
	var all []*object
	for _, in := range d.tables {
		s := savedTable{Name: in.name, Live: len(in.kept())}
		for i, p := range in.props {
			s.Props = append(s.Props, p.name)
			if in.extension(i) {
				s.Extensions = append(s.Extensions, savedProp{p.name, p.ops, p.adv, p.typ, p.single, p.max, !in.known(i)})
			}
		}
		all = append(all, in.kept()...)
		for _, o := range d.deleted {
			if o.in == in {
				all = append(all, o)
				s.Deleted++
			}
		}
		out.Tables = append(out.Tables, s)
	}
	for i, o := range all {
		at[o] = uint64(i) // #nosec G115 -- a place in a list
	}
	for _, o := range all {
		var err error
		if rows, err = o.save(rows, at); err != nil {
			return out, nil, err
		}
	}
	for _, name := range out.Bonds {
		to := d.bonds[name].to
		rows = binary.AppendUvarint(rows, uint64(len(to)))
		for o, list := range to {
			rows = binary.AppendUvarint(rows, at[o])
			rows = binary.AppendUvarint(rows, uint64(len(list)))
			for _, x := range list {
				rows = binary.AppendUvarint(rows, at[x])
			}
		}
	}
	return out, rows, nil
}

// rowsOf are the rows of objects; what is gone for good has none.
func rowsOf(list []*object, at map[*object]uint64) []uint64 {
	var out []uint64
	for _, o := range list {
		if i, ok := at[o]; ok {
			out = append(out, i)
		}
	}
	return out
}

// atRows is the reverse.
func atRows(rows []uint64, all []object) ([]*object, error) {
	var out []*object
	for _, row := range rows {
		if row >= uint64(len(all)) {
			return nil, errState
		}
		out = append(out, &all[row])
	}
	return out, nil
}

func (o *object) save(b []byte, at map[*object]uint64) ([]byte, error) {
	b = appendBytes(b, o.id)
	b = binary.AppendUvarint(b, o.ord)
	b = binary.AppendUvarint(b, o.changed)
	b = appendBytes(b, o.rec.row)
	var manager uint64
	if o.manager != nil {
		if i, ok := at[o.manager]; ok {
			manager = i + 1
		}
	}
	b = binary.AppendUvarint(b, manager)
	more := ""
	if x := o.more; x != nil {
		s := savedExtras{Password: x.password, Force: x.force, Open: x.open, Secrets: x.secrets, Once: x.once, Name: x.name, Invite: x.invite, Reports: rowsOf(x.reports, at)}
		if i, ok := at[x.manager]; ok && x.manager != nil {
			s.Manager = i + 1
		}
		if x.photo != nil {
			s.Photo, s.Etag, s.Side, s.Drawn = x.photo.whole(), x.photo.etag, x.photo.side, x.photo.drawn
		}
		j, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		more = string(j)
	}
	return appendBytes(b, more), nil
}

func appendBytes(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// errState is what a damaged file is.
var errState = errors.New("the file is damaged")

// load reads the state of Options.Data. It is false where there is none yet.
func (e *Emulator) load() (bool, error) {
	if e.opts.Data == "" {
		return false, nil
	}
	path := filepath.Join(e.opts.Data, stateFile)
	whole, err := readWhole(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = e.decode(whole)
	}
	if err != nil {
		return false, fmt.Errorf("the emulator's state in %s cannot be used (%w): restore it from a copy, or name another folder to start anew", path, err)
	}
	return true, nil
}

// readWhole reads a file as one text.
func readWhole(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	var out strings.Builder
	if info, err := f.Stat(); err == nil {
		out.Grow(int(info.Size()))
	}
	_, err = io.Copy(&out, f)
	return out.String(), err
}

// checksum is Castagnoli's.
func checksum(s string) uint32 {
	const piece = 64 << 10
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for len(s) > 0 {
		n := min(piece, len(s))
		_, _ = sum.Write([]byte(s[:n])) // never fails
		s = s[n:]
	}
	return sum.Sum32()
}

func (e *Emulator) decode(whole string) error {
	body, ok := strings.CutPrefix(whole, stateFormat)
	if !ok || len(body) < 4 {
		return errState
	}
	end := len(whole) - 4
	if checksum(whole[:end]) != binary.LittleEndian.Uint32([]byte(whole[end:])) {
		return errState
	}
	in := reader{body[:len(body)-4]}
	var head savedHead
	if err := json.Unmarshal([]byte(in.text()), &head); err != nil {
		return err
	}
	if len(head.Tenants) != len(e.opts.Organizations) {
		return fmt.Errorf("it holds %d organizations and %d were asked for", len(head.Tenants), len(e.opts.Organizations))
	}
	for i, s := range head.Tenants {
		org := e.opts.Organizations[i]
		if org.ID != "" && !strings.EqualFold(org.ID, s.ID) {
			return fmt.Errorf("it holds the organization %s (%s) and not %s", s.Name, s.ID, org.Name)
		}
		t, err := s.tenant(e, &in)
		if err != nil {
			return err
		}
		t.policy = policyOf(org)
		for _, x := range org.Schemas { // what the file has anew
			if t.dir.schemas[strings.ToLower(x.ID)] == nil {
				if err := t.dir.defineSchema(x); err != nil {
					return err
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(org.Extensions)) {
			if err := t.dir.defineExtension(name, org.Extensions[name]); err != nil {
				return err
			}
		}
		e.tenants = append(e.tenants, t)
		// A registration that the file describes otherwise than before is read anew; the delegated consents of before stay.
		now := slices.Clone(org.Apps)
		now = slices.DeleteFunc(now, func(a App) bool {
			return slices.ContainsFunc(t.described, func(was App) bool { return sameApp(a, was) })
		})
		t.described = org.Apps
		if err := t.readApps(e, now, e.Now()); err != nil {
			return err
		}
	}
	if len(in.rest) > 0 {
		return errState
	}
	e.clock.Advance(head.Offset - e.clock.ahead())
	e.ledger.restore(head.Seq, head.Ledger)
	e.outbox.restore(head.Outbox)
	e.starts = head.Starts + 1
	e.random.restart(e.opts.Seed + e.starts<<32) // the ids of before are not made again
	e.login.load(head.Login, e.tenants)
	return errors.Join(e.keys.restore(head.Keys), e.ca.restore(head.CA))
}

// reader takes rows apart. After an error it gives zeros; ok tells.
type reader struct{ rest string }

func (r *reader) number() uint64 {
	n, l := uvarint(r.rest)
	r.rest = r.rest[l:]
	return n
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.rest = ""
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (s savedTenant) tenant(e *Emulator, in *reader) (*tenant, error) {
	t := &tenant{id: s.ID, name: s.Name, country: s.Country, domains: s.Domains, values: s.Values, skus: s.Subscriptions, described: s.Apps, dir: newDirectory(e, s.ID)}
	d := t.dir
	d.shared.values = s.Shared
	d.shared.done()
	n := 0
	for _, x := range s.Tables {
		n += x.Live + x.Deleted
	}
	if n < 0 || n > len(in.rest) {
		return nil, errState
	}
	d.lastOrd = max(d.lastOrd, s.LastOrd)
	d.changes.begin(s.Changes)
	d.byID, d.byUPN = make(map[string]*object, n), make(map[string]*object, n)
	all, managers := make([]object, n), make([]uint64, n)
	first := 0
	for _, x := range s.Tables {
		if err := d.restore(x, in, all, managers, first); err != nil {
			return nil, err
		}
		first += x.Live + x.Deleted
	}
	for i, m := range managers {
		if m > 0 {
			d.setManager(&all[i], &all[m-1])
		}
	}
	for _, name := range s.Bonds {
		if err := d.restoreBond(d.bond(name), in, all); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// restore reads the rows of one type, which begin at first.
func (d *directory) restore(s savedTable, in *reader, all []object, managers []uint64, first int) error {
	t := d.typed(s.Name)
	if t == nil {
		return fmt.Errorf("it has objects of type %q, which is not known here", s.Name)
	}
	for _, x := range s.Extensions {
		t.add(prop{name: x.Name, ops: x.Ops, adv: x.Adv, typ: x.Type, single: x.Single, max: x.Max})
	}
	renumber, err := t.renumbering(s.Props)
	if err != nil {
		return err
	}
	for _, x := range s.Extensions {
		if x.Gone {
			t.withdraw(x.Name)
		}
	}
	t.list = slices.Grow(t.list, s.Live)
	for i := range s.Live + s.Deleted {
		o := &all[first+i]
		o.in, o.id, o.ord, o.changed, o.rec = t, in.text(), in.number(), in.number(), record{in.text(), d.shared}
		managers[first+i] = in.number()
		if o.id == "" || managers[first+i] > uint64(len(all)) {
			return errState
		}
		if renumber != nil {
			o.rec = o.rec.renumbered(renumber)
		}
		if more := in.text(); more != "" {
			if err := o.restore(more, all); err != nil {
				return err
			}
		}
		if i < s.Live {
			t.list = append(t.list, o)
			d.index(o)
		} else {
			o.extra().gone = true
			d.deleted[o.id] = o
		}
	}
	return nil
}

// restore reads what an object has beside its record.
func (o *object) restore(more string, all []object) error {
	var x savedExtras
	if err := json.Unmarshal([]byte(more), &x); err != nil {
		return err
	}
	o.more = &extras{password: x.Password, force: x.Force, open: x.Open, secrets: x.Secrets, once: x.Once, name: x.Name, invite: x.Invite}
	var err error
	if o.more.reports, err = atRows(x.Reports, all); err != nil || x.Manager > uint64(len(all)) {
		return errState
	}
	if x.Manager > 0 {
		o.more.manager = &all[x.Manager-1]
	}
	if x.Photo != nil {
		p := &photo{data: x.Photo, etag: x.Etag, side: x.Side, drawn: x.Drawn, sizes: map[int][]byte{}}
		if p.drawn {
			p.sizes[p.side] = p.data
		}
		o.more.photo = p
	}
	return nil
}

func (d *directory) restoreBond(b *bond, in *reader, all []object) error {
	n, holders := uint64(len(all)), in.number()
	if holders > n {
		return errState
	}
	for range holders {
		holder, count := in.number(), in.number()
		if holder >= n || count > n {
			return errState
		}
		for range count {
			x := in.number()
			if x >= n {
				return errState
			}
			b.add(&all[holder], &all[x])
		}
	}
	return nil
}

// renumbering maps the property numbers of a file to those of this program; nil when they are the same.
func (t *table) renumbering(names []string) ([]int, error) {
	out := make([]int, len(names))
	same := true
	for i, name := range names {
		n := t.prop(name)
		if n < 0 {
			return nil, fmt.Errorf("it has a property %q that is not known here", name)
		}
		out[i] = n
		same = same && n == i
	}
	if same {
		return nil, nil
	}
	return out, nil
}

func (r record) renumbered(numbers []int) record {
	var fields []field
	for r.more() {
		p, json, rest := r.next()
		if p < len(numbers) {
			fields = append(fields, field{numbers[p], json})
		}
		r = rest
	}
	slices.SortFunc(fields, func(a, b field) int { return a.prop - b.prop })
	return record{}.with(fields)
}
