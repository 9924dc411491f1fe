package emulator

import (
	"crypto/sha1" // #nosec G505 -- thumbprints of certificates are SHA-1
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials of applications and service principals. What stands behind them, secrets and certificates, is not in the record and
// comes in no answer but that of addPassword: object.more.secrets.

// credential is an item of passwordCredentials or keyCredentials.
type credential struct {
	CustomKeyIdentifier *string `json:"customKeyIdentifier"`
	DisplayName         *string `json:"displayName"`
	EndDateTime         *string `json:"endDateTime"`
	StartDateTime       *string `json:"startDateTime"`
	KeyID               *string `json:"keyId"`

	// of a key
	Key   *string `json:"key"`
	Type  *string `json:"type"`
	Usage *string `json:"usage"`
}

func credentialsOf(j string) []credential {
	var out []credential
	_ = json.Unmarshal([]byte(j), &out) // encoded here
	return out
}

func (k credential) id() string { return deref(k.KeyID) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// passwordJSON writes a password credential as it stays in the directory.
func passwordJSON(k credential, hint string) map[string]any {
	return map[string]any{
		"customKeyIdentifier": k.CustomKeyIdentifier, "displayName": k.DisplayName, "endDateTime": k.EndDateTime, "hint": hint, "keyId": k.KeyID,
		"secretText": nil, "startDateTime": k.StartDateTime,
	}
}

// keyJSON writes a key credential as it stays in the directory: without the key.
func keyJSON(k credential) map[string]any {
	return map[string]any{
		"customKeyIdentifier": k.CustomKeyIdentifier, "displayName": k.DisplayName, "endDateTime": k.EndDateTime, "key": nil, "keyId": k.KeyID,
		"startDateTime": k.StartDateTime, "type": k.Type, "usage": k.Usage,
	}
}

// credentialRoutes are the actions on credentials; https://learn.microsoft.com/en-us/graph/api/application-addpassword,
// application-removepassword, application-addkey, application-removekey, and those of servicePrincipal.
func credentialRoutes(c *call, key string, n int) (bool, error) {
	if len(c.seg) != n+1 {
		return false, nil
	}
	var act func(o *object, body map[string]json.RawMessage) error
	may := mayWriteApp
	switch strings.TrimPrefix(strings.ToLower(c.seg[n]), "microsoft.graph.") {
	case "addpassword":
		act = c.addPassword
	case "removepassword":
		act = c.removePassword
	case "addkey":
		act, may = c.addKey, mayRollKey
	case "removekey":
		act, may = c.removeKey, mayRollKey
	default:
		return false, nil
	}
	if err := c.method(http.MethodPost); err != nil {
		return true, err
	}
	body, err := c.object()
	if err != nil {
		return true, err
	}
	t := c.t.dir.set(c.seg[n-2])
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.lookup(t, key, n-1)
	if err != nil {
		return true, err
	}
	if err := may(c, o); err != nil {
		return true, err
	}
	return true, act(o, body)
}

// mayRollKey: to roll its own keys an application needs no permission.
// https://learn.microsoft.com/en-us/graph/api/application-addkey#permissions and …/serviceprincipal-addkey#permissions
func mayRollKey(c *call, o *object) error {
	if !c.p.delegated() && strings.EqualFold(o.text("appId"), c.p.client) {
		return nil
	}
	return mayWriteApp(c, o)
}

func (c *call) addPassword(o *object, body map[string]json.RawMessage) error {
	var k credential
	if raw := body["passwordCredential"]; len(raw) > 0 && json.Unmarshal(raw, &k) != nil {
		return invalidValueOf(o.in.title, "passwordCredential", "")
	}
	now := c.e.Now().Truncate(time.Second)
	starts, ends, ok := k.times(now, now.AddDate(2, 0, 0)) // two years: application-addpassword
	if !ok || !starts.Before(ends) {
		return badRequest("Invalid value specified for property 'endDateTime' of resource 'PasswordCredential'.")
	}
	id, value := c.e.random.id(), secret()[:40]
	from, until := instantText(starts), instantText(ends)
	k.KeyID, k.StartDateTime, k.EndDateTime = &id, &from, &until
	item := passwordJSON(k, value[:3])
	i := o.in.prop("passwordCredentials")
	list := append(listOf(o.rec.get(i)), item)
	o.keep(id, value)
	if err := c.applyTo(o, []edit{o.in.given(i, jsonOf(list))}, o.in.name+".addPassword"); err != nil {
		return err
	}
	item["secretText"] = value
	b := c.context(nil, "microsoft.graph.passwordCredential")
	return c.send(http.StatusOK, append(b, jsonOf(item)[1:]...))
}

// times are when a credential begins and ends.
func (k credential) times(starts, ends time.Time) (from, until time.Time, ok bool) {
	from, until, ok = starts, ends, true
	for _, x := range []struct {
		text *string
		at   *time.Time
	}{{k.StartDateTime, &from}, {k.EndDateTime, &until}} {
		if x.text != nil {
			t, valid := parseInstant(*x.text)
			*x.at, ok = t, ok && valid
		}
	}
	return from, until, ok
}

func instantText(t time.Time) string { return unquote(instantJSON(t)) }

func listOf(j string) []any {
	v, _ := plainJSON([]byte(j)).([]any)
	return v
}

// keep remembers what stands behind a credential.
func (o *object) keep(id, value string) {
	x := o.extra()
	if x.secrets == nil {
		x.secrets = map[string]string{}
	}
	x.secrets[id] = value
}

// without takes the credential with an id out of a list; false when it is not there.
func without(j, id string) (string, bool) {
	list := listOf(j)
	rest := slices.DeleteFunc(list, func(x any) bool {
		m, _ := x.(map[string]any)
		given, _ := m["keyId"].(string)
		return strings.EqualFold(given, id)
	})
	return jsonOf(rest), len(rest) < len(listOf(j))
}

func (c *call) removeCredential(o *object, name, id, op string) error {
	i := o.in.prop(name)
	rest, ok := without(o.rec.get(i), id)
	if !ok {
		return badRequest("No credentials found to be removed.") // inferred: the page has no text
	}
	if err := c.applyTo(o, []edit{o.in.given(i, rest)}, o.in.name+op); err != nil {
		return err
	}
	delete(o.extra().secrets, strings.ToLower(id))
	return c.done()
}

func (c *call) removePassword(o *object, body map[string]json.RawMessage) error {
	id, _ := decodeText(body["keyId"])
	return c.removeCredential(o, "passwordCredentials", id, ".removePassword")
}

// proven says whether a proof is signed with one of the keys that the object has: a JWT of the application about itself. Only
// signature and issuer are looked at. https://learn.microsoft.com/en-us/graph/application-rollkey-prooftoken
func (c *call) proven(o *object, proof string) bool {
	var h jwtHeader
	var claims assertionClaims
	input, sig, err := splitJWT(proof, &h, &claims)
	if err != nil || !strings.EqualFold(claims.Iss, o.id) && !strings.EqualFold(claims.Iss, o.text("appId")) {
		return false
	}
	for _, k := range credentialsOf(o.get("keyCredentials")) {
		if cert := o.certificate(k.id()); cert != nil && c.e.Now().Before(cert.NotAfter) && verifyJWS(cert.PublicKey, h.Alg, input, sig) == nil {
			return true
		}
	}
	return false
}

// certificate is the one behind a key credential; nil when there is none.
func (o *object) certificate(id string) *x509.Certificate {
	if o.more == nil {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(o.more.secrets[id])
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// notProven: the words are inferred, https://learn.microsoft.com/en-us/graph/api/application-addkey has none.
func notProven() *graphError {
	return failure(http.StatusUnauthorized, "Authentication_MissingOrMalformed", "The proof is not signed with a valid key of the application.")
}

func (c *call) addKey(o *object, body map[string]json.RawMessage) error {
	proof, _ := decodeText(body["proof"])
	if !c.proven(o, proof) {
		return notProven()
	}
	i := o.in.prop("keyCredentials")
	one, ok := fitShape(keyShape, body["keyCredential"], "")
	if !ok {
		return invalidValueOf(o.in.title, "keyCredential", "")
	}
	e := o.in.given(i, jsonOf(append(listOf(o.rec.get(i)), plainJSON([]byte(one)))))
	if err := c.checkKeys(o, &e); err != nil {
		return err
	}
	if err := c.applyTo(o, []edit{e}, o.in.name+".addKey"); err != nil {
		return err
	}
	list := listOf(e.json)
	b := c.context(nil, "microsoft.graph.keyCredential")
	return c.send(http.StatusOK, append(b, jsonOf(list[len(list)-1])[1:]...))
}

func (c *call) removeKey(o *object, body map[string]json.RawMessage) error {
	proof, _ := decodeText(body["proof"])
	if !c.proven(o, proof) {
		return notProven()
	}
	id, _ := decodeText(body["keyId"])
	return c.removeCredential(o, "keyCredentials", id, ".removeKey")
}

// checkKeys completes key credentials from their certificates; those that stay come without the key. What it leaves in e is what the
// directory shows, e.raw keeps the keys for keepKeys.
func (c *call) checkKeys(o *object, e *edit) error {
	list := credentialsOf(e.json)
	shown, keys := make([]any, 0, len(list)), map[string]string{}
	for _, k := range list {
		if k.Key == nil {
			if !slices.ContainsFunc(credentialsOf(o.rec.get(e.prop)), func(x credential) bool { return x.id() == k.id() }) {
				return invalidValueOf(o.in.title, "keyCredentials", "InvalidValue")
			}
			shown = append(shown, keyJSON(k))
			continue
		}
		full, der, ok := readKey(k, c.e.random.id())
		if !ok {
			return badRequest("The key is no certificate, or its dates are outside those of the certificate.") // inferred
		}
		keys[full.id()] = der
		shown = append(shown, keyJSON(full))
	}
	e.json = jsonOf(shown)
	e.raw = json.RawMessage(jsonOf(keys))
	return nil
}

// readKey completes a key credential from its certificate, which comes as base64 of DER or of PEM.
func readKey(k credential, id string) (full credential, der string, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(*k.Key)
	if err != nil {
		return k, "", false
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return k, "", false
	}
	if k.KeyID == nil {
		k.KeyID = &id
	}
	if k.CustomKeyIdentifier == nil {
		sum := sha1.Sum(raw) // #nosec G401 -- a thumbprint
		print := base64.StdEncoding.EncodeToString(sum[:])
		k.CustomKeyIdentifier = &print
	}
	if k.DisplayName == nil {
		name := cert.Subject.String()
		k.DisplayName = &name
	}
	from, until, ok := k.times(cert.NotBefore, cert.NotAfter)
	if !ok || until.After(cert.NotAfter) || !from.Before(until) {
		return k, "", false
	}
	starts, ends := instantText(from), instantText(until)
	k.StartDateTime, k.EndDateTime = &starts, &ends
	kind, usage := "AsymmetricX509Cert", "Verify"
	if k.Type == nil {
		k.Type = &kind
	}
	if k.Usage == nil {
		k.Usage = &usage
	}
	return k, base64.StdEncoding.EncodeToString(raw), true
}

// keepKeys remembers the certificates that a request brought.
func keepKeys(_ *call, o *object, edits []edit, _ *Entry) {
	for _, e := range edits {
		if e.name != "keyCredentials" {
			continue
		}
		var keys map[string]string
		_ = json.Unmarshal(e.raw, &keys) // left by checkKeys
		for id, der := range keys {
			o.keep(id, der)
		}
	}
}
