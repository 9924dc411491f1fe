package web

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Right says who may call a route. The zero Right is nobody's, and Handle refuses it.
type Right struct {
	who   int
	roles []directory.Role
}

const (
	undeclared = iota
	public
	person
	holder
)

// Public routes answer anybody.
func Public() Right { return Right{who: public} }

// Person routes answer whoever is signed in, about themselves.
func Person() Right { return Right{who: person} }

// Holder routes answer signed-in people who hold one of the roles.
func Holder(roles ...directory.Role) Right { return Right{who: holder, roles: roles} }

func (r Right) String() string {
	switch r.who {
	case public:
		return "public"
	case person:
		return "person"
	case holder:
		names := make([]string, len(r.roles))
		for i, role := range r.roles {
			names[i] = string(role)
		}
		return strings.Join(names, " or ")
	}
	return "undeclared"
}

func (r Right) allows(s *Session) bool {
	switch r.who {
	case public:
		return true
	case person:
		return s != nil
	case holder:
		return s != nil && slices.ContainsFunc(s.Roles, func(role directory.Role) bool { return slices.Contains(r.roles, role) })
	}
	return false
}

// Handler answers a request or returns why it cannot; it must not have written anything when it returns an error.
type Handler func(w http.ResponseWriter, r *http.Request, v *Visit) error

// Route is one method at one address.
type Route struct {
	Method  string // GET also answers HEAD
	Path    string // in the pattern language of http.ServeMux, without a method: "/history/{id}/undo"
	Right   Right
	Handler Handler
	// Body is how long a request may be; 0 is 1 MB. Files says that it may be multipart with files.
	Body  int64
	Files bool
	// Ended answers an unsafe request that comes without a live session, so that what was typed is kept or shown; nil is the
	// sign-in page.
	Ended Handler
}

// Handle adds a route. It panics when the route declares no right, when its method is none of ours, or when it is there already:
// those are mistakes of whoever writes the table, and no request should ever meet them.
func (s *Site) Handle(r Route) {
	if r.Right.who == undeclared {
		panic("web: " + r.Method + " " + r.Path + " declares no right")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		panic("web: " + r.Method + " " + r.Path + ": pages have GET and POST")
	}
	if r.Body == 0 {
		r.Body = 1 << 20
	}
	table, known := s.methods[r.Path]
	if !known {
		table = map[string]Route{}
		s.methods[r.Path] = table
		s.mux.HandleFunc(r.Path, func(w http.ResponseWriter, req *http.Request) { s.dispatch(w, req, table) })
	}
	if _, twice := table[r.Method]; twice {
		panic("web: " + r.Method + " " + r.Path + " twice")
	}
	table[r.Method] = r
	s.routes = append(s.routes, r)
}

// Routes is the table, for the test that tries every route with every right.
func (s *Site) Routes() []Route { return slices.Clone(s.routes) }

func (s *Site) dispatch(w http.ResponseWriter, r *http.Request, table map[string]Route) {
	v := visitOf(r)
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := table[method]
	if !ok {
		allow := []string{}
		if _, get := table[http.MethodGet]; get {
			allow = append(allow, "GET", "HEAD")
		}
		if _, post := table[http.MethodPost]; post {
			allow = append(allow, "POST")
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		s.fail(w, r, v, Refuse(http.StatusMethodNotAllowed))
		return
	}
	if err := refused(r, route); err != nil {
		if s.within(w, r, v, v.From) {
			s.fail(w, r, v, err)
		}
		return
	}
	stale, err := s.attach(r, v)
	if err != nil && !stale {
		s.fail(w, r, v, err)
		return
	}
	if v.secret != "" {
		who := v.From
		if v.Session != nil {
			who = "session " + v.Session.ID
		}
		if !s.within(w, r, v, who) {
			return
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, route.Body)
	if !route.Right.allows(v.Session) {
		s.deny(w, r, v, route, err)
		return
	}
	if err := route.Handler(w, r, v); err != nil {
		s.fail(w, r, v, err)
	}
}

// refused says what is wrong with a form as far as its head tells, before a session is looked up or a byte is read for it (A45).
func refused(r *http.Request, route Route) error {
	if !unsafe(r.Method) || r.ContentLength == 0 {
		return nil
	}
	if r.ContentLength > route.Body && !route.Files { // pages that take files say it in words of their own
		return Refuse(http.StatusRequestEntityTooLarge)
	}
	_, _, err := formKind(r)
	return err
}

// deny answers somebody who may not: signed in without the right, 403; never signed in, the way to sign in; a session that has
// ended, 401 with the reason.
func (s *Site) deny(w http.ResponseWriter, r *http.Request, v *Visit, route Route, ended error) {
	if v.Session != nil {
		s.fail(w, r, v, fail.New(fail.Denied, "web.route", fail.Text{}))
		return
	}
	if unsafe(r.Method) && route.Ended != nil {
		if err := route.Ended(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
		return
	}
	// The cookie of an ended session stays: the next sign-in finds by it what was typed when the session ended.
	if v.secret == "" && !unsafe(r.Method) {
		http.Redirect(w, r, SignIn(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	refusal := Refuse(http.StatusUnauthorized)
	if ended != nil {
		refusal.Say, refusal.Cause = sayOf(ended), ended
	}
	s.fail(w, r, v, refusal)
}
