package emulator

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// Entry is one mutation that the emulator accepted: the oracle of every "exactly once" claim.
type Entry struct {
	Seq       int64          `json:"seq"` // from 1, without gaps
	Time      time.Time      `json:"time"`
	Tenant    string         `json:"tenant"`
	App       string         `json:"app"`              // client id
	Actor     string         `json:"actor,omitempty"`  // object id of the signed-in person; "" for an application's own token
	RequestID string         `json:"requestId"`        // ours
	ClientID  string         `json:"clientRequestId"`  // the caller's client-request-id
	Op        string         `json:"op"`               // "user.update", "user.photo.set", "user.manager.set" …
	Object    string         `json:"object"`           // object id
	Before    map[string]any `json:"before,omitempty"` // only what changed, as Graph's JSON has it
	After     map[string]any `json:"after,omitempty"`
	Fault     string         `json:"fault,omitempty"` // id of the fault rule that spoiled the answer
}

// ledgerMax is how many entries are kept when Options does not say.
const ledgerMax = 100_000

// ledger keeps the newest entries, as bytes in blocks: a hundred thousand of them are to cost little beside the people that they
// are about. They become entries again when somebody reads them.
type ledger struct {
	mu     sync.Mutex
	max    int
	seq    int64
	blocks []*ledgerBlock // consecutive; the last one ends with number seq
	names  []string       // tenants, applications, kinds of change and rules, which entries share
	places map[string]uint64
}

// ledgerBlock is a run of entries.
type ledgerBlock struct {
	first int64 // number of the first one
	data  []byte
	ends  []int    // where in data each entry ends
	fault []uint64 // of each, its place among the names
}

func newLedger(max int) *ledger {
	if max <= 0 {
		max = ledgerMax
	}
	l := &ledger{max: max}
	l.restart()
	return l
}

// perBlock is how many entries a block has.
func (l *ledger) perBlock() int { return min(1024, max(1, l.max/8)) }

// add numbers the entry and keeps it. Call it in the critical section that made the change.
func (l *ledger) add(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(e)
	return l.seq
}

func (l *ledger) keep(e Entry) {
	l.seq++
	if n := len(l.blocks); n == 0 || len(l.blocks[n-1].ends) == l.perBlock() {
		if n > 0 {
			l.blocks[n-1].data = slices.Clone(l.blocks[n-1].data) // it grows no more
		}
		if n > 1 && l.seq-l.blocks[1].first+1 >= int64(l.max) {
			l.blocks = slices.Delete(l.blocks, 0, 1)
		}
		l.blocks = append(l.blocks, &ledgerBlock{first: l.seq})
	}
	b := l.blocks[len(l.blocks)-1]
	b.data = l.encode(b.data, e)
	b.ends = append(b.ends, len(b.data))
	b.fault = append(b.fault, l.place(e.Fault))
}

// place is where a name stands among the shared ones.
func (l *ledger) place(name string) uint64 {
	i, ok := l.places[name]
	if !ok {
		i = uint64(len(l.names))
		l.names = append(l.names, name)
		l.places[name] = i
	}
	return i
}

func (l *ledger) encode(b []byte, e Entry) []byte {
	b = appendID(b, e.RequestID) // first, so that of finds it soon
	b = binary.AppendVarint(b, e.Time.Unix())
	b = binary.AppendUvarint(b, uint64(e.Time.Nanosecond()))
	for _, name := range []string{e.Tenant, e.App, e.Op} {
		b = binary.AppendUvarint(b, l.place(name))
	}
	for _, id := range []string{e.Actor, e.ClientID, e.Object} {
		b = appendID(b, id)
	}
	return appendValues(appendValues(b, e.Before), e.After)
}

// decode is the entry at place i of a block.
func (l *ledger) decode(block *ledgerBlock, i int) Entry {
	r := ledgerReader(block.entry(i))
	e := Entry{Seq: block.first + int64(i), Fault: l.names[block.fault[i]]}
	e.RequestID = r.id()
	sec := r.signed()
	e.Time = time.Unix(sec, int64(r.number())).UTC()
	for _, name := range []*string{&e.Tenant, &e.App, &e.Op} {
		*name = l.names[r.number()]
	}
	for _, id := range []*string{&e.Actor, &e.ClientID, &e.Object} {
		*id = r.id()
	}
	e.Before, e.After = r.values(), r.values()
	return e
}

func (b *ledgerBlock) entry(i int) []byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.data[start:b.ends[i]]
}

// each visits the entries above after, oldest first. Call with mu held.
func (l *ledger) each(after int64, visit func(*ledgerBlock, int)) {
	for _, b := range l.blocks {
		for i := max(0, int(after+1-b.first)); i < len(b.ends); i++ {
			visit(b, i)
		}
	}
}

// last is the number of the newest entry, 0 before the first.
func (l *ledger) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// since returns the entries above after, oldest first.
func (l *ledger) since(after int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Entry
	l.each(after, func(b *ledgerBlock, i int) { out = append(out, l.decode(b, i)) })
	return out
}

// walk visits the entries behind after, the one that was seen last, until visit says false: oldest first, or newest first from the
// end when after is 0. It waits for nobody who writes meanwhile for longer than a block takes.
func (l *ledger) walk(after int64, newest bool, visit func(Entry) bool) {
	next := after + 1
	if newest {
		if next = after - 1; after == 0 {
			next = l.last()
		}
	}
	for {
		some := l.run(next, newest)
		for _, e := range some {
			if !visit(e) {
				return
			}
		}
		if len(some) == 0 {
			return
		}
		if next = some[len(some)-1].Seq + 1; newest {
			next -= 2
		}
	}
}

// run is what one block has from a number on, to its end or back to its beginning; a hundred of them at most.
func (l *ledger) run(from int64, back bool) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) > 0 && !back {
		from = max(from, l.blocks[0].first)
	}
	var out []Entry
	for _, b := range l.blocks {
		i := int(from - b.first)
		for i >= 0 && i < len(b.ends) && len(out) < 100 {
			out = append(out, l.decode(b, i))
			if i++; back {
				i -= 2
			}
		}
	}
	return out
}

// of returns the entries above after that a request made.
func (l *ledger) of(after int64, request string) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Entry
	l.each(after, func(b *ledgerBlock, i int) {
		if b.by(i, request) {
			out = append(out, l.decode(b, i))
		}
	})
	return out
}

// by says whether a request made the entry.
func (b *ledgerBlock) by(i int, request string) bool {
	r := ledgerReader(b.entry(i))
	return r.id() == request
}

// mark writes the rule that spoiled the answer into the entries above after that a request made.
func (l *ledger) mark(after int64, request, rule string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each(after, func(b *ledgerBlock, i int) {
		if b.by(i, request) {
			b.fault[i] = l.place(rule)
		}
	})
}

// restart empties the ledger and goes on counting from 1.
func (l *ledger) restart() { l.restore(0, nil) }

// restore is the ledger as it was when its newest entry had the number seq; entries are its newest ones.
func (l *ledger) restore(seq int64, entries []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks, l.names, l.places = nil, nil, map[string]uint64{}
	l.place("") // the rule of an entry that no rule met
	l.seq = seq - int64(len(entries))
	for _, e := range entries {
		l.keep(e)
	}
}

// appendID writes an identifier: a GUID in 16 bytes, anything else as it is.
func appendID(b []byte, id string) []byte {
	if raw, ok := guidBytes(id); ok {
		return append(append(b, 1), raw[:]...)
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(id)))
	return append(b, id...)
}

// guidBytes is guidText backwards, and false for what that does not write: capital letters among them.
func guidBytes(id string) (raw [16]byte, ok bool) {
	if len(id) != 36 {
		return raw, false
	}
	n := 0
	for i := 0; i < len(id); i++ {
		c := id[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return raw, false
			}
			continue
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return raw, false
		}
		raw[n/2] = raw[n/2]<<4 | c
		n++
	}
	return raw, true
}

func guidText(raw []byte) string {
	var b [36]byte
	at := 0
	for i := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[at] = '-'
			at++
		}
		hex.Encode(b[at:], raw[i:i+1])
		at += 2
	}
	return string(b[:])
}

// appendValues writes the JSON of values behind its length plus one; 0 stands for none.
func appendValues(b []byte, values map[string]any) []byte {
	if values == nil {
		return append(b, 0)
	}
	j := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(j) > 1 {
			j = append(j, ',')
		}
		j = append(appendText(j, name), ':')
		switch v := values[name].(type) {
		case string:
			j = appendText(j, v)
		case json.RawMessage:
			if len(v) == 0 {
				v = json.RawMessage("null")
			}
			j = append(j, v...)
		default:
			one, err := json.Marshal(v)
			if err != nil {
				one = []byte("null") // what has no JSON is in no directory
			}
			j = append(j, one...)
		}
	}
	j = append(j, '}')
	b = binary.AppendUvarint(b, uint64(len(j))+1)
	return append(b, j...)
}

// ledgerReader takes an entry apart.
type ledgerReader []byte

func (r *ledgerReader) number() uint64 {
	n, size := binary.Uvarint(*r)
	*r = (*r)[size:]
	return n
}

func (r *ledgerReader) signed() int64 {
	n, size := binary.Varint(*r)
	*r = (*r)[size:]
	return n
}

func (r *ledgerReader) take(n int) []byte {
	b := (*r)[:n]
	*r = (*r)[n:]
	return b
}

func (r *ledgerReader) id() string {
	if r.take(1)[0] == 1 {
		return guidText(r.take(16))
	}
	return string(r.take(int(r.number())))
}

func (r *ledgerReader) values() map[string]any {
	n := r.number()
	if n == 0 {
		return nil
	}
	var out map[string]any
	_ = json.Unmarshal(r.take(int(n-1)), &out) // only appendValues wrote here
	return out
}

// Ledger returns the entries with a sequence number above after, oldest first. Only the newest Options.LedgerMax are certain to
// be there still; a gap shows in the numbers.
func (e *Emulator) Ledger(after int64) []Entry { return e.ledger.since(after) }
