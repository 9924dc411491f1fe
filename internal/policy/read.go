package policy

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/odata"
)

// The keys that each part of the file may have. policy/schema.json names the same ones.
var (
	rootKeys      = []string{"version", "name", "extensions", "tables", "default", "properties", "actions", "privileged", "rules"}
	extensionKeys = []string{"name", "kind", "label"}
	defaultKeys   = []string{"view", "edit", "reason", "ask"}
	propertyKeys  = []string{"view", "edit", "section", "label", "help", "reason", "ask", "required", "max", "pattern", "message", "format", "allowed", "only", "follow"}
	photoKeys     = []string{"view", "edit", "help", "reason", "ask"}
	ruleKeys      = []string{"name", "when", "default", "properties", "actions"}
	askKeys       = []string{"who", "to", "text"}
	optionKeys    = []string{"value", "label"}
	languages     = []string{"en", "de", "ar"}
	formats       = []string{"international-phone"}
	sections      = []string{"contact", "work", "place", "about", "preferences", "managed"} // in the order of property.Section
)

const (
	maxPattern = 500  // characters of a pattern
	maxProgram = 1000 // instructions that it compiles to
	maxRows    = 2000 // of a table or a pick list
	photoName  = "photo"
)

// actions are what can be opened beside properties.
var actions = []change.Action{change.Create, change.Manager, change.Member, change.License, change.Account, change.Password, change.Sessions}

// Parse reads a policy file. With mistakes (at most a hundred are listed) there is no policy. name says which file it is.
func Parse(_ string, data []byte) (*Policy, []Mistake) {
	b := &builder{reader: &reader{}, set: property.Catalog(), words: map[string]map[string]string{}, tables: map[string]*table{}}
	root, ok := b.parse(data)
	if !ok {
		return nil, b.mistakes
	}
	p := b.policy(root)
	if len(b.mistakes) == 0 && !p.opens() {
		b.mistake(node{}, "Write under \"properties\" who may, for example:  city: {view: self, edit: self}", "With this file nobody can see or edit anything.")
	}
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
	p.base.actions = b.actions(parts["actions"])
	if e, ok := parts["privileged"]; ok {
		p.over = b.others(e.value)
	}
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
	p.needs = p.needed()
	p.names = p.visible()
	return p
}

func photoDef() property.Def {
	return property.Def{
		Name: photoName, Kind: property.KindObject,
		Graph: property.Facts{Path: photoName, SelfWrite: true, Write: []string{"ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"}, WriteOwn: []string{"User.ReadWrite"}, Source: "https://learn.microsoft.com/en-us/graph/api/profilephoto-update?view=graph-rest-1.0 (2025)"},
		House: property.House{Label: "Photo", Section: property.Contact},
	}
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
	r.actions = b.actions(parts["actions"])
	return r
}

// actions reads who may do what beside editing properties.
func (b *builder) actions(e entry) map[change.Action]*audience {
	l := map[change.Action]*audience{}
	if e.value.Node == nil {
		return l
	}
	for _, k := range b.entries(e.value, "actions", actionNames()) {
		l[change.Action(k.key)] = b.others(k.value)
	}
	return l
}

func actionNames() []string {
	l := make([]string, len(actions))
	for i, a := range actions {
		l[i] = string(a)
	}
	return l
}

// others reads who may do something to other people.
func (b *builder) others(n node) *audience {
	a := b.audience(n)
	if a != nil && a.self {
		b.mistake(n, "Name a role or a group, for example Nameplate.Admin.", "\"self\" has no meaning here: this is about other people.")
	}
	return a
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
			b.mistake(item, suggest(s, append(words, "group:<object id>")), "%q is not known here.", s)
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
