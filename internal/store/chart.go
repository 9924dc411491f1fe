package store

import (
	"context"
	"database/sql"
	"errors"

	"nameplate/internal/fail"
	"nameplate/internal/mirror"
)

const (
	mirrorBoss = `SELECT p.id, p.upn, p.name, p.doc, p.manager, p.gone, p.since,
		(SELECT count(*) FROM mirror_people r WHERE r.tenant = p.tenant AND r.manager = p.id AND r.gone = '') AS reports
		FROM mirror_people p LEFT JOIN mirror_names n ON n.tenant = p.tenant AND n.id = p.id WHERE p.tenant = $1 AND p.gone = '' `
	leads = ` EXISTS (SELECT 1 FROM mirror_people r WHERE r.tenant = p.tenant AND r.manager = p.id AND r.gone = '')`
)

func scanBoss(row scanner) (b mirror.Boss, err error) {
	b.Person, err = scanMirrorPerson(more{row, &b.Reports})
	return b, err
}

// more reads a row that has a column behind those that are known.
type more struct {
	scanner
	last *int
}

func (m more) Scan(to ...any) error { return m.scanner.Scan(append(to, m.last)...) }

// Boss implements mirror.Store.
func (m *Mirror) Boss(ctx context.Context, tenant, id string) (mirror.Boss, error) {
	b, err := scanBoss(m.s.read.QueryRowContext(ctx, mirrorBoss+`AND p.id = $2`, tenant, id))
	if errors.Is(err, sql.ErrNoRows) {
		return b, fail.New(fail.NotFound, "store.boss", fail.T("Nobody in the copy of the directory has this id."))
	}
	if err != nil {
		return b, m.s.fault("store.boss", err)
	}
	return b, nil
}

// Reports implements mirror.Store.
func (m *Mirror) Reports(ctx context.Context, tenant, manager string, most int) ([]mirror.Boss, error) {
	q := mirrorBoss + `AND p.manager = $2`
	if manager == "" {
		q = mirrorBoss + `AND (p.manager = $2 OR p.manager IS NULL) AND` + leads
	}
	return list(ctx, m.s, "store.reports", q+` ORDER BY n.fold, p.id LIMIT $3`, []any{tenant, manager, most}, scanBoss)
}

// Alone implements mirror.Store.
func (m *Mirror) Alone(ctx context.Context, tenant string) (n int, err error) {
	err = m.s.read.QueryRowContext(ctx, `SELECT count(*) FROM mirror_people p WHERE p.tenant = $1 AND p.gone = '' AND (p.manager = '' OR p.manager IS NULL) AND NOT`+leads, tenant).Scan(&n)
	if err != nil {
		return 0, m.s.fault("store.alone", err)
	}
	return n, nil
}

// Managed implements mirror.Store.
func (m *Mirror) Managed(ctx context.Context, tenant string, told func(id, manager string) error) error {
	type pair struct{ id, manager string }
	return each(ctx, m.s, "store.managed", `SELECT id, manager FROM mirror_people WHERE tenant = $1 AND gone = '' AND manager <> '' ORDER BY id`, []any{tenant},
		func(row scanner) (p pair, err error) { err = row.Scan(&p.id, &p.manager); return p, err },
		func(p pair) error { return told(p.id, p.manager) })
}

// Lost implements mirror.Store.
func (m *Mirror) Lost(ctx context.Context, tenant string, most int) ([]mirror.Person, error) {
	return list(ctx, m.s, "store.lost", `SELECT p.id, p.upn, p.name, p.doc, p.manager, p.gone, p.since FROM mirror_people p LEFT JOIN mirror_people b ON b.tenant = p.tenant AND b.id = p.manager
		WHERE p.tenant = $1 AND p.gone = '' AND p.manager <> '' AND coalesce(b.gone, 'none') <> '' ORDER BY p.name, p.id LIMIT $2`, []any{tenant, most}, scanMirrorPerson)
}
