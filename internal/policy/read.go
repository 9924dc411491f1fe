package policy

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/odata"
)

// The keys that each part of the file may have. policy/schema.json names the same ones.
var (
	rootKeys      = []string{"version", "name", "extensions", "tables", "default", "properties", "rules"}
	extensionKeys = []string{"name", "kind", "label"}
	defaultKeys   = []string{"view", "edit", "reason", "ask"}
	propertyKeys  = []string{"view", "edit", "section", "label", "help", "reason", "ask", "required", "max", "pattern", "message", "format", "allowed", "only", "follow"}
	photoKeys     = []string{"view", "edit", "help", "reason", "ask"}
	ruleKeys      = []string{"name", "when", "default", "properties"}
	askKeys       = []string{"who", "to", "text"}
	optionKeys    = []string{"value", "label"}
	languages     = []string{"en", "de", "ar"}
	formats       = []string{"international-phone"}
	sections      = []string{"contact", "work", "place", "about", "preferences", "managed"} // in the order of property.Section
)

const (
	maxPattern = 500  // characters of a pattern
	maxProgram = 2000 // instructions that it compiles to
	maxRows    = 2000 // of a table or a pick list
	photoName  = "photo"
)

// Parse reads a policy file. With mistakes (at most a hundred are listed) there is no policy. name says which file it is.
func Parse(_ string, data []byte) (*Policy, []Mistake) {
	b := &builder{reader: &reader{}, set: property.Catalog(), words: map[string]map[string]string{}, tables: map[string]*table{}}
	root, ok := b.parse(data)
	if !ok {
		return nil, b.mistakes
	}
	p := b.policy(root)
	if len(b.mistakes) > 0 {
		slices.SortStableFunc(b.mistakes, func(x, y Mistake) int {
			if x.Line != y.Line {
				return x.Line - y.Line
			}
			return x.Column - y.Column
		})
		return nil, b.mistakes
	}
	return p, nil
}

// builder makes a Policy of a tree.
type builder struct {
	*reader
	set    *property.Set
	words  map[string]map[string]string
	tables map[string]*table
}

// table is rows of values that belong together.
type table struct {
	at   node
	rows []map[property.Name]property.Value
	used bool
}

func (b *builder) policy(root node) *Policy {
	p := &Policy{photo: photoDef()}
	parts := map[string]entry{}
	for _, e := range b.entries(root, "The file", rootKeys) {
		parts[e.key] = e
	}
	if e, ok := parts["version"]; !ok {
		b.mistake(root, "Begin with the line \"version: 1\".", "The version is missing.")
	} else if e.value.Value != "1" {
		b.mistake(e.value, "Write 1.", "The version %q is not known.", e.value.Value)
	}
	if e, ok := parts["name"]; ok {
		b.text(e.value)
	}
	if e, ok := parts["extensions"]; ok {
		b.extensions(e.value)
	}
	if e, ok := parts["tables"]; ok {
		for _, t := range b.entries(e.value, "tables", nil) {
			b.tables[t.key] = b.table(t)
		}
	}
	p.set = b.set
	p.base = b.settings(parts["default"], parts["properties"], true)
	if e, ok := parts["rules"]; ok {
		for _, n := range b.items(e.value, "rules") {
			p.rules = append(p.rules, b.rule(n))
		}
	}
	for _, t := range b.tables {
		if !t.used {
			b.mistake(t.at, "Name it at a property: \"follow: "+t.at.Value+"\", or remove it.", "The table %q is used nowhere.", t.at.Value)
		}
	}
	p.words = b.words
	return p
}

func photoDef() property.Def {
	return property.Def{Name: photoName, Kind: property.KindObject,
		Graph: property.Facts{Path: photoName, SelfWrite: true, Write: []string{"ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"}, WriteOwn: []string{"User.ReadWrite"}, Source: "https://learn.microsoft.com/en-us/graph/api/profilephoto-update?view=graph-rest-1.0 (2025)"},
		House: property.House{Label: "Photo", Section: property.Contact}}
}

func (b *builder) extensions(n node) {
	kinds := map[string]property.Kind{"text": property.KindText, "list": property.KindTextList, "yes-no": property.KindBool, "date": property.KindInstant}
	words := []string{"text", "list", "yes-no", "date"}
	for _, item := range b.items(n, "extensions") {
		var name, label string
		kind := property.KindText
		for _, e := range b.entries(item, "An extension", extensionKeys) {
			switch e.key {
			case "name":
				name, _ = b.text(e.value)
			case "label":
				if t, ok := b.sentence(e.value); ok {
					label = t.Key
				}
			case "kind":
				s, ok := b.text(e.value)
				if !ok {
					break
				}
				if kind, ok = kinds[s]; !ok {
					b.mistake(e.value, suggest(s, words), "The kind %q is not known.", s)
				}
			}
		}
		if name == "" || label == "" {
			b.mistake(item, "Write \"name:\" and \"label:\".", "An extension needs a name and a label.")
			continue
		}
		d, err := property.Extension(property.Name(name), kind, label)
		if err == nil {
			var set *property.Set
			if set, err = b.set.With(d); err == nil {
				b.set = set
			}
		}
		if err != nil {
			b.mistake(item, "", "%s.", strings.TrimPrefix(err.Error(), "property: "))
		}
	}
}

// sentence reads words for people: one text for every language, or one for each.
func (b *builder) sentence(n node) (fail.Text, bool) {
	if n.Node.Kind != 0 && n.Content != nil {
		texts := map[string]string{}
		for _, e := range b.entries(n, "The text", languages) {
			if s, ok := b.text(e.value); ok {
				texts[e.key] = s
			}
		}
		if texts["en"] == "" {
			b.mistake(n, "Add \"en:\". It is shown where a language is missing.", "The English text is missing.")
			return fail.Text{}, false
		}
		for l, s := range texts {
			b.translate(n, l, texts["en"], s)
		}
		return fail.T(texts["en"]), true
	}
	s, ok := b.text(n)
	return fail.T(s), ok
}

func (b *builder) translate(n node, language, english, s string) {
	if language == "en" {
		return
	}
	if b.words[language] == nil {
		b.words[language] = map[string]string{}
	}
	if was, ok := b.words[language][english]; ok && was != s {
		b.mistake(n, "Translate the same English text the same way everywhere, or vary the English.", "%q is translated in two ways (%s).", english, language)
	}
	b.words[language][english] = s
}

func (b *builder) settings(def, props entry, base bool) settings {
	s := settings{props: map[property.Name]house{}}
	if def.value.Node != nil {
		for _, e := range b.entries(def.value, "default", defaultKeys) {
			if e.key != "edit" {
				b.house(&s.all, e, property.Def{})
				continue
			}
			a := b.audience(e.value)
			if a != nil && (a.self || len(a.roles) > 0 || len(a.groups) > 0) {
				b.mistake(e.value, "Name each property that may be edited under \"properties\". Here only \"nobody\" is possible.", "Editing cannot be opened for everything at once.")
				continue
			}
			s.all.edit = a
		}
	}
	if props.value.Node == nil {
		return s
	}
	names := append([]string{photoName}, namesOf(b.set)...)
	for _, e := range b.entries(props.value, "properties", nil) {
		if e.key == photoName {
			h := house{}
			for _, k := range b.entries(e.value, "photo", photoKeys) {
				b.house(&h, k, photoDef())
			}
			s.props[photoName] = h
			continue
		}
		d, ok := b.set.Def(property.Name(e.key))
		switch {
		case !ok:
			remedy := suggest(e.key, names)
			if remedy == "" {
				remedy = "Write the property's Graph name; docs/reference/properties.md lists them. A property of your own is first named under \"extensions\"."
			}
			b.mistake(e.at, remedy, "There is no property %q.", e.key)
			continue
		case string(d.Name) != e.key:
			b.mistake(e.at, fmt.Sprintf("Write %q.", d.Name), "The property %q is written with other capital letters.", e.key)
			continue
		}
		s.props[d.Name] = b.property(e, d, base)
	}
	return s
}

func namesOf(s *property.Set) []string {
	var l []string
	for _, n := range s.Names() {
		l = append(l, string(n))
	}
	return l
}

func (b *builder) rule(n node) rule {
	var r rule
	parts := map[string]entry{}
	for _, e := range b.entries(n, "A rule", ruleKeys) {
		parts[e.key] = e
	}
	if e, ok := parts["name"]; ok {
		r.name, _ = b.text(e.value)
	}
	if e, ok := parts["when"]; ok {
		r.when = b.condition(e.value)
	} else {
		b.mistake(n, "Write for whom it is, for example \"when: userType eq 'Guest'\". What is for everybody stands under \"properties\" of the file.", "The rule has no condition.")
	}
	r.settings = b.settings(parts["default"], parts["properties"], false)
	return r
}

// condition reads an OData filter over properties of the person.
func (b *builder) condition(n node) odata.Expr {
	s, ok := b.text(n)
	if !ok {
		return nil
	}
	e, err := odata.ParseFilter(s)
	if err != nil {
		b.mistake(n, "Write it as a filter of Microsoft Graph, for example \"userType eq 'Guest'\" or \"startswith(department,'Sales')\". Texts stand in single quotes.", "The condition cannot be read: %s.", err)
		return nil
	}
	for _, name := range e.Names() {
		d, ok := b.set.Def(property.Name(name))
		switch {
		case !ok:
			b.mistake(n, suggest(name, namesOf(b.set)), "There is no property %q.", name)
		case d.Graph.Secret || d.Kind == property.KindObject:
			b.mistake(n, "Use another property.", "%q cannot be asked in a condition.", name)
		}
	}
	if _, err := e.Match(b.sample()); err != nil {
		b.mistake(n, "Compare texts with texts in single quotes, true and false without quotes, and dates without quotes.", "The condition can never be decided: %s.", err)
	}
	return e
}

// sample answers with some value of the right type for every property.
func (b *builder) sample() odata.Getter {
	return func(path string) (any, bool) {
		d, ok := b.set.Def(property.Name(path))
		switch {
		case !ok:
			return nil, true // it has been said that there is no such property
		case d.Kind == property.KindTextList:
			return []string{"text"}, true
		case d.Kind == property.KindBool:
			return true, true
		case d.Kind == property.KindInstant:
			v, _ := d.Parse("2026-02-28")
			return v.Time(), true
		}
		return "text", true
	}
}

// audience reads who may do something: one word or a list of words.
func (b *builder) audience(n node) *audience {
	a := &audience{}
	list := []node{n}
	if n.Content != nil {
		list = b.items(n, "Who may")
	}
	words := append([]string{Nobody, Self}, roles...)
	for _, item := range list {
		s, ok := b.text(item)
		if !ok {
			continue
		}
		switch group, isGroup := strings.CutPrefix(s, "group:"); {
		case s == Nobody && len(list) > 1:
			b.mistake(item, "Write only \"nobody\", or leave it out.", "\"nobody\" stands beside others.")
		case s == Nobody:
		case s == Self:
			a.self = true
		case isGroup && objectID.MatchString(group):
			a.groups = append(a.groups, strings.ToLower(group))
		case isGroup:
			b.mistake(item, "Write the object id of the group, for example group:1b4e28ba-2fa1-41d2-883f-0016d3cca427.", "%q is not an object id.", group)
		case slices.Contains(roles, s):
			a.roles = append(a.roles, role(s))
		case objectID.MatchString(s):
			b.mistake(item, "Write \"group:\" before the object id of a group. Single people cannot be named.", "%q is not known here.", s)
		default:
			b.mistake(item, suggest(s, words), "%q is not known here.", s)
		}
	}
	return a
}

var objectID = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// property reads the settings of one property and holds them against the facts.
func (b *builder) property(e entry, d property.Def, base bool) house {
	var h house
	at := map[string]node{}
	for _, k := range b.entries(e.value, e.key, propertyKeys) {
		at[k.key] = k.value
		b.house(&h, k, d)
	}
	if h.pattern != nil && h.pattern.message.Zero() {
		b.mistake(at["pattern"], "Add \"message:\" and say what people should write, with an example.", "The pattern has no message.")
	}
	if h.pattern != nil && h.pattern.match == nil {
		if at["pattern"].Node == nil {
			b.mistake(at["message"], "Add \"pattern:\", or remove it.", "The message belongs to no pattern.")
		}
		h.pattern = nil
	}
	if h.only != nil && h.allowed == nil && h.follow == nil && base {
		b.mistake(at["only"], "Add \"allowed:\" or \"follow:\", or remove it.", "\"only\" needs a list to choose from.")
	}
	if h.allowed != nil && h.follow != nil {
		b.mistake(at["allowed"], "Keep one of them. The table is the list to choose from.", "Both \"allowed\" and \"follow\" are given.")
	}
	b.facts(&h, d, at)
	return h
}

func (b *builder) house(h *house, k entry, d property.Def) {
	n := k.value
	sentence := func(p **fail.Text) {
		if t, ok := b.sentence(n); ok {
			*p = &t
		}
	}
	truth := func(p **bool) {
		if v, ok := b.truth(n); ok {
			*p = &v
		}
	}
	switch k.key {
	case "view":
		h.view = b.audience(n)
	case "edit":
		h.edit = b.audience(n)
	case "section":
		if s, ok := b.text(n); ok {
			i := slices.Index(sections, s)
			if i < 0 {
				b.mistake(n, suggest(s, sections), "There is no section %q.", s)
				return
			}
			section := property.Section(i)
			h.section = &section
		}
	case "label":
		sentence(&h.label)
	case "help":
		sentence(&h.help)
	case "reason":
		sentence(&h.reason)
	case "ask":
		h.ask = b.ask(n)
	case "required":
		truth(&h.required)
	case "only":
		truth(&h.only)
	case "max":
		s, _ := b.text(n)
		v, err := strconv.Atoi(s)
		if err != nil || v < 1 || n.Tag != "!!int" {
			b.mistake(n, "Write how many characters are allowed, for example 40.", "%q is not a number of characters.", s)
			return
		}
		h.max = &v
	case "pattern":
		if h.pattern == nil {
			h.pattern = &pattern{}
		}
		h.pattern.source, h.pattern.match = b.pattern(n, d)
	case "message":
		if h.pattern == nil {
			h.pattern = &pattern{}
		}
		h.pattern.message, _ = b.sentence(n)
	case "format":
		if s, ok := b.text(n); ok {
			if !slices.Contains(formats, s) {
				b.mistake(n, suggest(s, formats), "The format %q is not known.", s)
				return
			}
			h.format = &s
		}
	case "allowed":
		h.allowed = b.allowed(n, d)
	case "follow":
		b.follow(h, n, d)
	}
}

// pattern compiles a pattern of RE2, which takes time in proportion to the text; its length and its size are bounded.
func (b *builder) pattern(n node, d property.Def) (string, *regexp.Regexp) {
	s, ok := b.text(n)
	if !ok {
		return "", nil
	}
	if d.Kind == property.KindBool || d.Kind == property.KindInstant || d.Kind == property.KindObject {
		b.mistake(n, "Remove it.", "%s is no text: a pattern has no meaning here.", d.Name)
		return s, nil
	}
	if len(s) > maxPattern {
		b.mistake(n, "Say it in a shorter way, or use \"allowed\".", "The pattern has %d characters, %d are possible.", len(s), maxPattern)
		return s, nil
	}
	tree, err := syntax.Parse("^(?:"+s+")$", syntax.Perl)
	if err != nil {
		remedy := "Write a regular expression as RE2 reads it: https://github.com/google/re2/wiki/Syntax."
		if strings.Contains(s, "(?=") || strings.Contains(s, "(?!") || strings.Contains(s, "(?<") {
			remedy = "RE2 has no look-ahead and no look-behind. Say it without."
		}
		b.mistake(n, remedy, "The pattern cannot be read: %s.", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return s, nil
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		b.mistake(n, "Use smaller numbers of repetitions.", "The pattern is too large when it is worked out.")
		return s, nil
	}
	return s, regexp.MustCompile("^(?:" + s + ")$")
}

func (b *builder) allowed(n node, d property.Def) *[]Option {
	list := b.items(n, "allowed")
	if list != nil && len(list) == 0 {
		b.mistake(n, "Write the values, or remove it. To close the property write \"edit: nobody\".", "The list is empty.")
	}
	if len(list) > maxRows {
		b.mistake(n, fmt.Sprintf("Keep at most %d.", maxRows), "The list has %d values.", len(list))
		return nil
	}
	out := make([]Option, 0, len(list))
	seen := map[string]bool{}
	for _, item := range list {
		o := Option{}
		at := item
		ok := true
		if item.Content != nil {
			for _, e := range b.entries(item, "A value", optionKeys) {
				switch e.key {
				case "value":
					o.Value, ok = b.text(e.value)
					at = e.value
				case "label":
					o.Label, _ = b.sentence(e.value)
				}
			}
			if o.Value == "" && ok {
				b.mistake(item, "Write \"value:\".", "The value is missing.")
				ok = false
			}
		} else {
			o.Value, ok = b.text(item)
		}
		if !ok {
			continue
		}
		v, ok := b.value(at, d, o.Value)
		if !ok {
			continue
		}
		if o.Value = one(v); seen[o.Value] {
			b.mistake(at, "Remove one.", "%q is here twice.", o.Value)
			continue
		}
		seen[o.Value] = true
		if o.Label.Zero() {
			o.Label = fail.T(o.Value)
		}
		out = append(out, o)
	}
	return &out
}

// one is the single text of a value: of a text, or of a list that holds one.
func one(v property.Value) string {
	if l := v.Items(); len(l) > 0 {
		return l[0]
	}
	return v.Str()
}

// value reads a value that the file gives to a property, and holds it against the facts.
func (b *builder) value(n node, d property.Def, s string) (property.Value, bool) {
	v, p := d.Parse(s)
	if p == nil {
		for _, q := range d.Check(v) {
			p = &q
			break
		}
	}
	if p != nil {
		b.mistake(n, "", "Microsoft 365 does not take %q for %s. %s", s, d.Name, p)
		return v, false
	}
	return v, true
}

func (b *builder) table(e entry) *table {
	t := &table{at: e.at}
	rows := b.items(e.value, "A table")
	if len(rows) > maxRows {
		b.mistake(e.value, fmt.Sprintf("Keep at most %d.", maxRows), "The table has %d rows.", len(rows))
		return t
	}
	for _, row := range rows {
		values := map[property.Name]property.Value{}
		for _, c := range b.entries(row, "A row", nil) {
			d, ok := b.set.Def(property.Name(c.key))
			if !ok || string(d.Name) != c.key {
				b.mistake(c.at, suggest(c.key, namesOf(b.set)), "There is no property %q.", c.key)
				continue
			}
			if why := closed(d); why != "" {
				b.mistake(c.at, "Remove it from the table.", "%s cannot follow a pick: %s", d.Name, why)
				continue
			}
			s, ok := b.text(c.value)
			if !ok {
				continue
			}
			if v, ok := b.value(c.value, d, s); ok {
				values[d.Name] = v
			}
		}
		t.rows = append(t.rows, values)
	}
	return t
}

func (b *builder) follow(h *house, n node, d property.Def) {
	s, ok := b.text(n)
	if !ok {
		return
	}
	t, ok := b.tables[s]
	if !ok {
		var names []string
		for k := range b.tables {
			names = append(names, k)
		}
		slices.Sort(names)
		remedy := "Write it under \"tables:\"."
		if w := nearest(s, names); w != "" {
			remedy = fmt.Sprintf("Did you mean %q?", w)
		}
		b.mistake(n, remedy, "There is no table %q.", s)
		return
	}
	t.used = true
	seen := map[string]bool{}
	var out []Option
	for i, row := range t.rows {
		v, ok := row[d.Name]
		if !ok {
			b.mistake(n, fmt.Sprintf("Write \"%s:\" in each row.", d.Name), "Row %d of the table %q has no %s.", i+1, s, d.Name)
			continue
		}
		o := Option{Value: one(v), Label: fail.T(one(v)), Follows: property.Values{}}
		if seen[o.Value] {
			b.mistake(n, "Each row needs another value.", "%q is in the table %q twice.", o.Value, s)
		}
		seen[o.Value] = true
		for name, x := range row {
			if name != d.Name {
				o.Follows[name] = x
			}
		}
		out = append(out, o)
	}
	h.follow, h.followValues = &s, out
}

func (b *builder) ask(n node) *contact {
	c := &contact{}
	for _, e := range b.entries(n, "ask", askKeys) {
		switch e.key {
		case "who":
			c.who, _ = b.sentence(e.value)
		case "to":
			s, ok := b.text(e.value)
			if !ok {
				break
			}
			if a, err := mail.ParseAddress(s); err == nil && a.Name == "" && a.Address == s {
				c.to = s
			} else if u, err := url.Parse(s); err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
				c.to = s
			} else {
				b.mistake(e.value, "Write an e-mail address, or an address that begins with https://.", "%q is neither an e-mail address nor a web address.", s)
			}
		case "text":
			c.text, c.args = b.template(e.value)
		}
	}
	if n.Content != nil && c.who.Zero() {
		b.mistake(n, "Write \"who:\", for example \"who: the People team\".", "It is not said who can be asked.")
	}
	if c.text.Zero() {
		c.text, c.args = fail.T("Hello,\n\nplease correct my profile in Microsoft 365.\n\n%[1]s: %[2]s\nIt should be: …\n\nThank you\n%[3]s"), places[:3]
	}
	return c
}

var (
	places      = []string{"property", "value", "name"}
	placeholder = regexp.MustCompile(`\{[A-Za-z]*\}`)
)

// template reads a text with {property}, {value} and {name} in it.
func (b *builder) template(n node) (fail.Text, []string) {
	languagesOf := []node{n}
	if n.Content != nil {
		languagesOf = nil
		for _, e := range b.entries(n, "The text", nil) {
			languagesOf = append(languagesOf, e.value)
		}
	}
	for _, l := range languagesOf {
		for _, f := range placeholder.FindAllString(l.Value, -1) {
			if w := f[1 : len(f)-1]; !slices.Contains(places, w) {
				b.mistake(l, suggest(w, places), "%s is not known here.", f)
			}
		}
	}
	before := b.words
	b.words = map[string]map[string]string{}
	t, ok := b.sentence(n)
	mine := b.words
	b.words = before
	if !ok {
		return fail.Text{}, nil
	}
	key := verbs(t.Key)
	for l, m := range mine {
		for _, s := range m {
			b.translate(n, l, key, verbs(s))
		}
	}
	return fail.T(key), places
}

// verbs turns {property} and the like to the places of a format string.
func verbs(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	for i, p := range places {
		s = strings.ReplaceAll(s, "{"+p+"}", fmt.Sprintf("%%[%d]s", i+1))
	}
	return s
}
