package emulator

import (
	"net/http"
	"strings"
	"time"
)

const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

// deviceInterval is how many seconds a device waits between two questions.
const deviceInterval = 5

// deviceGrant is a device that waits for a person: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code
type deviceGrant struct {
	grant
	user     string // the code that the person types
	at       authorityRequest
	ends     time.Time
	approved bool
	declined bool
	used     bool
}

func (e *Emulator) serveDeviceCode(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if r.Method != http.MethodPost {
		e.writeOAuthError(w, r, aadsts("invalid_request", 900561, "The endpoint only accepts POST requests. Received a %s request.", r.Method))
		return
	}
	if err := r.ParseForm(); err != nil {
		e.writeOAuthError(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	id := r.PostForm.Get("client_id")
	scopes := strings.Fields(r.PostForm.Get("scope"))
	var refusal *oauthError
	var reg registration
	switch {
	case id == "":
		refusal = missing("client_id")
	case len(scopes) == 0 && r.PostForm.Get("resource") == "":
		refusal = missing("scope")
	default:
		reg, refusal = e.clientAt(a, id)
	}
	if len(scopes) == 0 {
		scopes = v1Scopes(r.PostForm.Get("resource"))
	}
	if refusal == nil {
		t := a.tenant
		if t == nil {
			t = reg.home
		}
		_, refusal = e.demandsOf(r, t, reg, scopes, false)
	}
	if refusal != nil {
		e.writeOAuthError(w, r, refusal)
		return
	}
	code := secret()
	d := &deviceGrant{grant: grant{clientID: reg.ClientID, scopes: scopes, amr: []string{"pwd"}}, user: e.userCode(), at: a, ends: e.Now().Add(deviceLife)}
	if c := r.PostForm.Get("claims"); c != "" {
		d.applyClaims(c, e.Now())
	}
	e.login.mu.Lock()
	e.login.forget(e.Now())
	e.login.devices[code] = d
	e.login.mu.Unlock()
	page := origin(r) + "/" + a.path() + "/oauth2/v2.0/deviceauth"
	writeLoginJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": d.user, "verification_uri": page, "expires_in": int(deviceLife / time.Second), "interval": deviceInterval,
		"message": "To sign in, use a web browser to open the page " + page + " and enter the code " + d.user + " to authenticate.",
	})
}

// userCode is nine letters and digits without those that look alike.
func (e *Emulator) userCode() string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, 9)
	for i := range b {
		b[i] = letters[e.random.below(len(letters))]
	}
	return string(b)
}

// serveDevicePage is where the person types the code.
func (e *Emulator) serveDevicePage(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		e.errorPage(w, r, aadsts("invalid_request", 9002313, "Invalid request. Request is malformed or invalid."))
		return
	}
	v := pageView{Title: "Enter code to allow access", Action: "/" + a.path() + "/oauth2/v2.0/deviceauth", Query: r.Form.Get("otc")}
	typed := strings.ToUpper(strings.TrimSpace(r.PostForm.Get("otc")))
	if r.Method != http.MethodPost {
		e.draw(w, http.StatusOK, "device", v)
		return
	}
	var found *deviceGrant
	var at authorityRequest
	var client string
	var scopes []string
	now := e.Now()
	e.login.mu.Lock()
	for _, d := range e.login.devices {
		if d.user == typed && now.Before(d.ends) && !d.approved && !d.declined {
			found, at, client, scopes = d, d.at, d.clientID, d.scopes
		}
	}
	e.login.mu.Unlock()
	if found == nil {
		v.Alert = "That code didn't work. Check the code and try again."
		e.draw(w, http.StatusOK, "device", v)
		return
	}
	reg, refusal := e.clientAt(at, client)
	if refusal != nil {
		e.errorPage(w, r, refusal)
		return
	}
	e.advance(w, r, &signInFlow{kind: flowDevice, at: at, reg: reg, device: found, request: authRequest{
		clientID: client, scopes: scopes, prompt: "select_account", maxAge: -1,
	}})
}

func (e *Emulator) finishDevice(w http.ResponseWriter, r *http.Request, f *signInFlow) {
	e.install(f.who.tenant, f.reg, f.who.id)
	e.login.mu.Lock()
	f.device.tenant, f.device.oid, f.device.signedIn, f.device.approved = f.who.tenant, f.who.id, f.when, true
	f.device.amr = f.amr()
	delete(e.login.flows, f.id)
	e.login.mu.Unlock()
	e.draw(w, http.StatusOK, "say", pageView{
		Title:  "You have signed in to " + f.reg.Name,
		Detail: "You have signed in to the application on your device. You may now close this window.",
	})
}

func (e *Emulator) declineDevice(w http.ResponseWriter, _ *http.Request, f *signInFlow) {
	e.login.mu.Lock()
	f.device.declined = true
	delete(e.login.flows, f.id)
	e.login.mu.Unlock()
	e.draw(w, http.StatusOK, "say", pageView{Title: "You did not sign in", Detail: "The application on your device gets no access. You may close this window."})
}

// redeemDevice answers a device that asks whether its person has signed in.
func (e *Emulator) redeemDevice(q tokenRequest) (map[string]any, *oauthError) {
	code := q.form.Get("device_code")
	if code == "" {
		code = q.form.Get("code") // the name in the v1.0 endpoint
	}
	if code == "" {
		return nil, missing("device_code")
	}
	now := e.Now()
	e.login.mu.Lock()
	d := e.login.devices[code]
	var known deviceGrant
	if d != nil {
		known = *d
		if d.approved && now.Before(d.ends) && strings.EqualFold(d.clientID, q.client.reg.ClientID) {
			d.used = true
		}
	}
	e.login.mu.Unlock()
	switch {
	case d == nil, !strings.EqualFold(known.clientID, q.client.reg.ClientID):
		return nil, aadsts("bad_verification_code", 70018, "Bad verification code: the device code was not found.")
	case known.used:
		return nil, aadsts("invalid_grant", 90120, "The device code was redeemed already.")
	case !now.Before(known.ends):
		if e.opts.Rules == DocumentedRules {
			return nil, aadsts("expired_token", 70019, "Verification code expired. Have the user retry the sign-in.")
		}
		// https://github.com/Azure/azure-cli/issues/22251
		return nil, aadsts("expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired.")
	case known.declined:
		return nil, aadsts("authorization_declined", 70017, "The end user denied the authorization request.")
	case !known.approved:
		return nil, aadsts("authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
	q.form.Del("scope")
	return e.answerGrant(q, known.grant)
}
