package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
)

// Plans is bulk.Store on the store.
type Plans struct{ s *Store }

var _ bulk.Store = (*Plans)(nil)

// Plans is the store as package bulk needs it.
func (s *Store) Plans() *Plans { return &Plans{s} }

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

func unpackPlan(data string) (bulk.Plan, error) {
	var d planDoc
	if err := decode(data, &d); err != nil {
		return bulk.Plan{}, err
	}
	p := d.Plan
	p.Problems, p.Notes = unpackPlaced(d.Problems), unpackPlaced(d.Notes)
	return p, nil
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
	return fail.New(fail.NotFound, "store.plan", fail.T("There is no such plan."))
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
		if _, err := tx.ExecContext(ctx, `DELETE FROM plan_rows WHERE tenant = $1 AND plan = $2`, tenant, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM plans WHERE tenant = $1 AND id = $2`, tenant, id)
		return err
	})
}

// Plan implements bulk.Store.
func (s *Plans) Plan(ctx context.Context, tenant, id string) (bulk.Plan, error) {
	if !word(id) {
		return bulk.Plan{}, noPlan()
	}
	var data string
	err := s.s.read.QueryRowContext(ctx, `SELECT data FROM plans WHERE tenant = $1 AND id = $2 AND digest <> ''`, tenant, id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return bulk.Plan{}, noPlan()
	}
	if err != nil {
		return bulk.Plan{}, s.s.fault("store.plan", err)
	}
	p, err := unpackPlan(data)
	if err != nil {
		return bulk.Plan{}, s.s.fault("store.plan", err)
	}
	return p, nil
}

// Plans implements bulk.Store.
func (s *Plans) Plans(ctx context.Context, tenant string, before time.Time, n int) ([]bulk.Plan, error) {
	q, args := `SELECT data FROM plans WHERE tenant = $1 AND digest <> '' ORDER BY made DESC, id LIMIT $2`, []any{tenant, n}
	if !before.IsZero() {
		q, args = `SELECT data FROM plans WHERE tenant = $1 AND digest <> '' AND made < $3 ORDER BY made DESC, id LIMIT $2`, append(args, micro(before))
	}
	return documents(ctx, s.s, "store.plans", q, args, func(data string, _ int) (bulk.Plan, error) { return unpackPlan(data) })
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
	text := `SELECT data, number FROM plan_rows WHERE tenant = $1 AND plan = $2 AND number > $3 AND ($4 = '' OR state = $4) AND ($5 = '' OR kinds LIKE $5) AND ($6 = '' OR who LIKE $6 ESCAPE '\') ORDER BY number LIMIT $7`
	kind, who := "", ""
	if q.Kind != "" {
		kind = "% " + storable(q.Kind) + " %"
	}
	if q.Text != "" {
		who = "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(storable(strings.ToLower(q.Text))) + "%"
	}
	return documents(ctx, s.s, "store.planrows", text, []any{tenant, id, q.After, string(q.State), kind, who, n}, func(data string, number int) (bulk.Numbered, error) {
		r, err := unpackRow(data)
		return bulk.Numbered{Number: number, Row: r}, err
	})
}

// documents reads a list of documents, each alone or with a number.
func documents[T any](ctx context.Context, s *Store, op, q string, args []any, unpack func(string, int) (T, error)) ([]T, error) {
	rows, err := s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, s.fault(op, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, s.fault(op, err)
	}
	var out []T
	for rows.Next() {
		var data string
		var number int
		if err := rows.Scan([]any{&data, &number}[:len(columns)]...); err != nil {
			return nil, s.fault(op, err)
		}
		x, err := unpack(data, number)
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
