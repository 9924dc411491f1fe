package bulk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// judging is one row on its way to be judged.
type judging struct {
	*making
	row *Row
	rec sheet.Record
	who *directory.User
	see property.Values // what is known of the person, facets included
}

// at is where a column of some use stands in the row.
func (j *judging) at(use sheet.Use) sheet.Problem {
	p := sheet.Problem{Line: j.rec.Line, Sheet: j.rec.Sheet}
	if j.plan.Picked != nil {
		p.Line = 0 // there is no file to look into
	}
	for i, c := range j.columns {
		if c.Use == use {
			p.Heading = c.Heading
			if p.Line > 0 {
				p.Column = i + 1
			}
		}
	}
	return p
}

func (j *judging) problem(use sheet.Use, code string, say fail.Text) {
	p := j.at(use)
	p.Code, p.Say = code, say
	j.row.Problems = append(j.row.Problems, p)
}

func (j *judging) note(use sheet.Use, code string, say fail.Text) {
	p := j.at(use)
	p.Code, p.Say = code, say
	j.row.Notes = append(j.row.Notes, p)
}

// about says whom the row is about.
func (j *judging) about(u *directory.User) {
	j.who, j.row.On, j.row.Privileged = u, u.Ref, len(u.Roles) > 0
	j.row.UPN, j.row.Name = u.Values["userPrincipalName"].Str(), u.Values["displayName"].Str()
	j.see = u.Values.Clone()
	if j.see[directory.FacetAccount].IsNull() {
		j.see[directory.FacetAccount] = property.Text(directory.Active)
	}
}

// judge makes the steps of a row, in the order of Kinds.
func (j *judging) judge(ctx context.Context) error {
	if again := j.twice(); again {
		return nil
	}
	switch j.rec.Act {
	case sheet.Delete:
		return j.weigh(ctx, change.Change{Do: change.Account, Set: property.Values{directory.FacetAccount: property.Text(directory.Deleted)}})
	case sheet.Restore:
		if err := j.weigh(ctx, change.Change{Do: change.Account, Set: property.Values{directory.FacetAccount: property.Text(directory.Active)}}); err != nil {
			return err
		}
		if len(j.rec.Cells) > 0 {
			j.note(sheet.UPN, "restore", fail.T("Somebody who is restored comes back as they were. What else the row says is not done; plan it again afterwards."))
		}
		return nil
	}
	first := j.update
	if j.creates() {
		first = j.create
	} else if j.rec.Secret != "" {
		j.note(sheet.Password, "password", fail.T("The person is there already, so the first password of the file is not used."))
	}
	for _, step := range []func(context.Context) error{first, j.picture, j.manager, j.groups, j.licenses} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// twice is for people whom more than one line is about: the same is said once, what differs is refused.
func (j *judging) twice() bool {
	l := j.lines[j.who.Ref.ID]
	if len(l) < 2 {
		return false
	}
	var all []int
	same := true
	for _, s := range l {
		all = append(all, s.line)
		same = same && s.sum == l[0].sum
	}
	switch {
	case !same:
		j.problem(sheet.UPN, "twice", fail.T("The lines %[1]s are about the same person and say different things. Keep one of them.", joined(all)))
		return true
	case j.rec.Line != l[0].line:
		j.note(sheet.UPN, "twice", fail.T("It says the same of the same person as line %d.", l[0].line))
		return true
	}
	return false
}

func joined(lines []int) string {
	const shown = 10
	var l []string
	for _, n := range lines[:min(len(lines), shown)] {
		l = append(l, fail.T("%d", n).String())
	}
	if len(lines) > shown {
		l = append(l, "…")
	}
	return strings.Join(l, ", ")
}

// weigh asks the engine about one step, and keeps it when it would do something. What is so already is nobody's question.
func (j *judging) weigh(ctx context.Context, c change.Change) error {
	if c.Set = c.Set.Diff(j.see); len(c.Set) == 0 {
		return nil
	}
	c.On, c.By = j.who.Ref, j.by
	seen := change.Seen{User: *j.who, Groups: j.crowd.byID}
	seen.Values = j.see
	p, err := j.Desk.Weigh(ctx, c, seen)
	var f *fail.Error
	if errors.As(err, &f) && f.Kind == fail.Denied { // a scope that the key lacks for this step alone
		p.Problems, err = []fail.Problem{{Code: "not_allowed", Say: f.Say}}, nil
	}
	if err != nil {
		return err
	}
	for _, q := range p.Problems {
		x := j.place(c.Do, property.Name(q.Field))
		x.Code, x.Say = q.Code, q.Say
		j.row.Problems = append(j.row.Problems, x)
	}
	for _, q := range p.Conflicts {
		x := j.place(c.Do, q.Name)
		x.Code, x.Say = "changed", fail.T("Somebody else has changed %s since. It stays as it is.", cmp.Or(c.Names[string(q.Name)], string(q.Name)))
		j.row.Problems = append(j.row.Problems, x)
	}
	s := Step{Do: c.Do, Set: property.Values{}, Before: property.Values{}, Names: c.Names, Undoes: c.Undoes}
	for n := range p.Diff {
		if v, own := c.Set[n]; own {
			s.Set[n], s.Before[n] = v, j.see[n]
		}
	}
	for _, q := range p.Conflicts {
		s.Set[q.Name], s.Before[q.Name] = q.Wanted, q.Now
	}
	if len(s.Set) > 0 {
		j.row.Steps = append(j.row.Steps, s)
	}
	return nil
}

// place is where a name of a step stands in the row.
func (j *judging) place(do change.Action, n property.Name) sheet.Problem {
	for _, c := range j.rec.Cells {
		if c.Name == n {
			return c.Place
		}
	}
	switch do {
	case change.Create:
		if n == "passwordProfile" {
			return j.at(sheet.Password)
		}
	case change.Manager:
		return j.at(sheet.Manager)
	case change.Member:
		return j.at(sheet.JoinTo)
	case change.License:
		return j.at(sheet.Give)
	}
	return j.at(sheet.UPN)
}

// update makes the step of the properties. A cell that says what an export says of the value that is there changes nothing, however
// odd that value is.
func (j *judging) update(ctx context.Context) error {
	set := property.Values{}
	odd := false
	for _, c := range j.rec.Cells {
		d, _ := j.Desk.Policy.Properties().Def(c.Name)
		bad := func(code string, say fail.Text) {
			p := c.Place
			p.Code, p.Say = code, say
			j.row.Problems = append(j.row.Problems, p)
		}
		now, read := j.see[c.Name]
		switch {
		case read && c.Text == sheet.Show(now):
			continue
		case len(c.Problems) > 0:
			j.row.Problems = append(j.row.Problems, c.Problems...)
			odd = true
			continue
		case d.Graph.Single || d.Graph.Delegated && !read:
			bad("not_allowed", fail.T("Only the person themself can change this, signed in with their own account."))
			continue
		case !read:
			bad("unreadable", fail.T("This cannot be read of many people at once, so it is not changed from a file. Change it on the person's page."))
			continue
		}
		if say := sheet.Damaged(now, c.Value); !say.Zero() && !j.up.AsTyped {
			bad("damaged", say)
			continue
		}
		if c.Name == "userPrincipalName" && !j.verified(c.Value.Str()) {
			bad("domain", fail.T("The domain of %[1]s is none of your organization's. It has: %[2]s.", c.Value.Str(), strings.Join(j.crowd.domains, ", ")))
			continue
		}
		j.row.Notes = append(j.row.Notes, c.Notes...)
		set[c.Name] = c.Value
	}
	if odd {
		j.odd++
	}
	return j.weigh(ctx, change.Change{Do: change.Update, Set: set})
}

// verified says whether an address is of a domain of the organization, as far as that is known.
func (j *judging) verified(upn string) bool {
	_, domain, _ := strings.Cut(upn, "@")
	return len(j.crowd.domains) == 0 || slices.ContainsFunc(j.crowd.domains, func(d string) bool { return strings.EqualFold(d, domain) })
}

func (j *judging) manager(ctx context.Context) error {
	if j.rec.Manager == nil {
		return nil
	}
	v, names := property.Null(), map[string]string{}
	if *j.rec.Manager != "" {
		u, why := j.boss(*j.rec.Manager)
		if u == nil {
			j.problem(sheet.Manager, "manager", why)
			return nil
		}
		if ring := j.ring(j.who.Ref.ID); ring != "" && u.Ref != j.who.Ref {
			j.problem(sheet.Manager, "ring", fail.T("These would be one another's managers: %s.", ring))
			return nil
		}
		if !u.Enabled {
			j.note(sheet.Manager, "disabled", fail.T("The account of %s is disabled.", u.Values["userPrincipalName"].Str()))
		}
		v = property.Text(u.Ref.ID)
		names[u.Ref.ID] = u.Values["displayName"].Str()
	}
	if m := j.who.Manager; m != nil {
		names[m.Ref.ID] = m.Name
	}
	return j.weigh(ctx, change.Change{Do: change.Manager, Set: property.Values{directory.FacetManager: v}, Names: names})
}

func (j *judging) groups(ctx context.Context) error {
	set, names := property.Values{}, map[string]string{}
	put := func(use sheet.Use, text string, v property.Value) {
		g := j.crowd.groups[strings.ToLower(text)]
		if !g.why.Zero() {
			j.problem(use, "group", g.why)
			return
		}
		n := directory.MemberOf(g.Ref.ID)
		if was, twice := set[n]; twice && !was.Equal(v) {
			j.problem(use, "group", fail.T("The row puts the person into %s and takes them out.", g.Name))
			return
		}
		set[n], names[string(n)] = v, g.Name
		j.see[n] = property.Null()
		if j.crowd.members[g.Ref.ID][j.who.Ref.ID] {
			j.see[n] = property.Bool(true)
		}
	}
	switch j.rec.Act {
	case sheet.Join:
		put(sheet.Member, j.up.Group, property.Bool(true))
	case sheet.Leave:
		put(sheet.Member, j.up.Group, property.Null())
	}
	for _, g := range j.rec.Join {
		put(sheet.JoinTo, g, property.Bool(true))
	}
	for _, g := range j.rec.Leave {
		put(sheet.LeaveOf, g, property.Null())
	}
	if j.rec.Like != "" {
		x, ok := j.crowd.like[strings.ToLower(j.rec.Like)]
		if !ok {
			j.problem(sheet.Like, "nobody", fail.T("Nobody has the sign-in name %s.", j.rec.Like))
		}
		for _, g := range x.Groups {
			if g.Fixed() != "" || g.Assignable {
				j.note(sheet.Like, "group", fail.T("%s is left out: nobody is put into it by hand, or it can hold directory roles.", g.Name))
				continue
			}
			put(sheet.Like, g.Ref.ID, property.Bool(true))
		}
	}
	return j.weigh(ctx, change.Change{Do: change.Member, Set: set, Names: names})
}

func (j *judging) licenses(ctx context.Context) error {
	set, names := property.Values{}, map[string]string{}
	put := func(use sheet.Use, text string, v property.Value) {
		s, ok := j.crowd.sku(text)
		if !ok {
			var l []string
			for _, s := range j.crowd.skus {
				l = append(l, s.Part)
			}
			j.problem(use, "license", fail.T("Your organization has no product %[1]q. It has: %[2]s.", text, strings.Join(l, ", ")))
			return
		}
		n := directory.Licensed(s.ID)
		_, has := directory.Plans(j.see[n])
		was, said := set[n]
		switch _, give := directory.Plans(v); {
		case said && give == was.IsNull():
			j.problem(use, "license", fail.T("The row gives %s and takes it.", directory.ProductName(s.Part)))
			return
		case give && has:
			return // with whatever services are switched off
		case give:
			j.asked[s.ID]++
			if j.free[s.ID]--; j.free[s.ID] < 0 {
				j.problem(use, "seats", fail.T("No seat of %[1]s is left for this row: %[2]d are free.", directory.ProductName(s.Part), s.Free()))
				return
			}
		case has:
			j.free[s.ID]++
		}
		set[n], names[string(n)] = v, s.Part
	}
	for _, s := range j.rec.Give {
		put(sheet.Give, s, directory.Assigned())
	}
	for _, s := range j.rec.Take {
		put(sheet.Take, s, property.Null())
	}
	if x, ok := j.crowd.like[strings.ToLower(j.rec.Like)]; ok && j.rec.Like != "" {
		for _, l := range x.Licenses {
			if l.Direct {
				put(sheet.Like, l.SKU, directory.Assigned(l.Disabled...))
			}
		}
	}
	j.placed(set)
	return j.weigh(ctx, change.Change{Do: change.License, Set: set, Names: names})
}
