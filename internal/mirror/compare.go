package mirror

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
)

// compare says what a page of people changes in the copy. Who is not in the copy and only named (a manager, somebody removed) is
// left for the page that tells of them whole.
func (r *round) compare(ctx context.Context, page []Person) (Commit, error) {
	page = together(page)
	var list []string
	for _, p := range page {
		list = append(list, p.ID)
	}
	rows, err := r.Store.People(ctx, r.tenant, list)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{Managers: map[string]string{}}
	var gone []Person
	for _, p := range page {
		row, known := rows[p.ID]
		switch {
		case p.Gone != "":
			if known && row.Gone == "" {
				gone = append(gone, p)
			}
			if known && row.Gone == Deleted && p.Gone == Purged {
				row.Gone = Purged
				c.People = append(c.People, row)
			}
		case p.Doc == nil && (!known || row.Gone != "" || p.Manager == nil):
		case p.Doc != nil && (!known || row.Gone != "" || !bytes.Equal(row.Doc, p.Doc)):
			manager := row.Manager
			if p.Manager == nil {
				p.Manager = manager
			}
			what := Changed
			if !known {
				what = Created
			} else if row.Gone != "" {
				what = Restored
			}
			c.People = append(c.People, p)
			r.event(&c, Event{Object: "person", ID: p.ID, Name: p.Name, What: what, Diff: r.differences(row, p)})
		case p.Manager != nil && (row.Manager == nil || *row.Manager != *p.Manager):
			c.Managers[p.ID] = *p.Manager
			p.Doc, p.Name = row.Doc, row.Name
			r.event(&c, Event{Object: "person", ID: p.ID, Name: p.Name, What: Changed, Diff: r.differences(row, p)})
		}
	}
	if len(gone) == 0 {
		return c, r.causes(ctx, &c)
	}
	var sure []Person
	if err := r.confirmed(ctx, len(gone), func(i int) string { return gone[i].ID }, func(i int) { sure = append(sure, gone[i]) }); err != nil {
		return Commit{}, err
	}
	r.leave(&c, rows, sure)
	return c, r.causes(ctx, &c)
}

// leave takes people for gone.
func (r *round) leave(c *Commit, rows map[string]Person, sure []Person) {
	for _, p := range sure {
		row := rows[p.ID]
		row.Gone, row.Since = p.Gone, r.now
		c.People = append(c.People, row)
		what := Removed
		if p.Gone == Outside {
			what = Left
		}
		r.event(c, Event{Object: "person", ID: row.ID, Name: row.Name, What: what})
	}
}

// together makes one of several mentions of somebody on a page: the last one says what is so.
func together(page []Person) []Person {
	at := map[string]int{}
	var out []Person
	for _, p := range page {
		if i, ok := at[p.ID]; ok {
			if p.Doc == nil && p.Gone == "" {
				p.Doc, p.UPN, p.Name = out[i].Doc, out[i].UPN, out[i].Name
			}
			if p.Manager == nil {
				p.Manager = out[i].Manager
			}
			out[i] = p
			continue
		}
		at[p.ID] = len(out)
		out = append(out, p)
	}
	return out
}

// event notes a difference. Nothing is noted while the copy is filled for the first time.
func (r *round) event(c *Commit, e Event) {
	if r.state.Whole.IsZero() || (e.What == Changed && len(e.Diff) == 0) {
		return
	}
	e.After, e.At = r.state.Whole, r.Now()
	if r.bosses { // changes may have left it out since managers were last read
		e.After = r.state.Managers
	}
	c.Events = append(c.Events, e)
}

// causes asks which entries of the journal made the differences. What several made, or one and somebody elsewhere, is an event for each.
func (r *round) causes(ctx context.Context, c *Commit) error {
	if r.Cause == nil || len(c.Events) == 0 {
		return nil
	}
	var out []Event
	for _, e := range c.Events {
		made, err := r.Cause(ctx, r.tenant, e)
		if err != nil {
			return err
		}
		out = append(out, apart(e, made)...)
	}
	c.Events = out
	return nil
}

// apart is an event as one for each of its causes.
func apart(e Event, made map[string]string) (out []Event) {
	if e.What != Changed {
		e.Cause = made[""]
		return []Event{e}
	}
	by := map[string]map[string]Diff{}
	for name, d := range e.Diff {
		cause := made[name]
		if by[cause] == nil {
			by[cause] = map[string]Diff{}
		}
		by[cause][name] = d
	}
	for _, cause := range slices.Sorted(maps.Keys(by)) {
		e.Cause, e.Diff = cause, by[cause]
		out = append(out, e)
	}
	return out
}

// differences are the properties that differ between a row and what is so now, and the manager. While the copy is filled for the first time
// nobody asks.
func (r *round) differences(was, is Person) map[string]Diff {
	if r.state.Whole.IsZero() {
		return nil
	}
	out := between(was.Doc, is.Doc)
	old, now := "", ""
	if was.Manager != nil {
		old = *was.Manager
	}
	if is.Manager != nil {
		now = *is.Manager
	}
	if old != now {
		out["manager"] = Diff{Was: text(old), Is: text(now)}
	}
	return out
}

func text(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	b, _ := json.Marshal(s) // a string
	return b
}

// between are the members that differ between two objects.
func between(was, is []byte) map[string]Diff {
	var old, now map[string]json.RawMessage
	_ = json.Unmarshal(was, &old) // rows are made by us; none is nothing
	_ = json.Unmarshal(is, &now)
	out := map[string]Diff{}
	for _, n := range slices.Sorted(maps.Keys(now)) {
		if !bytes.Equal(old[n], now[n]) {
			out[n] = Diff{Was: old[n], Is: now[n]}
		}
	}
	for n := range old {
		if _, ok := now[n]; !ok {
			out[n] = Diff{Was: old[n]}
		}
	}
	return out
}
