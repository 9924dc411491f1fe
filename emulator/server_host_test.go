package emulator_test

import (
	"net/http"
	"testing"

	"nameplate/emulator"
)

// A57: a page of the web whose name was pointed at this machine (DNS rebinding) does not reach the tenant in which anybody can
// sign in as anybody.
func TestA57_OnlyNamesOfThisMachine(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{})
	s, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for host, want := range map[string]int{
		"": http.StatusOK, "localhost": http.StatusOK, "[::1]:80": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "127.0.0.1.evil.example": http.StatusMisdirectedRequest, "10.0.0.1": http.StatusMisdirectedRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.AuthorityHTTP+"/"+e.Tenants()[0]+"/v2.0/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: %d, want %d", host, resp.StatusCode, want)
		}
	}
	if _, err := e.Start(t.Context(), emulator.Addresses{HTTP: "0.0.0.0:0"}); err == nil {
		t.Error("it listens for other machines without being asked to")
	}
}
