package emulator_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"nameplate/emulator"
)

// A certificate that Graph adds signs in at once; with it as proof a second one is added and the first removed, which then no
// longer signs in. https://learn.microsoft.com/en-us/graph/api/application-addkey
// https://learn.microsoft.com/en-us/graph/application-rollkey-prooftoken https://learn.microsoft.com/en-us/graph/api/application-removekey
func TestCertificatesByGraphSignIn(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, emulator.Options{Organizations: organizations()})
	s, err := e.Start(t.Context(), emulator.Addresses{HTTP: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := (&desk{Emulator: e, t: t}).app("Application.ReadWrite.All")
	made := func() (key *rsa.PrivateKey, all []byte, credential map[string]any) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		cert, all := certificate(t, key, time.Now().Add(24*time.Hour))
		block, _ := pem.Decode(cert)
		return key, all, map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(block.Bytes)}
	}
	signsIn := func(all []byte) bool {
		certs, k, err := azidentity.ParseCertificates(all, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := azidentity.NewClientCertificateCredential(contosoID, webApp, certs, k, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options(s), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		return err == nil
	}
	one := d.ask("GET", "/v1.0/applications(appId='"+webApp+"')", nil)
	d.want(one, http.StatusOK, "")
	app, _ := one.body["id"].(string)
	proof := func(key *rsa.PrivateKey, by string) string {
		claims, _ := json.Marshal(map[string]any{
			"aud": "00000002-0000-0000-c000-000000000000", "iss": by, "nbf": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix(),
		})
		enc := base64.RawURLEncoding.EncodeToString
		input := enc([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc(claims)
		sum := sha256.Sum256([]byte(input))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + enc(sig)
	}

	first, firstAll, credential := made()
	if signsIn(firstAll) {
		t.Error("a certificate that nobody has added signs in")
	}
	d.want(d.ask("PATCH", "/v1.0/applications/"+app, map[string]any{"keyCredentials": []any{credential}}), http.StatusNoContent, "")
	if !signsIn(firstAll) {
		t.Error("the certificate of the update does not sign in")
	}
	second, secondAll, next := made()
	add := func(proof string) reply {
		return d.ask("POST", "/v1.0/applications/"+app+"/addKey", map[string]any{"keyCredential": next, "passwordCredential": nil, "proof": proof})
	}
	for name, bad := range map[string]string{"of a key that is not there": proof(second, app), "of another": proof(first, "00000000-0000-4000-8000-00000000dead"), "none": ""} {
		if r := add(bad); r.code < 400 || r.code >= 500 {
			t.Errorf("a proof %s: %d %s", name, r.code, r.raw)
		}
	}
	if signsIn(secondAll) {
		t.Error("a key that was refused signs in")
	}
	d.want(add(proof(first, app)), http.StatusOK, "")
	if !signsIn(secondAll) || !signsIn(firstAll) {
		t.Error("both certificates should sign in")
	}
	keys, _ := d.ask("GET", "/v1.0/applications/"+app+"?$select=keyCredentials", nil).body["keyCredentials"].([]any)
	if len(keys) != 2 {
		t.Fatalf("%d keys", len(keys))
	}
	gone := map[string]any{"keyId": keys[0].(map[string]any)["keyId"], "proof": proof(second, app)}
	d.want(d.ask("POST", "/v1.0/applications/"+app+"/removeKey", gone), http.StatusNoContent, "")
	if signsIn(firstAll) || !signsIn(secondAll) {
		t.Error("after the removal only the second certificate should sign in")
	}
}
