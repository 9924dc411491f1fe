package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// deleteObject: https://learn.microsoft.com/en-us/graph/api/user-delete, group-delete
func (c *call) deleteObject(t *table, key string, n int) error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n)
	if err != nil {
		return err
	}
	if err := t.mayDelete(c, o); err != nil {
		return err
	}
	if t.unmake == nil || !t.unmake(c, o) {
		c.remove(o)
	}
	return c.done()
}

// remove deletes an object: into directory/deletedItems, where its type goes there, or for good. Call with Emulator.mu held.
func (c *call) remove(o *object) {
	if o.in.soft == nil || !o.in.soft(o) {
		c.t.dir.unindex(o)
		o.in.take(o)
		c.purge(o, o.in.name+".delete")
		return
	}
	d, t, was := c.t.dir, o.in, o.rec
	d.unindex(o)
	t.take(o)
	fields := map[int]string{t.prop("deletedDateTime"): instantJSON(c.e.Now())}
	if t.deleting != nil {
		for _, f := range t.deleting(c, o) {
			fields[f.prop] = f.json
		}
	}
	o.rec = was.with(fieldsOf(fields))
	o.extra().gone = true
	d.deleted[o.id] = o
	entry := c.entry(t.name+".delete", o.id)
	changed := differs(was, o.rec)
	entry.Before, entry.After = t.values(was, changed), t.values(o.rec, changed)
	c.e.ledger.add(entry)
	d.changed(c.e.Now(), change{object: o, what: changeDelete})
}

// purge forgets an object for good: nothing holds it any more. It stands in no list when this is called.
func (c *call) purge(o *object, op string) {
	d := c.t.dir
	delete(d.deleted, o.id)
	o.extra().gone = true
	held := d.forget(o)
	for _, name := range slices.Sorted(maps.Keys(held)) {
		for _, h := range held[name] {
			d.changed(c.e.Now(), change{object: h, rel: name, removed: []*object{o}})
		}
	}
	c.e.ledger.add(c.entry(op, o.id))
	d.changed(c.e.Now(), change{object: o, what: changePurge})
	for _, x := range slices.Clone(d.refs[o.id]) {
		c.remove(x)
	}
}

// restore brings a deleted object back with its bonds.
func (c *call) restore(o *object) error {
	d, t, was := c.t.dir, o.in, o.rec
	fields := map[int]string{}
	if t.restoring != nil {
		for _, f := range t.restoring(c, o) {
			fields[f.prop] = f.json
		}
	}
	rec := was.with(append(fieldsOf(fields), field{t.prop("deletedDateTime"), ""}))
	if t.clash != nil {
		if err := t.clash(d, nil, rec); err != nil {
			return err
		}
	}
	delete(d.deleted, o.id)
	o.rec, o.more.gone = rec, false
	t.put(o)
	d.index(o)
	if t.restored != nil {
		t.restored(c, o)
	}
	entry := c.entry(t.name+".restore", o.id)
	changed := differs(was, rec)
	entry.Before, entry.After = t.values(was, changed), t.values(rec, changed)
	c.e.ledger.add(entry)
	d.changed(c.e.Now(), change{object: o, what: changeRestore, props: changed})
	return nil
}

// deletedItems: https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-list, directory-deleteditems-get,
// directory-deleteditems-restore, directory-deleteditems-delete
func (c *call) deletedItems() error {
	if len(c.seg) < 3 {
		return badRequest("The type of the deleted objects must be named.")
	}
	key := strings.ToLower(c.seg[2])
	cast, isCast := strings.CutPrefix(key, "microsoft.graph.")
	if isCast && len(c.seg) == 3 {
		return c.listDeleted(cast)
	}
	n := 3
	if isCast {
		key, n = strings.ToLower(c.seg[3]), 4
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.expire()
	o := c.t.dir.deleted[key]
	if isCast && o != nil && !strings.EqualFold(o.in.name, cast) {
		o = nil
	}
	switch {
	case len(c.seg) == n && (c.r.Method == http.MethodGet || c.r.Method == http.MethodDelete):
	case len(c.seg) == n+1 && (c.is(n, "restore") || c.is(n, "microsoft.graph.restore")) && c.r.Method == http.MethodPost:
	case len(c.seg) <= n+1:
		return wrongVerb()
	default:
		return c.unknown(c.seg[n])
	}
	if err := c.mayDeleted(o); err != nil {
		return err
	}
	if o == nil {
		return failure(http.StatusNotFound, "Directory_ObjectNotFound", "Unable to read the company information from the directory. Object '%s' is not among the deleted ones.", c.seg[n-1])
	}
	switch c.r.Method {
	case http.MethodDelete:
		c.purge(o, o.in.name+".purge")
		return c.done()
	case http.MethodPost:
		if err := c.restore(o); err != nil {
			return err
		}
		b := o.in.shown.withType().append(c.context(nil, "directoryObjects/$entity"), o)
		return c.send(http.StatusOK, append(b, '}'))
	}
	b, err := c.describe(o, "directoryObjects", true)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, b)
}

// deletedFor is how long a deleted object can be restored: https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-restore
const deletedFor = 30 * 24 * time.Hour

// expire purges what has been deleted for too long. Who asks for deleted objects finds it done.
func (c *call) expire() {
	var old []*object
	for _, o := range c.t.dir.deleted {
		if at, ok := parseInstant(o.text("deletedDateTime")); ok && c.e.Now().Sub(at) > deletedFor {
			old = append(old, o)
		}
	}
	sortByOrd(old)
	for _, o := range old {
		c.purge(o, o.in.name+".expire")
	}
}

// mayDeleted says whether the caller may read, restore or purge a deleted object; nil is one that is not there, about which whoever
// may deal with some type learns so.
func (c *call) mayDeleted(o *object) error {
	var err error
	for _, t := range c.t.dir.tables {
		if t.mayRestore == nil || o != nil && o.in != t {
			continue
		}
		if c.r.Method != http.MethodGet {
			err = t.mayRestore(c, o)
		} else if err = nil; !c.readsDeleted(t, o) {
			err = denied()
		}
		if err == nil {
			return nil
		}
	}
	if err == nil {
		return denied()
	}
	return err
}

func (c *call) readsDeleted(t *table, o *object) bool {
	if t.seesDeleted != nil {
		return t.seesDeleted(c)
	}
	return t.sees(c, o) == full
}

func (c *call) listDeleted(cast string) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.expire()
	t := c.t.dir.typed(cast)
	if t == nil || t.soft == nil {
		return c.unknown(c.seg[2])
	}
	if c.guest || !c.readsDeleted(t, nil) {
		return denied()
	}
	s := &source{tables: []*table{t}, fragment: t.set, typed: true}
	for _, o := range c.t.dir.deleted {
		if o.in == t {
			s.list = append(s.list, o)
		}
	}
	sortByOrd(s.list)
	return c.sendList(s)
}
