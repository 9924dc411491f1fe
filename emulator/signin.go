package emulator

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
)

// SignIn signs a sample person in at an authorization request, as a browser would, and returns the address that the browser would
// be sent to. Consent is given where it is asked for. For response_mode form_post the returned address carries the form's fields as
// its query. An error page of the sign-in becomes an error with its text.
func (e *Emulator) SignIn(ctx context.Context, authorizeURL, upn string) (string, error) {
	return SignIn(ctx, e.Client(), authorizeURL, upn)
}

// SignIn is the same over the network: client must trust the emulator's authority. The client's cookies are not used.
func SignIn(ctx context.Context, client *http.Client, authorizeURL, upn string) (string, error) {
	b, err := newBrowser(client, authorizeURL)
	if err != nil {
		return "", err
	}
	return b.signIn(ctx, authorizeURL, upn, "")
}

// SignInWithPassword is SignIn for a person who has a password.
func SignInWithPassword(ctx context.Context, client *http.Client, authorizeURL, upn, password string) (string, error) {
	b, err := newBrowser(client, authorizeURL)
	if err != nil {
		return "", err
	}
	return b.signIn(ctx, authorizeURL, upn, password)
}

// browser follows pages at one origin and stops when it is sent elsewhere.
type browser struct {
	client http.Client
	origin string
}

func newBrowser(client *http.Client, start string) (*browser, error) {
	u, err := url.Parse(start)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &browser{origin: u.Scheme + "://" + u.Host}
	b.client = http.Client{Transport: client.Transport, Jar: jar, Timeout: client.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return b, nil
}

var (
	formPattern  = regexp.MustCompile(`(?s)<form id="([a-z]+)" method="(?:get|post)" action="([^"]*)".*?</form>`)
	inputPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	errorPattern = regexp.MustCompile(`(?s)role="alert">(.*?)</p>`)
)

// page is what a browser has on its screen, or where it was sent.
type page struct {
	at    *url.URL
	sent  string // the address outside
	body  string
	forms map[string]pageForm
}

type pageForm struct {
	action string
	fields url.Values
}

func (b *browser) get(ctx context.Context, address string) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.do(ctx, r)
}

func (b *browser) submit(ctx context.Context, p *page, f pageForm, set url.Values) (*page, error) {
	v := url.Values{}
	for k, x := range f.fields {
		v[k] = x
	}
	for k, x := range set {
		v[k] = x
	}
	to, err := p.at.Parse(f.action)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(v.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(ctx, r)
}

func (b *browser) do(ctx context.Context, r *http.Request) (*page, error) {
	for range 10 {
		res, err := b.client.Do(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
		if err := errors.Join(err, res.Body.Close()); err != nil {
			return nil, err
		}
		if loc := res.Header.Get("Location"); loc != "" && res.StatusCode/100 == 3 {
			to, err := r.URL.Parse(loc)
			if err != nil {
				return nil, err
			}
			if to.Scheme+"://"+to.Host != b.origin {
				return &page{sent: to.String()}, nil
			}
			if r, err = http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil); err != nil {
				return nil, err
			}
			continue
		}
		p := &page{at: r.URL, body: string(body), forms: map[string]pageForm{}}
		for _, m := range formPattern.FindAllStringSubmatch(p.body, -1) {
			f := pageForm{action: html.UnescapeString(m[2]), fields: url.Values{}}
			for _, in := range inputPattern.FindAllStringSubmatch(m[0], -1) {
				f.fields.Add(html.UnescapeString(in[1]), html.UnescapeString(in[2]))
			}
			p.forms[m[1]] = f
		}
		return p, nil
	}
	return nil, errors.New("the sign-in redirects in circles")
}

// problem is what the page complains of.
func (p *page) problem() string {
	if m := errorPattern.FindStringSubmatch(p.body); m != nil {
		return html.UnescapeString(strings.TrimSpace(m[1]))
	}
	return ""
}

func (b *browser) signIn(ctx context.Context, address, upn, password string) (string, error) {
	p, err := b.get(ctx, address)
	if err != nil {
		return "", err
	}
	return b.follow(ctx, p, upn, password)
}

// follow goes through the pages until the browser is sent away.
func (b *browser) follow(ctx context.Context, p *page, upn, password string) (string, error) {
	for range 8 {
		if p.sent != "" {
			return p.sent, nil
		}
		set := url.Values{}
		name := ""
		for _, id := range []string{"post", "password", "second", "consent", "named", "account"} {
			if _, ok := p.forms[id]; ok {
				name = id
				break
			}
		}
		if why := p.problem(); why != "" {
			return "", errors.New(why)
		}
		f := p.forms[name]
		switch name {
		case "post":
			return withQuery(f.action, f.fields), nil
		case "password":
			if password == "" {
				return "", fmt.Errorf("%s has a password and none was given", upn)
			}
			set.Set("passwd", password)
		case "second":
			set.Set("second", "1")
		case "consent":
			set.Set("answer", "accept")
		case "named":
			set.Set("name", upn)
		case "account":
			set.Set("other", "1")
		default:
			if _, ok := p.forms["approval"]; ok {
				return "", errors.New("AADSTS90094: an administrator must consent first")
			}
			if strings.Contains(p.body, `id="done"`) {
				return "", errDone
			}
			if _, device := p.forms["device"]; device {
				return "", errors.New("the page asks for the code that a device shows (--code, EnterDeviceCode)")
			}
			return "", errors.New("the sign-in page is not one that can be followed")
		}
		var err error
		if p, err = b.submit(ctx, p, f, set); err != nil {
			return "", err
		}
	}
	return "", errors.New("the sign-in asks without end")
}

// EnterDeviceCode does what a person does on another machine: opens the page that a device names, types its code and signs in.
func EnterDeviceCode(ctx context.Context, client *http.Client, verificationURL, userCode, upn string) error {
	b, err := newBrowser(client, verificationURL)
	if err != nil {
		return err
	}
	p, err := b.get(ctx, verificationURL)
	if err != nil {
		return err
	}
	f, ok := p.forms["device"]
	if !ok {
		return errors.New("the page asks for no code")
	}
	if p, err = b.submit(ctx, p, f, url.Values{"otc": {userCode}}); err != nil {
		return err
	}
	if _, err = b.follow(ctx, p, upn, ""); errors.Is(err, errDone) {
		return nil
	}
	return err
}

// errDone is a page that says that all is done, here and not at an application.
var errDone = errors.New("the sign-in ended on a page of its own")
