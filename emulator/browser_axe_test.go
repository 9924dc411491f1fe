package emulator_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"nameplate/emulator"
)

// Every page of the sign-in half, light and dark: nothing that axe calls serious or critical.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("there is no chromium: make tools")
	}
	axe, err := os.ReadFile("../.tools/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("there is no axe-core: make tools")
	}
	e := newEmulator(t, emulator.Options{Organizations: organizations()})
	s, err := e.Start(t.Context(), emulator.Addresses{Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.NoFirstRun,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true))
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 50*time.Second)
	defer cancel()
	at := func(path string) string { return s.AuthorityHTTP + path }
	click := func(label string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(fmt.Sprintf(`//button[contains(., %q)]`, label))
	}
	admin := "/" + contosoID + "/v2.0/adminconsent?" + url.Values{"client_id": {bareApp}, "redirect_uri": {back}, "scope": {"https://graph.microsoft.com/.default"}}.Encode()
	for _, p := range []struct {
		name, shows string
		steps       []chromedp.Action[chromedp.Void]
	}{
		{"home", "tenant in a box", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at("/"))}},
		{"sign in", "Find a person", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(request(contosoID)))}},
		{"nobody found", "Nobody here", []chromedp.Action[chromedp.Void]{chromedp.SendKeys("#q", "zzzz\r"), chromedp.WaitVisible(`//p[contains(., "Nobody here")]`)}},
		{"complaint", "AADSTS50057", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(request(contosoID))), click("Dora Disabled"), chromedp.WaitVisible(".alert")}},
		{"password", "Enter password", []chromedp.Action[chromedp.Void]{click("Lee Locked"), chromedp.WaitVisible("#passwd")}},
		{"consent", "would like to", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(asApp(contosoID, bareApp, "openid User.Read"))), click("Adele Vance"), chromedp.WaitVisible(".scopes")}},
		{"approval", "Need admin approval", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(asApp(contosoID, bareApp, "openid User.Read.All")))}},
		{"account", "Pick an account", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(request(contosoID, "prompt", "select_account")))}},
		{"admin consent refused", "AADSTS90093", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(admin))}},
		{"error", "AADSTS50011", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at(request(contosoID, "redirect_uri", "https://evil.example/")))}},
		{"device", "Code shown", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at("/common/oauth2/v2.0/deviceauth"))}},
		{"signed out", "You signed out", []chromedp.Action[chromedp.Void]{chromedp.Navigate(at("/common/oauth2/v2.0/logout"))}},
	} {
		t.Run(p.name, func(t *testing.T) {
			if err := chromedp.Do(ctx, p.steps...); err != nil {
				t.Fatal(err)
			}
			text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			if err != nil || !strings.Contains(text, p.shows) || !strings.Contains(text, "This is not Microsoft") {
				t.Fatalf("%v: the page says %q", err, text)
			}
			for _, scheme := range []string{"light", "dark"} {
				media := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
				if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: media}); err != nil {
					t.Fatal(err)
				}
				found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](string(axe)+`;
					axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
						.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | ")))`, chromedp.EvalAwaitPromise))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range found {
					t.Errorf("%s: %s", scheme, f)
				}
			}
		})
	}
}
