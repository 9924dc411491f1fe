package emulator

import (
	"cmp"
	"slices"
	"time"
)

// change is a line of the tenant's change log, which delta queries and notifications read: what happened to one object. Every
// object carries the number of its newest change.
type change struct {
	seq     uint64
	time    time.Time // by the emulator's clock
	object  *object
	what    changeKind
	props   []int  // numbers of the properties that have another value now
	rel     string // the relationship that changed, "" for none: "members", "owners", "manager"
	added   []*object
	removed []*object
}

type changeKind uint8

const (
	changeUpdate  changeKind = iota
	changeCreate             // new
	changeDelete             // into directory/deletedItems
	changeRestore            // back from there
	changePurge              // gone for good
)

// changesKept is how many changes a tenant remembers; who asks for older ones must begin anew.
const changesKept = 50_000

// changeLog keeps the newest changes of a tenant. Guarded by Emulator.mu.
type changeLog struct {
	last      uint64 // number of the newest change
	forgotten uint64 // number of the newest one that is not in list any more
	list      []change
}

// begin starts an empty log whose numbers are far from those of an earlier one, which ended with last, so that nobody who knows the
// earlier one takes this for what follows. Some changes behind last may have been lost with an emulator that was killed.
func (l *changeLog) begin(last uint64) {
	l.last = last + 1<<32
	l.forgotten, l.list = l.last, nil
}

// changed numbers a change, keeps it and marks the object.
func (d *directory) changed(at time.Time, ch change) {
	l := &d.changes
	l.last++
	ch.seq, ch.time, ch.object.changed = l.last, at, l.last
	l.list = append(l.list, ch)
	if len(l.list) > changesKept+changesKept/4 {
		drop := len(l.list) - changesKept
		l.forgotten = l.list[drop-1].seq
		l.list = append(make([]change, 0, changesKept+changesKept/4+1), l.list[drop:]...)
	}
}

// since are the changes above seq, which is the number of a change, oldest first; false when some of them are forgotten.
func (l *changeLog) since(seq uint64) ([]change, bool) {
	if seq == l.forgotten {
		return l.list, true
	}
	i, ok := slices.BinarySearchFunc(l.list, seq, func(ch change, seq uint64) int { return cmp.Compare(ch.seq, seq) })
	if !ok {
		return nil, false
	}
	return l.list[i+1:], true
}

// before is the number of the change that stands n places before seq, or of the newest forgotten one.
func (l *changeLog) before(seq uint64, n int) uint64 {
	after, ok := l.since(seq)
	i := len(l.list) - len(after) - n - 1
	switch {
	case !ok || n == 0:
		return seq
	case i < 0:
		return l.forgotten
	}
	return l.list[i].seq
}

// differs are the numbers of the properties in which two records differ, ascending.
func differs(was, is record) []int {
	var out []int
	for was.more() || is.more() {
		a, b := -1, -1
		var aj, bj string
		var arest, brest record
		if was.more() {
			a, aj, arest = was.next()
		}
		if is.more() {
			b, bj, brest = is.next()
		}
		switch {
		case a == b:
			if aj != bj {
				out = append(out, a)
			}
			was, is = arest, brest
		case b < 0 || a >= 0 && a < b:
			out = append(out, a)
			was = arest
		default:
			out = append(out, b)
			is = brest
		}
	}
	return out
}
