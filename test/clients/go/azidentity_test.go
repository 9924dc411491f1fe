package clients

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2"

	"nameplate/emulator"
)

const graphDefault = "https://graph.microsoft.com/.default"

func (b box) options() azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: b.Authority}, Transport: b.Client()}
}

// claims are what a token says of itself.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoAzidentity(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	token := func(t *testing.T, c azcore.TokenCredential, err error, scope string) map[string]any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		tok, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}, EnableCAE: true})
		if err != nil {
			t.Fatal(err)
		}
		return claims(t, tok.Token)
	}

	t.Run("secret", func(t *testing.T) {
		t.Parallel()
		c, err := azidentity.NewClientSecretCredential(tenantID, web, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: b.options(), DisableInstanceDiscovery: true})
		got := token(t, c, err, graphDefault)
		if got["appid"] != web || got["idtyp"] != "app" || got["xms_cc"] == nil {
			t.Error(got)
		}
	})

	t.Run("certificate, with its chain in the header too", func(t *testing.T) {
		t.Parallel()
		certs, key, err := azidentity.ParseCertificates(append(b.cert, b.key...), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, chain := range []bool{false, true} {
			c, err := azidentity.NewClientCertificateCredential(tenantID, web, certs, key, &azidentity.ClientCertificateCredentialOptions{
				ClientOptions: b.options(), DisableInstanceDiscovery: true, SendCertificateChain: chain,
			})
			if got := token(t, c, err, graphDefault); got["appidacr"] != "2" {
				t.Error(got)
			}
		}
	})

	t.Run("device code", func(t *testing.T) {
		t.Parallel()
		c, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			ClientOptions: b.options(), DisableInstanceDiscovery: true, TenantID: tenantID, ClientID: console,
			UserPrompt: func(ctx context.Context, m azidentity.DeviceCodeMessage) error {
				return emulator.EnterDeviceCode(ctx, b.Client(), m.VerificationURL, m.UserCode, "adele@contoso.com")
			},
		})
		if got := token(t, c, err, "https://graph.microsoft.com/User.Read"); got["upn"] != "adele@contoso.com" {
			t.Error(got)
		}
	})

	t.Run("on behalf of, by secret and by certificate", func(t *testing.T) {
		t.Parallel()
		front := oauth2.Config{ClientID: console, RedirectURL: redirect, Scopes: []string{"api://" + web + "/.default"}, Endpoint: oauth2.Endpoint{
			AuthURL: b.Authority + "/" + tenantID + "/oauth2/v2.0/authorize", TokenURL: b.Authority + "/" + tenantID + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams,
		}}
		verifier := oauth2.GenerateVerifier()
		first, err := front.Exchange(b.context(t), b.code(t, front.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "s"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		o := &azidentity.OnBehalfOfCredentialOptions{ClientOptions: b.options(), DisableInstanceDiscovery: true}
		c, err := azidentity.NewOnBehalfOfCredentialWithSecret(tenantID, web, first.AccessToken, secret, o)
		if got := token(t, c, err, "https://graph.microsoft.com/User.Read"); got["appid"] != web || got["upn"] != "adele@contoso.com" {
			t.Error(got)
		}
		certs, key, err := azidentity.ParseCertificates(append(b.cert, b.key...), nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err = azidentity.NewOnBehalfOfCredentialWithCertificate(tenantID, web, first.AccessToken, certs, key, o)
		if got := token(t, c, err, "https://graph.microsoft.com/User.Read"); got["appidacr"] != "2" {
			t.Error(got)
		}
	})

	t.Run("assertion that the caller makes, refused when it is nonsense", func(t *testing.T) {
		t.Parallel()
		c, err := azidentity.NewClientAssertionCredential(tenantID, web, func(context.Context) (string, error) { return "no.jwt.here", nil },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: b.options(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{graphDefault}})
		var failed *azidentity.AuthenticationFailedError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "AADSTS50027") {
			t.Error(err)
		}
	})

	t.Run("a wrong secret is AuthenticationFailedError with the service's code", func(t *testing.T) {
		t.Parallel()
		c, err := azidentity.NewClientSecretCredential(tenantID, web, "wrong", &azidentity.ClientSecretCredentialOptions{ClientOptions: b.options(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{graphDefault}})
		var failed *azidentity.AuthenticationFailedError
		if !errors.As(err, &failed) || failed.RawResponse.StatusCode != http.StatusUnauthorized || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Error(err)
		}
	})
}
