package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Mistake is one thing that is wrong with a configuration. It never holds a secret's value.
type Mistake struct {
	Where  string `json:"where"` // "nameplate.yaml:3: client_secret" or "NAMEPLATE_LISTEN"
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

func (m Mistake) String() string { return m.Where + " " + m.What + ". Remedy: " + m.Remedy + "." }

// Mistakes is a list of them as an error.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, x := range m {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// Source says where a configuration comes from.
type Source struct {
	File    string           // path of nameplate.yaml; "" reads none
	Must    bool             // the file was named by somebody, so it has to exist
	Environ []string         // KEY=value, as os.Environ gives it
	Now     func() time.Time // for the ages of certificates
	Need    Need             // what the asker needs
	Tenant  string           // of the organization that has to be whole, by its id, domain or name; "" all of them
}

// Need says which part of a configuration has to be there.
type Need int

const (
	Everything Need = iota // to reach an organization
	Database               // only to open the database; what is there is still checked
)

// value is a setting's text and where it was written.
type value struct {
	text  string
	where string
	base  string // folder that relative paths start from
	file  string // that the text was read from; "" when it was written here
}

// Load reads and checks a configuration. The error, when there is one, is Mistakes: all of them at once.
func Load(src Source) (Config, error) {
	l := &loader{values: map[string]value{}, table: Settings()}
	l.file(src)
	l.environment(src.Environ)
	c := l.config()
	if src.Need == Everything {
		l.together(c, src)
	}
	if len(l.mistakes) > 0 {
		return Config{}, l.mistakes
	}
	return c, nil
}

type loader struct {
	table    []Setting
	values   map[string]value // by key, in an element of tenants by member
	elements int              // of tenants
	unread   []string         // keys whose value stands in a file that cannot be read
	mistakes Mistakes
}

func (l *loader) wrong(where, what, remedy string) {
	if m := (Mistake{where, what, remedy}); !slices.Contains(l.mistakes, m) { // several organizations may have it from one line
		l.mistakes = append(l.mistakes, m)
	}
}

// unread says which file cannot be read, where it was looked for, and why it cannot.
func unread(verb, path string, err error) string {
	if at, aerr := filepath.Abs(path); aerr == nil {
		path = at
	}
	return verb + " " + path + ", which cannot be read (" + reason(err) + ")"
}

const checkPath = "check the path, and that the user that runs nameplate may read it; a path in the configuration file starts from its folder"

const maxFile = 1 << 20 // bytes; a configuration is a page, not a book

func (l *loader) file(src Source) {
	if src.File == "" {
		return
	}
	info, err := os.Stat(src.File)
	if errors.Is(err, fs.ErrNotExist) && !src.Must {
		return
	}
	switch {
	case err != nil:
		l.wrong(src.File, "cannot be read ("+reason(err)+")", "check the path that --config or NAMEPLATE_CONFIG names")
		return
	case info.IsDir():
		l.wrong(src.File, "is a folder", "name the file in it, usually nameplate.yaml")
		return
	case info.Size() > maxFile:
		l.wrong(src.File, "is larger than 1 MB", "a configuration is a short file: check that this is the right one")
		return
	}
	data, err := os.ReadFile(src.File)
	if err != nil {
		l.wrong(src.File, "cannot be read ("+reason(err)+")", "let the user that runs nameplate read it")
		return
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		l.wrong(src.File, "is not YAML ("+strings.TrimPrefix(err.Error(), "yaml: ")+")", "write one key and value a line: listen: 127.0.0.1:8080")
		return
	}
	if len(doc.Content) == 0 {
		return
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		l.wrong(src.File, "is not a list of keys and values", "write one key and value a line: listen: 127.0.0.1:8080")
		return
	}
	l.mapping(root, 0, src.File)
}

// mapping reads keys and values of the file's own level, or of one element of tenants.
func (l *loader) mapping(n *yaml.Node, element int, file string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		where := fmt.Sprintf("%s:%d: %s", filepath.Base(file), key.Line, member(element, key.Value))
		if key.Value == Tenants && element == 0 {
			l.list(val, where, file)
			continue
		}
		s, ok := l.setting(key.Value)
		path, from := false, "" // the value is the path of a file that holds it
		if !ok {
			s, ok = l.setting(strings.TrimSuffix(key.Value, "_file"))
			ok, path = ok && s.Secret && s.Key != key.Value, true
		}
		if !ok || element > 0 && !s.Each {
			what, remedy := "is not a setting", l.suggest(key.Value, func(s Setting) string { return s.Key })
			if ok {
				what, remedy = "is not a setting of one organization", "write it at the file's own level, outside tenants"
			}
			l.wrong(where, what, remedy)
			continue
		}
		if _, twice := l.values[member(element, s.Key)]; twice {
			l.wrong(where, "stands twice in the file", "keep one of the two lines")
			continue
		}
		text, ok := scalar(val, s.Type)
		if !ok {
			l.wrong(where, "is not a "+string(s.Type), "write a single value after the colon")
			continue
		}
		if path {
			if !filepath.IsAbs(text) {
				text = filepath.Join(filepath.Dir(file), text)
			}
			from = text
			if text, ok = l.secretIn(where, text); !ok {
				l.unread = append(l.unread, member(element, s.Key))
				continue
			}
		}
		l.values[member(element, s.Key)] = value{text, where, filepath.Dir(file), from}
	}
}

// list reads the elements of tenants.
func (l *loader) list(n *yaml.Node, where, file string) {
	wrong := n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > maxTenants
	for _, c := range n.Content {
		wrong = wrong || c.Kind != yaml.MappingNode
	}
	if wrong || l.elements > 0 {
		l.wrong(where, fmt.Sprintf("is not a list of 1 to %d organizations", maxTenants), "write one element with keys and values for each: - tenant: example.com")
		return
	}
	l.elements = len(n.Content)
	for i, c := range n.Content {
		l.mapping(c, i+1, file)
	}
}

// secretIn reads a secret from a file.
func (l *loader) secretIn(where, path string) (string, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		l.wrong(where, unread("names", path, err), checkPath)
		return "", false
	}
	return strings.TrimRight(string(data), "\r\n"), true
}

// scalar is the text as it was written: YAML's own idea of types (no, 0123, 12:30) does not touch it.
func scalar(n *yaml.Node, t Type) (string, bool) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return "", true
	case n.Kind == yaml.ScalarNode:
		return n.Value, true
	case n.Kind == yaml.SequenceNode && t == TypeList:
		var parts []string
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return "", false
			}
			parts = append(parts, c.Value)
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}

func (l *loader) setting(key string) (Setting, bool) {
	i := slices.IndexFunc(l.table, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return l.table[i], true
}

func (l *loader) environment(environ []string) {
	env := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "NAMEPLATE_") {
			env[k] = v
		}
	}
	for name := range env {
		if m := elementForm.FindStringSubmatch(name); m != nil {
			if n, _ := strconv.Atoi(m[1]); n <= maxTenants {
				l.elements = max(l.elements, n)
			}
		}
	}
	for element := range l.elements + 1 {
		for _, s := range l.table {
			if element == 0 || s.Each {
				l.variable(env, s, element)
			}
		}
	}
	for _, known := range []string{"NAMEPLATE_CONFIG", "NAMEPLATE_FACTS", "NAMEPLATE_CRASH_AT", "NAMEPLATE_SERVER", "NAMEPLATE_API_KEY", "NAMEPLATE_API_KEY_FILE"} { // of the command line
		delete(env, known)
	}
	var unknown []string
	for k := range env {
		unknown = append(unknown, k)
	}
	sort.Strings(unknown)
	for _, k := range unknown {
		l.wrong(k, "is not a setting", l.suggest(k, Setting.Env))
	}
}

// elementForm is the variable of a setting in an element of tenants; the first element is 1.
var elementForm = regexp.MustCompile(`^NAMEPLATE_TENANTS_([1-9][0-9]?)_`)

// maxTenants is how many organizations one portal can have.
const maxTenants = 99

// variable takes one setting out of the environment.
func (l *loader) variable(env map[string]string, s Setting, element int) {
	name := s.EnvOf(element)
	text, set := env[name]
	delete(env, name)
	path, ok := env[name+"_FILE"]
	if ok && s.Secret {
		delete(env, name+"_FILE")
		if set {
			l.wrong(name+"_FILE", "and "+name+" are both set", "keep one of the two")
			return
		}
		name += "_FILE"
		if text, set = l.secretIn(name, path); !set {
			l.unread = append(l.unread, member(element, s.Key))
			return
		}
	}
	if set {
		l.values[member(element, s.Key)] = value{text, name, ".", path}
	}
}

// suggest names the nearest setting, when one is near.
func (l *loader) suggest(word string, name func(Setting) string) string {
	best, at := "", min(4, (len(strings.TrimPrefix(word, "NAMEPLATE_"))+1)/2) // a short word is near to everything
	for _, s := range l.table {
		if d := distance(strings.ToLower(word), strings.ToLower(name(s))); d < at {
			best, at = name(s), d
		}
	}
	if best != "" {
		return "did you mean " + best + "? Or take it out"
	}
	return "take it out; all settings are listed by nameplate config settings"
}

// distance counts the letters that must be put in, taken out or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			row[j] = min(cost, above+1, row[j-1]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}

// text is a setting's checked value, its default when it is wrong or not set; key may name an element of tenants (member).
func (l *loader) text(key string) string {
	s, ok := l.setting(key[strings.LastIndexByte(key, ' ')+1:])
	if !ok {
		panic("config: no setting " + key)
	}
	v, set := l.values[key]
	if !set || v.text == "" {
		return s.Default
	}
	if what, remedy := s.checkValue(v.text); what != "" {
		l.wrong(v.where, what, remedy)
		return s.Default
	}
	file := s.Type == TypeFile || s.Key == "database" && !strings.Contains(v.text, "://")
	if file && !filepath.IsAbs(v.text) {
		return filepath.Join(v.base, v.text)
	}
	return v.text
}

func (l *loader) config() Config {
	duration := func(key string) time.Duration { d, _ := time.ParseDuration(l.text(key)); return d }
	yes := func(key string) bool { b, _ := parseBool(l.text(key)); return b }
	days, _ := strconv.Atoi(l.text("leaver_days"))
	public, _ := url.Parse(l.text("public_url"))
	public.Path = ""
	c := Config{
		PublicURL: public, Listen: l.text("listen"), HealthListen: l.text("health_listen"),
		TLSCertificate: l.text("tls_certificate"), TLSKey: l.text("tls_key"), TrustedProxies: items(l.text("trusted_proxies")),
		Database: Secret(l.text("database")), KeyFile: l.text("key_file"),
		CAFile: l.text("ca_file"), Accent: l.text("accent"), Logo: l.text("logo"), Support: l.text("support"), PrivacyURL: l.text("privacy_url"), Language: l.text("language"),
		SessionIdle: duration("session_idle"), SessionLimit: duration("session_limit"), PhotoKeep: duration("photo_keep"), PlanKeep: duration("plan_keep"), LeaverDays: days,
		LogFormat: l.text("log_format"), LogLevel: l.text("log_level"), LogPersonal: yes("log_personal"),
	}
	if l.elements == 0 {
		c.Organization = l.organization(0)
	}
	for i := 1; i <= l.elements; i++ {
		if o := l.organization(i); i == 1 {
			c.Organization = o
		} else {
			c.More = append(c.More, o)
		}
	}
	return c
}

// items are the parts of a list.
func items(text string) []string {
	var out []string
	for p := range strings.SplitSeq(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func (l *loader) where(key string) string {
	if v, ok := l.values[key]; ok {
		return v.where
	}
	return key
}

// together checks what only shows when several settings are looked at side by side.
func (l *loader) together(c Config, src Source) {
	now := src.Now()
	l.organizations(c, src.Tenant, now)
	switch {
	case (c.TLSCertificate == "") != (c.TLSKey == ""):
		l.wrong("tls_certificate and tls_key", "belong together, and one is missing", "set both, or neither when a proxy answers https")
	case c.TLSCertificate != "":
		if what, remedy := checkPair(c.TLSCertificate, c.TLSKey, now); what != "" {
			l.wrong(l.where("tls_certificate"), what, remedy)
		}
	}
	for _, key := range []string{"ca_file", "logo"} {
		l.readable(l.where(key), l.text(key))
	}
	for _, p := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			if _, err := netip.ParseAddr(p); err != nil {
				l.wrong(l.where("trusted_proxies"), fmt.Sprintf("holds %q, which is neither an address nor a network", p), "write 10.0.0.7 or 10.0.0.0/24")
			}
		}
	}
	if c.PrivacyURL != "" && !strings.HasPrefix(c.PrivacyURL, "https://") {
		l.wrong(l.where("privacy_url"), "is not an https address", "write it as https://example.com/privacy")
	}
	if c.Support != "" && !strings.HasPrefix(c.Support, "https://") && !mailForm.MatchString(c.Support) {
		l.wrong(l.where("support"), "is neither an e-mail address nor an https address", "write it as help@example.com or https://example.com/help")
	}
	if c.SessionIdle > c.SessionLimit {
		l.wrong(l.where("session_idle"), "is longer than session_limit", "make session_idle the shorter one")
	}
	if c.PlanKeep < 30*24*time.Hour {
		l.wrong(l.where("plan_keep"), "is less than 720h: a plan is looked at and taken back for some weeks", "write 720h or more")
	}
	if c.LeaverDays > 0 && c.LeaverDays < 30 {
		l.wrong(l.where("leaver_days"), "is less than 30: people who were deleted can still be restored for so long", "write 30 or more, or 0 to forget nobody by itself")
	}
	if c.PhotoKeep > 0 && c.PhotoKeep < 24*time.Hour {
		l.wrong(l.where("photo_keep"), "is less than a day: people could not take a change back on the next morning", "write 24h or more, such as 720h for 30 days")
	}
}

// readable says so when a file that is named cannot be read.
func (l *loader) readable(where, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		l.wrong(where, unread("names", path, err), checkPath)
		return
	}
	_ = f.Close()
}

// weak says whether a secret can be guessed: Entra's own are 40 characters.
func weak(s string) bool {
	low := strings.ToLower(s)
	return len(s) < 16 || strings.Contains(low, "your_") || strings.Contains(low, "secret_key") || strings.Contains(low, "changeme") || guidForm.MatchString(s)
}

// checkPair reads a certificate and its key (which may be one file) and says what is wrong with them.
func checkPair(certFile, keyFile string, now time.Time) (what, remedy string) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return unread("names", certFile, err), checkPath
	}
	key := cert
	if keyFile != certFile {
		if key, err = os.ReadFile(keyFile); err != nil {
			return unread("has a key in", keyFile, err), checkPath
		}
	}
	if !hasBlock(key, "PRIVATE KEY") {
		if hasBlock(key, "ENCRYPTED") {
			return "has a key that is locked with a password", "store the key without a password, readable by its owner only"
		}
		return "has no key in it", "put certificate and private key into one PEM file"
	}
	if info, err := os.Stat(keyFile); err == nil && Exposed(info) {
		return "has a key that others on this machine may read", "run: chmod 600 " + keyFile
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return "does not fit its key (" + strings.TrimPrefix(err.Error(), "tls: ") + ")", "check that certificate and key were made together"
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	switch {
	case err != nil:
		return "is not a certificate", "put a PEM certificate into the file"
	case now.After(leaf.NotAfter):
		return "ended on " + leaf.NotAfter.Format(time.DateOnly), "make a new certificate and upload its public half"
	case now.Before(leaf.NotBefore):
		return "is not valid before " + leaf.NotBefore.Format(time.DateOnly), "check this machine's clock"
	}
	return "", ""
}

// Exposed says whether others on this machine may read or write a file. On Windows modes say nothing of that.
func Exposed(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

func hasBlock(data []byte, kind string) bool {
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return false
		}
		if strings.HasSuffix(b.Type, kind) && !strings.HasPrefix(b.Type, "ENCRYPTED") || (kind == "ENCRYPTED" && strings.HasPrefix(b.Type, "ENCRYPTED")) {
			return true
		}
	}
}

func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "not permitted"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
