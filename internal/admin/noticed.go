package admin

import (
	"context"
	"encoding/json"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// Noticed is a difference that the copy of the directory noticed, made here or elsewhere.
type Noticed struct {
	mirror.Event
	Old, New property.Values // what differs, by property; facets of licenses and the manager among them
}

// Differences are kept with the copy; *store.Mirror is one.
type Differences interface {
	// Events lists differences, newest first, at most n, older than before (0: from the newest).
	Events(ctx context.Context, tenant string, q mirror.Search, before int64, n int) ([]mirror.Event, error)
}

// Changes lists what was noticed in the directory, newest first, at most n, older than before (0: from the newest). Values of properties
// that are hidden from the actor are taken out as History does it.
func (d *Desk) Changes(ctx context.Context, by directory.Actor, tenant string, q mirror.Search, before int64, n int) ([]Noticed, error) {
	if err := may(by, tenant, directory.HistoryRead); err != nil {
		return nil, err
	}
	l, err := d.Differences.Events(ctx, tenant, q, before, n)
	if err != nil {
		return nil, err
	}
	named := d.Policy.SeesOfAll(by, tenant, "displayName")
	out := make([]Noticed, len(l))
	for i, e := range l {
		out[i].Event = e
		if out[i].Old, out[i].New, err = differs(d.Policy.Properties(), e); err != nil {
			return nil, err
		}
		if e.Object == "person" {
			out[i].Old, out[i].New = d.Veil(by, tenant, out[i].Old), d.Veil(by, tenant, out[i].New)
			if !named {
				out[i].Name = ""
			}
		}
		out[i].Diff = nil // as the directory writes it, with nothing hidden
	}
	return out, nil
}

// differs says what an event's Diff is in properties, before and after.
func differs(set *property.Set, e mirror.Event) (old, now property.Values, err error) {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, d := range e.Diff {
		was[name], is[name] = orNull(d.Was), orNull(d.Is)
	}
	if old, err = read(set, e.Object, was); err != nil {
		return nil, nil, err
	}
	if now, err = read(set, e.Object, is); err != nil {
		return nil, nil, err
	}
	for _, pair := range [][2]property.Values{{old, now}, {now, old}} {
		for n := range pair[0] {
			if _, ok := pair[1][n]; !ok { // a product that was given or taken
				pair[1][n] = property.Null()
			}
		}
	}
	for n, v := range now {
		if old[n].Equal(v) { // another property of the same object
			delete(old, n)
			delete(now, n)
		}
	}
	return old, now, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// assigned is told as the facets that the history speaks of. https://learn.microsoft.com/graph/api/resources/assignedlicense
const assigned = "assignedLicenses"

// read is a part of an object of the directory as properties. What the catalog does not know keeps the directory's name.
func read(set *property.Set, object string, part map[string]json.RawMessage) (property.Values, error) {
	out := property.Values{}
	var names []property.Name
	known := map[string]bool{}
	if object == "person" {
		for _, def := range set.All() {
			if _, ok := part[def.Top()]; ok && def.Top() != assigned {
				names = append(names, def.Name)
				known[def.Top()] = true
			}
		}
	}
	if len(names) > 0 {
		b, err := json.Marshal(part)
		if err != nil {
			return nil, fail.Wrap(fail.Internal, "admin.changes", err)
		}
		if out, err = property.Read(set, b, names...); err != nil {
			return nil, fail.Wrap(fail.Internal, "admin.changes", err)
		}
	}
	for name, raw := range part {
		if known[name] {
			continue
		}
		if name == assigned && object == "person" {
			var l []struct {
				SKUID         string
				DisabledPlans []string
			}
			if err := json.Unmarshal(raw, &l); err != nil {
				return nil, fail.Wrap(fail.Internal, "admin.changes", err)
			}
			for _, one := range l {
				out[directory.Licensed(one.SKUID)] = directory.Assigned(one.DisabledPlans...)
			}
			continue
		}
		var v property.Value
		if err := v.UnmarshalJSON(raw); err != nil {
			return nil, fail.Wrap(fail.Internal, "admin.changes", err)
		}
		out[property.Name(name)] = v
	}
	return out, nil
}

// late is how long a change of ours may stay unseen: a replica of the directory may be behind when the copy is brought up to date.
const late = 10 * time.Minute

// Cause is mirror.Config.Cause on a journal: a change of ours made a difference when it is on the same person, was under way since the copy
// was last up to date, and wrote the value that is there now; of several the newest.
func Cause(journal History, set *property.Set) func(ctx context.Context, tenant string, e mirror.Event) (map[string]string, error) {
	return func(ctx context.Context, tenant string, e mirror.Event) (map[string]string, error) {
		want, ok, err := wanted(set, e)
		if err != nil || !ok {
			return nil, err
		}
		on := e.ID
		if e.Object == "member" {
			on = e.Who
		}
		made := map[string]string{}
		for before := int64(0); ; {
			l, err := journal.Find(ctx, tenant, change.Search{On: on, From: e.After.Add(-late), Until: e.At.Add(time.Microsecond)}, before, causesAtOnce)
			if err != nil {
				return nil, err
			}
			for _, entry := range l {
				for of, values := range want {
					if made[of] == "" && wrote(entry, values) {
						made[of] = entry.ID
					}
				}
			}
			if len(l) < causesAtOnce {
				return made, nil
			}
			before = l[len(l)-1].Seq
		}
	}
}

const causesAtOnce = 100

// wanted says by what values a difference is known, for each member of Diff, else under ""; nil is somebody new.
func wanted(set *property.Set, e mirror.Event) (map[string]property.Values, bool, error) {
	switch {
	case e.Object == "member":
		there := property.Null()
		if e.What == mirror.Joined {
			there = property.Bool(true)
		}
		return map[string]property.Values{"": {directory.MemberOf(e.ID): there}}, true, nil
	case e.Object != "person":
		return nil, false, nil
	case e.What == mirror.Created:
		return map[string]property.Values{"": nil}, true, nil
	case e.What == mirror.Removed:
		return map[string]property.Values{"": {directory.FacetAccount: property.Text(directory.Deleted)}}, true, nil
	case e.What == mirror.Restored:
		return map[string]property.Values{"": {directory.FacetAccount: property.Text(directory.Active)}}, true, nil
	case e.What != mirror.Changed:
		return nil, false, nil
	}
	out := map[string]property.Values{}
	for name, d := range e.Diff {
		one := e
		one.Diff = map[string]mirror.Diff{name: d}
		_, now, err := differs(set, one)
		if err != nil {
			return nil, false, err
		}
		out[name] = now
	}
	return out, len(out) > 0, nil
}

// wrote says whether an entry wrote all these values, or may just be writing them; nil: whether it made whom it is about.
func wrote(e change.Entry, values property.Values) bool {
	if values == nil {
		return e.Outcome.Created != ""
	}
	for n, v := range values {
		set, ok := e.Change.Set[n]
		if !ok {
			return false
		}
		is := set
		switch e.Outcome.State {
		case change.Applied:
			is = e.Outcome.After[n] // the directory may write it otherwise
		case change.Partly, change.Open, change.Unverified:
		default:
			return false
		}
		if !is.Equal(v) && !(is.Empty() && v.Empty()) {
			return false
		}
	}
	return len(values) > 0
}
