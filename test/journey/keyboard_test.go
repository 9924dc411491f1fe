package journey

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nameplate/internal/app"
)

// press sends keys to whatever has the focus.
func (c *chromium) press(keys string) {
	c.t.Helper()
	c.do(chromedp.KeyEvent(keys))
}

// enter presses Enter and waits for the page that follows.
func (c *chromium) enter() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.KeyEvent("\r")); err != nil {
		c.t.Fatalf("Enter on %s: %v", c.focus(), err)
	}
}

// focus describes what has the focus.
func (c *chromium) focus() string {
	return eval[string](c, `(e => e.tagName + " " + (e.name || "") + " " + (e.getAttribute("href") || "") + " " + e.innerText.slice(0, 60))(document.activeElement)`)
}

// tabTo presses Tab until a condition on document.activeElement (e) holds; on the way every stop must be seen to have the focus.
func (c *chromium) tabTo(condition string) {
	c.t.Helper()
	for range 120 {
		c.press("\t")
		if eval[bool](c, fmt.Sprintf(`(e => e !== document.body && (%s))(document.activeElement)`, condition)) {
			return
		}
		if seen := eval[bool](c, `(e => { if (e === document.body) return true; const s = getComputedStyle(e), r = e.getBoundingClientRect(); return r.width > 0 && (s.outlineStyle !== "none" || s.boxShadow !== "none") })(document.activeElement)`); !seen {
			c.t.Errorf("the focus is on %s and cannot be seen", c.focus())
		}
	}
	c.t.Fatalf("Tab never reaches %s; it is on %s", condition, c.focus())
}

// The whole journey by keyboard: sign in, edit, save, undo.
func TestS1_1_KeyboardOnly(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	c := w.chromium()
	c.look(1280, nil)
	c.open("/")
	c.tabTo(`e.matches('a[href^="/login"]')`)
	c.enter()
	c.tabTo(`e.matches('#named input')`)
	c.press(w.who("member"))
	c.enter()
	c.says("Contact")
	c.press("\t")
	if got := c.focus(); !strings.Contains(got, "Skip to content") {
		t.Errorf("the first stop is %q, not the way past the navigation", got)
	}
	c.tabTo(`e.matches('a[href*="edit=contact"]')`)
	c.enter()
	c.tabTo(`e.name === "faxNumber"`)
	c.press("+81 3 5550 0555")
	c.tabTo(`e.matches('button') && e.innerText.trim() === "Save"`)
	c.enter()
	c.says("Saved", "+81 3 5550 0555")
	c.tabTo(`e.matches('button') && e.innerText.trim() === "Undo"`)
	c.enter()
	c.says("Fax")
	if strings.Contains(eval[string](c, `document.querySelector("main").innerText`), "now: +81 3 5550 0555") {
		t.Error("Undo by keyboard did nothing")
	}
}

// At 200 % text and at 320 px nothing is lost: the page does not scroll sideways, and no control leaves the window
// (WCAG 1.4.4 and 1.4.10).
func TestW24_LargeTextAndNarrowWindows(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	c := w.chromium()
	c.signIn(w.who("member"))
	for _, path := range []string{"/profile", "/profile?edit=all", "/history", "/profile/photo", "/help"} {
		for name, set := range map[string]func(){
			"320 px": func() { c.look(320, nil); c.open(path) },
			"200 % at 1280 px": func() {
				c.look(1280, nil)
				c.open(path)
				eval[any](c, `document.documentElement.style.fontSize = "200%"`)
			},
			"200 % at 640 px": func() {
				c.look(640, nil)
				c.open(path)
				eval[any](c, `document.documentElement.style.fontSize = "200%"`)
			},
			"right to left 320": func() { c.look(320, nil); c.open(path); eval[any](c, `document.documentElement.dir = "rtl"`) },
		} {
			set()
			if wide := eval[float64](c, `document.documentElement.scrollWidth - innerWidth`); wide > 1 {
				out := eval[string](c, `[...document.querySelectorAll("main *")].filter(e => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 1 || r.left < -1 }).slice(0, 3).map(e => e.tagName + "." + e.className).join(" ")`)
				t.Errorf("%s at %s is %v px too wide: %s", path, name, wide, out)
			}
		}
	}
}
