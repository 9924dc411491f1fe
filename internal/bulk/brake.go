package bulk

import (
	"context"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Confirm are the numbers that somebody has typed to let a braked plan go, and why it is done, if they say so.
type Confirm struct {
	People, Privileged, Deletions int
	Why                           string
	// Canary is how many rows go first; when one of them does not arrive, the rest waits for somebody. 0 is five, less than 0 none.
	Canary int
}

// canary is what is used where Confirm says nothing.
const canary = 5

// Brake says from where on a number has to be typed.
type Brake struct {
	People     int // more people than this
	Percent    int // or more of the organization than this
	Deletions  int // or more deletions
	Privileged int // or more people who hold a directory role
}

// braked is what is used where Config says nothing.
var braked = Brake{People: 100, Percent: 10}

// Asked is a number that has to be typed before a plan may go.
type Asked struct {
	Field string // "people", "privileged", "deletions"
	N     int
	Say   fail.Text
}

// Asks are the numbers that a plan asks for: nobody types one by mistake.
func (b *Bulk) Asks(ctx context.Context, p Plan) (out []Asked, err error) {
	limit := b.Brake
	if limit == (Brake{}) {
		limit = braked
	}
	ask := func(field string, n int, say fail.Text) {
		if n > 0 {
			out = append(out, Asked{field, n, say})
		}
	}
	n := p.Counts.Ready
	if n > limit.People {
		ask("people", n, fail.T("It changes %[1]d people, more than %[2]d. Type that number to go on.", n, limit.People))
	} else if n > 1 {
		all, err := b.Desk.Directory.People(ctx, p.Tenant, directory.Query{Top: 1, Count: true})
		if err != nil {
			return nil, err
		}
		if n*100 > all.Total*limit.Percent && all.Total > 0 {
			ask("people", n, fail.T("It changes %[1]d of %[2]d people, more than %[3]d %%. Type the number of people to go on.", n, all.Total, limit.Percent))
		}
	}
	if p.Counts.Privileged > limit.Privileged {
		ask("privileged", p.Counts.Privileged, fail.T("It changes %d people who hold a directory role. Type that number to go on.", p.Counts.Privileged))
	}
	if p.Counts.Kinds["delete"] > limit.Deletions {
		ask("deletions", p.Counts.Kinds["delete"], fail.T("It deletes %d people. Type that number to go on.", p.Counts.Kinds["delete"]))
	}
	return out, nil
}

// Dangerous says whether a plan asks for a sign-in of a moment ago: it reaches far (asked), or it can lock people out (A12).
func (p Plan) Dangerous(asked []Asked) bool {
	return len(asked) > 0 || p.Counts.Privileged+p.Counts.Kinds["delete"]+p.Counts.Kinds["create"] > 0 || p.Counts.Cells["accountEnabled"] > 0 || p.Counts.Cells["userPrincipalName"] > 0
}

// brake holds a plan whose numbers were not typed.
func (b *Bulk) brake(ctx context.Context, p Plan, c Confirm) error {
	asked, err := b.Asks(ctx, p)
	if err != nil {
		return err
	}
	typed := map[string]int{"people": c.People, "privileged": c.Privileged, "deletions": c.Deletions}
	var probs []fail.Problem
	for _, a := range asked {
		if typed[a.Field] != a.N {
			probs = append(probs, fail.Problem{Field: a.Field, Code: "brake", Say: a.Say})
		}
	}
	if len(probs) == 0 {
		return nil
	}
	f := fail.New(fail.Conflict, "bulk.apply", fail.T("This plan reaches far, so nothing was begun. Look at what is asked for."))
	f.Code, f.Fields = "brake", probs
	return f
}
