package emulator

import (
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
	last uint64 // number of the newest change
	list []change
}

// changed numbers a change, keeps it and marks the object.
func (d *directory) changed(at time.Time, ch change) {
	l := &d.changes
	l.last++
	ch.seq, ch.time, ch.object.changed = l.last, at, l.last
	l.list = append(l.list, ch)
	if len(l.list) > changesKept+changesKept/4 {
		l.list = append(make([]change, 0, changesKept+changesKept/4+1), l.list[len(l.list)-changesKept:]...)
	}
}

// since are the changes above seq, oldest first; false when some of them are forgotten.
func (l *changeLog) since(seq uint64) ([]change, bool) {
	first := l.last - uint64(len(l.list)) // the number before the oldest
	if seq < first {
		return nil, false
	}
	if seq >= l.last {
		return nil, seq == l.last
	}
	return l.list[seq-first:], true
}

// differs are the numbers of the properties in which two records differ.
func differs(was, is record) []int {
	var out []int
	eachDifference(was, is, func(i int, _, _ string) { out = append(out, i) })
	return out
}

// eachDifference calls f for each property in which two records differ, in their order; "" is not set.
func eachDifference(was, is record, f func(i int, was, is string)) {
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
				f(a, aj, bj)
			}
			was, is = arest, brest
		case b < 0 || a >= 0 && a < b:
			f(a, aj, "")
			was = arest
		default:
			f(b, "", bj)
			is = brest
		}
	}
}
