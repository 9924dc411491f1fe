package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
)

// Plans is bulk.Store on the store.
type Plans struct {
	s      *Store
	tenant string // whose plans Claim looks for; "" is everybody's
}

var _ bulk.Store = (*Plans)(nil)

// Plans is the store as package bulk needs it.
func (s *Store) Plans() *Plans { return &Plans{s: s} }

// Of is the same store for one organization's work.
func (s *Plans) Of(tenant string) *Plans { return &Plans{s.s, tenant} }

type placedDoc struct {
	sheet.Problem
	Say textDoc
}

func packPlaced(l []sheet.Problem) []placedDoc {
	var d []placedDoc
	for _, p := range l {
		d = append(d, placedDoc{Problem: p, Say: packText(p.Say)})
	}
	return d
}

func unpackPlaced(d []placedDoc) []sheet.Problem {
	var l []sheet.Problem
	for _, p := range d {
		q := p.Problem
		q.Say = p.Say.unpack()
		l = append(l, q)
	}
	return l
}

type planDoc struct {
	bulk.Plan
	Problems []placedDoc `json:",omitempty"`
	Notes    []placedDoc `json:",omitempty"`
}

type stepDoc struct {
	bulk.Step
	Set    valuesDoc
	Before valuesDoc
}

type rowDoc struct {
	bulk.Row
	Steps    []stepDoc   `json:",omitempty"`
	Problems []placedDoc `json:",omitempty"`
	Notes    []placedDoc `json:",omitempty"`
}

func packPlan(p bulk.Plan) ([]byte, error) {
	return plainJSON(planDoc{Plan: p, Problems: packPlaced(p.Problems), Notes: packPlaced(p.Notes)})
}

// runDoc is what is kept of a run beside its state and its rows.
type runDoc struct {
	By           directory.Actor
	Began, Ended time.Time
	Why          textDoc
	Reason       string `json:",omitempty"`
	Canary       int    `json:",omitempty"`
}

const planColumns = `SELECT data, state, run FROM plans `

func scanPlan(row interface{ Scan(...any) error }) (bulk.Plan, error) {
	var data, state, run string
	if err := row.Scan(&data, &state, &run); err != nil {
		return bulk.Plan{}, err
	}
	var d planDoc
	if err := decode(data, &d); err != nil {
		return bulk.Plan{}, err
	}
	p := d.Plan
	p.Problems, p.Notes = unpackPlaced(d.Problems), unpackPlaced(d.Notes)
	p.Run.State = bulk.RunState(state)
	if run != "" {
		var r runDoc
		if err := decode(run, &r); err != nil {
			return bulk.Plan{}, err
		}
		p.Run.By, p.Run.Began, p.Run.Ended, p.Run.Why, p.Run.Reason, p.Run.Canary = r.By, r.Began, r.Ended, r.Why.unpack(), r.Reason, r.Canary
	}
	return p, nil
}

type stepFateDoc struct {
	bulk.StepFate
	Say textDoc
}

func packFate(f bulk.Fate) ([]byte, error) {
	l := []stepFateDoc{}
	for _, s := range f.Steps {
		l = append(l, stepFateDoc{s, packText(s.Say)})
	}
	return plainJSON(l)
}

func unpackFate(state, data string) (*bulk.Fate, error) {
	if state == "" {
		return nil, nil
	}
	var l []stepFateDoc
	if err := decode(data, &l); err != nil {
		return nil, err
	}
	f := &bulk.Fate{State: change.State(state)}
	for _, d := range l {
		s := d.StepFate
		s.Say = d.Say.unpack()
		f.Steps = append(f.Steps, s)
	}
	return f, nil
}

func packRow(r bulk.Row) ([]byte, error) {
	d := rowDoc{Row: r, Problems: packPlaced(r.Problems), Notes: packPlaced(r.Notes)}
	for _, s := range r.Steps {
		d.Steps = append(d.Steps, stepDoc{Step: s, Set: packValues(s.Set), Before: packValues(s.Before)})
	}
	return plainJSON(d)
}

func unpackRow(data string) (bulk.Row, error) {
	var d rowDoc
	if err := decode(data, &d); err != nil {
		return bulk.Row{}, err
	}
	r := d.Row
	r.Steps, r.Problems, r.Notes = nil, unpackPlaced(d.Problems), unpackPlaced(d.Notes)
	for _, s := range d.Steps {
		x := s.Step
		x.Set, x.Before = s.Set.unpack(), s.Before.unpack()
		r.Steps = append(r.Steps, x)
	}
	return r, nil
}

func noPlan() *fail.Error {
	return fail.New(fail.NotFound, "store.plan", bulk.SayNoPlan)
}

// Begin implements bulk.Store.
func (s *Plans) Begin(ctx context.Context, p bulk.Plan) error {
	p.Digest = ""
	return s.put(ctx, "store.beginplan", p, `INSERT INTO plans (tenant, id, made, digest, data) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`)
}

// End implements bulk.Store.
func (s *Plans) End(ctx context.Context, p bulk.Plan) error {
	return s.put(ctx, "store.endplan", p, `UPDATE plans SET made = $3, digest = $4, data = $5 WHERE tenant = $1 AND id = $2`)
}

func (s *Plans) put(ctx context.Context, op string, p bulk.Plan, q string) error {
	data, err := packPlan(p)
	if err != nil {
		return fail.Wrap(fail.Internal, op, err)
	}
	return s.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		res, err := tx.ExecContext(ctx, q, p.Tenant, p.ID, micro(p.Made), p.Digest, string(data))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 || again {
			return err
		}
		return noPlan()
	})
}

// Add implements bulk.Store.
func (s *Plans) Add(ctx context.Context, p bulk.Plan, first int, rows []bulk.Row) error {
	const op = "store.addrows"
	return s.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		q := `INSERT INTO plan_rows (tenant, plan, number, state, kinds, who, data) VALUES ($1, $2, $3, $4, $5, $6, $7)`
		if again {
			q += ` ON CONFLICT DO NOTHING` // done by a commit whose answer was lost
		}
		for i, r := range rows {
			data, err := packRow(r)
			if err != nil {
				return err
			}
			kinds := " "
			for _, x := range r.Steps {
				kinds += x.Kind() + " "
			}
			if _, err := tx.ExecContext(ctx, q, p.Tenant, p.ID, first+i, string(r.State), kinds, storable(strings.ToLower(r.Name+"\n"+r.UPN)), string(data)); err != nil {
				return err
			}
		}
		return nil
	})
}

// storable is a text that both engines take: PostgreSQL has no place for a NUL.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// Drop implements bulk.Store.
func (s *Plans) Drop(ctx context.Context, tenant, id string) error {
	return s.s.tx(ctx, "store.dropplan", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		if err := dropGiven(ctx, tx, tenant, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM plan_rows WHERE tenant = $1 AND plan = $2`, tenant, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM plans WHERE tenant = $1 AND id = $2`, tenant, id)
		return err
	})
}

// Sweep forgets plans that were never made whole, begun before then: the process that made them is gone.
func (s *Plans) Sweep(ctx context.Context, before time.Time) error {
	return s.s.tx(ctx, "store.sweepplans", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		const drafts = `SELECT id FROM plans WHERE digest = '' AND made < $1 AND plans.tenant = plan_rows.tenant`
		if _, err := tx.ExecContext(ctx, `DELETE FROM plan_rows WHERE plan IN (`+drafts+`)`, micro(before)); err != nil {
			return err
		}
		const given = `DELETE FROM plan_given WHERE plan IN (SELECT id FROM plans WHERE digest = '' AND made < $1 AND plans.tenant = plan_given.tenant)`
		if _, err := tx.ExecContext(ctx, given, micro(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM plans WHERE digest = '' AND made < $1`, micro(before))
		return err
	})
}

// Plan implements bulk.Store.
func (s *Plans) Plan(ctx context.Context, tenant, id string) (bulk.Plan, error) {
	if !word(id) {
		return bulk.Plan{}, noPlan()
	}
	p, err := scanPlan(s.s.read.QueryRowContext(ctx, planColumns+`WHERE tenant = $1 AND id = $2 AND digest <> ''`, tenant, id))
	if errors.Is(err, sql.ErrNoRows) {
		return bulk.Plan{}, noPlan()
	}
	if err == nil && p.Run.State != bulk.Planned {
		p.Run.Fates, err = s.fates(ctx, tenant, id)
	}
	if err != nil {
		return bulk.Plan{}, s.s.fault("store.plan", err)
	}
	return p, nil
}

// fates counts what became of the rows that were ready.
func (s *Plans) fates(ctx context.Context, tenant, id string) (map[string]int, error) {
	rows, err := s.s.read.QueryContext(ctx, `SELECT fate, count(*) FROM plan_rows WHERE tenant = $1 AND plan = $2 AND state = $3 GROUP BY fate`, tenant, id, string(bulk.Ready))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var fate string
		var n int
		if err := rows.Scan(&fate, &n); err != nil {
			return nil, err
		}
		out[fate] = n
	}
	return out, rows.Err()
}

// Plans implements bulk.Store.
func (s *Plans) Plans(ctx context.Context, tenant string, before time.Time, n int) ([]bulk.Plan, error) {
	q, args := planColumns+`WHERE tenant = $1 AND digest <> '' ORDER BY made DESC, id LIMIT $2`, []any{tenant, n}
	if !before.IsZero() {
		q, args = planColumns+`WHERE tenant = $1 AND digest <> '' AND made < $3 ORDER BY made DESC, id LIMIT $2`, append(args, micro(before))
	}
	return list(ctx, s.s, "store.plans", q, args, scanPlan)
}

// Rows implements bulk.Store.
func (s *Plans) Rows(ctx context.Context, tenant, id string, q bulk.Query) ([]bulk.Numbered, error) {
	if !word(id) {
		return nil, nil
	}
	n := q.N
	if n <= 0 {
		n = 100
	}
	text := `SELECT data, number, fate, outcome FROM plan_rows WHERE tenant = $1 AND plan = $2 AND number > $3 AND ($4 = '' OR state = $4) AND ($5 = '' OR kinds LIKE $5)
		AND ($6 = '' OR who LIKE $6 ESCAPE '\') AND ($7 = '' OR fate = $7)`
	if q.Undone {
		text += ` AND fate = ''`
	}
	kind, who := "", ""
	if q.Kind != "" {
		kind = "% " + storable(q.Kind) + " %"
	}
	if q.Text != "" {
		who = "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(storable(strings.ToLower(q.Text))) + "%"
	}
	args := []any{tenant, id, q.After, string(q.State), kind, who, string(q.Fate), n}
	return list(ctx, s.s, "store.planrows", text+` ORDER BY number LIMIT $8`, args, func(row interface{ Scan(...any) error }) (x bulk.Numbered, err error) {
		var data, fate, outcome string
		if err := row.Scan(&data, &x.Number, &fate, &outcome); err != nil {
			return x, err
		}
		if x.Row, err = unpackRow(data); err != nil {
			return x, err
		}
		if x.Fate, err = unpackFate(fate, outcome); x.Fate != nil {
			x.Fate.Number = x.Number
		}
		return x, err
	})
}

// list reads rows, each by scan.
func list[T any](ctx context.Context, s *Store, op, q string, args []any, scan func(interface{ Scan(...any) error }) (T, error)) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, s.fault(op, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, s.fault(op, err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fault(op, err)
	}
	return out, nil
}

// Turn implements bulk.Store.
func (s *Plans) Turn(ctx context.Context, tenant, id string, from []bulk.RunState, to bulk.Run) error {
	const op = "store.turnplan"
	run, err := plainJSON(runDoc{to.By, to.Began, to.Ended, packText(to.Why), to.Reason, to.Canary})
	if err != nil {
		return fail.Wrap(fail.Internal, op, err)
	}
	return s.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		var state, before string
		err := tx.QueryRowContext(ctx, `SELECT state, run FROM plans WHERE tenant = $1 AND id = $2 AND digest <> ''`+s.s.locking(), tenant, id).Scan(&state, &before)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return noPlan()
		case err != nil:
			return err
		case again && state == string(to.State) && before == string(run):
			return nil // done by a commit whose answer was lost
		case !slices.Contains(from, bulk.RunState(state)):
			f := fail.New(fail.Conflict, op, bulk.SayState(bulk.RunState(state)))
			f.Code = "state"
			return f
		}
		if to.State == bulk.Canceled {
			if err := dropGiven(ctx, tx, tenant, id); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE plans SET state = $3, run = $4, holder = '', until = 0 WHERE tenant = $1 AND id = $2`, tenant, id, string(to.State), string(run))
		return err
	})
}

// Claim implements bulk.Store. A SQLite file has one owner, so whoever held a plan there before is gone.
func (s *Plans) Claim(ctx context.Context, holder string, now, until time.Time) (p bulk.Plan, ok bool, err error) {
	if s.s.engine == sqlite {
		now = until
	}
	err = s.s.tx(ctx, "store.claimplan", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		ok = false
		got, err := scanPlan(tx.QueryRowContext(ctx, planColumns+`WHERE state = $1 AND (holder = $2 OR until <= $3) AND ($4 = '' OR tenant = $4) ORDER BY made, id LIMIT 1`+s.s.locking(), string(bulk.Applying), holder, micro(now), s.tenant))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		p, ok = got, true
		_, err = tx.ExecContext(ctx, `UPDATE plans SET holder = $3, until = $4 WHERE tenant = $1 AND id = $2`, p.Tenant, p.ID, holder, micro(until))
		return err
	})
	return p, ok, err
}

// locking keeps a row that was read as it is until the transaction ends; SQLite has one writer anyway.
func (s *Store) locking() string {
	if s.engine == postgres {
		return ` FOR UPDATE`
	}
	return ``
}

// Keep implements bulk.Store.
func (s *Plans) Keep(ctx context.Context, tenant, id, holder string, until time.Time) (state bulk.RunState, err error) {
	const op = "store.keepplan"
	err = s.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, _ bool) error {
		var now, by string
		err := tx.QueryRowContext(ctx, `SELECT state, holder FROM plans WHERE tenant = $1 AND id = $2`+s.s.locking(), tenant, id).Scan(&now, &by)
		if errors.Is(err, sql.ErrNoRows) {
			return noPlan()
		}
		if err != nil {
			return err
		}
		if state = bulk.RunState(now); state != bulk.Applying {
			return nil
		}
		if by != holder {
			return fail.New(fail.Conflict, op, fail.T("Another process works on this plan."))
		}
		_, err = tx.ExecContext(ctx, `UPDATE plans SET until = $3 WHERE tenant = $1 AND id = $2`, tenant, id, micro(until))
		return err
	})
	return state, err
}

// Fates implements bulk.Store.
func (s *Plans) Fates(ctx context.Context, tenant, id string, fates []bulk.Fate) error {
	const op = "store.fates"
	return s.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, _ bool) error {
		for _, f := range fates {
			data, err := packFate(f)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE plan_rows SET fate = $4, outcome = $5 WHERE tenant = $1 AND plan = $2 AND number = $3 AND fate = ''`, tenant, id, f.Number, string(f.State), string(data)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM plan_given WHERE tenant = $1 AND plan = $2 AND number = $3`, tenant, id, f.Number); err != nil {
				return err
			}
		}
		return nil
	})
}
