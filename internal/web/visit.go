package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/lang"
)

// Visit is what is known of one request: who, from where, in which language.
type Visit struct {
	ID      string // names the request in the log and under Details; made here, never taken from a header
	From    string // network address of the client
	Printer *lang.Printer
	Theme   string   // "light", "dark" or "" for the system's
	Session *Session // nil when nobody is signed in

	secret string // the session cookie as it came
	site   *Site
	gone   context.Context // ends when the client goes away, and not before
}

// Slowly gives a request as much time as its work takes, for what whole files are made of: it ends with its client or after d.
func (v *Visit) Slowly(w http.ResponseWriter, r *http.Request, d time.Duration) (*http.Request, context.CancelFunc) {
	rc := http.NewResponseController(w)
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}) // where there is none to set, none is in the way
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), d)
	stop := context.AfterFunc(v.gone, cancel)
	return r.WithContext(ctx), func() { stop(); cancel() }
}

type visitKey struct{}

func visitOf(r *http.Request) *Visit {
	v, _ := r.Context().Value(visitKey{}).(*Visit)
	return v
}

// T is a sentence in the visitor's language.
func (v *Visit) T(t fail.Text) string { return v.Printer.T(t) }

// Actor is who makes a change by this request.
func (v *Visit) Actor() directory.Actor {
	if v.Session == nil {
		return directory.Actor{}
	}
	return directory.Actor{
		Kind: directory.PersonActor, Ref: v.Session.Ref, Name: v.Session.Name, Session: v.Session.ID,
		Roles: v.Session.Roles, Groups: v.Session.Groups, From: v.From,
	}
}

func (s *Site) id() string {
	var b [10]byte
	if _, err := io.ReadFull(s.opt.Random, b[:]); err != nil {
		panic(err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// On https the session's cookies bear the __Host- prefix, so that no other site of the domain can set them; on plain loopback
// http a browser refuses that prefix, so they bear a plain name. These four hold no secret.
const (
	langCookie      = "nameplate-language"
	preferredCookie = "nameplate-preferred"
	themeCookie     = "nameplate-theme"
	tenantCookie    = "nameplate-organization"
)

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Site) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: s.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// SetSession gives the browser its session: a cookie that ends with the browser's own session.
func (s *Site) SetSession(w http.ResponseWriter, secret string) {
	s.setCookie(w, s.opt.SessionCookie, secret, 0)
}

// ClearSession takes the session cookie away.
func (s *Site) ClearSession(w http.ResponseWriter) { s.setCookie(w, s.opt.SessionCookie, "", -1) }

// SetAttempt binds a sign-in that has begun to this browser for at most life; an empty value takes the binding away.
func (s *Site) SetAttempt(w http.ResponseWriter, value string, life time.Duration) {
	if value == "" {
		life = -time.Second
	}
	s.setCookie(w, s.opt.AttemptCookie, value, int(life/time.Second))
}

// Attempt is the value of SetAttempt, "" when there is none.
func (s *Site) Attempt(r *http.Request) string { return cookieValue(r, s.opt.AttemptCookie) }

// SessionSecret is the session cookie's value as it came, live or not.
func (s *Site) SessionSecret(r *http.Request) string { return cookieValue(r, s.opt.SessionCookie) }

const year = 365 * 24 * 60 * 60

// RememberTenant keeps the organization that somebody signed in to, so that the next sign-in there is offered first.
func (s *Site) RememberTenant(w http.ResponseWriter, id string) {
	s.setCookie(w, tenantCookie, id, year)
}

// RememberedTenant is that organization's tenant id, "" for none; whoever reads it looks whether there is such a one.
func (s *Site) RememberedTenant(r *http.Request) string { return cookieValue(r, tenantCookie) }

// Remember keeps a language ("" for automatic) and a theme ("" for the system's) chosen by hand for a year. Nonsense is not kept.
func (s *Site) Remember(w http.ResponseWriter, language, themeName string) {
	keep := func(name, value string) {
		if value == "" {
			s.setCookie(w, name, "", -1)
			return
		}
		s.setCookie(w, name, value, year)
	}
	if _, ok := lang.Named(language); ok || language == "" {
		keep(langCookie, language)
	}
	if Theme(themeName) == themeName {
		keep(themeCookie, themeName)
	}
}

// Prefer speaks to the person in the directory's preferredLanguage, on this page and the next ones, unless they chose another
// by hand.
func (s *Site) Prefer(w http.ResponseWriter, r *http.Request, v *Visit, preferred string) {
	if cookieValue(r, preferredCookie) != preferred {
		if len(preferred) > 35 || strings.ContainsFunc(preferred, func(c rune) bool { return c != '-' && (c < '0' || c > 'z') }) {
			return
		}
		maxAge := 0
		if preferred == "" {
			maxAge = -1
		}
		s.setCookie(w, preferredCookie, preferred, maxAge)
	}
	v.Printer = s.printers[""][lang.Pick(preferred, r.Header.Get("Accept-Language"), cookieValue(r, langCookie), v.site.opt.Language).Code]
	if v.Session != nil {
		v.Speak(v.Session.Ref.Tenant)
	}
}

// Speak goes on in the same language with the words of an organization.
func (v *Visit) Speak(tenant string) {
	v.Printer = v.site.Printers(tenant)[v.Printer.Language.Code]
}

// Chosen is the language chosen by hand, "" for automatic.
func Chosen(r *http.Request) string {
	if l, ok := lang.Named(cookieValue(r, langCookie)); ok {
		return l.Code
	}
	return ""
}

// Theme is name when it is one that can be chosen, else "".
func Theme(name string) string {
	if name == "light" || name == "dark" {
		return name
	}
	return ""
}

// attach finds the session that the cookie names. stale says that there was a cookie without a live session.
func (s *Site) attach(r *http.Request, v *Visit) (stale bool, err error) {
	v.secret = s.SessionSecret(r)
	if v.secret == "" {
		return false, nil
	}
	got, err := s.opt.Sessions.Session(r.Context(), v.secret, v.From)
	if err != nil {
		switch fail.KindOf(err) {
		case fail.NotFound, fail.Denied, fail.Invalid:
			return true, err
		case fail.Throttled:
			var e *fail.Error
			errors.As(err, &e)
			return false, tooMany(e.Retry)
		}
		return false, err
	}
	v.Session = &got
	v.Speak(got.Ref.Tenant)
	return false, nil
}

// Form tokens. A token is a nonce and its HMAC over the browser's session secret, the person and the form's scope; so it is worth
// nothing in another session or another form, and the nonce names the one change that the form may make, however often it is
// sent.

const nonceSize = 18

// Hidden fields of every form: the token, and what it is good for.
const (
	TokenField = "_token"
	ScopeField = "_scope"
)

// Token makes a token for a form on this visit's page. Scope is sent back in the form as ScopeField and cannot be changed there:
// "photo", or the names of the fields that the form shows.
func (v *Visit) Token(scope string) string {
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(v.site.opt.Random, nonce); err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(append(nonce, v.mac(nonce, scope)...))
}

func (v *Visit) mac(nonce []byte, scope string) []byte {
	binding := sha256.Sum256([]byte(v.secret))
	ref := directory.Ref{}
	if v.Session != nil {
		ref = v.Session.Ref
	}
	h := hmac.New(sha256.New, v.site.opt.Key)
	h.Write([]byte("nameplate form\x00"))
	h.Write(binding[:])
	h.Write([]byte(ref.String() + "\x00"))
	h.Write(nonce)
	h.Write([]byte(scope))
	return h.Sum(nil)
}

func (v *Visit) nonce(token, scope string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != nonceSize+sha256.Size || !hmac.Equal(b[nonceSize:], v.mac(b[:nonceSize], scope)) {
		return "", false
	}
	return base64.RawURLEncoding.EncodeToString(b[:nonceSize]), true
}

// Sign makes a text that only this site can have made, for an address; Signed reads it back.
func (s *Site) Sign(text string) string {
	h := hmac.New(sha256.New, s.opt.Key)
	h.Write([]byte("nameplate text\x00" + text))
	return base64.RawURLEncoding.EncodeToString(append(h.Sum(nil), text...))
}

// Signed is the text of Sign, or false for anything else.
func (s *Site) Signed(signed string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(signed)
	if err != nil || len(b) < sha256.Size {
		return "", false
	}
	text := string(b[sha256.Size:])
	return text, s.Sign(text) == signed
}

// clientAddress is the peer's address, or, when the peer is a listed proxy, the last address in X-Forwarded-For that is not
// itself a listed proxy.
func clientAddress(r *http.Request, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr := peer.Addr().Unmap()
	listed := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	if !listed(addr) {
		return addr.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
		if !listed(addr) {
			break
		}
	}
	return addr.String()
}

// answer remembers what was written, for the log and for recovery.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if !a.wrote {
		a.status, a.wrote = http.StatusOK, true
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (s *Site) log(r *http.Request, v *Visit, a *answer, begun time.Time) {
	session := ""
	if v.Session != nil {
		session = v.Session.ID
	}
	// No query string: a sign-in's answer carries a code in it.
	s.opt.Log.Info("request", "request", v.ID, "method", r.Method, "path", r.URL.Path, "status", a.status, "bytes", a.bytes,
		"ms", float64(s.opt.Now().Sub(begun).Microseconds())/1000, "from", v.From, "session", session)
}

// Write sends a page that was rendered whole.
func Write(w http.ResponseWriter, status int, page *bytes.Buffer) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := page.WriteTo(w)
	return err
}
