package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
)

// PutGiven implements bulk.Store.
func (s *Plans) PutGiven(ctx context.Context, g bulk.Given) error {
	return s.s.Access().exec(ctx, "store.putgiven", `INSERT INTO plan_given (tenant, plan, number, what, until, sealed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, g.Tenant, g.Plan, g.Number, g.What, micro(g.Until), g.Sealed)
}

// Given implements bulk.Store.
func (s *Plans) Given(ctx context.Context, tenant, plan string, number int, what string, now time.Time) (bulk.Given, error) {
	g := bulk.Given{Tenant: tenant, Plan: plan, Number: number, What: what}
	none := fail.New(fail.NotFound, "store.given", bulk.SayNotGiven)
	if !word(plan) || !word(what) {
		return g, none
	}
	var until int64
	err := s.s.read.QueryRowContext(ctx, `SELECT until, sealed FROM plan_given WHERE tenant = $1 AND plan = $2 AND number = $3 AND what = $4 AND until > $5`,
		tenant, plan, number, what, micro(now)).Scan(&until, &g.Sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return g, none
	}
	if err != nil {
		return g, s.s.fault("store.given", err)
	}
	g.Until = instant(until)
	return g, nil
}

// Forget forgets plans that were made before then, with their rows; one that is under way or paused stays.
func (s *Plans) Forget(ctx context.Context, before time.Time) error {
	return s.s.tx(ctx, "store.forgetplans", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		const old = `(SELECT tenant, id FROM plans WHERE digest <> '' AND state NOT IN ('applying', 'paused') AND made < $1)`
		for _, q := range []string{`DELETE FROM plan_given WHERE (tenant, plan) IN ` + old, `DELETE FROM plan_rows WHERE (tenant, plan) IN ` + old, `DELETE FROM plans WHERE (tenant, id) IN ` + old} {
			if _, err := tx.ExecContext(ctx, q, micro(before)); err != nil {
				return err
			}
		}
		return nil
	})
}

func dropGiven(ctx context.Context, tx *sql.Tx, tenant, plan string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM plan_given WHERE tenant = $1 AND plan = $2`, tenant, plan)
	return err
}

// SweepGiven forgets what came with files whose plans nobody has applied in time.
func (s *Plans) SweepGiven(ctx context.Context, now time.Time) error {
	return s.s.Access().exec(ctx, "store.sweepgiven", `DELETE FROM plan_given WHERE until <= $1`, micro(now))
}
