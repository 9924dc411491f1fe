package journey

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"nameplate/internal/app"
)

// choose gives the file field a file that a script makes, and returns once the page has looked at it.
func (c *chromium) choose(file, until string) {
	c.t.Helper()
	if got := eval[string](c, fmt.Sprintf(`(async () => {
		const file = await (%s)(), sent = new DataTransfer(), field = document.querySelector("#photo");
		sent.items.add(file);
		field.files = sent.files;
		field.dispatchEvent(new Event("change", { bubbles: true }));
		for (let i = 0; i < 300 && !(%s); i++) await new Promise(requestAnimationFrame);
		return (%s) ? "" : document.querySelector("[data-photo]").innerText;
	})()`, file, until, until)); got != "" {
		c.t.Fatalf("never: %s\n%s", until, got)
	}
}

func drawn(w, h int) string {
	return fmt.Sprintf(`() => new Promise((done) => {
		const c = document.createElement("canvas");
		c.width = %d; c.height = %d;
		c.getContext("2d").fillRect(0, 0, 9, 9);
		c.toBlob((b) => done(new File([b], "a.png", { type: "image/png" })));
	})`, w, h)
}

// B50, W24: with a script a picture that cannot be used is refused before it is sent, in the words of the server, and nothing
// covers the picture while its section is chosen.
func TestB50_W24_ThePhotoPageInChromium(t *testing.T) {
	t.Parallel()
	b := begin(t, app.DemoOptions{}).chromium()
	b.signIn("misaki.tanaka@larkfield.example")
	const cropping, refused = `!document.querySelector("[data-crop]").hidden`, `!document.querySelector("#photo-error").hidden`
	for _, size := range [][2]int64{{1000, 600}, {360, 640}} {
		b.do(chromedp.EmulateViewport(size[0], size[1]))
		b.open("/profile/photo")
		b.choose(drawn(800, 600), cropping)
		covered := eval[int64](b, `(() => {
			const c = document.querySelector("canvas");
			c.scrollIntoView({ block: "end" });
			const r = c.getBoundingClientRect();
			let n = 0;
			for (let y = 2; y < r.height; y += 8) n += document.elementFromPoint(r.left + r.width / 2, r.top + y) === c ? 0 : 1;
			return n;
		})()`)
		if covered != 0 {
			t.Errorf("%d×%d: %d places of the picture are covered", size[0], size[1], covered)
		}
		for say, file := range map[string]string{"at least 48 pixels": drawn(47, 300), "larger than 4 MB": `async () => new File([new Uint8Array(4 * 1024 * 1024 + 1)], "a.jpg")`} {
			b.choose(file, refused)
			if got := eval[string](b, `document.querySelector("#photo-error").innerText`); !strings.Contains(got, say) {
				t.Errorf("beside the field: %q, want %q", got, say)
			}
			if eval[bool](b, cropping) {
				t.Errorf("%s: can still be cropped", say)
			}
			if eval[bool](b, `document.querySelector("[data-photo]").checkValidity()`) {
				t.Errorf("%s: would be sent", say)
			}
		}
		// The least that fits cannot be enlarged by choosing a smaller section of it.
		b.choose(drawn(48, 60), cropping)
		if got := eval[string](b, `document.querySelector("#zoom").max`); got != "100" {
			t.Errorf("48 pixels may be enlarged to %s %%", got)
		}
	}
}

// A short window, or one with large letters, is left to the form; a list that a script makes of chips says how it is filled.
func TestW24_TheFormInAShortWindowInChromium(t *testing.T) {
	t.Parallel()
	b := begin(t, app.DemoOptions{}).chromium()
	b.signIn("misaki.tanaka@larkfield.example")
	for height, want := range map[int64]string{900: "sticky", 400: "static"} {
		b.do(chromedp.EmulateViewport(360, height))
		b.open("/profile?edit=about")
		if got := eval[string](b, `getComputedStyle(document.querySelector(".savebar")).position`); got != want {
			t.Errorf("360×%d: the bar is %s", height, got)
		}
		if lines := eval[int64](b, `(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector(".ribbon span")); return new Set([...r.getClientRects()].map((x) => Math.round(x.bottom))).size; })()`); height == 400 && lines != 1 {
			t.Errorf("360×%d: the ribbon has %d lines", height, lines)
		}
	}
	if got := eval[string](b, `document.querySelector("#f-skills-help").textContent`); got != "Press Enter after each." {
		t.Errorf("help of the chips: %q", got)
	}
}
