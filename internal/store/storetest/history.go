package storetest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
)

func pages(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	for i := range 25 {
		begin(t, j, Entry(tenantA, "adele", id("e", i), id("k", i)))
		must(t, "end", j.End(ctx, id("e", i), applied(c.Now())))
		begin(t, j, Entry(tenantA, id("other", i), id("o", i), id("ok", i)))
	}
	adele := directory.Ref{Tenant: tenantA, ID: "adele"}
	var got []string
	before := int64(0)
	for {
		page, err := j.On(ctx, adele, before, 10)
		must(t, "on", err)
		if len(page) > 10 {
			t.Fatalf("a page of %d, asked for 10", len(page))
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.ID)
		}
		before = page[len(page)-1].Seq
	}
	var want []string
	for i := range 25 {
		want = append(want, id("e", 24-i))
	}
	equal(t, "newest first, each once", got, want)
	if page, err := j.On(ctx, directory.Ref{Tenant: tenantB, ID: "adele"}, 0, 10); err != nil || len(page) != 0 {
		t.Errorf("another tenant's history: %d entries, %v", len(page), err)
	}
}

func search(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	add := func(tenant, object, by, id string, do change.Action, state change.State) {
		c.Advance(time.Hour)
		e := Entry(tenant, object, id, id)
		e.Change.Do, e.Change.By.Ref.ID, e.Begun = do, by, c.Now()
		begin(t, j, e)
		o := applied(c.Now())
		o.State = state
		must(t, "end", j.End(ctx, id, o))
	}
	add(tenantA, "adele", "adele", "e1", change.Update, change.Applied)
	add(tenantA, "ben", "adele", "e2", change.Member, change.Applied)
	add(tenantB, "adele", "adele", "e3", change.Update, change.Applied)
	add(tenantA, "adele", "carl", "e4", change.Update, change.Refused)
	for name, q := range map[string]struct {
		q    change.Search
		want string
	}{
		"everything": {change.Search{}, "e4 e2 e1"},
		"on":         {change.Search{On: "adele"}, "e4 e1"},
		"by":         {change.Search{By: "adele"}, "e2 e1"},
		"do":         {change.Search{Do: change.Member}, "e2"},
		"state":      {change.Search{State: change.Refused}, "e4"},
		"from":       {change.Search{From: Start.Add(2 * time.Hour)}, "e4 e2"},
		"until":      {change.Search{Until: Start.Add(2 * time.Hour)}, "e1"},
		"nobody":     {change.Search{On: "x' OR 1=1 --"}, ""},
		"NUL":        {change.Search{By: "a\x00"}, ""},
	} {
		var ids []string
		for before := int64(0); ; { // a page of one
			l, err := j.(finder).Find(ctx, tenantA, q.q, before, 1)
			must(t, name, err)
			if len(l) == 0 {
				break
			}
			ids, before = append(ids, l[0].ID), l[0].Seq
		}
		if got := strings.Join(ids, " "); got != q.want {
			t.Errorf("%s: found %q, want %q", name, got, q.want)
		}
		want := strings.Fields(q.want)
		for i := len(want) - 2; i >= 0; i-- { // and back again, one by one
			older, err := j.(finder).Find(ctx, tenantA, q.q, 0, 99)
			must(t, name, err)
			back := q.q
			back.After = older[i+1].Seq
			l, err := j.(finder).Find(ctx, tenantA, back, 0, 1)
			must(t, name, err)
			if len(l) != 1 || l[0].ID != want[i] {
				t.Errorf("%s: newer than %s is %v, want %s", name, want[i+1], l, want[i])
			}
			back.After = older[len(older)-1].Seq
			l, err = j.(finder).Find(ctx, tenantA, back, 0, 99)
			must(t, name, err)
			if len(l) != len(want)-1 || l[0].ID != want[0] {
				t.Errorf("%s: newer than the oldest are %d", name, len(l))
			}
		}
	}
}

func unsettled(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	at := func(tenant, entry string, d time.Duration) {
		e := Entry(tenant, "of "+entry, entry, "k "+entry)
		e.Begun = Start.Add(d)
		begin(t, j, e)
	}
	at(tenantA, "late", 10*time.Minute)
	at(tenantA, "open", time.Minute)
	at(tenantB, "other", 2*time.Minute)
	at(tenantA, "ended", 0)
	must(t, "end", j.End(ctx, "ended", applied(c.Now())))
	at(tenantA, "unverified", 20*time.Minute)
	must(t, "end", j.End(ctx, "unverified", change.Outcome{State: change.Unverified, At: c.Now()}))
	photo := Entry(tenantA, "of photo", "photo", "k photo")
	photo.Change.Do, photo.Change.Set, photo.Change.Photo = change.Photo, nil, []byte("\xff\xd8 jpeg")
	begin(t, j, photo)
	list := func(tenant string, n int) (ids []string) {
		found, err := j.Unsettled(ctx, tenant, Start.Add(5*time.Minute), n)
		must(t, "unsettled", err)
		for _, e := range found {
			ids = append(ids, e.ID)
			if e.ID == "photo" && !bytes.Equal(e.Change.Photo, photo.Change.Photo) {
				t.Error("settling a picture needs its bytes")
			}
		}
		return ids
	}
	equal(t, "unsettled", list("", 10), []string{"photo", "open", "other", "unverified"})
	equal(t, "two of them", list("", 2), []string{"photo", "open"})
	equal(t, "one tenant's", list(tenantB, 10), []string{"other"})
}
