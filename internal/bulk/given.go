package bulk

import (
	"context"
	"strconv"
	"time"

	"nameplate/internal/fail"
)

// What a file gives with a row and a plan must not show stands beside the row, sealed, until the row was applied: the picture that is
// set, and the first password of somebody who is added.

// given are the sorts of it.
type given string

const (
	givenPhoto    given = "photo"
	givenPassword given = "password"
)

// givenFor is how long it waits for its plan to be applied.
const givenFor = 7 * 24 * time.Hour

// Given is something that is kept beside a row.
type Given struct {
	Tenant, Plan string
	Number       int // of the row
	What         string
	Until        time.Time
	Sealed       []byte
}

func (g Given) row() string {
	return g.Tenant + "/" + g.Plan + "/" + strconv.Itoa(g.Number) + "/" + g.What
}

// give keeps something for the row that is being judged; it is written down with the row.
func (m *making) give(what given, plain []byte) {
	if m.gives == nil {
		m.gives = map[given][]byte{}
	}
	m.gives[what] = plain
}

// kept writes down what was given with row n.
func (m *making) kept(ctx context.Context, n int) error {
	for what, plain := range m.gives {
		g := Given{Tenant: m.tenant, Plan: m.plan.ID, Number: n, What: string(what), Until: m.plan.Made.Add(givenFor)}
		var err error
		if g.Sealed, err = m.Sealer.Seal("given", g.row(), plain); err != nil {
			return fail.Wrap(fail.Internal, "bulk.given", err)
		}
		if err := m.Store.PutGiven(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// given is what was given with a row; NotFound when it was applied, or waited too long.
func (b *Bulk) given(ctx context.Context, p Plan, n int, what given) ([]byte, error) {
	g, err := b.Store.Given(ctx, p.Tenant, p.ID, n, string(what), b.Now())
	if err != nil {
		return nil, err
	}
	plain, err := b.Sealer.Open("given", g.row(), g.Sealed)
	if err != nil { // sealed with a key that is gone
		f := fail.Wrap(fail.NotFound, "bulk.given", err)
		f.Say = SayNotGiven
		return nil, f
	}
	return plain, nil
}
