package web

import (
	"net/http"
	"strings"

	"nameplate/internal/lang"
)

// Mounted is a part of the site that is not for browsers: it has routes, rights and words of its own. Cookies and forms mean nothing
// there.
type Mounted struct {
	Prefix string // "/api/"
	Serve  Handler
	// Fail tells a failure, whatever made it: Serve, a gate before it or a panic. The status, Retry-After included, is ProblemOf's.
	Fail func(w http.ResponseWriter, r *http.Request, v *Visit, err error) error
}

// Mount gives everything under a path to m, after the gates that know no route: the request's own identity, headers, recovery,
// address.
func (s *Site) Mount(m Mounted) { s.mounted = &m }

// has says whether a request is m's.
func (m *Mounted) has(r *http.Request) bool {
	return m != nil && strings.HasPrefix(r.URL.Path, m.Prefix)
}

// speak is the visitor's language. Programs get English unless they ask for another.
func (s *Site) speak(r *http.Request) *lang.Printer {
	if s.mounted.has(r) {
		return s.printers[""][lang.Pick("", r.Header.Get("Accept-Language"), "", "").Code]
	}
	return s.printers[""][lang.Pick(cookieValue(r, preferredCookie), r.Header.Get("Accept-Language"), cookieValue(r, langCookie), s.opt.Language).Code]
}
