package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Organization is one Microsoft 365 organization, and the application's registration there.
type Organization struct {
	Element            int    // its place in tenants, from 1; 0 where its keys stand at the file's own level
	Tenant             string // tenant id, or a verified domain name
	ClientID           string
	ClientSecret       Secret // one of these four proves the application
	SecretFile         string // the file that ClientSecret was read from; "" when it stands in the configuration itself
	Certificate        string // PEM file
	FederatedTokenFile string // file with a token of another issuer, which the platform renews
	ManagedIdentity    string // SystemAssigned, or the client id of a user-assigned one
	Cloud              Cloud
	DelegatedOnly      bool
	Features           []string
	PilotGroups        []string      // lower case
	SyncEvery          time.Duration // 0 is never by itself
	SyncGroup          string        // lower case
	SyncFilter         string
	Brake              Brake
	Policy             string
	Name               string
}

// NamesTenant says whether a text has the form of a tenant id or of a domain name.
func NamesTenant(text string) bool { return guidForm.MatchString(text) || domainForm.MatchString(text) }

// Brake are the numbers from which on a plan asks for a number to be typed.
type Brake struct{ People, Percent, Deletions, Privileged int }

// SystemAssigned is the value of managed_identity for the identity that the machine itself has.
const SystemAssigned = "system"

// Each is the configuration once for each organization, with that one alone; there is at least one.
func (c Config) Each() []Config {
	all := append([]Organization{c.Organization}, c.More...)
	out := make([]Config, len(all))
	for i, o := range all {
		out[i] = c
		out[i].Organization, out[i].More = o, nil
	}
	return out
}

// Of is the configuration with the organization of that tenant id, domain or name alone. Without a name it is the only one there is.
func (c Config) Of(tenant string) (one Config, ok bool) {
	all := c.Each()
	for _, one := range all {
		if tenant != "" && (strings.EqualFold(one.Tenant, tenant) || strings.EqualFold(one.Name, tenant)) {
			return one, true
		}
	}
	return all[0], tenant == "" && len(all) == 1
}

// member is the key of a setting in an element of tenants, as the loader keeps it; element 0 is the file's own level.
func member(element int, key string) string {
	if element == 0 {
		return key
	}
	return fmt.Sprintf("tenants %d: %s", element, key)
}

// EnvOf is the variable of a setting in an element of tenants; element 0 is the file's own level.
func (s Setting) EnvOf(element int) string {
	if element == 0 {
		return s.Env()
	}
	return fmt.Sprintf("NAMEPLATE_TENANTS_%d_%s", element, strings.ToUpper(s.Key))
}

// proofs are the settings that prove the application; an element of tenants that has one of them takes none from the file's own level.
var proofs = []string{"client_certificate", "client_secret", "federated_token_file", "managed_identity"}

// own are the settings that mean one organization only, so that they cannot stand beside tenants.
var own = []string{"tenant", "name", "pilot_groups", "sync_group"}

// effective is where a setting of an organization stands: in its element, else at the file's own level.
func (l *loader) effective(element int, key string) string {
	in := member(element, key)
	if _, set := l.values[in]; set || element == 0 {
		return in
	}
	for _, p := range proofs {
		if _, set := l.values[member(element, p)]; set && slices.Contains(proofs, key) {
			return in
		}
	}
	if slices.Contains(own, key) {
		return in
	}
	return key
}

// organization reads one element of tenants, or the file's own level.
func (l *loader) organization(element int) Organization {
	text := func(key string) string { return l.text(l.effective(element, key)) }
	o := Organization{
		Element: element,
		Tenant:  text("tenant"), ClientID: text("client_id"), ClientSecret: Secret(text("client_secret")), Certificate: text("client_certificate"),
		FederatedTokenFile: text("federated_token_file"), ManagedIdentity: text("managed_identity"), Cloud: cloudNamed(text("cloud")),
		Features: items(text("features")), PilotGroups: items(strings.ToLower(text("pilot_groups"))), Policy: text("policy"), Name: text("name"),
		SyncGroup: strings.ToLower(text("sync_group")), SyncFilter: text("sync_filter"),
	}
	o.SecretFile = l.values[l.effective(element, "client_secret")].file
	count := func(key string) int { n, _ := strconv.Atoi(text(key)); return n }
	o.Brake = Brake{count("brake_people"), count("brake_percent"), count("brake_deletions"), count("brake_privileged")}
	o.SyncEvery, _ = time.ParseDuration(text("sync_every"))
	o.DelegatedOnly, _ = parseBool(text("delegated_only"))
	if a := text("authority"); a != "" {
		o.Cloud.Authority = strings.TrimRight(a, "/")
		o.Cloud.Tokens = o.Cloud.Authority
	}
	if a := text("token_authority"); a != "" {
		o.Cloud.Tokens = strings.TrimRight(a, "/")
	}
	if g := text("graph"); g != "" {
		o.Cloud.Graph = strings.TrimRight(g, "/")
	}
	return o
}

// organizations checks each organization by itself, and all beside one another.
func (l *loader) organizations(c Config, only string, now time.Time) {
	if l.elements > 0 {
		for _, key := range own {
			if v, set := l.values[key]; set {
				l.wrong(v.where, "stands beside tenants", "write it into the element of tenants that it is about")
			}
		}
	}
	seen := map[string]bool{}
	alone, named := c.Of(only)
	for _, one := range c.Each() {
		o := one.Organization
		if only == "" || !named || o.Element == alone.Element {
			l.one(o, c, now)
		}
		if seen[strings.ToLower(o.Tenant)] {
			l.wrong(l.whereIn(o.Element, "tenant"), "names an organization that stands in the list already", "keep one element for each organization")
		}
		seen[strings.ToLower(o.Tenant)] = o.Tenant != ""
		if local(o.Cloud.Authority) != local(c.Cloud.Authority) {
			l.wrong(l.whereIn(o.Element, "authority"), "mixes the emulator and the real service", "point all organizations at the emulator, or none")
		}
	}
}

// whereIn is where a setting of an organization was written, or would be.
func (l *loader) whereIn(element int, key string) string { return l.where(l.effective(element, key)) }

// one checks what only shows when several settings of an organization are looked at side by side.
func (l *loader) one(o Organization, c Config, now time.Time) {
	element := o.Element
	missing := func(key string) string { return member(element, key) }
	where := func(key string) string { return l.whereIn(element, key) }
	setting := func(key string) string { s, _ := l.setting(key); return s.EnvOf(element) }
	if o.Tenant == "" {
		l.wrong(missing("tenant"), "is missing", "set the tenant id from the Overview page of your app registration ("+setting("tenant")+"), or try everything first with: nameplate demo")
	} else if !NamesTenant(o.Tenant) {
		l.wrong(where("tenant"), "is neither a tenant id nor a domain name", "write the Directory (tenant) id, like 11111111-2222-3333-4444-555555555555, or a verified domain, like example.com")
	}
	if o.ClientID == "" {
		l.wrong(missing("client_id"), "is missing", "set the Application (client) id from the Overview page of your app registration ("+setting("client_id")+")")
	} else if !guidForm.MatchString(o.ClientID) {
		l.wrong(where("client_id"), "is not an application id", "copy the Application (client) id, like 11111111-2222-3333-4444-555555555555")
	}
	l.proof(o, now)
	l.readable(where("policy"), o.Policy)
	if d, err := time.ParseDuration(l.text(l.effective(element, "sync_every"))); err == nil && d != 0 && d < time.Minute {
		l.wrong(where("sync_every"), "is shorter than a minute", "write 1m or more, or 0s for not at all")
	}
	if g := l.text(l.effective(element, "sync_group")); g != "" && !guidForm.MatchString(g) {
		l.wrong(where("sync_group"), fmt.Sprintf("holds %q, which is no object id", g), "copy the Object id from the group's Overview page, like 11111111-2222-3333-4444-555555555555")
	} else if g != "" && l.text(l.effective(element, "sync_filter")) != "" {
		l.wrong(where("sync_filter"), "stands beside sync_group", "keep one of them")
	}
	for _, g := range items(l.text(l.effective(element, "pilot_groups"))) { // as it was written
		if !guidForm.MatchString(g) {
			l.wrong(where("pilot_groups"), fmt.Sprintf("holds %q, which is no object id", g), "copy the Object id from the group's Overview page, like 11111111-2222-3333-4444-555555555555")
		}
	}
	l.emulator(where, o, c)
}

// proof checks what proves the application to the sign-in service.
func (l *loader) proof(o Organization, now time.Time) {
	element := o.Element
	var given []string
	for i, text := range []string{o.Certificate, o.ClientSecret.Reveal(), o.FederatedTokenFile, o.ManagedIdentity} { // in the order of proofs
		if text != "" {
			given = append(given, proofs[i])
		}
	}
	where := func(key string) string { return l.whereIn(element, key) }
	secret, _ := l.setting("client_secret")
	switch {
	case len(given) == 0 && (slices.Contains(l.unread, "client_secret") || slices.Contains(l.unread, member(element, "client_secret"))): // said already
	case len(given) == 0:
		l.wrong(member(element, "client_certificate"), "and client_secret are both missing", "set client_certificate to a PEM file with certificate and key, or client_secret ("+secret.EnvOf(element)+"_FILE), or federated_token_file or managed_identity")
	case o.ClientSecret != "" && o.Certificate != "":
		l.wrong(where("client_secret"), "and client_certificate are both set", "keep the certificate and take the secret out")
	case len(given) > 1:
		l.wrong(where(given[0]), "stands beside "+given[1], "the application proves itself in one way: keep one of the two")
	case o.ClientSecret != "" && weak(o.ClientSecret.Reveal()):
		l.wrong(where("client_secret"), "is too short or a text from a tutorial", "copy the Value (not the Secret ID) that Microsoft showed once when the secret was made")
	case o.Certificate != "":
		if what, remedy := checkPair(o.Certificate, o.Certificate, now); what != "" {
			l.wrong(where("client_certificate"), what, remedy)
		}
	case o.ManagedIdentity != "" && o.ManagedIdentity != SystemAssigned && !guidForm.MatchString(o.ManagedIdentity):
		l.wrong(where("managed_identity"), "is neither "+SystemAssigned+" nor a client id", "write "+SystemAssigned+", or the client id of the user-assigned managed identity")
	}
	l.readable(where("federated_token_file"), o.FederatedTokenFile)
}

// local says whether an origin is this machine: an emulator.
func local(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && Loopback(u.Hostname())
}

// emulator refuses a mixture of an emulator and the real service: a token of one must never meet the other.
func (l *loader) emulator(where func(string) string, o Organization, c Config) {
	if local(o.Cloud.Authority) != local(o.Cloud.Graph) || local(o.Cloud.Authority) != local(o.Cloud.Tokens) {
		l.wrong(where("authority")+" and "+where("graph"), "mix the emulator and the real service", "point all addresses at the emulator, or none")
	} else if strings.HasPrefix(o.Cloud.Tokens, "http:") && !o.DelegatedOnly {
		l.wrong(where("authority"), "is http, and the application's own tokens are only fetched over https", "set token_authority to the emulator's https address, and ca_file to its certificate authority")
	}
	if local(o.Cloud.Authority) && !Loopback(c.PublicURL.Hostname()) {
		l.wrong(where("authority"), "is an emulator, and public_url is not this machine", "an emulator lets anybody sign in as anybody: use it on this machine only")
	}
}
