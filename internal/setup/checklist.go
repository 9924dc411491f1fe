package setup

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"time"
)

// Places are where the organization lives, as origins, and its names; Tenant and the wish's ClientID may be unknown.
type Places struct {
	Login, Graph, Portal string
	Tenant               string
	File                 string   // of the certificate with its key
	Roles                []string // directory roles by name that somebody has to give the service principal
	Features             []string
}

// ConsentLink leads an administrator to Microsoft's own page for consent; the answer comes back to the first redirect address.
// https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
func ConsentLink(w Wish, p Places) string {
	tenant, client := p.Tenant, w.ClientID
	if tenant == "" {
		tenant = "organizations"
	}
	if client == "" {
		client = "APPLICATION-ID"
	}
	q := url.Values{"client_id": {client}, "scope": {p.Graph + "/.default"}, "redirect_uri": {w.Redirects[0]}}
	return p.Login + "/" + tenant + "/v2.0/adminconsent?" + q.Encode()
}

// Checklist is what somebody does by hand who may, for those who may not run setup: the same steps with the exact values.
func Checklist(w Wish, p Places) string {
	var b strings.Builder
	n := 0
	item := func(format string, args ...any) {
		n++
		fmt.Fprintf(&b, "[ ] %2d. %s\n", n, fmt.Sprintf(format, args...))
	}
	more := func(format string, args ...any) { fmt.Fprintf(&b, "        "+format+"\n", args...) }
	fmt.Fprintf(&b, "Register %s for: %s\n\n", w.Name, strings.Join(p.Features, ", "))
	item("Sign in at %s as Privileged Role Administrator or Global Administrator.", p.Portal)
	item("Open Microsoft Entra ID → App registrations → New registration.")
	item("Name: %s. Account types: Accounts in this organizational directory only.", w.Name)
	item("Redirect URI: platform Web, exactly")
	more("%s", w.Redirects[0])
	item("Register. From Overview note Application (client) ID and Directory (tenant) ID; they go into nameplate.yaml as")
	more("client_id: …")
	more("tenant: …")
	item("Authentication: add the redirect URI and the front-channel logout URL")
	for _, r := range w.Redirects[1:] {
		more("%s", r)
	}
	more("%s   (logout)", w.Logout)
	if c := w.Certificate; c != nil {
		item("Certificates & secrets → Certificates → Upload certificate: the text below, saved as nameplate.cer. Its thumbprint has to be")
		more("%s, good until %s. The key is in %s and stays on this machine.", Thumbprint(c), c.NotAfter.UTC().Format(time.DateOnly), p.File)
	}
	if w.Federated {
		item("Certificates & secrets → Federated credentials → Add credential: the issuer and subject of the platform that runs Nameplate.")
	}
	if application := w.Application(nil); len(application) > 0 {
		item("API permissions → Add a permission → Microsoft Graph → Application permissions:")
		more("%s", strings.Join(application, ", "))
	}
	item("API permissions → Add a permission → Microsoft Graph → Delegated permissions:")
	more("%s", strings.Join(w.Delegated, ", "))
	item("Token configuration → Add optional claim → ID: %s", strings.Join(Claims(), ", "))
	item("App roles → Create app role, allowed member types Users/Groups, for each of")
	for _, r := range Roles() {
		more("%-20s %s: %s", r.Value, r.Name, r.Description)
	}
	item("Give consent for the organization: API permissions → Grant admin consent, or this link (APPLICATION-ID is the one noted above).")
	more("%s", ConsentLink(w, p))
	more("Afterwards the browser is sent to %s, which says whether it was given.", w.Redirects[0])
	item("Enterprise applications → %s → Users and groups: give people the app roles. Nobody has one by default.", w.Name)
	for _, r := range p.Roles {
		item("Roles and administrators → %s → Add assignments: %s. Without it no application may do what the features need.", r, w.Name)
	}
	item("Run: nameplate doctor. It says which of these is missing.")
	if w.Certificate != nil {
		fmt.Fprintf(&b, "\n%s", Public(w.Certificate))
	}
	return b.String()
}

//go:embed script.sh
var scriptText string

var script = template.Must(template.New("script").Funcs(template.FuncMap{
	"shell": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	"join":  func(list []string) string { return strings.Join(list, " ") },
}).Parse(scriptText))

// Script is the same for Azure Cloud Shell: Graph calls by curl with the token of az.
func Script(w Wish, p Places, newID func() string) (string, error) {
	roles := make([]map[string]any, len(Roles()))
	for i, r := range Roles() {
		roles[i] = r.json(newID())
	}
	var claims []map[string]any
	for _, c := range Claims() {
		claims = append(claims, claim(c))
	}
	application := map[string]any{
		"displayName": w.Name, "signInAudience": ownTenant, "appRoles": roles,
		"web":            map[string]any{"redirectUris": w.Redirects, "logoutUrl": w.Logout},
		"optionalClaims": map[string]any{"idToken": claims},
	}
	if w.Certificate != nil {
		application["keyCredentials"] = []any{keyCredential(w.Certificate)}
	}
	body, err := json.Marshal(application)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = script.Execute(&b, map[string]any{
		"Name": oneLine(w.Name), "For": strings.Join(p.Features, ", "), "Graph": p.Graph, "Redirect": w.Redirects[0], "Application": string(body),
		"Query": url.PathEscape(strings.ReplaceAll(w.Name, "'", "''")), "Permissions": w.Application(nil), "Delegated": w.Delegated,
	})
	return b.String(), err
}

// oneLine keeps a name from ending a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
