package mirror

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
)

// groups brings the copy of groups and their members up to date.
func (r *round) groups(ctx context.Context) error {
	if g := &r.state.Groups; g.Phase == Following && r.old(g) {
		g.Phase = Empty
	}
	for {
		var err error
		switch g := &r.state.Groups; {
		case g.Phase == Empty:
			err = r.beginGroups(ctx)
		case g.Phase == Listing && len(g.Ranges) > 0:
			err = r.listGroups(ctx)
		case g.Phase == Gathering:
			err = r.gather(ctx)
		default:
			err = r.followGroups(ctx)
			if !expired(err) || r.anew {
				return err
			}
			r.anew, r.state.Groups = true, Part{Round: g.Round, Full: g.Full}
			err = nil
		}
		if err != nil {
			return err
		}
	}
}

// beginGroups begins a full reading. A large organization's groups are listed, and their members are asked for by the changes of
// a few groups from the beginning, many times a few in one request: the changes of all groups from the beginning have only
// five hundred members on a page, one page behind the other. In a small one that is the shortest way.
func (r *round) beginGroups(ctx context.Context) error {
	g := Part{Phase: Listing, Round: r.state.Groups.Round + 1, Began: r.now, Full: r.state.Groups.Full}
	if r.scoped() || r.state.People.Expect > r.Apart {
		r.asked.Groups += 2
		var err error
		if g.Expect, err = r.Source.Count(ctx, r.tenant, PartGroups); err != nil {
			return err
		}
		if g.Link, err = r.Source.Now(ctx, r.tenant, PartGroups); err != nil {
			return err
		}
		g.Ranges = []Range{{}}
	}
	r.state.Groups = g
	return r.commit(ctx, Commit{Forget: []string{PartGroups, PartMembers}})
}

// listGroups lists all groups.
func (r *round) listGroups(ctx context.Context) error {
	done, n := 0, 0
	err := r.read(ctx, &reading{
		asked: &r.asked.Groups, size: pageSize, idle: r.lines(r.state.Groups.Ranges, Piece{Groups: true}),
		took: func(l []*line, pages []Page) error {
			g := &r.state.Groups.Ranges[l[0].at]
			g.Next, g.Done = l[0].Next, l[0].done
			_, groups := all(pages)
			done, n = done+len(groups), n+1
			r.told("groups", done, r.state.Groups.Expect, n)
			return r.keepGroups(ctx, groups)
		},
	})
	if err == nil {
		err = r.again(ctx, PartGroups, r.state.Groups.Expect)
	}
	if err == nil {
		err = r.missing(ctx, PartGroups) // now, for nobody is asked about the members of groups that are gone
	}
	if err != nil {
		return err
	}
	r.state.Groups.Ranges, r.state.Groups.Phase = nil, Gathering
	return r.commit(ctx, Commit{})
}

// keepGroups commits what a full reading has met of groups.
func (r *round) keepGroups(ctx context.Context, groups []Group) error {
	c, err := r.compareGroups(ctx, groups)
	if err != nil {
		return err
	}
	c.Seen = seenGroups(groups)
	return r.commit(ctx, c)
}

// named is of how many groups changes are asked at once. Fifty are taken (https://learn.microsoft.com/graph/api/group-delta); fewer are more
// listings beside one another, of a page each where groups have twenty members.
const named = 25

// gather reads the members of all groups. What has been read is known by the listings that are under way, and by the group up to which
// listings have begun.
func (r *round) gather(ctx context.Context) error {
	begun := r.lines(r.state.Groups.Ranges, Piece{Members: []string{}})
	asked, last := map[*line]string{}, r.state.Groups.After // listings without an answer yet, by the group before their first one
	done, n := 0, 0
	err := r.read(ctx, &reading{
		asked: &r.asked.Groups, size: atOnce / Together, idle: slices.Clone(begun),
		more: func() (*line, error) {
			ids, err := r.Store.GroupsAfter(ctx, r.tenant, last, named)
			if err != nil || len(ids) == 0 {
				return nil, err
			}
			l := &line{Ask: Ask{Piece: Piece{Members: ids}}, met: follow("members")}
			asked[l], last = last, ids[len(ids)-1]
			return l, nil
		},
		took: func(l []*line, pages []Page) error {
			for _, one := range l {
				if _, first := asked[one]; first {
					delete(asked, one)
					begun = append(begun, one)
				}
			}
			begun = slices.DeleteFunc(begun, func(one *line) bool { return one.done })
			g := &r.state.Groups
			g.Ranges, g.After = nil, last
			for _, one := range begun {
				g.Ranges = append(g.Ranges, Range{Next: one.Next})
			}
			for _, before := range asked {
				g.After = min(g.After, before)
			}
			_, groups := all(pages)
			done, n = done+len(groups), n+1
			r.told("members of groups", done, 0, n)
			return r.keepGroups(ctx, groups)
		},
	})
	if unfit(err) {
		r.state.Groups = Part{Phase: Listing, Round: r.state.Groups.Round, Began: r.state.Groups.Began, Full: r.state.Groups.Full} // by changes alone
		return r.commit(ctx, Commit{})
	}
	if err != nil {
		return err
	}
	g := &r.state.Groups
	g.Ranges, g.After, g.Phase = nil, "", Replaying
	return r.commit(ctx, Commit{})
}

// followGroups reads changes page by page until the directory has told all: those since a link, or from the beginning.
func (r *round) followGroups(ctx context.Context) error {
	met := follow("groups")
	for n, done := 1, 0; ; n++ {
		g := &r.state.Groups
		page, err := r.Source.GroupChanges(ctx, r.tenant, g.Link)
		r.asked.Groups++
		if err != nil {
			return err
		}
		c, err := r.compareGroups(ctx, page.Groups)
		if err != nil {
			return err
		}
		if g.Phase != Following {
			c.Seen = seenGroups(page.Groups)
		}
		if err := met.next(page.Next, len(page.Groups)); err != nil {
			return err
		}
		if g.Link = page.Next; g.Link == "" {
			g.Link = page.Link
		}
		if g.Link == "" {
			return cut("groups")
		}
		if page.Next == "" && g.Phase == Listing {
			g.Phase = Replaying // all is told; what was not in it is looked for below, also by a later round
		}
		if err := r.commit(ctx, c); err != nil {
			return err
		}
		done += len(page.Groups)
		r.told("groups", done, 0, n)
		if page.Next != "" {
			continue
		}
		if r.state.Groups.Phase == Following {
			return nil
		}
		return r.wholeGroups(ctx)
	}
}

// wholeGroups ends a full reading of groups: groups and memberships that it did not tell of are looked at once more.
func (r *round) wholeGroups(ctx context.Context) error {
	if err := r.missing(ctx, PartGroups); err != nil {
		return err
	}
	told := map[uint64]struct{}{}
	err := r.Store.Seen(ctx, r.tenant, PartMembers, func(b []byte) error {
		for ; len(b) >= 8; b = b[8:] {
			told[binary.BigEndian.Uint64(b)] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var doubtful []string
	err = r.Store.Memberships(ctx, r.tenant, func(m Membership) error {
		if _, ok := told[sum(m.Group, m.ID)]; !ok && (len(doubtful) == 0 || doubtful[len(doubtful)-1] != m.Group) {
			doubtful = append(doubtful, m.Group)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range doubtful {
		if err := r.recount(ctx, id); err != nil {
			return err
		}
	}
	r.state.Groups.Phase, r.state.Groups.Full = Following, r.state.Groups.Began
	return r.commit(ctx, Commit{Forget: []string{PartGroups, PartMembers}})
}

// recount lists the members of a group of which the full reading did not tell all that the copy has.
func (r *round) recount(ctx context.Context, group string) error {
	var now []Member
	met := follow("members")
	for page := ""; ; {
		l, next, err := r.Source.GroupMembers(ctx, r.tenant, group, page)
		r.asked.Checks++
		if err != nil {
			return err
		}
		now = append(now, l...)
		if page = next; page == "" {
			break
		}
		if err := met.next(page, len(l)); err != nil {
			return err
		}
	}
	have, err := r.Store.MembersOf(ctx, r.tenant, group)
	if err != nil {
		return err
	}
	rows, err := r.Store.Groups(ctx, r.tenant, []string{group})
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for _, m := range now {
		in[m.ID] = true
	}
	var left []Member
	for _, m := range have {
		if !in[m.ID] {
			left = append(left, m)
		}
	}
	var c Commit
	if err := r.members(ctx, &c, map[string]bool{}, Group{ID: group, Name: rows[group].Name, Joined: now, Left: left}); err != nil {
		return err
	}
	if err := r.causes(ctx, &c); err != nil {
		return err
	}
	return r.commit(ctx, c)
}

// compareGroups says what a page of groups changes in the copy.
func (r *round) compareGroups(ctx context.Context, page []Group) (Commit, error) {
	var list []string
	for _, g := range page {
		list = append(list, g.ID)
	}
	rows, err := r.Store.Groups(ctx, r.tenant, list)
	if err != nil {
		return Commit{}, err
	}
	var c Commit
	var gone []Group
	moved := map[string]bool{} // memberships that a row above has moved
	for _, g := range page {
		row, known := rows[g.ID]
		switch {
		case g.Gone != "":
			if known && row.Gone == "" {
				gone = append(gone, g)
			}
			continue
		case g.Doc != nil && (!known || row.Gone != "" || !bytes.Equal(row.Doc, g.Doc)):
			what := Changed
			if !known {
				what = Created
			} else if row.Gone != "" {
				what = Restored
			}
			plain := Group{ID: g.ID, Name: g.Name, Doc: g.Doc}
			rows[g.ID] = plain
			c.Groups = append(c.Groups, plain)
			r.event(&c, Event{Object: "group", ID: g.ID, Name: g.Name, What: what, Diff: between(row.Doc, g.Doc)})
		}
		if err := r.members(ctx, &c, moved, g); err != nil {
			return Commit{}, err
		}
	}
	if len(gone) > 0 {
		err := r.confirmed(ctx, len(gone), func(i int) string { return gone[i].ID }, func(i int) { r.close(&c, rows[gone[i].ID], gone[i].Gone) })
		if err != nil {
			return Commit{}, err
		}
	}
	return c, r.causes(ctx, &c)
}

// close takes a group for gone.
func (r *round) close(c *Commit, row Group, how Gone) {
	row.Gone, row.Since = how, r.now
	c.Groups = append(c.Groups, row)
	r.event(c, Event{Object: "group", ID: row.ID, Name: row.Name, What: Removed})
}

// members says which memberships change. moved are those that have on the same page: true is in.
func (r *round) members(ctx context.Context, c *Commit, moved map[string]bool, g Group) error {
	var ids []string
	for _, m := range slices.Concat(g.Joined, g.Left) {
		ids = append(ids, m.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	have, err := r.Store.Among(ctx, r.tenant, g.ID, ids)
	if err != nil {
		return err
	}
	move := func(m Member, in bool, what string, to *[]Membership) {
		was, ok := moved[g.ID+m.ID]
		if !ok {
			was = have[m.ID]
		}
		if was == in {
			return
		}
		moved[g.ID+m.ID] = in
		*to = append(*to, Membership{g.ID, m})
		r.event(c, Event{Object: "member", ID: g.ID, Who: m.ID, Name: g.Name, What: what})
	}
	for _, m := range g.Joined {
		move(m, true, Joined, &c.Joined)
	}
	for _, m := range g.Left {
		move(m, false, Left, &c.Left)
	}
	return nil
}

func seenGroups(l []Group) []Seen {
	var groups, members []byte
	for _, g := range l {
		k := key(g.ID)
		groups = append(groups, k[:]...)
		for _, m := range g.Joined {
			members = appendSum(members, g.ID, m.ID)
		}
	}
	return append(seen(PartGroups, groups), seen(PartMembers, members)...)
}
