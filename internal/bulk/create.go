package bulk

import (
	"cmp"
	"context"
	"slices"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// notYetMade stands for a password that is made when its row is applied. One that the file gives waits sealed until then.
const notYetMade = "Made here, 1 at a time"

// newcomer is somebody whom a row creates, as the directory knows them before.
func newcomer(tenant, upn string) *directory.User {
	return &directory.User{
		Ref: directory.Newcomer(tenant, upn), Enabled: true, Roles: []string{},
		Values: property.Values{"userPrincipalName": property.Text(upn), "displayName": property.Null()},
	}
}

// creates says whether a row is about somebody who is not there yet.
func (j *judging) creates() bool {
	return j.who.Ref == directory.Newcomer(j.tenant, j.row.UPN) && j.crowd.people[j.who.Ref.ID] == nil
}

// create makes the step that adds the person of a row; what is no property of theirs follows in steps of its own.
func (j *judging) create(ctx context.Context) error {
	set := property.Values{"userPrincipalName": property.Text(j.rec.UPN)}
	for _, c := range j.rec.Cells {
		if len(c.Problems) > 0 {
			j.row.Problems = append(j.row.Problems, c.Problems...)
			j.odd++
			continue
		}
		j.row.Notes = append(j.row.Notes, c.Notes...)
		if !c.Value.Empty() {
			set[c.Name] = c.Value
		}
	}
	j.row.Name = set["displayName"].Str()
	c := change.Change{On: j.who.Ref, Do: change.Create, Set: set, By: j.by, Secret: cmp.Or(j.rec.Secret, notYetMade)}
	p, err := j.Desk.Weigh(ctx, c, change.Seen{Domains: j.crowd.domains})
	if fail.Is(err, fail.Denied) { // the key lacks the scope
		p.Problems, err = []fail.Problem{{Code: "not_allowed", Say: fail.T("This key does not have the scope %s.", string(directory.PeopleCreate))}}, nil
	}
	if err != nil {
		return err
	}
	for _, q := range p.Problems {
		x := j.place(change.Create, property.Name(q.Field))
		x.Code, x.Say = q.Code, q.Say
		if q.Field != "" && x.Column == j.at(sheet.UPN).Column && q.Field != "userPrincipalName" {
			x.Say = fail.T("%[1]s: %[2]s", q.Field, q.Say)
		}
		j.row.Problems = append(j.row.Problems, x)
	}
	s := Step{Do: change.Create, Set: set, Before: property.Values{}}
	j.see = property.Values{directory.FacetAccount: property.Null(), directory.FacetManager: property.Null()}
	for _, n := range j.Desk.Policy.Properties().Names() {
		j.see[n] = property.Null()
	}
	for _, s := range j.crowd.skus {
		j.see[directory.Licensed(s.ID)] = property.Null()
	}
	for n, v := range set {
		s.Before[n], j.see[n] = property.Null(), v
	}
	for n, v := range p.Diff { // with what follows from a pick, and from the sign-in name
		s.Set[n], s.Before[n] = v, property.Null()
	}
	delete(s.Set, directory.FacetAccount)
	delete(s.Before, directory.FacetAccount)
	j.row.Steps = append(j.row.Steps, s)
	if j.rec.Secret != "" {
		j.give(givenPassword, []byte(j.rec.Secret))
		j.row.Secret = true
	}
	return nil
}

// secret is the first password of somebody who is about to be created: the one that the file gave, else a new one.
func (w *work) secret(ctx context.Context, r Numbered) (string, error) {
	if !r.Secret {
		return admin.NewPassword(w.Random)
	}
	b, err := w.given(ctx, w.plan, r.Number, givenPassword)
	return string(b), err
}

// placed says beforehand what the service says of a license that is given to somebody without a usage location.
// https://learn.microsoft.com/graph/api/user-assignlicense
func (j *judging) placed(set property.Values) {
	at, known := j.see["usageLocation"]
	gives := slices.ContainsFunc(set.Names(), func(n property.Name) bool { return !set[n].IsNull() })
	for _, s := range j.row.Steps {
		if v, said := s.Set["usageLocation"]; said {
			at, known = v, true
		}
	}
	if gives && at.Empty() && (known || j.creates()) {
		j.problem(sheet.Give, "usage_location", fail.T("A license needs a usage location first. Write the country into a column usageLocation, for example DE."))
	}
}

// Person is whom a row is about: of one that creates somebody, nobody until it has.
func (r Row) Person() directory.Ref {
	if len(r.Steps) == 0 || r.Steps[0].Do != change.Create {
		return r.On
	}
	if r.Fate != nil && len(r.Fate.Steps) > 0 {
		return directory.Ref{Tenant: r.On.Tenant, ID: r.Fate.Steps[0].Made}
	}
	return directory.Ref{Tenant: r.On.Tenant}
}

// unmade are the fates of the steps behind one that created nobody.
func unmade(steps []Step) []StepFate {
	var out []StepFate
	for range steps {
		out = append(out, StepFate{State: change.Refused, Code: "not_added", Say: fail.T("The person was not added, so this was not done.")})
	}
	return out
}

// FirstPassword is the first password of somebody whom a plan has added.
type FirstPassword struct {
	Line     int
	UPN      string
	Password string
}

// Passwords tells the first passwords of those whom a plan has added so far, once, to whoever applied it; the history says that it did. What
// is told is told whatever error comes with it.
func (b *Bulk) Passwords(ctx context.Context, by directory.Actor, tenant, id string) ([]FirstPassword, error) {
	if err := admin.May(by, tenant, directory.PeopleCreate, true); err != nil {
		return nil, err
	}
	p, err := b.Store.Plan(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	out := []FirstPassword{}
	for after := 0; ; {
		rows, err := b.Store.Rows(ctx, tenant, id, Query{State: Ready, Kind: string(change.Create), After: after, N: slice})
		if err != nil {
			return out, err
		}
		for _, r := range rows {
			after = r.Number
			if r.Fate == nil || len(r.Fate.Steps) == 0 || r.Fate.Steps[0].Entry == "" {
				continue
			}
			secret, err := b.Desk.Reveal(ctx, by, tenant, r.Fate.Steps[0].Entry)
			switch {
			case fail.Is(err, fail.NotFound), err == nil && r.Secret: // told already, nobody was added, or whoever made the file knows it
			case err != nil:
				return out, err
			default:
				out = append(out, FirstPassword{r.Line, r.UPN, secret})
			}
		}
		if len(rows) < slice {
			break
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	return out, b.Desk.Keep.Exported(ctx, by, directory.Ref{Tenant: tenant, ID: tenant}, "", change.ExportPasswords, len(out), p.File)
}
