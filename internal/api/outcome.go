package api

import (
	"errors"
	"net/http"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// outcome is what became of a change, or would.
type outcome struct {
	Entry    string                    `json:"entry,omitempty" says:"the entry of the history; none when only checked"`
	Checked  bool                      `json:"checked" says:"nothing was written, this is what would be"`
	State    change.State              `json:"state" says:"applied, unchanged, partly, unverified (not visible yet: accepted, or not known when its problem says so); open when only checked"`
	Before   map[string]property.Value `json:"before" says:"what was there, of what changed"`
	After    map[string]property.Value `json:"after" says:"what is there now, as read back"`
	Parts    []part                    `json:"parts,omitempty" says:"what went by which request, when not everything arrived"`
	Password string                    `json:"password,omitempty" says:"a new password, shown once"`
	Person   string                    `json:"person,omitempty" says:"the object id of who was added"`
	// Dangerous is told of what would be, so that whoever sits there can be asked.
	Dangerous bool `json:"dangerous,omitempty" says:"when only checked: it would lock somebody out, change how they sign in, or cannot be taken back"`
}

// part is one request of a change.
type part struct {
	Names  []property.Name `json:"names"`
	State  change.State    `json:"state"`
	Detail string          `json:"detail,omitempty"`
	Code   string          `json:"code,omitempty"`
	Cause  *cause          `json:"cause,omitempty" says:"what Microsoft's answer means, where that is known"`
}

// change makes a change, or says what it would do.
func (c *call) change(ch change.Change) (reply, error) {
	ch.By, ch.Key = c.by, c.idemKey
	if c.dry() {
		return c.check(ch)
	}
	if err := c.recent(ch); err != nil {
		return reply{}, err
	}
	o, err := c.Desk.Apply(c.r.Context(), ch)
	if err != nil {
		return reply{}, err
	}
	return c.became(o, ch.Expect != nil)
}

// check is the answer to a dry run: what would change, or the same refusal as the real one.
func (c *call) check(ch change.Change) (reply, error) {
	p, err := c.Desk.Check(c.r.Context(), ch)
	if err != nil {
		return reply{}, err
	}
	if len(p.Problems) > 0 {
		return reply{}, c.pointed(refusedBy(p.Problems))
	}
	if len(p.Conflicts) > 0 {
		return reply{}, c.conflicted(change.Outcome{Conflicts: p.Conflicts}, ch.Expect != nil)
	}
	o := outcome{Checked: true, Dangerous: p.Dangerous && len(p.Diff) > 0, State: change.Open, Before: map[string]property.Value{}, After: values(p.Diff)}
	for n := range p.Diff {
		o.Before[string(n)] = p.Before.Values[n]
	}
	if len(p.Diff) == 0 {
		o.State = change.Unchanged
	}
	return reply{status: http.StatusOK, body: o}, nil
}

// refusedBy is the error of problems that a check found: the kind that Apply gives them.
func refusedBy(probs []fail.Problem) *fail.Error {
	f := fail.New(fail.Denied, "api.check", probs[0].Say)
	for _, p := range probs {
		if p.Code != "not_allowed" {
			f.Kind = fail.Invalid
		}
	}
	f.Fields = probs
	return f
}

// became turns an outcome into an answer.
func (c *call) became(o change.Outcome, matched bool) (reply, error) {
	out := outcome{Entry: o.Entry, Person: o.Created, State: o.State, Before: values(o.Before), After: values(o.After)}
	status := http.StatusOK
	switch o.State {
	case change.Refused, change.Failed:
		var err error = fail.New(fail.Internal, "api.change", fail.Text{})
		if p := o.Cause(); p != nil {
			err = p
		}
		err = c.pointed(err)
		var r *refusal
		if errors.As(err, &r) {
			r.entry = o.Entry
		}
		return reply{}, err
	case change.Conflicted:
		return reply{}, c.conflicted(o, matched)
	case change.Unverified, change.Open:
		status = http.StatusAccepted
	case change.Partly:
		status = http.StatusMultiStatus
	}
	if o.State != change.Applied && o.State != change.Unchanged {
		for _, p := range o.Parts {
			shown := part{Names: p.Names, State: p.State}
			if p.Problem != nil {
				told := web.ProblemOf(p.Problem)
				shown.Detail, shown.Code, shown.Cause = c.v.T(told.Say), told.Code, causeOf(told)
			}
			out.Parts = append(out.Parts, shown)
		}
	}
	return reply{status: status, body: out}, nil
}

// conflicted tells what moved. When the request said by If-Match what it had seen, that is a precondition which failed.
func (c *call) conflicted(o change.Outcome, matched bool) error {
	status := http.StatusConflict
	if matched {
		status = http.StatusPreconditionFailed
	}
	r := refuse(status, fail.T("Somebody else changed this in the meantime. Nothing of theirs was overwritten. Read it again and decide."))
	r.entry = o.Entry
	for _, x := range o.Conflicts {
		r.conflicts = append(r.conflicts, conflictShown{string(x.Name), x.Saw, x.Now, x.Wanted})
		r.fields = append(r.fields, fieldError{Pointer: c.pointer(string(x.Name)), Code: "changed", say: fail.T("It was changed since it was read.")})
	}
	return r
}
