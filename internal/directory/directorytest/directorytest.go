// Package directorytest owns the contract of directory.Reader and directory.Writer as a suite that every implementation passes:
// entra on the emulator in the tests, and entra on a real tenant with one throwaway person by `nameplate verify`.
//
// It promises that what it expects is what Microsoft documents or what threads quote, with the address beside it, and never what
// an implementation happens to do; and that on a real tenant it touches one person who was marked for it, and puts everything back.
package directorytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Fault is what happens to the next write.
type Fault int

const (
	LostBefore    Fault = iota // nothing is applied and no answer comes
	LostAfter                  // it is applied and no answer comes
	Busy                       // it is applied and 503 comes
	Throttled                  // 429 for as long as the client is patient
	ThrottledOnce              // one 429, then all is well
)

// Fixture is a directory with people in known situations. Each test gets its own.
type Fixture struct {
	Reader directory.Reader
	Writer directory.Writer
	Lister directory.Lister

	Member  directory.Ref // an ordinary cloud member, nobody's manager, with the jobTitle Nurse that nobody else has, no mobilePhone and no photo
	UPN     string        // the member's
	Session string        // a session whose token is the member's own
	Manager directory.Ref // the member's manager, whose only report the member is
	Synced  directory.Ref // mastered on-premises, as nobody else
	Once    directory.Ref // was synced, is not any more
	Admin   directory.Ref // holds Global Administrator
	Guest   directory.Ref
	Gone    directory.Ref // an id that nobody has

	Group    directory.Ref // a security group whose only member is the member and whose only owner the manager
	Dynamic  directory.Ref // a group with a rule
	Powerful directory.Ref // a group that can hold directory roles
	SKU      string        // a product with two seats, whom nobody has; two plans
	Plan     string        // one of its plans
	Dear     string        // a product without seats

	Arm      func(Fault)         // the next write meets this
	Requests func() int          // HTTP requests sent to Graph so far
	Pass     func(time.Duration) // lets time pass
	Patience int                 // how often to look again for what was written; 0 is not at all
}

// GlobalAdministrator is a role template id.
// https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
const GlobalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// T is what a case needs of whoever runs it: a test, or the program on a real tenant.
type T interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Run(name string, test func(T)) bool
}

// Case is one part of the contract.
type Case struct {
	Name    string
	Feature string // of package doctor: what a single person is enough for and what can be taken back, with that feature's permissions; "" needs a whole Fixture
	Test    func(T, Fixture)
}

// Cases are the suite; each wants a fixture of its own, or a person as they were before.
func Cases() []Case {
	return []Case{
		{"read", "", read},
		{"missing", "", missing},
		{"by name", "profiles", byName},
		{"not found", "profiles", notFound},
		{"write", "profiles", write},
		{"clear", "profiles", clearing},
		{"extension", "profiles", nested},
		{"own token", "", ownToken},
		{"refused", "", refused},
		{"wrong values", "profiles", wrongValues},
		{"ambiguous", "", ambiguous},
		{"throttled", "", throttled},
		{"photo", "photos", photo},
		{"own photo", "", ownPhoto},
		{"organization", "profiles", organization},
		{"hostile targets", "profiles", hostileTargets},
		{"nothing to write", "profiles", nothing},
		{"manager", "", manager},
		{"account", "deletion", account},
		{"create", "", create},
		{"stamps", "", stamps},
		{"people", "", people},
		{"groups", "", groups},
		{"licenses", "", licenses},
	}
}

// settled looks until nothing is wrong or the fixture's patience ends: a service may take a while to show what it took.
func settled(t T, f Fixture, look func() string) {
	t.Helper()
	for try := 0; ; try++ {
		wrong := look()
		if wrong == "" {
			return
		}
		if try >= f.Patience {
			t.Error(wrong)
			return
		}
		f.Pass(lag)
	}
}

// lag is the pause between two looks.
const lag = 3 * time.Second

// shows says that a person comes to have these values.
func shows(t T, f Fixture, on directory.Ref, want property.Values) {
	t.Helper()
	settled(t, f, func() string { return differ(user(t, f, on, want.Names()...).Values, want) })
}

// differ says in which values two differ, "" in none.
func differ(got, want property.Values) string {
	var out []string
	for _, n := range want.Names() {
		if v, known := got[n]; !known {
			out = append(out, string(n)+" is not known")
		} else if !v.Equal(want[n]) {
			out = append(out, fmt.Sprintf("%s is %v, want %v", n, v, want[n]))
		}
	}
	for _, n := range got.Names() {
		if _, asked := want[n]; !asked {
			out = append(out, string(n)+" is there and was not asked for")
		}
	}
	return strings.Join(out, "; ")
}

// App is the application's own right.
var app directory.Authority

func user(t T, f Fixture, on directory.Ref, names ...property.Name) directory.User {
	t.Helper()
	u, err := f.Reader.User(t.Context(), app, on, directory.Ask{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func update(t T, f Fixture, on directory.Ref, set property.Values) property.Values {
	t.Helper()
	after, err := f.Writer.Update(t.Context(), app, on, set)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func wantKind(t T, err error, want fail.Kind) *fail.Error {
	t.Helper()
	var f *fail.Error
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no *fail.Error", err)
	}
	if f.Kind != want {
		t.Fatalf("kind %v, want %v: %v", f.Kind, want, err)
	}
	if f.Say.Zero() {
		t.Errorf("nothing to say to people: %v", err)
	}
	return f
}

func wantValues(t T, got, want property.Values) {
	t.Helper()
	if d := differ(got, want); d != "" {
		t.Error(d)
	}
}

// P8: a person is one request, whatever is asked.
func read(t T, f Fixture) {
	n := f.Requests()
	u, err := f.Reader.User(t.Context(), app, f.Member, directory.Ask{
		Names:   []property.Name{"jobTitle", "mobilePhone", "businessPhones", "employeeOrgData/division", "extensionAttribute1", "accountEnabled"},
		Manager: true, Reports: true, Roles: true, Photo: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Requests() - n; got != 1 {
		t.Errorf("P8: %d requests, want 1", got)
	}
	if u.Ref != f.Member || !u.Enabled || u.Guest || u.Sync != directory.CloudOnly || u.At.IsZero() {
		t.Errorf("user %+v", u)
	}
	if u.Values["jobTitle"].Str() == "" {
		t.Errorf("jobTitle %v", u.Values["jobTitle"])
	}
	// An asked name is in Values also when there is nothing, and a list that is empty is a list.
	if v, ok := u.Values["mobilePhone"]; !ok || !v.IsNull() {
		t.Errorf("mobilePhone %v %v, want null", v, ok)
	}
	if v, ok := u.Values["businessPhones"]; !ok || v.Items() == nil || len(v.Items()) != 0 {
		t.Errorf("businessPhones %v %v, want an empty list", v, ok)
	}
	for _, n := range []property.Name{"employeeOrgData/division", "extensionAttribute1"} {
		if v, ok := u.Values[n]; !ok || !v.IsNull() {
			t.Errorf("%s %v %v, want null", n, v, ok)
		}
	}
	if !u.Values["accountEnabled"].True() {
		t.Errorf("accountEnabled %v", u.Values["accountEnabled"])
	}
	if u.Manager == nil || u.Manager.Ref != f.Manager || u.Manager.Name == "" || u.Manager.UPN == "" {
		t.Errorf("manager %+v", u.Manager)
	}
	if len(u.Reports) != 0 || u.Photo != (directory.PhotoInfo{}) || u.Roles == nil || len(u.Roles) != 0 || len(u.Missing) != 0 {
		t.Errorf("reports %v photo %v roles %v missing %v", u.Reports, u.Photo, u.Roles, u.Missing)
	}
	m, err := f.Reader.User(t.Context(), app, f.Manager, directory.Ask{Reports: true})
	if err != nil || len(m.Reports) != 1 || m.Reports[0].Ref != f.Member {
		t.Errorf("reports of the manager %+v %v", m.Reports, err)
	}
	a, err := f.Reader.User(t.Context(), app, f.Admin, directory.Ask{Roles: true, Manager: true})
	if err != nil || len(a.Roles) != 1 || a.Roles[0] != GlobalAdministrator || a.Manager != nil {
		t.Errorf("administrator: roles %v manager %v %v", a.Roles, a.Manager, err)
	}
	// onPremisesSyncEnabled: true is synced, false was synced once, null never was.
	// https://learn.microsoft.com/graph/api/resources/user
	if s := user(t, f, f.Synced); s.Sync != directory.Synced {
		t.Errorf("synced person: %v", s.Sync)
	}
	if s := user(t, f, f.Once); s.Sync != directory.OnceSynced {
		t.Errorf("once-synced person: %v", s.Sync)
	}
	if g := user(t, f, f.Guest); !g.Guest {
		t.Error("the guest is no guest")
	}
}

// A part that cannot be read is said to be missing, and the rest comes. employeeLeaveDateTime needs a permission of its own:
// https://learn.microsoft.com/graph/tutorial-lifecycle-workflows-set-employeeleavedatetime
func missing(t T, f Fixture) {
	u := user(t, f, f.Member, "jobTitle", "employeeLeaveDateTime")
	if u.Values["jobTitle"].Str() == "" {
		t.Error("the refused property took the others with it")
	}
	if _, ok := u.Values["employeeLeaveDateTime"]; ok {
		t.Error("a property that may not be read has a value")
	}
	if len(u.Missing) != 1 || u.Missing[0].What != "employeeLeaveDateTime" {
		t.Fatalf("missing %+v", u.Missing)
	}
	wantKind(t, u.Missing[0].Err, fail.Denied)
}

func byName(t T, f Fixture) {
	u, err := f.Reader.ByName(t.Context(), f.Member.Tenant, f.UPN, directory.Ask{Names: []property.Name{"displayName"}})
	if err != nil || u.Ref != f.Member {
		t.Errorf("%+v %v", u.Ref, err)
	}
	_, err = f.Reader.ByName(t.Context(), f.Member.Tenant, "nobody@"+f.UPN[len(f.UPN)-4:], directory.Ask{})
	wantKind(t, err, fail.NotFound)
	for _, bad := range []string{"", "../me", "a/b@c.de", "x?$select=id"} {
		_, err = f.Reader.ByName(t.Context(), f.Member.Tenant, bad, directory.Ask{})
		wantKind(t, err, fail.Invalid)
	}
}

func notFound(t T, f Fixture) {
	_, err := f.Reader.User(t.Context(), app, f.Gone, directory.Ask{})
	wantKind(t, err, fail.NotFound)
	_, err = f.Writer.Update(t.Context(), app, f.Gone, property.Values{"city": property.Text("Ulm")})
	wantKind(t, err, fail.NotFound)
	elsewhere := directory.Ref{Tenant: "00000000-0000-4000-8000-00000000dead", ID: f.Member.ID}
	_, err = f.Reader.User(t.Context(), app, elsewhere, directory.Ask{})
	wantKind(t, err, fail.NotFound)
}

// P8: a save is one request, its read-back included.
func write(t T, f Fixture) {
	set := property.Values{
		"jobTitle": property.Text("Ärztin <b>“A” & 'B'</b>"), "city": property.Text("東京"), "country": property.Text("DE"), "state": property.Text("Bayern"),
		"postalCode": property.Text("80331"), "streetAddress": property.Text("Marienplatz 8\n2. Stock"), "companyName": property.Text("Contoso"),
		"department": property.Text("Ward 3"), "officeLocation": property.Text("12/1110"), "mobilePhone": property.Text("+49 89 1234567"),
		"businessPhones": property.List("+49 89 7654321"), "preferredLanguage": property.Text("de-DE"),
	}
	n := f.Requests()
	after := update(t, f, f.Member, set)
	if got := f.Requests() - n; got != 1 {
		t.Errorf("P8: %d requests, want 1", got)
	}
	wantValues(t, after, set)
	shows(t, f, f.Member, set)
}

// Texts are cleared by null and lists by []: https://learn.microsoft.com/graph/api/user-update
func clearing(t T, f Fixture) {
	update(t, f, f.Member, property.Values{"city": property.Text("Ulm"), "businessPhones": property.List("+49 1"), "otherMails": property.List("a@example.com", "b@example.com")})
	none := property.Values{"city": property.Null(), "businessPhones": property.List(), "otherMails": property.List()}
	wantValues(t, update(t, f, f.Member, none), none)
	shows(t, f, f.Member, none)
}

// Parts of objects are written in their object.
func nested(t T, f Fixture) {
	set := property.Values{
		"employeeOrgData/division": property.Text("North"), "employeeOrgData/costCenter": property.Text("1200"),
		"extensionAttribute3": property.Text("blue"),
	}
	wantValues(t, update(t, f, f.Member, set), set)
	shows(t, f, f.Member, property.Values{
		"employeeOrgData/division": property.Text("North"), "employeeOrgData/costCenter": property.Text("1200"),
		"extensionAttribute3": property.Text("blue"), "extensionAttribute4": property.Null(),
	})
}

// S2.23: an application's own token can never write these, the person's own can, one at a time.
// https://learn.microsoft.com/graph/api/user-update
func ownToken(t T, f Fixture) {
	own := directory.Own(f.Session)
	for n, v := range map[property.Name]property.Value{
		"aboutMe": property.Text("Hello"), "birthday": property.Instant(time.Date(1980, 2, 3, 0, 0, 0, 0, time.UTC)),
		"interests": property.List("Chess"), "mySite": property.Text("https://example.com/anna"), "pastProjects": property.List("A", "B"),
		"responsibilities": property.List("C"), "schools": property.List("D"), "skills": property.List("Go", "SQL"),
	} {
		t.Run("S2.23 "+string(n), func(t T) {
			set := property.Values{n: v}
			_, err := f.Writer.Update(t.Context(), app, f.Member, set)
			wantKind(t, err, fail.Denied)
			after, err := f.Writer.Update(t.Context(), own, f.Member, set)
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, after, set)
			wantValues(t, user(t, f, f.Member, n).Values, set)
			_, err = f.Writer.Update(t.Context(), own, f.Manager, set)
			wantKind(t, err, fail.Denied)
		})
	}
	// The mobile number is the member's too: https://learn.microsoft.com/entra/fundamentals/users-default-permissions
	if _, err := f.Writer.Update(t.Context(), own, f.Member, property.Values{"mobilePhone": property.Text("+49 89 1")}); err != nil {
		t.Error(err)
	}
	u, err := f.Reader.User(t.Context(), own, f.Member, directory.Ask{Names: []property.Name{"jobTitle", "skills"}, Manager: true, Photo: true})
	if err != nil || u.Ref != f.Member || len(u.Values["skills"].Items()) != 2 {
		t.Errorf("%+v %v", u, err)
	}
	_, err = f.Reader.User(t.Context(), directory.Own("no such session"), f.Member, directory.Ask{})
	wantKind(t, err, fail.Denied)
}

func refused(t T, f Fixture) {
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/11978: an ordinary member, right scope, 403.
	_, err := f.Writer.Update(t.Context(), directory.Own(f.Session), f.Member, property.Values{"jobTitle": property.Text("CEO")})
	wantKind(t, err, fail.Denied)
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/3216: an administrator's phone.
	e := wantKind(t, second(f.Writer.Update(t.Context(), app, f.Admin, property.Values{"mobilePhone": property.Text("+49 1")})), fail.Denied)
	if len(e.Fields) != 1 || e.Fields[0].Field != "mobilePhone" || e.Ref == "" {
		t.Errorf("problem %+v, request id %q", e.Fields, e.Ref)
	}
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301: mastered on-premises.
	wantKind(t, second(f.Writer.Update(t.Context(), app, f.Synced, property.Values{"jobTitle": property.Text("CEO")})), fail.Denied)
	if v := user(t, f, f.Member, "jobTitle").Values["jobTitle"].Str(); v == "CEO" {
		t.Error("refused and written")
	}
}

func second(_ property.Values, err error) error { return err }

func wrongValues(t T, f Fixture) {
	update(t, f, f.Member, property.Values{"state": property.Null()})
	// One bad value refuses the whole PATCH and says which: the texts are quoted in many threads,
	// "Invalid value specified for property 'city' of resource 'User'."
	e := wantKind(t, second(f.Writer.Update(t.Context(), app, f.Member, property.Values{
		"employeeId": property.Text("12345678901234567"), "state": property.Text("Bayern"),
	})), fail.Invalid)
	if len(e.Fields) != 1 || e.Fields[0].Field != "employeeId" || e.Ref == "" {
		t.Errorf("fields %+v, request id %q", e.Fields, e.Ref)
	}
	if v := user(t, f, f.Member, "state").Values["state"]; !v.IsNull() {
		t.Errorf("state is %v after a refusal", v)
	}
	wantKind(t, second(f.Writer.Update(t.Context(), app, f.Member, property.Values{"no such thing": property.Text("x")})), fail.Invalid)
}

func ambiguous(t T, f Fixture) {
	for fault, want := range map[Fault]string{LostBefore: "", LostAfter: "Ulm", Busy: "Bonn"} {
		update(t, f, f.Member, property.Values{"city": property.Null()})
		city := want
		if city == "" {
			city = "Rome"
		}
		f.Arm(fault)
		n := f.Requests()
		e := wantKind(t, second(f.Writer.Update(t.Context(), app, f.Member, property.Values{"city": property.Text(city)})), fail.Unavailable)
		if e.Code == "not_sent" {
			t.Errorf("fault %v: said to be not sent", fault)
		}
		if got := f.Requests() - n; got != 1 {
			t.Errorf("fault %v: the write was sent %d times", fault, got)
		}
		if got := user(t, f, f.Member, "city").Values["city"].Str(); got != want {
			t.Errorf("fault %v: city %q, want %q", fault, got, want)
		}
	}
}

func throttled(t T, f Fixture) {
	f.Arm(ThrottledOnce)
	e := wantKind(t, second(f.Writer.Update(t.Context(), app, f.Member, property.Values{"city": property.Text("Ulm")})), fail.Throttled)
	if e.Retry != 7*time.Second {
		t.Errorf("Retry %v, want the service's 7 s", e.Retry)
	}
	f.Pass(e.Retry)
	wantValues(t, update(t, f, f.Member, property.Values{"city": property.Text("Ulm")}), property.Values{"city": property.Text("Ulm")})
	f.Arm(Throttled)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := f.Writer.Update(ctx, app, f.Member, property.Values{"city": property.Text("Rome")})
	wantKind(t, err, fail.Throttled)
	if got := user(t, f, f.Member, "city").Values["city"].Str(); got != "Ulm" {
		t.Errorf("city %q after a 429", got)
	}
}

func photo(t T, f Fixture) {
	_, err := f.Reader.Photo(t.Context(), app, f.Member, 0)
	wantKind(t, err, fail.NotFound)
	wantKind(t, f.Writer.RemovePhoto(t.Context(), app, f.Member), fail.NotFound)
	photoBy(t, f, app)
}

func ownPhoto(t T, f Fixture) {
	photoBy(t, f, directory.Own(f.Session))
	wantKind(t, f.Writer.SetPhoto(t.Context(), directory.Own(f.Session), f.Manager, square(48)), fail.Denied)
}

// https://learn.microsoft.com/graph/api/profilephoto-update
func photoBy(t T, f Fixture, as directory.Authority) {
	if err := f.Writer.SetPhoto(t.Context(), as, f.Member, square(240)); err != nil {
		t.Fatal(err)
	}
	settled(t, f, func() string {
		p, err := f.Reader.Photo(t.Context(), as, f.Member, 0)
		if err != nil || p.Type != "image/jpeg" {
			return fmt.Sprintf("%q %v", p.Type, err)
		}
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(p.Data)); err != nil || cfg.Width != 240 || p.Info.Width != 240 || p.Info.Height != 240 {
			return fmt.Sprintf("%d pixels, said to be %d, %v", cfg.Width, p.Info.Width, err)
		}
		return ""
	})
	for px, want := range map[int]int{48: 48, 100: 96, 1000: 240} {
		p, err := f.Reader.Photo(t.Context(), as, f.Member, px)
		if err != nil {
			t.Fatalf("%d: %v", px, err)
		}
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(p.Data)); err != nil || cfg.Width > want {
			t.Errorf("asked for %d, got %d (%v), want at most %d", px, cfg.Width, err, want)
		}
	}
	u, err := f.Reader.User(t.Context(), as, f.Member, directory.Ask{Photo: true})
	if err != nil || u.Photo.Width != 240 || u.Photo.Height != 240 || u.Photo.ETag == "" {
		t.Errorf("%+v %v", u.Photo, err)
	}
	if err := f.Writer.RemovePhoto(t.Context(), as, f.Member); err != nil {
		t.Error(err)
	}
}

func square(px int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, px, px))
	for i := range px {
		img.Set(i, i, color.RGBA{200, uint8(i), 30, 255})
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // a buffer takes everything
	return b.Bytes()
}

func organization(t T, f Fixture) {
	o, err := f.Reader.Organization(t.Context(), f.Member.Tenant)
	if err != nil || o.Tenant != f.Member.Tenant || o.Name == "" || len(o.Domains) == 0 {
		t.Errorf("%+v %v", o, err)
	}
}

// A21: an id that is none is refused before anything is sent.
func hostileTargets(t T, f Fixture) {
	n := f.Requests()
	for _, id := range []string{"", "me", "..", f.Member.ID + "/../" + f.Manager.ID, f.UPN, f.Member.ID + "?x", "{" + f.Member.ID[2:] + "}"} {
		ref := directory.Ref{Tenant: f.Member.Tenant, ID: id}
		_, err := f.Writer.Update(t.Context(), app, ref, property.Values{"city": property.Text("Rome")})
		wantKind(t, err, fail.Invalid)
		_, err = f.Reader.User(t.Context(), app, ref, directory.Ask{})
		wantKind(t, err, fail.Invalid)
		wantKind(t, f.Writer.SetPhoto(t.Context(), app, ref, square(48)), fail.Invalid)
		wantKind(t, f.Writer.RemovePhoto(t.Context(), app, ref), fail.Invalid)
	}
	if got := f.Requests() - n; got != 0 {
		t.Errorf("%d requests were sent", got)
	}
}

func nothing(t T, f Fixture) {
	n := f.Requests()
	if _, err := f.Writer.Update(t.Context(), app, f.Member, property.Values{}); err != nil {
		t.Error(err)
	}
	if got := f.Requests() - n; got != 0 {
		t.Errorf("%d requests for nothing", got)
	}
}
