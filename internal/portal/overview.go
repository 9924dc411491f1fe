package portal

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

type overviewBody struct {
	Tiles   []tileView
	History []entryView
	Query   string
}

// overviewMost is how many entries are counted; more are "100+".
const overviewMost = 100

// overview is where people with a role begin: how many people, what happened, what wants a look.
func (p *Portal) overview(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	by, tenant := v.Actor(), v.Session.Ref.Tenant
	tiles := make([]*tileView, 5)
	var work sync.WaitGroup
	count := func(at int, label, filter, href string) {
		work.Go(func() {
			list, err := p.Desk.People(r.Context(), by, tenant, directory.Query{Filter: filter, Top: 1, Count: true})
			if fail.Is(err, fail.Denied) {
				return // counting would tell what is hidden from the reader
			}
			t := tileView{Label: label, Figure: v.Printer.Number(list.Total), Note: v.Printer.S("Show them"), Href: href, Tone: "quiet"}
			if err != nil {
				t.Figure, t.Note, t.Href, t.Tone = "–", v.Printer.S("Could not be read"), "", "caution"
				p.Log.Warn("overview", "request", v.ID, "err", err.Error())
			}
			tiles[at] = &t
		})
	}
	count(0, v.Printer.S("People"), "", "/admin/people")
	count(1, v.Printer.S("Sign-in blocked"), "accountEnabled eq false", "/admin/people?view=blocked")
	count(2, v.Printer.S("Guests"), "userType eq 'Guest'", "/admin/people?view=guests")
	now := p.Now().In(v.Printer.Zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	list, err := p.Desk.History(r.Context(), by, tenant, change.Search{From: today}, 0, overviewMost)
	work.Wait()
	if err != nil {
		return err
	}
	tiles[3] = &tileView{Label: v.Printer.S("Changes today"), Figure: p.atMost(v, len(list)), Note: v.Printer.S("Show them"), Href: with("/admin/history", url.Values{"from": {today.Format(time.DateOnly)}}), Tone: "quiet"}
	if tiles[4], err = p.failures(r.Context(), v, today.AddDate(0, 0, -7)); err != nil {
		return err
	}
	b := overviewBody{}
	for _, t := range tiles {
		if t != nil {
			b.Tiles = append(b.Tiles, *t)
		}
	}
	recent, err := p.Desk.History(r.Context(), by, tenant, change.Search{}, 0, 8)
	if err != nil {
		return err
	}
	undone := takenBack(recent)
	for _, e := range recent {
		b.History = append(b.History, p.entryBy(v, e, undone[e.ID]))
	}
	return p.show(w, v, http.StatusOK, "overview", p.desk(r, v, "overview", fail.T("Overview"), b))
}

// failures counts what was not saved, or not wholly, since a time.
func (p *Portal) failures(ctx context.Context, v *web.Visit, since time.Time) (*tileView, error) {
	n, worst := 0, change.State("")
	for _, state := range []change.State{change.Failed, change.Partly, change.Unverified} {
		list, err := p.Desk.History(ctx, v.Actor(), v.Session.Ref.Tenant, change.Search{State: state, From: since}, 0, overviewMost)
		if err != nil {
			return nil, err
		}
		if n += len(list); worst == "" && len(list) > 0 {
			worst = state
		}
	}
	t := &tileView{Label: v.Printer.S("Not saved in 7 days"), Figure: p.atMost(v, n), Note: v.Printer.S("Everything was saved"), Tone: "positive"}
	if n > 0 {
		t.Note, t.Tone = v.Printer.S("Look at these"), "critical"
		t.Href = with("/admin/history", url.Values{"state": {string(worst)}, "from": {since.Format(time.DateOnly)}})
	}
	return t, nil
}

func (p *Portal) atMost(v *web.Visit, n int) string {
	if n >= overviewMost {
		return v.Printer.Number(overviewMost) + "+"
	}
	return v.Printer.Number(n)
}
