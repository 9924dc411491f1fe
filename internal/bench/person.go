package bench

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// person is somebody who is signed in at the portal and edits their own profile there, as a browser would.
type person struct {
	base string
	http *http.Client
}

// signIn signs somebody in.
func (b *box) signIn(ctx context.Context, upn string) (*person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &person{b.Portal, &http.Client{Jar: jar}}
	at, _, err := p.do(ctx, http.MethodGet, p.base+"/login", nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	to, err := emulator.SignIn(ctx, p.http, at, upn)
	if err != nil {
		return nil, err
	}
	_, _, err = p.do(ctx, http.MethodGet, to, nil, http.StatusOK)
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the page after a save is a view
	return p, err
}

// do asks for a page and gives where it led and what it says; any other answer than the one that is wanted is an error.
func (p *person) do(ctx context.Context, method, address string, form url.Values, want int) (at, body string, err error) {
	var in io.Reader
	if form != nil {
		in = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return "", "", err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", p.base)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := p.http.Do(r)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: %s", method, resp.Request.URL.Path, resp.Status)
	}
	return resp.Request.URL.String(), string(text), err
}

// fields are what a form of the portal carries beside what people type.
var fields = regexp.MustCompile(`name="(_token|_scope|was\.mobilePhone)" value="([^"]*)"`)

// save gives the person another mobile phone and says how long the answer took.
func (p *person) save(ctx context.Context, phone string) (time.Duration, error) {
	_, page, err := p.do(ctx, http.MethodGet, p.base+"/profile?edit=contact", nil, http.StatusOK)
	if err != nil {
		return 0, err
	}
	_, page, _ = strings.Cut(page, `action="/profile"`)
	page, _, _ = strings.Cut(page, "</form>")
	form := url.Values{"mobilePhone": {phone}}
	for _, m := range fields.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if form.Get("_token") == "" || form.Get("_scope") == "" || !form.Has("was.mobilePhone") {
		return 0, errors.New("the page has no form for the mobile phone")
	}
	begun := app.Clock()
	_, _, err = p.do(ctx, http.MethodPost, p.base+"/profile", form, http.StatusSeeOther)
	return app.Clock().Sub(begun), err
}
