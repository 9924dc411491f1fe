package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// Mirror is mirror.Store on the store.
type Mirror struct{ s *Store }

var _ mirror.Store = (*Mirror)(nil)

// Mirror is the store as package mirror needs it.
func (s *Store) Mirror() *Mirror { return &Mirror{s} }

type scanner = interface{ Scan(...any) error }

// State implements mirror.Store.
func (m *Mirror) State(ctx context.Context, tenant string) (mirror.State, error) {
	var data string
	var s mirror.State
	err := m.s.read.QueryRowContext(ctx, `SELECT version, data FROM mirror_states WHERE tenant = $1`, tenant).Scan(&s.Version, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return mirror.State{}, nil
	}
	if err == nil {
		version := s.Version
		err = decode(data, &s)
		s.Version = version
	}
	if err != nil {
		return s, m.s.fault("store.mirrorstate", err)
	}
	return s, nil
}

// Commit implements mirror.Store.
func (m *Mirror) Commit(ctx context.Context, tenant string, c mirror.Commit) (mirror.State, error) {
	const op = "store.mirror"
	s := c.State
	s.Version++
	data, err := plainJSON(s)
	if err != nil {
		return s, fail.Wrap(fail.Internal, op, err)
	}
	err = m.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, again bool) error {
		q := `UPDATE mirror_states SET version = $2, data = $3 WHERE tenant = $1 AND version = $4`
		args := []any{tenant, s.Version, string(data), c.State.Version}
		if c.State.Version == 0 {
			q, args = `INSERT INTO mirror_states (tenant, version, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, args[:3]
		}
		res, err := tx.ExecContext(ctx, q, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return m.moved(ctx, tx, tenant, s.Version, string(data), again)
		}
		return m.writeMirror(ctx, tx, tenant, c)
	})
	return s, err
}

// moved tells a commit whose answer was lost from somebody else's.
func (m *Mirror) moved(ctx context.Context, tx *sql.Tx, tenant string, version int64, data string, again bool) error {
	var have int64
	var is string
	err := tx.QueryRowContext(ctx, `SELECT version, data FROM mirror_states WHERE tenant = $1`, tenant).Scan(&have, &is)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if again && have == version && is == data {
		return nil
	}
	return fail.New(fail.Conflict, "store.mirror", fail.T("Somebody else is reading the directory of this organization. Wait until that has come to its end."))
}

// writeMirror writes the rows of a page.
func (m *Mirror) writeMirror(ctx context.Context, tx *sql.Tx, tenant string, c mirror.Commit) error {
	x := &execer{ctx: ctx, tx: tx}
	for _, part := range c.Forget {
		x.exec(`DELETE FROM mirror_seen WHERE tenant = $1 AND part = $2`, tenant, part)
	}
	for _, s := range c.Seen {
		x.exec(`INSERT INTO mirror_seen (tenant, part, n, data) SELECT $1, $2, coalesce(max(n), 0) + 1, $3 FROM mirror_seen WHERE tenant = $1 AND part = $2`, tenant, s.Part, s.Data)
	}
	for _, p := range c.People {
		x.exec(`INSERT INTO mirror_people (tenant, id, upn, name, doc, manager, gone, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (tenant, id) DO UPDATE SET upn = excluded.upn, name = excluded.name, doc = excluded.doc, manager = excluded.manager,
			gone = excluded.gone, since = excluded.since`, tenant, p.ID, storable(p.UPN), storable(p.Name), string(p.Doc), p.Manager, string(p.Gone), micro(p.Since))
	}
	m.index(x, tenant, c.People)
	for id, manager := range c.Managers {
		x.exec(`UPDATE mirror_people SET manager = $3 WHERE tenant = $1 AND id = $2`, tenant, id, manager)
	}
	for _, g := range c.Groups {
		x.exec(`INSERT INTO mirror_groups (tenant, id, name, doc, gone, since) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, doc = excluded.doc, gone = excluded.gone, since = excluded.since`,
			tenant, g.ID, storable(g.Name), string(g.Doc), string(g.Gone), micro(g.Since))
	}
	for _, g := range c.Joined {
		x.exec(`INSERT INTO mirror_members (tenant, grp, id, kind) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, tenant, g.Group, g.ID, g.Kind)
	}
	for _, g := range c.Left {
		x.exec(`DELETE FROM mirror_members WHERE tenant = $1 AND grp = $2 AND id = $3`, tenant, g.Group, g.ID)
	}
	if c.Products != nil {
		x.exec(`DELETE FROM mirror_products WHERE tenant = $1`, tenant)
	}
	for id, doc := range c.Products {
		x.exec(`INSERT INTO mirror_products (tenant, id, doc) VALUES ($1, $2, $3)`, tenant, id, string(doc))
	}
	for _, e := range c.Events {
		diff, err := plainJSON(e.Diff)
		if err != nil {
			return err
		}
		x.exec(`INSERT INTO mirror_events (tenant, seq, after, at, object, id, who, name, what, diff, cause)
			SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM mirror_events WHERE tenant = $1`,
			tenant, micro(e.After), micro(e.At), e.Object, e.ID, e.Who, storable(e.Name), e.What, string(diff), e.Cause)
	}
	return x.err
}

// execer runs statements until one fails, and counts the rows that they wrote.
type execer struct {
	ctx context.Context
	tx  *sql.Tx
	n   int
	err error
}

func (x *execer) exec(q string, args ...any) {
	if x.err != nil {
		return
	}
	res, err := x.tx.ExecContext(x.ctx, q, args...)
	if err != nil {
		x.err = err
		return
	}
	n, err := res.RowsAffected()
	x.n, x.err = x.n+int(n), err
}

// among is the condition that a column is one of the texts in parameter two, a JSON array.
func (m *Mirror) among(column string) string {
	if m.s.engine == postgres {
		return column + ` IN (SELECT jsonb_array_elements_text($2::text::jsonb))`
	}
	return column + ` IN (SELECT value FROM json_each($2))`
}

func array(ids []string) string {
	if ids == nil {
		return "[]"
	}
	b, _ := json.Marshal(ids) // texts
	return string(b)
}

const mirrorPerson = `SELECT id, upn, name, doc, manager, gone, since FROM mirror_people `

func scanMirrorPerson(row scanner) (p mirror.Person, err error) {
	var doc, gone string
	var manager sql.NullString
	var since int64
	err = row.Scan(&p.ID, &p.UPN, &p.Name, &doc, &manager, &gone, &since)
	p.Doc, p.Gone, p.Since = []byte(doc), mirror.Gone(gone), instant(since)
	if manager.Valid {
		p.Manager = &manager.String
	}
	return p, err
}

// People implements mirror.Store.
func (m *Mirror) People(ctx context.Context, tenant string, ids []string) (map[string]mirror.Person, error) {
	l, err := list(ctx, m.s, "store.mirrorpeople", mirrorPerson+`WHERE tenant = $1 AND `+m.among("id"), []any{tenant, array(ids)}, scanMirrorPerson)
	out := make(map[string]mirror.Person, len(l))
	for _, p := range l {
		out[p.ID] = p
	}
	return out, err
}

const mirrorGroup = `SELECT id, name, doc, gone, since FROM mirror_groups `

func scanMirrorGroup(row scanner) (g mirror.Group, err error) {
	var doc, gone string
	var since int64
	err = row.Scan(&g.ID, &g.Name, &doc, &gone, &since)
	g.Doc, g.Gone, g.Since = []byte(doc), mirror.Gone(gone), instant(since)
	return g, err
}

// Groups implements mirror.Store.
func (m *Mirror) Groups(ctx context.Context, tenant string, ids []string) (map[string]mirror.Group, error) {
	l, err := list(ctx, m.s, "store.mirrorgroups", mirrorGroup+`WHERE tenant = $1 AND `+m.among("id"), []any{tenant, array(ids)}, scanMirrorGroup)
	out := make(map[string]mirror.Group, len(l))
	for _, g := range l {
		out[g.ID] = g
	}
	return out, err
}

// Among implements mirror.Store.
func (m *Mirror) Among(ctx context.Context, tenant, group string, ids []string) (map[string]bool, error) {
	l, err := list(ctx, m.s, "store.mirroramong", `SELECT id FROM mirror_members WHERE tenant = $1 AND grp = $3 AND `+m.among("id"), []any{tenant, array(ids), group}, scanText)
	out := make(map[string]bool, len(l))
	for _, id := range l {
		out[id] = true
	}
	return out, err
}

func scanText(row scanner) (s string, err error) { err = row.Scan(&s); return s, err }

// MembersOf implements mirror.Store.
func (m *Mirror) MembersOf(ctx context.Context, tenant, group string) ([]mirror.Member, error) {
	return list(ctx, m.s, "store.mirrormembers", `SELECT id, kind FROM mirror_members WHERE tenant = $1 AND grp = $2 ORDER BY id`, []any{tenant, group},
		func(row scanner) (x mirror.Member, err error) { err = row.Scan(&x.ID, &x.Kind); return x, err })
}

// each tells rows one by one, without holding them all.
func each[T any](ctx context.Context, s *Store, op, q string, args []any, scan func(scanner) (T, error), told func(T) error) error {
	rows, err := s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return s.fault(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return s.fault(op, err)
		}
		if err := told(x); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.fault(op, err)
	}
	return nil
}

// Seen implements mirror.Store.
func (m *Mirror) Seen(ctx context.Context, tenant, part string, told func([]byte) error) error {
	return each(ctx, m.s, "store.mirrorseen", `SELECT data FROM mirror_seen WHERE tenant = $1 AND part = $2 ORDER BY n`, []any{tenant, part},
		func(row scanner) (b []byte, err error) { err = row.Scan(&b); return b, err }, told)
}

// Living implements mirror.Store.
func (m *Mirror) Living(ctx context.Context, tenant, part string, told func(string) error) error {
	q := `SELECT id FROM mirror_people WHERE tenant = $1 AND gone = '' ORDER BY id`
	if part == mirror.PartGroups {
		q = strings.Replace(q, "mirror_people", "mirror_groups", 1)
	}
	return each(ctx, m.s, "store.mirrorliving", q, []any{tenant}, scanText, told)
}

// Spread implements mirror.Store.
func (m *Mirror) Spread(ctx context.Context, tenant string) (map[string]int, error) {
	out := map[string]int{}
	type begin struct {
		text string
		n    int
	}
	err := each(ctx, m.s, "store.mirrorspread", `SELECT lower(substr(upn, 1, 2)), count(*) FROM mirror_people WHERE tenant = $1 AND gone = '' GROUP BY 1`, []any{tenant},
		func(row scanner) (b begin, err error) { err = row.Scan(&b.text, &b.n); return b, err },
		func(b begin) error { out[b.text] += b.n; return nil })
	return out, err
}

// GroupsAfter implements mirror.Store.
func (m *Mirror) GroupsAfter(ctx context.Context, tenant, id string, n int) ([]string, error) {
	return list(ctx, m.s, "store.mirrorgroupsafter", `SELECT id FROM mirror_groups WHERE tenant = $1 AND gone = '' AND id > $2 ORDER BY id LIMIT $3`, []any{tenant, id, n}, scanText)
}

// Memberships implements mirror.Store.
func (m *Mirror) Memberships(ctx context.Context, tenant string, told func(mirror.Membership) error) error {
	return each(ctx, m.s, "store.memberships", `SELECT grp, id, kind FROM mirror_members WHERE tenant = $1 ORDER BY grp, id`, []any{tenant},
		func(row scanner) (x mirror.Membership, err error) {
			err = row.Scan(&x.Group, &x.ID, &x.Kind)
			return x, err
		}, told)
}

// Events lists differences that fit q, newest first, at most n, older than before (0: from the newest).
func (m *Mirror) Events(ctx context.Context, tenant string, q mirror.Search, before int64, n int) ([]mirror.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	until := int64(math.MaxInt64)
	if !q.Until.IsZero() {
		until = micro(q.Until)
	}
	return list(ctx, m.s, "store.mirrorevents", `SELECT seq, after, at, object, id, who, name, what, diff, cause FROM mirror_events
		WHERE tenant = $1 AND seq < $2 AND ($3 = '' OR id = $3 OR who = $3) AND at >= $4 AND at < $5 ORDER BY seq DESC LIMIT $6`,
		[]any{tenant, before, q.On, micro(q.From), until, max(n, 0)}, func(row scanner) (e mirror.Event, err error) {
			var after, at int64
			var diff string
			if err = row.Scan(&e.Seq, &after, &at, &e.Object, &e.ID, &e.Who, &e.Name, &e.What, &diff, &e.Cause); err == nil {
				err = decode(diff, &e.Diff)
			}
			e.After, e.At = instant(after), instant(at)
			return e, err
		})
}

// Sweep implements mirror.Store.
func (m *Mirror) Sweep(ctx context.Context, tenant string, events, gone, deleted time.Time) (n int, err error) {
	const (
		over    = ` WHERE tenant = $1 AND (gone IN ('purged', 'outside') AND since < $2 OR gone = 'deleted' AND since < $3)`
		people  = `(SELECT id FROM mirror_people` + over + `)`
		groups  = `(SELECT id FROM mirror_groups` + over + `)`
		either  = ` WHERE tenant = $1 AND (id IN ` + people + ` OR id IN ` + groups
		members = `DELETE FROM mirror_members` + either + ` OR grp IN ` + groups + `)`
		about   = `DELETE FROM mirror_events` + either + ` OR who IN ` + people + `)`
	)
	err = m.s.tx(ctx, "store.mirrorsweep", func(ctx context.Context, tx *sql.Tx, _ bool) error {
		n = 0
		x := &execer{ctx: ctx, tx: tx}
		x.exec(`DELETE FROM mirror_events WHERE tenant = $1 AND at < $2`, tenant, micro(events))
		for _, q := range []string{members, about, `DELETE FROM mirror_people` + over, `DELETE FROM mirror_groups` + over} {
			x.exec(q, tenant, micro(gone), micro(deleted))
		}
		n = x.n
		return x.err
	})
	return n, err
}

// Counts implements mirror.Store.
func (m *Mirror) Counts(ctx context.Context, tenant string) (c mirror.Counts, err error) {
	err = m.s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM mirror_people WHERE tenant = $1 AND gone = ''), (SELECT count(*) FROM mirror_people WHERE tenant = $1 AND gone <> ''),
		(SELECT count(*) FROM mirror_people WHERE tenant = $1 AND gone = '' AND manager <> ''),
		(SELECT count(*) FROM mirror_groups WHERE tenant = $1 AND gone = ''), (SELECT count(*) FROM mirror_members WHERE tenant = $1)`, tenant).
		Scan(&c.People, &c.Gone, &c.Managed, &c.Groups, &c.Members)
	if err != nil {
		return c, m.s.fault("store.mirrorcounts", err)
	}
	return c, nil
}

// kept is what the copy has of a person, and the differences that were noticed on them.
func (m *Mirror) kept(ctx context.Context, ref directory.Ref) (*keep.Copy, []keep.Noticed, error) {
	events, err := m.Events(ctx, ref.Tenant, mirror.Search{On: ref.ID}, 0, math.MaxInt32)
	if err != nil {
		return nil, nil, err
	}
	var noticed []keep.Noticed
	for _, e := range events {
		n := keep.Noticed{After: e.After, At: e.At, What: e.What, Entry: e.Cause}
		if e.Who != "" {
			n.Group = e.Name
		}
		for name, d := range e.Diff {
			if n.Old == nil {
				n.Old, n.New = property.Values{}, property.Values{}
			}
			for to, raw := range map[*property.Values]json.RawMessage{&n.Old: d.Was, &n.New: d.Is} {
				var v property.Value
				if raw != nil {
					if err := v.UnmarshalJSON(raw); err != nil {
						return nil, nil, fail.Wrap(fail.Internal, "store.mirrorkept", err)
					}
				}
				(*to)[property.Name(name)] = v
			}
		}
		noticed = append(noticed, n)
	}
	rows, err := m.People(ctx, ref.Tenant, []string{ref.ID})
	p, ok := rows[ref.ID]
	if err != nil || !ok {
		return nil, noticed, err
	}
	c := &keep.Copy{Gone: string(p.Gone)}
	if !p.Since.IsZero() && p.Gone != "" {
		c.Since = &p.Since
	}
	if p.Manager != nil {
		c.Manager = *p.Manager
	}
	if err := json.Unmarshal(p.Doc, &c.Properties); err != nil {
		return nil, nil, fail.Wrap(fail.Internal, "store.mirrorkept", err)
	}
	c.Groups, err = list(ctx, m.s, "store.mirrorkept", `SELECT g.name FROM mirror_members m JOIN mirror_groups g ON g.tenant = m.tenant AND g.id = m.grp
		WHERE m.tenant = $1 AND m.id = $2 ORDER BY g.name`, []any{ref.Tenant, ref.ID}, scanText)
	return c, noticed, err
}
