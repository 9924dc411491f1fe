package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
)

// The refusals of the token and device code endpoints word by word. Each case names where its words are from: "codes" is
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes, the others are public threads with an answer of
// the service in them. %s stands for what differs from answer to answer.
func TestEntraRefusesInTheServicesWords(t *testing.T) {
	t.Parallel()
	e, s := startDeep(t)
	const (
		other   = "99999999-0000-4000-8000-000000000000"
		aGraph  = "https://graph.microsoft.com/.default"
		notHere = "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
	)
	base := map[string][]string{
		"client":  {"grant_type", "client_credentials", "client_id", webApp, "client_secret", "right-secret", "scope", aGraph},
		"code":    {"grant_type", "authorization_code", "client_id", webApp, "client_secret", "right-secret", "redirect_uri", back},
		"refresh": {"grant_type", "refresh_token", "client_id", webApp, "client_secret", "right-secret"},
		"ropc":    {"grant_type", "password", "client_id", ropcApp, "username", "mia@contoso.com", "password", "Correct-Horse-1", "scope", "openid User.Read"},
		"device":  {"grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", cliApp},
		"ask":     {"client_id", cliApp, "scope", "openid User.Read"},
		"obo":     {"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id", webApp, "client_secret", "right-secret", "requested_token_use", "on_behalf_of", "scope", "User.Read"},
	}
	for _, c := range []struct {
		name, from, tenant, base string
		change                   []string // "" takes a parameter away
		status                   int
		kind                     string
		code                     int
		text                     string
	}{
		{"unknown tenant", "codes; Azure/azure-cli#22145", "nowhere.example", "client", nil, 400, "invalid_tenant", 90002, "Tenant 'nowhere.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
		{"unknown application", "codes", contosoID, "client", []string{"client_id", other}, 400, "unauthorized_client", 700016, notHere},
		{"application of another tenant", "codes", fabrikamID, "client", nil, 400, "unauthorized_client", 700016, notHere},
		{"disabled application", "codes (7000112)", contosoID, "client", []string{"client_id", offApp}, 400, "unauthorized_client", 7000112, "Application '" + offApp + "'(Off) is disabled."},
		{"single tenant on common", "codes", "common", "client", nil, 400, "invalid_request", 50194, "Application '" + webApp + "'(Portal) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '%s'. Use a tenant-specific endpoint or configure the application to be multi-tenant."},
		{"application alone on common", "AzureAD/microsoft-identity-web#462", "common", "client", []string{"client_id", multiApp}, 400, "invalid_request", 50059, "No tenant-identifying information found in either the request or implied by any provided credentials."},
		{"wrong secret", "codes", contosoID, "client", []string{"client_secret", "wrong"}, 401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + webApp + "'."},
		{"expired secret", "codes", contosoID, "client", []string{"client_secret", "old-secret"}, 401, "invalid_client", 7000222, "The provided client secret keys for app '" + webApp + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
		{"no secret", "codes", contosoID, "client", []string{"client_secret", ""}, 401, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
		{"public client with a secret", "codes", contosoID, "ropc", []string{"client_secret", "x"}, 401, "invalid_client", 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
		{"no grant type", "codes (900144)", contosoID, "client", []string{"grant_type", ""}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."},
		{"no client id", "codes (900144)", contosoID, "client", []string{"client_id", ""}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."},
		{"no scope", "codes (900144)", contosoID, "client", []string{"scope", ""}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'scope'."},
		{"grant type unknown", "codes", contosoID, "client", []string{"grant_type", "magic"}, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type 'magic'."},
		{"resource in v2.0", "codes", contosoID, "client", []string{"resource", "https://graph.microsoft.com"}, 400, "invalid_request", 901002, "The 'resource' request parameter is not supported."},
		{"not .default", "MicrosoftDocs/azure-docs#99862", contosoID, "client", []string{"scope", "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 1002012, "The provided value for scope https://graph.microsoft.com/User.Read is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
		{"two scopes", "codes (70011)", contosoID, "client", []string{"scope", aGraph + " api://" + apiApp + "/.default"}, 400, "invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
		{"unknown resource", "codes", contosoID, "client", []string{"scope", "https://nothing.example/.default"}, 400, "invalid_resource", 500011, "The resource principal named https://nothing.example was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},
		{"not assigned to the resource", "remembered; 50105 with these words in Azure-Samples/active-directory-dotnet-daemon#10 of 2017", contosoID, "client", []string{"scope", "api://" + api2App + "/.default"}, 400, "invalid_grant", 501051, "Application '" + webApp + "'(Portal) is not assigned to a role for the application '" + api2App + "'(New API)."},
		{"made-up code", "codes", contosoID, "code", []string{"code", "x"}, 400, "invalid_grant", 9002313, "Invalid request. Request is malformed or invalid."},
		{"made-up refresh token", "codes", contosoID, "refresh", []string{"refresh_token", "x"}, 400, "invalid_grant", 9002313, "Invalid request. Request is malformed or invalid."},
		{"no code", "codes (900144)", contosoID, "code", nil, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'code'."},
		{"nobody", "codes", contosoID, "ropc", []string{"username", "nobody@contoso.com"}, 400, "invalid_grant", 50034, "The user account nobody@contoso.com does not exist in the Contoso directory. To sign into this application, the account must be added to the directory."},
		{"wrong password", "codes", contosoID, "ropc", []string{"password", "wrong"}, 400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."},
		{"no password", "codes (900144)", contosoID, "ropc", []string{"password", ""}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'password'."},
		{"disabled account", "codes", contosoID, "ropc", []string{"username", "disabled@contoso.com"}, 400, "invalid_grant", 50057, "The user account is disabled."},
		{"somebody of another tenant", "codes (50020)", contosoID, "ropc", []string{"username", "carl@fabrikam.com"}, 400, "interaction_required", 50020, "User account 'carl@fabrikam.com' from identity provider 'https://sts.windows.net/" + fabrikamID + "/' does not exist in tenant 'Contoso' and cannot access the application '" + ropcApp + "'(Old console) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account."},
		{"second factor", "merrycodes/Office-E5#11", contosoID, "ropc", nil, 400, "invalid_grant", 50076, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'."},
		{"password grant on common", "codes", "common", "ropc", []string{"client_id", multiApp, "client_secret", "right-secret"}, 400, "invalid_request", 9001023, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
		{"no consent", "codes", contosoID, "ropc", []string{"username", "adele@contoso.com", "scope", "Directory.Read.All"}, 400, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '" + ropcApp + "' named 'Old console'. Send an interactive authorization request for this user and resource."},
		{"not assigned", "soraxas/echo360#68, microsoft/coe-starter-kit#4882", contosoID, "ropc", []string{"client_id", api2App, "client_secret", "right-secret", "username", "una@contoso.com"}, 400, "interaction_required", 50105, "Your administrator has configured the application New API ('" + api2App + "') to block users unless they are specifically granted ('assigned') access to the application. The signed in user 'una@contoso.com' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator. Please contact your administrator to assign access to this application."},
		{"scope that the API has not", "MicrosoftDocs/azure-docs#67211", contosoID, "ropc", []string{"username", "adele@contoso.com", "scope", "api://" + apiApp + "/Nonsense"}, 400, "invalid_client", 650053, "The application 'Old console' asked for scope 'Nonsense' that doesn't exist on the resource '" + apiApp + "'. Contact the app vendor."},
		{"two resources", "codes (28000 as seen, 700022 as listed)", contosoID, "ropc", []string{"username", "adele@contoso.com", "scope", "User.Read api://" + apiApp + "/Read"}, 400, "invalid_scope", 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid."},
		{"unknown device code", "codes (70018)", contosoID, "device", []string{"device_code", "x"}, 400, "bad_verification_code", 70018, "%s"},
		{"no device code", "codes (900144)", contosoID, "device", nil, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'device_code'."},
		{"device of an unknown application", "codes", contosoID, "ask", []string{"client_id", other}, 400, "unauthorized_client", 700016, notHere},
		{"no assertion", "codes (900144)", contosoID, "obo", nil, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'assertion'."},
		{"made-up assertion", "codes (50027)", contosoID, "obo", []string{"assertion", "x"}, 400, "invalid_request", 50027, "JWT token is invalid or malformed."},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := form(base[c.base]...)
			for i := 0; i+1 < len(c.change); i += 2 {
				f.Del(c.change[i])
				if c.change[i+1] != "" {
					f.Set(c.change[i], c.change[i+1])
				}
			}
			path := "/oauth2/v2.0/token"
			if c.base == "ask" {
				path = "/oauth2/v2.0/devicecode"
			}
			status, body := post(t, s, "/"+c.tenant+path, f)
			wantText(t, status, c.status, body, c.kind, c.code, c.text)
			if uri, _ := body["error_uri"].(string); !strings.HasPrefix(uri, s.Authority+"/error?code=") {
				t.Errorf("error_uri %q", uri)
			}
		})
	}
	if n := len(e.Ledger(0)); n != 0 {
		t.Errorf("%d refusals changed something", n)
	}
}

// What is over or was taken back. The words: codes.
func TestEntraWhatIsOver(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	token := func(pairs ...string) (int, map[string]any) {
		return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form(append([]string{"client_id", webApp, "client_secret", "right-secret"}, pairs...)...))
	}
	redeem := func(code string, pairs ...string) (int, map[string]any) {
		return token(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", back}, pairs...)...)
	}
	refresh := func(b map[string]any) (int, map[string]any) {
		return token("grant_type", "refresh_token", "refresh_token", b["refresh_token"].(string))
	}
	verifier, challenge := pkce()
	code := codeAt(t, s, "adele@contoso.com", challenge...)
	status, body := redeem(code, "code_verifier", verifier+"x")
	wantText(t, status, 400, body, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	_, first := redeem(code, "code_verifier", verifier)
	status, body = redeem(code, "code_verifier", verifier)
	wantText(t, status, 400, body, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	late := codeAt(t, s, "adele@contoso.com")
	move(t, s, "11m")
	status, body = redeem(late)
	wantText(t, status, 400, body, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")

	if status, body := post(t, s, "/"+fabrikamID+"/oauth2/v2.0/token", form("grant_type", "refresh_token", "client_id", multiApp, "client_secret", "right-secret", "refresh_token", first["refresh_token"].(string))); status == http.StatusOK {
		t.Errorf("another application's refresh token: %v", body)
	}
	access, _ := first["access_token"].(string)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Graph+"/v1.0/me/revokeSignInSessions", nil)
	req.Header.Set("Authorization", "Bearer "+access)
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		t.Fatalf("revokeSignInSessions: %d", res.StatusCode)
	}
	status, body = refresh(first)
	wantText(t, status, 400, body, "invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date (before which tokens are not valid) for this user is '%s'.")

	move(t, s, "1m")
	_, idle := redeem(codeAt(t, s, "adele@contoso.com"))
	move(t, s, "2161h")
	status, body = refresh(idle)
	wantText(t, status, 400, body, "invalid_grant", 700082, "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for 90.00:00:00.")

	ask := func() url.Values {
		_, b := post(t, s, "/"+contosoID+"/oauth2/v2.0/devicecode", form("client_id", cliApp, "scope", "openid User.Read"))
		return form("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", cliApp, "device_code", b["device_code"].(string), "user", b["user_code"].(string), "at", b["verification_uri"].(string))
	}
	poll := func(f url.Values) (int, map[string]any) { return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", f) }
	d := ask()
	status, body = poll(d)
	wantText(t, status, 400, body, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	if err := emulator.EnterDeviceCode(t.Context(), s.Client(), d.Get("at"), d.Get("user"), "adele@contoso.com"); err != nil {
		t.Fatal(err)
	}
	if status, body := poll(d); status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	status, body = poll(d)
	if status != 400 || body["error"] != "invalid_grant" || body["error_codes"].([]any)[0] != 90120.0 {
		t.Errorf("a second time: %d %v", status, body)
	}
	d = ask()
	move(t, s, "16m")
	status, body = poll(d)
	wantText(t, status, 400, body, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired.") // Azure/azure-cli#22251
}

// https://learn.microsoft.com/en-us/entra/identity/authentication/howto-password-smart-lockout: ten failures lock for a minute, the
// same wrong password again does not count, and each further failure locks again for longer.
func TestSmartLockout(t *testing.T) {
	t.Parallel()
	_, s := startDeep(t)
	const name = "locked@contoso.com"
	try := func(password string) (int, map[string]any) {
		return post(t, s, "/"+contosoID+"/oauth2/v2.0/token", form("grant_type", "password", "client_id", ropcApp, "username", name, "password", password, "scope", "openid User.Read"))
	}
	wrong := func(n int, prefix string) {
		t.Helper()
		for i := range n {
			if _, body := try(prefix + strings.Repeat("x", i)); body["error_codes"].([]any)[0] != 50126.0 {
				t.Fatalf("failure %d: %v", i+1, body)
			}
		}
	}
	for range 20 {
		wrong(1, "the same")
	}
	wrong(8, "other")
	if status, body := try("Correct-Horse-1"); status != http.StatusOK {
		t.Fatalf("after nine failures: %v", body)
	}
	wrong(10, "again")
	locked := func() {
		t.Helper()
		status, body := try("Correct-Horse-1")
		wantText(t, status, 400, body, "invalid_grant", 50053, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.")
	}
	locked()
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID), name)
	if b := p.send("/"+contosoID+"/login", form("flow", a.flow(t), "name", name, "passwd", "Correct-Horse-1")); !strings.Contains(b.body, "AADSTS50053") {
		t.Errorf("the page lets in: %d %s", b.status, b.body)
	}
	move(t, s, "61s")
	wrong(1, "once more")
	move(t, s, "61s")
	locked()
	move(t, s, "60s")
	if status, body := try("Correct-Horse-1"); status != http.StatusOK {
		t.Errorf("after the lock: %v", body)
	}
}

// https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-session-lifetime; the words: codes (70043)
func TestSignInFrequency(t *testing.T) {
	t.Parallel()
	orgs := deep()
	orgs[0].Frequency = "4h"
	_, s := startOf(t, emulator.Options{Organizations: orgs})
	p := newVisitor(t, s)
	a := p.signIn(contosoID, request(contosoID), "adele@contoso.com")
	_, body := p.redeem(contosoID, a.to.Query().Get("code"))
	refresh := func() (int, map[string]any) {
		return p.redeem(contosoID, "", "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string), "redirect_uri", "")
	}
	move(t, s, "3h")
	status, next := refresh()
	if status != http.StatusOK {
		t.Fatal(next)
	}
	body = next
	move(t, s, "61m")
	status, refused := refresh()
	wantText(t, status, 400, refused, "invalid_grant", 70043, "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on %s and the maximum allowed lifetime for this request is 14400.")
	if b := p.get(request(contosoID, "prompt", "none")); b.to == nil || b.to.Query().Get("error") != "login_required" {
		t.Errorf("the session is as old: %v", b.to)
	}
}
