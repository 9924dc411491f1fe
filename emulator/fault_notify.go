package emulator

import (
	"slices"
	"time"
)

// notice is a change notification, or one about the subscription, that is to be sent.
type notice struct {
	app, tenant string // of the subscription
	kind        string // created, updated, deleted, missed …; Match.Method is compared with it
	resource    string // "users/<id>", as the notification has it; Match.Path is compared with it
	address     string // where it goes
	delay       time.Duration
	value       []byte // its JSON
	body        []byte // of the whole request, where a rule says so
}

// unruly is what becomes of notifications that are due: rules at notify drop them, send them twice, delay them, put another body in
// their place or let later ones overtake them, and chaos sends some twice. Whoever sends notifications hands over everything that
// is due, in order, and sends what comes back, in that order, each after its delay.
func (e *Emulator) unruly(due []notice) []notice {
	out := make([]notice, 0, len(due))
	var late []notice // overtaken
	for _, n := range due {
		do := e.noticeFault(n)
		if do.Drop {
			continue
		}
		n.delay += time.Duration(do.Delay)
		if do.Body != "" {
			n.body = []byte(do.Body)
		}
		copies := []notice{n}
		if do.Duplicate {
			copies = append(copies, n)
		}
		if do.Reorder {
			late = append(late, copies...)
			continue
		}
		out = append(out, copies...)
	}
	return append(out, late...)
}

// noticeFault is what rules and chaos do to a notification.
func (e *Emulator) noticeFault(n notice) Do {
	f, now := e.faults, e.Now()
	twice := e.opts.Chaos > 0 && f.chance(e.opts.Seed, "notify "+n.kind+" "+n.resource).Float64() < e.opts.Chaos
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.rules, func(r *rule) bool {
		return r.At == AtNotify && r.fits(n.kind, n.resource, caller{app: n.app, tenant: n.tenant}, now) && r.due(e.opts.Seed)
	})
	hit := Hit{Time: now, At: AtNotify, Method: n.kind, Path: n.resource, App: n.app}
	var do Do
	switch {
	case i >= 0:
		f.rules[i].hits++
		hit.Rule, do = f.rules[i].ID, f.rules[i].Do
	case twice:
		hit.Rule, do = chaosID, Do{Duplicate: true}
	default:
		return do
	}
	f.note(hit)
	return do
}
