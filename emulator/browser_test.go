package emulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nameplate/emulator"
)

// A real browser signs in: without script the code comes by redirect, with script the form of form_post sends itself. The page's
// own policy must not stand in the way.
func TestBrowserSignsIn(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("there is no chromium: make tools")
	}
	arrived := make(chan *http.Request, 4)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			if err := r.ParseForm(); err == nil {
				arrived <- r
			}
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>arrived</title>")) // the browser went away
	}))
	defer app.Close()
	orgs := organizations()
	orgs[0].Apps[0].Redirects = append(orgs[0].Apps[0].Redirects, app.URL+"/callback")
	e := newEmulator(t, emulator.Options{Organizations: orgs})
	s, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.NoFirstRun,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true))
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	wait := func() *http.Request {
		t.Helper()
		select {
		case r := <-arrived:
			return r
		case <-ctx.Done():
			t.Fatal("the browser did not come back to the application")
			return nil
		}
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate(s.AuthorityHTTP+request(contosoID, "redirect_uri", app.URL+"/callback"))); err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		t.Fatal(err)
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	if err != nil || wide > 360 {
		t.Errorf("the page is %d wide on a telephone of 360: %v", wide, err)
	}
	err = chromedp.Do(ctx,
		chromedp.SendKeys("#q", "retail\r"),
		chromedp.WaitNotPresent(`//span[contains(., "Megan Admin")]`),
		chromedp.Click(`//button[contains(., "Adele Vance")]`),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "This is not Microsoft") || !strings.Contains(text, "Portal") {
		t.Errorf("the page says %q", text)
	}
	if r := wait(); r.Method != http.MethodGet || r.Form.Get("code") == "" || r.Form.Get("state") != "s1" {
		t.Errorf("%s %v", r.Method, r.Form)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(s.AuthorityHTTP+request(contosoID, "redirect_uri", app.URL+"/callback", "response_mode", "form_post"))); err != nil && !strings.Contains(err.Error(), "ERR_ABORTED") {
		t.Fatal(err) // a page that sends its form on at once ends its own loading: what counts is what arrives
	}
	if r := wait(); r.Method != http.MethodPost || r.PostForm.Get("code") == "" || r.URL.RawQuery != "" {
		t.Errorf("%s %v %s", r.Method, r.PostForm, r.URL)
	}
}
