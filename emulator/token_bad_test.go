package emulator_test

import (
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"nameplate/emulator"
)

// A library that verifies refuses every token of the menu that it can judge; what only an application can judge (nonce, tid, oid)
// is wrong in the way its name says.
func TestA02_BadTokenMenu(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	rp := rely(t, s, s.Authority, emulator.App{ClientID: webApp})
	p := newVisitor(t, s)
	p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	token := func(t *testing.T) string {
		t.Helper()
		a := p.get(request(contosoID))
		_, body := p.redeem(contosoID, a.to.Query().Get("code"))
		raw, ok := body["id_token"].(string)
		if !ok {
			t.Fatalf("%v", body)
		}
		return raw
	}
	application := map[string]func(map[string]any) bool{
		"no-nonce":    func(c map[string]any) bool { return c["nonce"] == nil },
		"wrong-nonce": func(c map[string]any) bool { return c["nonce"] != "n1" && c["nonce"] != nil },
		"wrong-tid":   func(c map[string]any) bool { return c["tid"] != contosoID && c["tid"] != nil },
		"no-tid":      func(c map[string]any) bool { return c["tid"] == nil },
		"no-oid":      func(c map[string]any) bool { return c["oid"] == nil },
	}
	if len(emulator.BadTokens()) < 20 {
		t.Fatalf("%d ways, 20 were promised", len(emulator.BadTokens()))
	}
	for _, kind := range emulator.BadTokens() {
		t.Run(kind, func(t *testing.T) {
			if err := e.SpoilIDTokens(kind, 1); err != nil {
				t.Fatal(err)
			}
			raw := token(t)
			if check, ok := application[kind]; ok {
				if !check(claimsOf(t, raw)) {
					t.Error("the token is right")
				}
			} else if kind == "huge-header" {
				if i := strings.Index(raw, "."); i < 5<<20 {
					t.Errorf("a header of %d bytes", i)
				}
			} else if _, err := rp.provider.Verifier(&oidc.Config{ClientID: webApp}).Verify(rp.ctx, raw); err == nil {
				t.Error("go-oidc takes it")
			}
			if _, err := rp.provider.Verifier(&oidc.Config{ClientID: webApp}).Verify(rp.ctx, token(t)); err != nil {
				t.Errorf("the next one is wrong too: %v", err)
			}
		})
	}
	if err := e.SpoilIDTokens("unheard-of", 1); err == nil || !strings.Contains(err.Error(), "alg-none") {
		t.Errorf("an unknown way: %v", err)
	}
	control(t, s, "/tokens/bad", map[string]any{"kind": "wrong-aud", "times": 2})
	if claimsOf(t, token(t))["aud"] == webApp {
		t.Error("the control verb does nothing")
	}
	control(t, s, "/tokens/bad", map[string]any{"times": 0})
	if claimsOf(t, token(t))["aud"] != webApp {
		t.Error("it is not taken back")
	}
}

// A library that pins the issuer does not start with swapped metadata.
func TestA07_SwappedIssuer(t *testing.T) {
	t.Parallel()
	e, s := start(t)
	ctx := oidc.ClientContext(t.Context(), s.Client())
	e.SwapIssuer("https://login.microsoftonline.com.example/{tenantid}/v2.0")
	if _, err := oidc.NewProvider(ctx, s.Authority+"/"+contosoID+"/v2.0"); err == nil {
		t.Error("go-oidc takes metadata of another issuer")
	}
	e.SwapIssuer("")
	if _, err := oidc.NewProvider(ctx, s.Authority+"/"+contosoID+"/v2.0"); err != nil {
		t.Error(err)
	}
}
