package journey

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// chromium is a person in front of the real browser.
type chromium struct {
	t   *testing.T
	w   *world
	ctx context.Context

	mu  sync.Mutex
	log []string // what the browser complained of: script errors, broken policy
}

// chromium starts Debian's browser with a profile of its own. It fails where there is none: `make tools` installs it.
func (w *world) chromium() *chromium {
	w.t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		w.t.Fatal("there is no chromium here; make tools installs it")
	}
	dir := w.t.TempDir()
	ctx, stop := chromedp.NewExecAllocator(w.t.Context(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	w.t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	w.t.Cleanup(cancel)
	c := &chromium{t: w.t, w: w, ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // starts the browser, which lives as long as this context
		w.t.Fatal(err)
	}
	go func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			if s := m.String(); strings.HasPrefix(s, "error") || m.IsException() {
				c.mu.Lock()
				c.log = append(c.log, s)
				c.mu.Unlock()
			}
		}
	}()
	return c
}

func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.t.Fatal(err)
	}
}

func eval[T any](c *chromium, js string) T {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		c.t.Fatalf("%.120s: %v", js, err)
	}
	return v
}

func (c *chromium) open(path string) {
	c.t.Helper()
	c.do(chromedp.Navigate(c.w.Portal + path))
}

// click clicks and waits for the page that follows.
func (c *chromium) click(selector string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		c.t.Fatalf("click %s: %v", selector, err)
	}
}

func (c *chromium) signIn(upn string) {
	c.t.Helper()
	c.open("/sign-in")
	c.click(`a[href^="/login"]`)
	eval[any](c, fmt.Sprintf(`document.querySelector("#named input:not([type=hidden])").value = %q`, upn))
	c.click("#named button")
}

func (c *chromium) text() string { return eval[string](c, "document.body.innerText") }

func (c *chromium) says(want ...string) {
	c.t.Helper()
	got := c.text()
	for _, s := range want {
		if !strings.Contains(got, s) {
			c.t.Errorf("%s does not say %q:\n%s", eval[string](c, "location.href"), s, got)
		}
	}
}

// look sets the window and what the person's system prefers.
func (c *chromium) look(width int64, media map[string]string) {
	c.t.Helper()
	c.do(chromedp.EmulateViewport(width, 900))
	var features []*emulation.MediaFeature
	for k, v := range media {
		features = append(features, &emulation.MediaFeature{Name: k, Value: v})
	}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chromium) picture(name string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	shot := chromedp.FullScreenshot(100)
	if eval[bool](c, "document.documentElement.scrollHeight <= innerHeight") {
		shot = chromedp.CaptureScreenshot() // the browser's full picture of a short right-to-left page is shifted
	}
	b, err := chromedp.Run(ctx, shot)
	if err != nil {
		c.t.Fatal(err)
	}
	folder := filepath.Join("..", "..", "out", "screenshots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), b, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// axe is the source of axe-core, which every page is given once.
var axe = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("../../.tools/node_modules/axe-core/axe.min.js")
	return string(b), err
})

// accessible runs axe-core on the page as it looks now and reports what is serious or critical; rules are those to run, none is all.
func (c *chromium) accessible(name string, rules ...string) {
	c.t.Helper()
	source, err := axe()
	if err != nil {
		c.t.Fatal("axe-core is missing; make tools installs it")
	}
	if eval[bool](c, "!window.axe") {
		eval[any](c, source+";null")
	}
	only := ""
	if len(rules) > 0 {
		only = fmt.Sprintf(`runOnly:{type:"rule",values:["%s"]},`, strings.Join(rules, `","`))
	}
	found := eval[[]struct {
		ID, Impact, Help string
		Nodes            []string
	}](c, `axe.run(document,{`+only+`resultTypes:["violations"]}).then(r=>r.violations.filter(v=>["serious","critical"].includes(v.impact)).map(v=>({ID:v.id,Impact:v.impact,Help:v.help,Nodes:v.nodes.slice(0,4).map(n=>n.html.slice(0,160)+" | "+(n.any[0]?.message??""))})))`)
	for _, v := range found {
		c.t.Errorf("%s: axe %s %s: %s\n\t%s", name, v.Impact, v.ID, v.Help, strings.Join(v.Nodes, "\n\t"))
	}
}

// view is how a page is looked at: a window, and what the system prefers. Axe looks again where the layout differs, and where only
// colors do at their contrast.
type view struct {
	name  string
	width int64
	media map[string]string
	axe   bool
	rules []string
}

var (
	dark = map[string]string{"prefers-color-scheme": "dark"}
	// views are those of a page in each language, for which alone it is loaded anew.
	views = []struct {
		language string
		views    []view
	}{
		{"en", []view{
			{"360", 360, nil, true, nil},
			{"360-dark", 360, dark, true, []string{"color-contrast"}},
			{"768", 768, nil, false, nil},
			{"768-forced", 768, map[string]string{"forced-colors": "active"}, false, nil},
			{"1440", 1440, nil, true, nil},
		}},
		{"ar", []view{
			{"360-ar-dark", 360, dark, true, nil},
			{"768-ar", 768, nil, false, nil},
			{"1440-ar", 1440, nil, true, nil},
		}},
		{"de", []view{{"1440-de-contrast", 1440, map[string]string{"prefers-contrast": "more"}, true, []string{"color-contrast"}}}},
	}
)

// Every page and state that one can come to, and how each has to look: no wider than the window, nothing that axe finds serious,
// no script error, nothing that the content security policy stops. The pictures are in out/screenshots, to be looked at.
func TestW24_EveryPageInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	anybody := map[string]string{"sign-in": "/sign-in", "signed-out": "/signed-out", "help": "/help", "gallery": "/gallery", "not-found": "/nope"}
	gallery := map[string]string{}
	for _, a := range w.browser().get("/gallery").all(func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), "/gallery/") }) {
		gallery[strings.ReplaceAll(strings.TrimPrefix(attr(a, "href"), "/"), "/", "-")] = attr(a, "href")
	}
	if len(gallery) < 30 {
		t.Errorf("the gallery leads to %d pages", len(gallery))
	}
	mine := map[string]string{"profile": "/profile", "profile-edit-all": "/profile?edit=all", "profile-edit-about": "/profile?edit=about", "photo": "/profile/photo", "history-empty": "/history", "ask": "/ask/displayName", "kept": "/data"}
	lenas := w.signIn(ruth).busy()
	plan := w.signIn(ruth).sheet("people.csv", "userPrincipalName,department,city\r\nlena.hoffmann@larkfield.example,Field work,Aarhus\r\nnobody@larkfield.example,x,\r\n")
	others := map[string]string{
		"imports": "/admin/imports", "imports-upload": "/admin/imports/new", "imports-plan": plan, "imports-apply": plan + "/apply", "people-many": "/admin/people/edit?all=1", "people-add": "/admin/people/new", "people-export": "/admin/people/export",
		"admin": "/admin", "people": "/admin/people", "people-filtered": "/admin/people?q=a&department=Engineering&col=jobTitle&col=city&col=mobilePhone", "people-wrong": "/admin/people?filter=jobTitle%20is%20Head",
		"people-deleted": "/admin/people?view=deleted", "chart-none": "/admin/chart", "person": lenas, "person-edit": lenas + "?edit=contact", "person-manager": lenas + "/manager?q=o", "person-groups": lenas + "/groups?q=t",
		"person-licenses": lenas + "/licenses", "person-delete": lenas + "/delete", "person-password": lenas + "/password", "groups": "/admin/groups",
		"group": "/admin/groups/20000000-0000-4000-8000-000000000002", "group-closed": "/admin/groups/20000000-0000-4000-8000-000000000004", "licenses": "/admin/licenses",
		"changes": "/admin/history", "changes-filtered": "/admin/history?do=password&state=applied", "changes-check": "/admin/history/check", "policy": "/admin/policy", "health": "/admin/health", "policy-as": "/admin/policy?as=" + lena,
		"person-kept": lenas + "/kept", "person-forget": lenas + "/forget", "changes-export": "/admin/history/export",
	}
	for name, c := range map[string]struct {
		upn   string
		pages map[string]string
	}{"anybody": {"", anybody}, "gallery": {"", gallery}, "lena": {lena, mine}, "ruth": {ruth, others}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := *w
			one.t = t
			b := one.chromium()
			if c.upn != "" {
				b.signIn(c.upn)
			}
			for _, l := range views {
				b.open("/help")
				if got := eval[string](b, `document.cookie = "nameplate-language=`+l.language+`; path=/"; document.cookie`); !strings.Contains(got, l.language) {
					t.Fatalf("cookie %q", got) // reading it back also waits for it
				}
				for name, path := range c.pages {
					b.open(path)
					if got := eval[string](b, "document.documentElement.lang"); got != l.language {
						t.Errorf("%s is in %q", name, got)
					}
					eval[any](b, `document.querySelectorAll("main details:not(.menu)").forEach((d) => { d.open = true; })`) // what is folded away is looked at too
					for _, v := range l.views {
						b.seen(name+"-"+v.name, v)
					}
				}
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, s := range b.log {
				// A refused page is a failed load to the browser, and a form with typed text may not hold back a tour without hands.
				if !strings.Contains(s, "the server responded with a status of") && !strings.Contains(s, "'beforeunload'") {
					t.Errorf("the browser complained: %s", s)
				}
			}
		})
	}
}

// seen is the open page in one view: as wide as the window, in a picture, and axe finds nothing.
func (c *chromium) seen(name string, v view) {
	c.t.Helper()
	c.look(v.width, v.media)
	if wide := eval[int64](c, "document.documentElement.scrollWidth"); wide > v.width {
		c.t.Errorf("%s is %d px wide", name, wide)
	}
	c.picture(name)
	if v.axe {
		c.accessible(name, v.rules...)
	}
}

// The hostile organization: markup, templates, formulas, marks that turn the writing, texts without end. Nothing of it runs, and
// the layout holds on a phone.
func TestA37_TheHostileOrganizationInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{Hostile: true})
	for i, upn := range []string{w.Users[0].UPN, "h011@hostile.example", "h042@hostile.example"} {
		t.Run(upn, func(t *testing.T) {
			one := *w
			one.t = t
			c := one.chromium()
			c.look(360, nil)
			c.signIn(upn)
			if at := eval[string](c, "location.href"); !strings.HasPrefix(at, w.Portal) {
				t.Fatalf("after signing in as %s the browser is at %s", upn, at)
			}
			for _, path := range []string{"/profile", "/profile?edit=all", "/history", "/profile/photo", "/ask/displayName"} {
				c.open(path)
				if wide := eval[int64](c, "document.documentElement.scrollWidth"); wide > 360 {
					t.Errorf("%s is %d px wide", path, wide)
				}
				if n := eval[int64](c, `document.querySelectorAll("script:not([src^='/asset/']), iframe, object, embed, [onerror], [onclick], [onload]").length`); n > 0 {
					t.Errorf("%s: %d foreign elements", path, n)
				}
				c.picture(fmt.Sprintf("hostile-%d%s", i, strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path)))
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, s := range c.log {
				if !strings.Contains(s, "'beforeunload'") && !strings.Contains(s, "status of 404") {
					t.Errorf("the browser complained: %s", s)
				}
			}
		})
	}
}

// The journey of issue 1 by a person with a real browser: live count of changes, chips, save, undo, photo with crop, history,
// language and theme by hand.
func TestS1_1_TheJourneyInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	c := w.chromium()
	c.look(1280, nil)
	c.signIn("jo.li@larkfield.example")
	eval[any](c, `document.cookie = "nameplate-language=en; path=/"`)

	c.open("/profile?edit=all")
	line := `document.querySelector("[data-changes]").textContent`
	if got := eval[string](c, line); got != "No changes yet" {
		t.Errorf("before typing: %q", got)
	}
	eval[any](c, `document.querySelector("#f-mobilePhone").value = ""`)
	c.do(chromedp.SendKeys(chromedp.CSS("#f-mobilePhone"), "+44 20 7946 0123"))
	if got := eval[string](c, line); got != "1 change: Mobile phone" {
		t.Errorf("after typing: %q", got)
	}
	c.do(chromedp.SendKeys(chromedp.CSS("#f-skills"), "Kayaking\r"))
	c.do(chromedp.SendKeys(chromedp.CSS("#f-skills"), "Forms"))
	c.click(".savebar .button-main")
	c.says("Saved", "Mobile phone", "+44 20 7946 0123", "Undo")
	if got := eval[string](c, "document.activeElement.className"); !strings.Contains(got, "banner") {
		t.Errorf("focus is on %q", got)
	}
	if got := eval[string](c, `[...document.querySelectorAll("#f-skills .chip")].map(x=>x.innerText.trim()).join(",")`); !strings.HasSuffix(got, "Kayaking,Forms") {
		t.Errorf("skills %q", got)
	}
	c.click(`form[action$="/undo"] button`)
	c.says("Saved")
	if strings.Contains(eval[string](c, `document.querySelector("#f-mobilePhone").innerText`), "7946") {
		t.Error("the number is still there after Undo")
	}

	// A photo: a wide picture, moved and enlarged by keys, arrives as a square JPEG.
	file := filepath.Join(t.TempDir(), "me.png")
	img := image.NewRGBA(image.Rect(0, 0, 600, 300))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for y := range 300 {
		for x := range 300 {
			img.SetRGBA(x, y, color.RGBA{200, 30, 30, 255})
		}
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	c.open("/profile/photo")
	c.do(chromedp.SetUploadFiles(chromedp.CSS("#photo"), []string{file}), chromedp.WaitVisible(chromedp.CSS(".crop canvas")), chromedp.Focus(chromedp.CSS(".crop canvas")))
	// to the left edge: the red half
	eval[any](c, `for (let i = 0; i < 40; i++) document.querySelector(".crop canvas").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}))`)
	c.click(".savebar .button-main")
	c.says("Saved", "Photo")
	red := eval[[]int](c, `new Promise((done, no) => { const i = new Image(); i.onerror = no; i.onload = () => { const k = document.createElement("canvas"); k.width = i.width; k.height = i.height; const x = k.getContext("2d"); x.drawImage(i, 0, 0); done([i.width, i.height, ...x.getImageData(i.width >> 1, i.height >> 1, 1, 1).data]) }; i.src = document.querySelector("img.avatar-l").src })`)
	if red[0] != red[1] || red[2] < 150 || red[3] > 90 {
		t.Errorf("the picture is %v, not a red square", red)
	}

	c.open("/history")
	c.says("Taken back", "Undo of an earlier change", "Photo")
	c.do(chromedp.WaitReady(chromedp.CSS("form.switch select[name=theme]")))
	eval[any](c, `{const s=document.querySelector("form.switch select[name=theme]"); s.value="dark"; setTimeout(()=>s.dispatchEvent(new Event("change",{bubbles:true})))}`)
	c.do(chromedp.WaitReady(chromedp.CSS("html[data-theme=dark]")))
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.log {
		t.Errorf("the browser complained: %s", s)
	}
}
