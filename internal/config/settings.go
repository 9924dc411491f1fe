// Package config owns the one table of settings: key, type, default, whether it is a secret, and what it means; and how a
// configuration is read from a file, from NAMEPLATE_… variables and from files that hold secrets.
//
// It promises to list every mistake at once with its remedy, and never to print a secret. It holds no global state: two
// configurations can live in one process.
package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/graph"
)

// Type says how a setting is read.
type Type string

const (
	TypeText     Type = "text"
	TypeAddress  Type = "address"  // host:port to listen on
	TypeOrigin   Type = "origin"   // scheme://host[:port], nothing after it
	TypeFile     Type = "file"     // a path; relative to the configuration file's folder
	TypeDuration Type = "duration" // 90m, 12h
	TypeDays     Type = "days"     // a whole number
	TypeCount    Type = "number"   // a whole number
	TypeBool     Type = "yes or no"
	TypeList     Type = "list" // separated by commas, or a YAML list
	TypeChoice   Type = "choice"
	TypeColor    Type = "color" // #rrggbb
)

// Setting is one row of the table.
type Setting struct {
	Key     string // in nameplate.yaml; the variable is NAMEPLATE_ and the key in upper case
	Type    Type
	Default string
	Most    int  // of a TypeCount; at least 1 unless Default is 0
	Secret  bool // never printed; may also come from the file that KEY_FILE names
	Choices []string
	Each    bool // may stand in each element of tenants
	Machine bool // about the machine that runs the portal, not about an organization
	Help    string
}

// Tenants is the key of the list of organizations, for a portal that serves several.
const Tenants = "tenants"

// Env is the variable's name.
func (s Setting) Env() string { return "NAMEPLATE_" + strings.ToUpper(s.Key) }

// Settings is the table, in the order of the documentation.
func Settings() []Setting {
	return []Setting{
		{Key: "public_url", Type: TypeOrigin, Default: "http://localhost:8080", Help: "The one address under which people open the portal. Sign-in returns to this address and no other, so it must be exact; https unless it is this machine."},
		{Key: "listen", Machine: true, Type: TypeAddress, Default: "127.0.0.1:8080", Help: "Where the portal listens. Behind a proxy on the same machine leave it on loopback."},
		{Key: "health_listen", Machine: true, Type: TypeAddress, Default: "", Help: "A second address for /healthz, /readyz and /metrics (counts in the text format of Prometheus), for a monitor. Empty: the first two answer on the portal's own address, and there are no counts."},
		{Key: "tls_certificate", Machine: true, Type: TypeFile, Default: "", Help: "PEM file with the certificate chain, when the portal itself answers https."},
		{Key: "tls_key", Machine: true, Type: TypeFile, Default: "", Help: "PEM file with the key of tls_certificate; readable by its owner only."},
		{Key: "trusted_proxies", Machine: true, Type: TypeList, Default: "", Help: "Addresses or networks of proxies whose X-Forwarded-For is believed. Nobody's is by default."},
		{Key: "database", Machine: true, Type: TypeText, Default: "nameplate.db", Secret: true, Help: "A file (SQLite; relative to this file, as all files are) or postgres://… . It may hold a password, so it counts as a secret."},
		{Key: "key_file", Machine: true, Type: TypeFile, Default: "nameplate.key", Help: "The key that seals tokens in the database. Made at the first start with rights for its owner only; keep it apart from backups of the database."},
		{Key: "tenant", Each: true, Type: TypeText, Default: "", Help: "The Microsoft 365 organization: its tenant id, or a verified domain name."},
		{Key: "client_id", Each: true, Type: TypeText, Default: "", Help: "Application (client) id of the app registration."},
		{Key: "client_secret", Each: true, Type: TypeText, Default: "", Secret: true, Help: "Client secret of the app registration. A certificate is better: use client_certificate."},
		{Key: "client_certificate", Each: true, Type: TypeFile, Default: "", Help: "PEM file with the certificate and its key, whose public half is uploaded to the app registration."},
		{Key: "federated_token_file", Each: true, Type: TypeFile, Default: "", Help: "Instead of a certificate: a file with a token of another issuer that the platform renews, such as AKS workload identity's AZURE_FEDERATED_TOKEN_FILE. The registration has a federated credential with its issuer, subject and audience."},
		{Key: "managed_identity", Each: true, Type: TypeText, Default: "", Help: "Instead of a certificate: system, or the client id of a user-assigned managed identity, on an Azure machine, App Service or Container App. The registration has a federated credential whose subject is that identity."},
		{Key: "cloud", Each: true, Type: TypeChoice, Default: "global", Choices: []string{graph.Global.String(), graph.USGovL4.String(), graph.USGovL5.String(), graph.China.String()}, Help: "Which Microsoft cloud the organization lives in."},
		{Key: "authority", Each: true, Type: TypeOrigin, Default: "", Help: "Sign-in address instead of the cloud's own; for the emulator."},
		{Key: "token_authority", Each: true, Type: TypeOrigin, Default: "", Help: "Where the application fetches its own tokens, when that is not authority; for the emulator, whose sign-in pages a browser reads over http."},
		{Key: "graph", Each: true, Type: TypeOrigin, Default: "", Help: "Microsoft Graph address instead of the cloud's own; for the emulator."},
		{Key: "ca_file", Machine: true, Type: TypeFile, Default: "", Help: "PEM file with one more certificate authority to believe, for a TLS proxy of your company or the emulator."},
		{Key: "delegated_only", Each: true, Type: TypeBool, Default: "no", Help: "Work without any application permission: people change only what Microsoft lets them write with their own sign-in."},
		{Key: "features", Each: true, Type: TypeList, Default: "profiles", Choices: []string{"profiles", "photos", "groups", "licenses", "managers", "accounts", "creation", "deletion", "sessions", "passwords"}, Help: "What the application's own permissions are for: nameplate doctor proves these, says which permission is missing for one, and which is not needed by any. They loosen no policy."},
		{Key: "pilot_groups", Each: true, Type: TypeList, Default: "", Help: "Object ids of groups: only their direct members may sign in, everybody else gets a page that says so. Empty: the portal is open for all whom Microsoft lets in. Who is taken out of the group keeps a session that has begun."},
		{Key: "sync_every", Each: true, Type: TypeDuration, Default: "0s", Help: "How often the copy of the directory in the database is brought up to date: 10m, 1h; at least 1m. 0s makes none by itself; nameplate sync does at any time. Needs the features profiles and groups."},
		{Key: "sync_group", Each: true, Type: TypeText, Default: "", Help: "Object id of a group: only its members, members of members included, are copied. Empty: everybody."},
		{Key: "sync_filter", Each: true, Type: TypeText, Default: "", Help: "Which people are copied, as Microsoft Graph's $filter for users: accountEnabled eq true. Empty: everybody. Not together with sync_group."},
		{Key: "brake_people", Each: true, Type: TypeCount, Default: "100", Most: 5000, Help: "A plan of a spreadsheet or a selection that changes more people than this begins only when their number is typed."},
		{Key: "brake_percent", Each: true, Type: TypeCount, Default: "10", Most: 50, Help: "The same for more than this share of the organization, in percent; it holds for any plan about two people or more."},
		{Key: "brake_deletions", Each: true, Type: TypeCount, Default: "0", Most: 100, Help: "The same for plans that delete more people than this."},
		{Key: "brake_privileged", Each: true, Type: TypeCount, Default: "0", Most: 10, Help: "The same for plans that change more people than this who hold a directory role."},
		{Key: "policy", Each: true, Type: TypeFile, Default: "", Help: "The policy file: who may see and change which property. Empty: the careful default that Nameplate ships."},
		{Key: "name", Each: true, Type: TypeText, Default: "", Help: "The organization's name in the portal. Empty: the name that the directory gives."},
		{Key: "accent", Type: TypeColor, Default: "#0b5cad", Help: "The accent color of buttons and links; must be readable on white."},
		{Key: "logo", Type: TypeFile, Default: "", Help: "PNG or SVG file with the organization's logo, at most 200 kB."},
		{Key: "support", Type: TypeText, Default: "", Help: "Who helps when a field is locked or something fails: an e-mail address or an https address."},
		{Key: "privacy_url", Type: TypeText, Default: "", Help: "Address of your privacy notice, linked at the foot of each page."},
		{Key: "language", Type: TypeChoice, Default: "en", Choices: []string{"en", "de", "ar"}, Help: "The language for people whose own is not known."},
		{Key: "session_idle", Type: TypeDuration, Default: "60m", Help: "After this long without a click a person signs in again."},
		{Key: "session_limit", Type: TypeDuration, Default: "12h", Help: "After this long a person signs in again in any case."},
		{Key: "photo_keep", Type: TypeDuration, Default: "720h", Help: "So long the photos before and after a change are kept, so that it can be taken back; at least 24h. The history itself stays."},
		{Key: "plan_keep", Type: TypeDuration, Default: "8760h", Help: "So long plans of spreadsheets are kept, with their rows and what became of them; at least 720h. One that is under way or paused stays. What was done stays in the history; a plan that is forgotten can be taken back row by row only."},
		{Key: "leaver_days", Type: TypeDays, Default: "0", Help: "So many days after somebody was first missed in the directory (deleted for good, not only deleted), what the portal keeps of them is forgotten: values, names and network addresses in the history, photos, sign-ins. What was done, when and with what result stays, and nameplate history verify still proves it. At least 30; 0 never forgets by itself, and neither does delegated_only, where nobody can be looked up."},
		{Key: "log_format", Machine: true, Type: TypeChoice, Default: "text", Choices: []string{"text", "json"}, Help: "How the log is written."},
		{Key: "log_personal", Machine: true, Type: TypeBool, Default: "no", Help: "Write whole network addresses, names and sign-in names into the log. By default it has object ids, networks (the first 24 bits of an IPv4 address, 48 of an IPv6 one) and no names."},
		{Key: "log_level", Machine: true, Type: TypeChoice, Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Help: "How much the log says. No level writes secrets or what people typed."},
	}
}

// Secret is a text that no print, log or JSON shows.
type Secret string

func (Secret) String() string               { return "***" }
func (Secret) GoString() string             { return "***" }
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Config is a checked configuration.
type Config struct {
	PublicURL      *url.URL
	Listen         string
	HealthListen   string
	TLSCertificate string
	TLSKey         string
	TrustedProxies []string
	Database       Secret
	KeyFile        string
	Organization                  // the first, and for most the only one
	More           []Organization // the others of tenants
	CAFile         string
	Accent         string
	Logo           string
	Support        string
	PrivacyURL     string
	Language       string
	SessionIdle    time.Duration
	SessionLimit   time.Duration
	PhotoKeep      time.Duration
	PlanKeep       time.Duration
	LeaverDays     int // 0 never forgets
	LogFormat      string
	LogLevel       string
	LogPersonal    bool
}

// Cloud are the addresses of a Microsoft cloud, as origins.
// https://learn.microsoft.com/graph/deployments
type Cloud struct {
	Name      string
	Authority string
	Tokens    string // where the application fetches its own tokens; https
	Graph     string
}

// cloudNamed are the addresses of one of Microsoft's clouds.
func cloudNamed(name string) Cloud {
	c, _ := graph.CloudNamed(name)
	return Cloud{Name: name, Authority: c.Login(), Tokens: c.Login(), Graph: c.Graph()}
}

// Own says whether the application's tokens come from somewhere else than the cloud's own sign-in service: the emulator.
func (c Cloud) Own() bool {
	known, ok := graph.CloudNamed(c.Name)
	return !ok || c.Tokens != known.Login()
}

var (
	colorForm  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	guidForm   = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	mailForm   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	domainForm = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$`)
)

// checkValue says what is wrong with one setting's text, and the remedy; "" when nothing is.
func (s Setting) checkValue(v string) (what, remedy string) {
	if v == "" {
		return "", ""
	}
	switch s.Type {
	case TypeAddress:
		_, port, err := net.SplitHostPort(v)
		if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
			return "is not an address to listen on", "write host:port, for example 127.0.0.1:8080"
		}
	case TypeOrigin:
		u, err := url.Parse(v)
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			return "is not an address", "write it as https://people.example.com"
		case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
			return "has something after the host name", "write only scheme and host: " + u.Scheme + "://" + u.Host
		case u.Scheme == "http" && !Loopback(u.Hostname()):
			return "is http, and not on this machine: passwords and names would travel in clear", "use https, by tls_certificate and tls_key or by a proxy in front"
		}
	case TypeDuration:
		if d, err := time.ParseDuration(v); err != nil || d < time.Minute {
			return "is not a length of time of at least a minute", "write it as 60m or 12h"
		}
	case TypeDays:
		if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 36500 {
			return "is not a number of days", "write a whole number such as 365"
		}
	case TypeCount:
		least := 1
		if s.Default == "0" {
			least = 0
		}
		if n, err := strconv.Atoi(v); err != nil || n < least || n > s.Most {
			return fmt.Sprintf("is not a whole number from %d to %d", least, s.Most), "write a number such as " + s.Default
		}
	case TypeBool:
		if _, ok := parseBool(v); !ok {
			return "is neither yes nor no", "write yes or no"
		}
	case TypeChoice:
		if !slices.Contains(s.Choices, v) {
			return fmt.Sprintf("is %q, which is not one of the choices", v), "write one of: " + strings.Join(s.Choices, ", ")
		}
	case TypeList:
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); len(s.Choices) > 0 && item != "" && !slices.Contains(s.Choices, item) {
				return fmt.Sprintf("holds %q, which is not one of the choices", item), "write one or more of: " + strings.Join(s.Choices, ", ")
			}
		}
	case TypeColor:
		if !colorForm.MatchString(v) {
			return "is not a color", "write it as #0b5cad"
		}
	}
	return "", ""
}

func parseBool(v string) (value, ok bool) {
	switch strings.ToLower(v) {
	case "yes", "true", "on", "1":
		return true, true
	case "no", "false", "off", "0":
		return false, true
	}
	return false, false
}

// Loopback says whether a host name or address is this machine.
func Loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
