package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"nameplate/internal/mirror"
)

// indexAtOnce is how many rows are indexed in one transaction.
const indexAtOnce = 1000

// index writes what people of the copy are found by.
func (m *Mirror) index(x *execer, tenant string, people []mirror.Person) {
	for _, p := range people {
		words := mirror.IndexOf(p)
		if m.s.engine == postgres {
			if p.Gone != "" {
				x.exec(`DELETE FROM mirror_names WHERE tenant = $1 AND id = $2`, tenant, p.ID)
				continue
			}
			x.exec(`INSERT INTO mirror_names (tenant, id, fold, words) SELECT $1, $2, $3, coalesce(array_to_tsvector(array_agg(value)), '') FROM jsonb_array_elements_text($4::text::jsonb)
				ON CONFLICT (tenant, id) DO UPDATE SET fold = excluded.fold, words = excluded.words`, tenant, p.ID, words.Fold, array(words.Words))
			continue
		}
		const row = `(SELECT n FROM mirror_names WHERE tenant = $1 AND id = $2)`
		if p.Gone != "" {
			x.exec(`DELETE FROM mirror_words WHERE rowid = `+row, tenant, p.ID)
			x.exec(`DELETE FROM mirror_names WHERE tenant = $1 AND id = $2`, tenant, p.ID)
			continue
		}
		x.exec(`INSERT INTO mirror_names (tenant, id, fold) VALUES ($1, $2, $3) ON CONFLICT (tenant, id) DO UPDATE SET fold = excluded.fold`, tenant, p.ID, words.Fold)
		x.exec(`INSERT OR REPLACE INTO mirror_words (rowid, words) VALUES (`+row+`, $3)`, tenant, p.ID, strings.Join(words.Words, " "))
	}
}

// IndexAnew implements mirror.Store.
func (m *Mirror) IndexAnew(ctx context.Context, tenant string) error {
	const op = "store.indexanew"
	for after, more := "", true; more; {
		rows, err := list(ctx, m.s, op, mirrorPerson+`WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, []any{tenant, after, indexAtOnce}, scanMirrorPerson)
		if err != nil {
			return err
		}
		err = m.s.tx(ctx, op, func(ctx context.Context, tx *sql.Tx, _ bool) error {
			x := &execer{ctx: ctx, tx: tx}
			m.index(x, tenant, rows)
			return x.err
		})
		if err != nil {
			return err
		}
		if more = len(rows) == indexAtOnce; more {
			after = rows[len(rows)-1].ID
		}
	}
	return nil
}

// fewest is how many are looked at before they are put in order: those who have the words but whose names do not begin with the
// text. Who types on gets fewer.
const fewest = 200

type named struct{ id, fold string }

func scanNamed(row scanner) (n named, err error) { err = row.Scan(&n.id, &n.fold); return n, err }

// Find implements mirror.Store.
func (m *Mirror) Find(ctx context.Context, tenant string, q mirror.Question) (ids []string, err error) {
	const op = "store.find"
	if q.Fold != "" {
		first, err := list(ctx, m.s, op, `SELECT id, fold FROM mirror_names WHERE tenant = $1 AND fold >= $2 AND fold < $3 ORDER BY fold, id LIMIT $4`,
			[]any{tenant, q.Fold, q.Fold + "\U0010ffff", q.Top}, scanNamed)
		if err != nil {
			return nil, err
		}
		for _, n := range first {
			ids = append(ids, n.id)
		}
		if len(ids) >= q.Top {
			return ids, nil
		}
	}
	query, and, or := `SELECT n.id, n.fold FROM mirror_words w JOIN mirror_names n ON n.n = w.rowid WHERE mirror_words MATCH $2 AND n.tenant = $1 LIMIT $3`, " AND ", " OR "
	begin := func(s string) string { return `"` + s + `"*` }
	if m.s.engine == postgres {
		// The tenant is no search of its own: most rows have the same.
		query, and, or = `SELECT id, fold FROM mirror_names WHERE tenant || '' = $1 AND words @@ $2::text::tsquery LIMIT $3`, " & ", " | "
		begin = func(s string) string { return `'` + s + `':*` }
	}
	either := func(begins []string) string {
		var l []string
		for _, s := range begins {
			l = append(l, begin(s))
		}
		return "(" + strings.Join(l, or) + ")"
	}
	var all, one []string
	for _, begins := range q.All {
		all = append(all, either(begins))
	}
	if len(all) > 0 {
		one = append(one, "("+strings.Join(all, and)+")")
	}
	if len(q.Any) > 0 {
		one = append(one, either(q.Any))
	}
	match := strings.Join(one, or)
	rest, err := list(ctx, m.s, op, query, []any{tenant, match, max(fewest, 2*q.Top)}, scanNamed)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rest, func(a, b named) int { return cmp.Or(cmp.Compare(a.fold, b.fold), cmp.Compare(a.id, b.id)) })
	for _, n := range rest {
		if len(ids) < q.Top && !slices.Contains(ids, n.id) {
			ids = append(ids, n.id)
		}
	}
	return ids, nil
}
