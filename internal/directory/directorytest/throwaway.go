package directorytest

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Mark is how the user principal name of a person begins whom the suite may use up: somebody made them for it.
const Mark = "nameplate-verify"

// touched are the properties that the cases for a single person write; what they held is put back.
var touched = []property.Name{
	"jobTitle", "city", "country", "state", "postalCode", "streetAddress", "companyName", "department", "officeLocation", "mobilePhone", "businessPhones",
	"preferredLanguage", "otherMails", "employeeId", "employeeOrgData/division", "employeeOrgData/costCenter", "extensionAttribute3", "extensionAttribute4",
}

// Fit finds the person and says why they may not be used, as fail.Denied; nobody but a marked, unprivileged person of the cloud may be.
func Fit(ctx context.Context, f Fixture, tenant, upn string) (directory.User, error) {
	u, err := f.Reader.ByName(ctx, tenant, upn, directory.Ask{Names: append([]property.Name{"userPrincipalName", "displayName"}, touched...), Roles: true, Reports: true, Groups: true})
	if err != nil {
		return u, err
	}
	no := func(why string) (directory.User, error) {
		return u, fail.New(fail.Denied, "verify", fail.T("%[1]s cannot be used for this: %[2]s. Make a person whose user principal name begins with %[3]s, without roles, groups or licenses.", upn, why, Mark))
	}
	var unknown []string
	for _, m := range u.Missing {
		unknown = append(unknown, m.What)
	}
	name := u.Values["userPrincipalName"].Str()
	switch {
	case !strings.HasPrefix(strings.ToLower(name), Mark):
		return no("the user principal name does not begin with " + Mark)
	case len(unknown) > 0 || u.Roles == nil || u.Groups == nil:
		return no("not everything about this person can be read: " + strings.Join(unknown, ", "))
	case len(u.Roles) > 0:
		return no("the person holds a directory role")
	case slices.ContainsFunc(u.Groups, func(g directory.Group) bool { return g.Assignable }):
		return no("the person is in a group that can hold directory roles")
	case u.Sync != directory.CloudOnly:
		return no("the person is or was mastered on-premises")
	case u.Guest:
		return no("the person is a guest")
	case len(u.Reports) > 0:
		return no("the person is somebody's manager")
	}
	return u, nil
}

// Result is what came of one case.
type Result struct {
	Case     string   `json:"case"`
	Problems []string `json:"problems"` // none: it is as Microsoft says
}

// OnePerson runs the cases for which the member of the fixture is enough, as far as the features go, and puts the person back as they
// were after each. The error says that this did not succeed, and what differs.
func OnePerson(ctx context.Context, f Fixture, was directory.User, features []string, tell func(Result)) error {
	p := &person{f: f, was: property.Values{}, photos: slices.Contains(features, "photos")}
	for _, n := range touched {
		p.was[n] = was.Values[n]
	}
	f.Writer = narrow{f.Writer, f}
	if p.photos {
		picture, err := f.Reader.Photo(ctx, app, f.Member, 0)
		if err != nil && !fail.Is(err, fail.NotFound) {
			return err
		}
		p.picture = picture.Data
	}
	for _, c := range Cases() {
		if c.Feature == "" || !slices.Contains(features, c.Feature) || ctx.Err() != nil {
			continue
		}
		if p.picture != nil && c.Feature == "photos" {
			if err := f.Writer.RemovePhoto(ctx, app, f.Member); err != nil {
				return err
			}
		}
		r := Result{Case: c.Name, Problems: []string{}}
		attempt(ctx, &r.Problems, func(t T) { c.Test(t, f) })
		// Whoever presses Ctrl-C wants it to end, and not to end here.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		err := p.restore(after)
		cancel()
		tell(r)
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// person is the throwaway person as they were.
type person struct {
	f       Fixture
	was     property.Values
	photos  bool
	picture []byte // nil: none
}

// restore puts the person back and looks whether it shows.
func (p *person) restore(ctx context.Context) error {
	f := p.f
	u, err := f.Reader.User(ctx, app, f.Member, directory.Ask{Names: append([]property.Name{directory.FacetAccount}, touched...)})
	if err == nil && u.Values[directory.FacetAccount].Str() == directory.Deleted {
		if err = f.Writer.SetAccount(ctx, app, f.Member, directory.Active); err == nil {
			u, err = f.Reader.User(ctx, app, f.Member, directory.Ask{Names: touched})
		}
	}
	set := property.Values{}
	for n, v := range p.was {
		if !u.Values[n].Equal(v) {
			set[n] = v
		}
	}
	if err == nil && len(set) > 0 {
		_, err = f.Writer.Update(ctx, app, f.Member, set)
	}
	if err == nil && p.photos {
		err = p.restorePhoto(ctx)
	}
	if err != nil {
		return p.left(err, differ(u.Values, p.was))
	}
	var wrong []string
	attempt(ctx, &wrong, func(t T) { shows(t, f, f.Member, p.was) })
	if len(wrong) > 0 {
		return p.left(nil, strings.Join(wrong, "; "))
	}
	return nil
}

func (p *person) restorePhoto(ctx context.Context) error {
	now, err := p.f.Reader.Photo(ctx, app, p.f.Member, 0)
	switch {
	case err != nil && !fail.Is(err, fail.NotFound):
		return err
	case bytes.Equal(now.Data, p.picture):
		return nil
	case p.picture == nil:
		if err = p.f.Writer.RemovePhoto(ctx, app, p.f.Member); fail.Is(err, fail.NotFound) {
			return nil
		}
		return err
	}
	return p.f.Writer.SetPhoto(ctx, app, p.f.Member, p.picture)
}

func (p *person) left(err error, what string) error {
	return &fail.Error{Op: "verify.restore", Item: p.f.Member.ID, Kind: fail.Conflict, Err: err, Say: fail.T("The throwaway person could not be put back as they were: %s", what)}
}

// narrow lets the cases write to the throwaway person only, and what can be put back; ids that are nobody's go through to be refused.
type narrow struct {
	directory.Writer
	f Fixture
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (n narrow) allowed(on directory.Ref) error {
	if on == n.f.Member || on.ID == n.f.Gone.ID || on.Tenant != n.f.Member.Tenant || !guid.MatchString(on.ID) {
		return nil
	}
	return fail.New(fail.Internal, "verify", fail.T("A case wanted to write to somebody else (%s). Nothing was sent.", on.ID))
}

func (n narrow) Update(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values) (property.Values, error) {
	if err := n.allowed(on); err != nil {
		return nil, err
	}
	for _, name := range set.Names() {
		if _, known := property.Catalog().Def(name); known && on == n.f.Member && !slices.Contains(touched, name) {
			return nil, notPutBack(string(name))
		}
	}
	return n.Writer.Update(ctx, as, on, set)
}

func (n narrow) SetPhoto(ctx context.Context, as directory.Authority, on directory.Ref, jpeg []byte) error {
	if err := n.allowed(on); err != nil {
		return err
	}
	return n.Writer.SetPhoto(ctx, as, on, jpeg)
}

func (n narrow) RemovePhoto(ctx context.Context, as directory.Authority, on directory.Ref) error {
	if err := n.allowed(on); err != nil {
		return err
	}
	return n.Writer.RemovePhoto(ctx, as, on)
}

func (n narrow) SetAccount(ctx context.Context, as directory.Authority, on directory.Ref, state string) error {
	if err := n.allowed(on); err != nil {
		return err
	}
	return n.Writer.SetAccount(ctx, as, on, state)
}

func (n narrow) CreatePerson(context.Context, directory.Authority, directory.Ref, property.Values, string) (string, error) {
	return "", notPutBack("who there is")
}

func notPutBack(what string) error {
	return fail.New(fail.Internal, "verify", fail.T("A case wanted to change %s, which is not put back. Nothing was sent.", what))
}

func (n narrow) SetManager(context.Context, directory.Authority, directory.Ref, string) error {
	return notPutBack("the manager")
}

func (n narrow) SetMember(context.Context, directory.Authority, directory.Ref, string, bool) error {
	return notPutBack("a membership")
}

func (n narrow) SetLicenses(context.Context, directory.Authority, directory.Ref, property.Values) error {
	return notPutBack("licenses")
}

func (n narrow) ResetPassword(context.Context, directory.Authority, directory.Ref, string) error {
	return notPutBack("the password")
}

func (n narrow) RevokeSessions(context.Context, directory.Authority, directory.Ref) error {
	return notPutBack("sign-ins")
}

// collector is a T that collects what is wrong.
type collector struct {
	ctx  context.Context
	into *[]string
}

type stop struct{}

// attempt runs a test and collects what is wrong, a panic as well: the person has to be put back whatever happens.
func attempt(ctx context.Context, into *[]string, test func(T)) {
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(stop); !ours {
				*into = append(*into, fmt.Sprintf("panic: %v", r))
			}
		}
	}()
	test(collector{ctx, into})
}

func (c collector) Helper()                  {}
func (c collector) Context() context.Context { return c.ctx }
func (c collector) Error(args ...any) {
	*c.into = append(*c.into, strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}
func (c collector) Errorf(format string, args ...any) { c.Error(fmt.Sprintf(format, args...)) }
func (c collector) Fatal(args ...any)                 { c.Error(args...); panic(stop{}) }
func (c collector) Fatalf(format string, args ...any) { c.Errorf(format, args...); panic(stop{}) }

func (c collector) Run(name string, test func(T)) bool {
	var wrong []string
	attempt(c.ctx, &wrong, test)
	for _, w := range wrong {
		c.Error(name + ": " + w)
	}
	return len(wrong) == 0
}
