package journey

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nameplate/internal/app"
)

// wait waits for an element that only the work of others brings.
func (c *chromium) wait(selector string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(selector))); err != nil {
		c.t.Fatalf("%s: %v\n%s", selector, err, c.text())
	}
}

// file chooses a file and reads it.
func (c *chromium) file(path string) {
	c.t.Helper()
	c.open("/admin/imports/new")
	c.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
	c.click(".savebar .button-main")
	c.wait("select[name='as.1']")
}

// The whole round in a real browser, with 10,000 rows of which some change something: upload, columns, plan, search, number, progress
// that survives a reload, results, and the rows that did not arrive fed in again.
func TestS3_16_S3_17_S3_18_S3_19_S3_20_TenThousandRowsInChromium(t *testing.T) {
	t.Parallel()
	const people, wanted = 10_000, 130
	w := begin(t, app.DemoOptions{People: people})
	var text strings.Builder
	text.WriteString("Anmeldename;Abteilung;Notiz\r\n")
	var some []string // who is changed
	users := w.Emulator.Snapshot()[0].Users
	for _, u := range users {
		department, _ := u.Values["department"].(string)
		if department != "" && len(u.Roles) == 0 && len(some) < wanted {
			department = "Branch office"
			some = append(some, u.UPN)
		}
		fmt.Fprintf(&text, "%s;%s;x\r\n", u.UPN, department)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "everybody.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := w.chromium()
	c.look(1440, nil)
	c.signIn(w.who("Nameplate.Admin"))
	eval[any](c, `document.cookie = "nameplate-language=en; path=/"`)

	c.file(path)
	c.says("There is no column", "Abteilung", "No column says whom a row is about")
	c.accessible("sheet-columns")
	c.picture("sheet-columns-1440")
	for i, as := range []string{"userPrincipalName", "department", "-"} {
		eval[any](c, fmt.Sprintf(`document.querySelector("select[name='as.%d']").value = %q`, i+1, as))
	}
	eval[any](c, `document.querySelector("button[value=plan]").click()`)
	c.wait("#rows .timeline")
	c.says("everybody.csv", "Nothing was changed yet", "Branch office")
	var changed int // of those wanted, some come from a directory on-premises
	if _, err := fmt.Sscanf(eval[string](c, `document.querySelector(".page-head-row .button-main").innerText`), "Apply %d changes", &changed); err != nil || changed <= 100 || changed > wanted {
		t.Fatalf("%d would change: %v", changed, err)
	}
	some = eval[[]string](c, fmt.Sprintf(`fetch(%q).then((r) => r.text()).then((s) => [...s.matchAll(/class="quiet"><bdi>([^ ]*@[^ ]*)<.bdi>/g)].map((m) => m[1].replaceAll("<wbr>", "")))`, eval[string](c, "location.pathname")+"?state=ready"))
	plan := eval[string](c, "location.pathname")
	for _, v := range []view{{"360-dark", 360, dark, true, nil}, {"768", 768, nil, false, nil}, {"1440", 1440, nil, true, nil}} {
		c.seen("sheet-plan-"+v.name, v)
	}
	if size := eval[int64](c, "new TextEncoder().encode(document.documentElement.outerHTML).length"); size > 120_000 {
		t.Errorf("a page of fifty rows has %d bytes", size)
	}
	eval[any](c, `document.querySelector("#q").focus()`)
	c.do(chromedp.SendKeys(chromedp.CSS("#q"), some[7]))
	c.wait(".chosen")
	c.says("1 row", some[7])

	// Somebody else changes one of them before it is applied, not one of the five that go first.
	if err := w.Emulator.Set(w.TenantID, some[30], map[string]any{"department": "Elsewhere"}); err != nil {
		t.Fatal(err)
	}
	c.open(plan + "/apply")
	c.says("Apply this plan?", fmt.Sprintf("It changes %d people, more than 100.", changed))
	c.accessible("sheet-apply")
	c.picture("sheet-apply-1440")
	c.do(chromedp.SendKeys(chromedp.CSS("#people"), fmt.Sprint(changed)))
	c.click(".savebar button")
	c.open(plan) // whoever comes back finds it where it is
	c.wait("progress")
	c.wait(".banner-caution, .banner-positive")
	c.says("Not everything was saved", fmt.Sprintf("%d of %d rows are as you wanted them", changed-1, changed), "What did not arrive, as CSV")
	for _, v := range []view{{"360", 360, nil, true, nil}, {"1440-dark", 1440, dark, true, nil}} {
		c.seen("sheet-done-"+v.name, v)
	}

	// What did not arrive comes back in.
	rest := eval[string](c, fmt.Sprintf(`fetch(%q).then((r) => r.text())`, plan+"/rejects?as=csv"))
	if !strings.Contains(rest, some[30]) || strings.Count(rest, "\n") != 2 {
		t.Fatalf("rejects: %s", rest)
	}
	path = filepath.Join(folder, "rest.csv")
	if err := os.WriteFile(path, []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
	c.look(1440, nil)
	c.file(path)
	eval[any](c, `document.querySelector("button[value=plan]").click()`)
	c.wait("#rows .timeline")
	c.says("Elsewhere", "Branch office", "Apply 1 change")
	c.click(".page-head-row .button-main")
	c.click(".savebar button")
	c.wait(".banner-positive")
	c.says("Everything is saved")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.log {
		t.Errorf("the browser complained: %s", s)
	}
}
