package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nameplate/internal/fail"
)

// round is one run of Sync.
type round struct {
	*Mirror
	tenant string
	state  State
	saved  State // as it was last committed
	now    time.Time
	asked  Requests
	anew   bool // a link was too old in this round
	bosses bool // everybody's manager is being read
}

// Sync makes the copy the directory as it is now: everything where there is no copy yet or its links are too old, else what changed.
// It goes on where an earlier round ended. fail.Conflict is somebody else at the same copy, with Code "held" more people and groups
// that vanished than may without a person's word (Allow); what was read until then is kept.
func (m *Mirror) Sync(ctx context.Context, tenant string) (Requests, error) {
	if m.busy.Swap(true) {
		return Requests{}, fail.New(fail.Conflict, "mirror.sync", fail.T("A round is under way. Wait until it has come to its end."))
	}
	return m.round(ctx, tenant)
}

// round is Sync when it is sure that no other round is under way here.
func (m *Mirror) round(ctx context.Context, tenant string) (Requests, error) {
	defer func() {
		m.at.Store(nil)
		m.busy.Store(false)
	}()
	s, err := m.Store.State(ctx, tenant)
	if err != nil {
		return Requests{}, err
	}
	r := &round{Mirror: m, tenant: tenant, state: s, saved: s, now: m.Now()}
	r.state.Began, r.state.Vanished = r.now, 0
	err = r.run(ctx)
	if err != nil && !fail.Is(err, fail.Conflict) && ctx.Err() == nil {
		r.state = r.saved // what was not committed with its page is read again
		r.state.Problem = err.Error()
		if kept := r.commit(ctx, Commit{}); kept != nil {
			err = errors.Join(err, kept)
		}
	}
	return r.asked, err
}

func (r *round) run(ctx context.Context) error {
	for _, part := range []func(context.Context) error{r.words, r.people, r.groups, r.managers, r.products} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	r.state.Whole, r.state.Ended, r.state.Problem = r.state.Began, r.Now(), ""
	r.state.Requests, r.state.Allowed, r.state.Held = r.asked, 0, 0
	return r.commit(ctx, Commit{})
}

// commit writes one page and where the copy stands after it.
func (r *round) commit(ctx context.Context, c Commit) error {
	c.State = r.state
	s, err := r.Store.Commit(ctx, r.tenant, c)
	if err == nil {
		r.state, r.saved = s, s
	}
	return err
}

func (r *round) told(what string, done, of, pages int) {
	p := Progress{What: what, Done: done, Of: of, Pages: pages}
	r.at.Store(&p)
	if r.Progress != nil {
		r.Progress(p)
	}
}

// people brings the copy of people up to date.
func (r *round) people(ctx context.Context) error {
	if p := &r.state.People; p.Phase == Following && (r.scoped() || r.old(p)) {
		p.Phase = Empty // there are no changes of a part of a directory: it is small, and read anew
	}
	for {
		var err error
		switch r.state.People.Phase {
		case Empty:
			err = r.beginPeople(ctx)
		case Listing:
			err = r.list(ctx)
		case Replaying, Following:
			err = r.follow(ctx)
			if !expired(err) || r.anew {
				return err
			}
			r.anew, r.state.People = true, Part{Round: r.state.People.Round, Full: r.state.People.Full}
			err = nil
		}
		if err != nil {
			return err
		}
	}
}

// old says that a part has to be read anew, since changes may have been left out of what the directory told.
func (r *round) old(p *Part) bool { return !p.Full.After(r.now.Add(-r.Full)) }

func (r *round) scoped() bool { return r.Scope.Group != "" || r.Scope.Filter != "" }

func expired(err error) bool {
	var f *fail.Error
	return errors.As(err, &f) && f.Code == CodeExpired
}

// beginPeople takes the link first and lists then, so that what changes while pages are read is told by the link.
func (r *round) beginPeople(ctx context.Context) error {
	p := Part{Phase: Listing, Round: r.state.People.Round + 1, Began: r.now, Full: r.state.People.Full}
	var err error
	if !r.scoped() {
		r.asked.People += 2
		if p.Expect, err = r.Source.Count(ctx, r.tenant, PartPeople); err != nil {
			return err
		}
		if p.Link, err = r.Source.Now(ctx, r.tenant, PartPeople); err != nil {
			return err
		}
	}
	if p.Ranges, err = r.pieces(ctx, p.Expect); err != nil {
		return err
	}
	r.state.People = p
	return r.commit(ctx, Commit{Forget: []string{PartPeople}})
}

// list reads all ranges of people and commits request by request.
func (r *round) list(ctx context.Context) error {
	seen, count := 0, 0
	err := r.read(ctx, &reading{
		asked: &r.asked.People, size: expected(r.state.People), idle: r.lines(r.state.People.Ranges, r.Scope),
		took: func(l []*line, pages []Page) error {
			for _, one := range l {
				g := &r.state.People.Ranges[one.at]
				g.Next, g.Done = one.Next, one.done
			}
			people, _ := all(pages)
			seen, count = seen+len(people), count+len(pages)
			return r.keepPeople(ctx, people, func() { r.told("people", seen, r.state.People.Expect, count) })
		},
	})
	p := &r.state.People
	switch {
	case unfit(err) && len(p.Ranges) > 1:
		p.Ranges = []Range{{}}
		return r.commit(ctx, Commit{})
	case err != nil:
		return err
	}
	p.Ranges, p.Phase = nil, Replaying
	return r.commit(ctx, Commit{})
}

// keepPeople commits people whom a full reading has met.
func (r *round) keepPeople(ctx context.Context, people []Person, told func()) error {
	c, err := r.compare(ctx, people)
	if err != nil {
		return err
	}
	c.Seen = seenPeople(people)
	if err := r.commit(ctx, c); err != nil {
		return err
	}
	told()
	return nil
}

// follow reads changes page by page until the directory has told all; after a full reading it looks for who was not in it.
func (r *round) follow(ctx context.Context) error {
	if r.scoped() { // nothing to replay
		return r.whole(ctx)
	}
	met := follow("changes of people")
	for n := 1; ; n++ {
		p := &r.state.People
		page, err := r.Source.PeopleChanges(ctx, r.tenant, p.Link)
		r.asked.People++
		if err != nil {
			return err
		}
		c, err := r.compare(ctx, page.People)
		if err != nil {
			return err
		}
		if p.Phase == Replaying {
			c.Seen = seenPeople(page.People)
		}
		if err := met.next(page.Next, len(page.People)); err != nil {
			return err
		}
		if p.Link = page.Next; p.Link == "" {
			p.Link = page.Link
		}
		if p.Link == "" {
			return cut("people")
		}
		if err := r.commit(ctx, c); err != nil {
			return err
		}
		r.told("changes of people", len(page.People), 0, n)
		if page.Next != "" {
			continue
		}
		if r.state.People.Phase != Replaying {
			return nil
		}
		if err := r.again(ctx, PartPeople, r.state.People.Expect); err != nil {
			return err
		}
		r.state.Managers = r.state.People.Began
		return r.whole(ctx)
	}
}

// whole ends a full reading of people.
func (r *round) whole(ctx context.Context) error {
	if err := r.missing(ctx, PartPeople); err != nil {
		return err
	}
	r.state.People.Phase, r.state.People.Full = Following, r.state.People.Began
	return r.commit(ctx, Commit{Forget: []string{PartPeople}})
}

// again lists everybody, or all groups, once more in one piece where the listing told of fewer than there were: a page was wrong, or a
// name begins as none should. Two listings that agree are believed, for the count may be stale.
func (r *round) again(ctx context.Context, part string, expect int) error {
	for have, try := -1, 0; try < 3; try++ {
		seen := set{}
		if err := r.Store.Seen(ctx, r.tenant, part, seen.add); err != nil || len(seen) >= expect || len(seen) == have {
			return err
		}
		have = len(seen)
		if err := r.once(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// once lists everybody, or all groups, in one piece.
func (r *round) once(ctx context.Context, part string) error {
	d := &reading{asked: &r.asked.People, idle: r.lines([]Range{{}}, r.Scope)}
	d.took = func(_ []*line, pages []Page) error {
		people, _ := all(pages)
		return r.keepPeople(ctx, people, func() {})
	}
	if part == PartGroups {
		d.asked, d.idle = &r.asked.Groups, r.lines([]Range{{}}, Piece{Groups: true})
		d.took = func(_ []*line, pages []Page) error { _, groups := all(pages); return r.keepGroups(ctx, groups) }
	}
	return r.read(ctx, d)
}

// emptyPages is how many pages without anything may follow one another: more is a listing that does not end.
const emptyPages = 1000

// trail watches a listing for not coming to its end: a link that comes again, or pages without anything for ever.
type trail struct {
	what  string
	links map[string]bool
	empty int
}

func follow(what string) *trail { return &trail{what: what, links: map[string]bool{}} }

// next takes the link to the next page ("" is none) and how much was on the page before.
func (t *trail) next(link string, n int) error {
	if t.empty++; n > 0 {
		t.empty = 0
	}
	if link != "" && t.links[link] || t.empty > emptyPages {
		return &fail.Error{
			Op: "mirror.sync", Kind: fail.Unavailable, Item: t.what, Err: fmt.Errorf("the pages of %s never end", t.what),
			Say: fail.T("The directory's listing does not come to an end. The next round tries again."),
		}
	}
	t.links[link] = true
	return nil
}

func cut(what string) error {
	return &fail.Error{
		Op: "mirror.sync", Kind: fail.Unavailable, Item: what, Err: fmt.Errorf("the last page of changes of %s names no link to go on from", what),
		Say: fail.T("The directory's listing ended too early. The next round tries again."),
	}
}

// managers reads everybody's manager anew when it is time: what the directory says of changes may leave them out.
func (r *round) managers(ctx context.Context) error {
	if r.state.Managers.After(r.now.Add(-r.Mirror.Managers)) || r.scoped() {
		return nil
	}
	r.bosses = true
	defer func() { r.bosses = false }()
	p := Part{Expect: r.state.People.Expect}
	var err error
	if p.Ranges, err = r.pieces(ctx, p.Expect); err != nil {
		return err
	}
	seen, count := 0, 0
	took := func(_ []*line, pages []Page) error {
		people, _ := all(pages)
		c, err := r.compare(ctx, people)
		if err != nil {
			return err
		}
		seen, count = seen+len(people), count+len(pages)
		r.told("managers", seen, 0, count)
		return r.commit(ctx, c)
	}
	in := func() error {
		return r.read(ctx, &reading{asked: &r.asked.Managers, size: expected(p), idle: r.lines(p.Ranges, Piece{Managers: true}), took: took})
	}
	if err = in(); unfit(err) && len(p.Ranges) > 1 {
		p.Ranges = []Range{{}}
		err = in()
	}
	if err != nil {
		return err
	}
	r.state.Managers = r.now
	return r.commit(ctx, Commit{})
}

// products reads the organization's products when managers are read.
func (r *round) products(ctx context.Context) error {
	if r.state.Products.After(r.now.Add(-r.Mirror.Managers)) {
		return nil
	}
	r.asked.Other++
	l, err := r.Source.Products(ctx, r.tenant)
	if err != nil {
		return err
	}
	r.state.Products = r.now
	return r.commit(ctx, Commit{Products: l})
}
