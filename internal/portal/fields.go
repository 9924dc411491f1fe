package portal

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/lang"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// fieldView is one field as the template draws it, in a view row or in a form.
type fieldView struct {
	Name, ID    string
	Label, Help string
	Kind        string   // text long list bool date choice country language phone email link
	Text        string   // what an input holds
	Items       []string // of a list, to look at
	Shown       string   // to look at: a country's name instead of its code
	Href        string   // of an address or a link, "" for none
	Dial        string   // of a phone: what a link dials, "" for none
	Options     []optionView
	Suggest     bool   // the options are suggestions; anything may be typed
	Follows     string // JSON: option → field → text, for the script that fills in what follows
	FollowNames []string
	Write       bool
	Locked      bool
	Fixed       bool   // nobody can change it, so there is nobody to ask
	Reason      string // why it is locked; empty when the field before it, or the section, says the same
	SameReason  string // then this is it, for those who do not see the page
	Rows        int    // lines of a long text's box
	Error       string
	WasError    bool // the typed text differs from what the directory says; WasShown is the latter
	WasShown    string
	Was         string // JSON of what the directory said
	Required    bool
	Max         int
	Auto        string
	Unread      bool // the directory did not say
	Empty       bool
}

type optionView struct {
	Value, Label string
	Selected     bool
}

type sectionView struct {
	Key       string // "contact": address and anchor
	Title     string
	Lead      string // the one reason why nothing here can be edited
	Fields    []fieldView
	CanEdit   bool
	Editing   bool
	Managed   bool
	HasLocked bool
	Alone     bool // has fields that are saved and reported one by one
}

// sections in the order of the page, with the keys that addresses use.
var sections = []struct {
	id    property.Section
	key   string
	title fail.Text
}{
	{property.Contact, "contact", fail.T("Contact")},
	{property.Work, "work", fail.T("Work")},
	{property.Place, "place", fail.T("Place")},
	{property.About, "about", fail.T("About me")},
	{property.Preferences, "preferences", fail.T("Preferences")},
	{property.Managed, "managed", fail.T("Managed by your organization")},
}

// typed is what a person wrote into a form, by field; nil where there is no form.
type typed map[string][]string

// drawing is what fields are drawn from.
type drawing struct {
	p       *lang.Printer
	user    directory.User
	fields  []policy.Field
	typed   typed             // instead of the directory's values
	was     property.Values   // what the form showed, when it was not just read
	errors  map[string]string // by field
	editing string            // key of the section that is edited, "all", or ""
}

func (d drawing) sections() []sectionView {
	var out []sectionView
	for _, s := range sections {
		sv := sectionView{Key: s.key, Title: d.p.T(s.title), Managed: s.id == property.Managed}
		edits := d.editing == "all" || d.editing == s.key
		n := 0
		for i := range d.fields {
			if d.fields[i].Def.House.Section == s.id {
				n++
			}
		}
		sv.Fields = make([]fieldView, 0, n)
		for i := range d.fields {
			f := &d.fields[i]
			if f.Def.House.Section != s.id {
				continue
			}
			if edits {
				sv.Fields = append(sv.Fields, d.field(*f))
			} else {
				sv.Fields = append(sv.Fields, d.line(f))
			}
			sv.CanEdit = sv.CanEdit || f.Write
			sv.HasLocked = sv.HasLocked || !f.Write
			sv.Alone = sv.Alone || f.Write && f.Def.Graph.Alone
		}
		if len(sv.Fields) == 0 {
			continue
		}
		sv.Editing = sv.CanEdit && edits
		sv.Lead = oneReason(sv.Fields)
		out = append(out, sv)
	}
	return out
}

// oneReason says a reason once: for a section where all fields share it, and for fields in a row that do.
func oneReason(fields []fieldView) string {
	same := len(fields) > 1
	for _, f := range fields {
		same = same && !f.Write && f.Reason != "" && f.Reason == fields[0].Reason
	}
	before := ""
	if same {
		before = fields[0].Reason
	}
	for i := range fields {
		f := &fields[i]
		said := f.Reason
		if f.Reason != "" && f.Reason == before {
			f.SameReason, f.Reason = f.Reason, ""
		}
		before = said
	}
	if same {
		return fields[0].SameReason
	}
	return ""
}

var kindNames = map[property.Kind]string{
	property.KindText: "text", property.KindLongText: "long", property.KindTextList: "list", property.KindBool: "bool",
	property.KindInstant: "date", property.KindChoice: "choice", property.KindCountry: "country", property.KindLanguage: "language",
	property.KindPhone: "phone", property.KindEmail: "email", property.KindLink: "link", property.KindObject: "object",
}

func label(f policy.Field) fail.Text {
	if !f.Label.Zero() {
		return f.Label
	}
	if f.Def.House.Label == "" {
		return fail.T(string(f.Def.Name))
	}
	return fail.T(f.Def.House.Label)
}

var oneWord = strings.NewReplacer("/", "-", " ", "-")

func fieldID(name property.Name) string { return "f-" + oneWord.Replace(string(name)) }

// field is a field to look at and to fill in.
func (d drawing) field(f policy.Field) fieldView {
	v := d.line(&f)
	value := d.user.Values[f.Def.Name]
	if !f.Help.Zero() {
		v.Help = d.p.T(f.Help)
	} else if f.Def.House.Help != "" {
		v.Help = d.p.T(fail.T(f.Def.House.Help))
	}
	if v.Rows = 6; v.Max > 0 && v.Max <= 1024 {
		v.Rows = 2
	}
	v.Text = inputText(f.Def, value)
	was := value
	if w, ok := d.was[f.Def.Name]; ok {
		was = w
	}
	v.Was = encodeValue(was)
	if t, ok := d.typed[v.Name]; ok && f.Write {
		text := inputText(f.Def, was)
		v.Text = strings.Join(t, "\n")
		if !sameText(v.Text, text) {
			v.WasError = true
			v.WasShown, _, _ = look(d.p, f.Def, was)
		}
	}
	if f.Write {
		d.options(f, &v)
		if f.Def.Kind == property.KindLanguage && !v.Suggest && (f.Help.Zero() || f.Help.Key == f.Def.House.Help) {
			v.Help = "" // it says how to write a language; here one is picked
		}
	}
	return v
}

// line is a field to look at.
func (d drawing) line(f *policy.Field) fieldView {
	name := f.Def.Name
	value, known := d.user.Values[name]
	v := fieldView{
		Name: string(name), ID: fieldID(name), Label: d.p.T(label(*f)), Kind: kindNames[f.Def.Kind], Write: f.Write, Required: f.Required,
		Max: f.Max, Auto: f.Def.House.Auto, Unread: !known, Empty: value.Empty(), Error: d.errors[string(name)],
	}
	if f.Def.Kind == property.KindTextList && f.Def.Graph.Items == 1 {
		v.Kind = kindNames[f.Def.Item]
	}
	for _, m := range d.user.Missing {
		if m.What == string(name) {
			v.Unread = true
		}
	}
	if !f.Write {
		v.Locked, v.Fixed = true, f.Def.Graph.ReadOnly
		if !f.Reason.Zero() {
			v.Reason = d.p.T(f.Reason)
		}
	}
	v.Shown, v.Items, v.Href = look(d.p, f.Def, value)
	if number, ok := strings.CutPrefix(v.Href, "tel:"); ok {
		v.Href, v.Dial = "", number // the template has to say tel: itself, or it is taken for an attack
	}
	if name == synced && known && !v.Unread && value.Empty() {
		v.Shown = d.p.S("No")
	}
	return v
}

// options are the lines of a list to choose from. A value that is there and not in the list stays choosable: nobody loses what
// they have by opening a form.
func (d drawing) options(f policy.Field, v *fieldView) {
	var choices []lang.Choice
	switch {
	case len(f.Options) > 0:
		follows := map[string]map[string]string{}
		for _, o := range f.Options {
			l := choiceLabel(d.p, f.Def, o.Value)
			if !o.Label.Zero() {
				l = d.p.T(o.Label)
			}
			choices = append(choices, lang.Choice{Value: o.Value, Label: l})
			for name, value := range o.Follows {
				if follows[o.Value] == nil {
					follows[o.Value] = map[string]string{}
				}
				follows[o.Value][string(name)] = d.followText(name, value)
				if l := d.labelOf(name); l != "" && !slices.Contains(v.FollowNames, l) {
					v.FollowNames = append(v.FollowNames, l)
				}
			}
		}
		if len(follows) > 0 {
			b, _ := json.Marshal(follows)
			v.Follows = string(b)
			lang.Sort(d.p, v.FollowNames, func(s string) string { return s })
		}
		v.Kind = "choice"
		if !f.Only {
			v.Kind, v.Suggest = "text", true
		}
	case f.Def.Kind == property.KindCountry:
		choices = d.p.Countries()
	case f.Def.Kind == property.KindLanguage:
		choices = d.p.Languages()
	case f.Def.Kind == property.KindBool:
		choices = []lang.Choice{{Value: "true", Label: d.p.S("Yes")}, {Value: "false", Label: d.p.S("No")}}
	default:
		return
	}
	found := v.Text == "" || v.Suggest
	for _, c := range choices {
		is := c.Value == v.Text
		found = found || is
		v.Options = append(v.Options, optionView{c.Value, c.Label, is})
	}
	if !found {
		v.Options = append([]optionView{{v.Text, v.Text, true}}, v.Options...)
	}
}

func (d drawing) labelOf(name property.Name) string {
	for _, f := range d.fields {
		if f.Def.Name == name {
			return d.p.T(label(f))
		}
	}
	return ""
}

func (d drawing) followText(name property.Name, value property.Value) string {
	for _, f := range d.fields {
		if f.Def.Name == name {
			return inputText(f.Def, value)
		}
	}
	return value.Str()
}

// synced is true, or null for somebody who never came from on-premises:
// https://learn.microsoft.com/en-us/graph/api/resources/user?view=graph-rest-1.0#properties
const synced property.Name = "onPremisesSyncEnabled"

// choiceWords are Microsoft's own words for what can be chosen.
var choiceWords = map[property.Name]map[string]fail.Text{
	"userType": {"Member": fail.T("Member"), "Guest": fail.T("Guest")},
	"ageGroup": {"Minor": fail.T("Minor"), "NotAdult": fail.T("Not an adult"), "Adult": fail.T("Adult")},
	"consentProvidedForMinor": {
		"Granted": fail.T("Granted"), "Denied": fail.T("Denied"), "NotRequired": fail.T("Not required"),
	},
}

func choiceLabel(p *lang.Printer, def property.Def, value string) string {
	if t, ok := choiceWords[def.Name][value]; ok {
		return p.T(t)
	}
	return value
}

// look is a value as a person reads it.
func look(p *lang.Printer, def property.Def, v property.Value) (shown string, items []string, href string) {
	if v.Empty() {
		return "", nil, ""
	}
	switch def.Kind {
	case property.KindTextList:
		if l := v.Items(); len(l) == 1 && def.Item == property.KindPhone {
			return l[0], nil, phoneHref(l[0])
		}
		return join(p, v.Items()), v.Items(), ""
	case property.KindBool:
		if v.True() {
			return p.S("Yes"), nil, ""
		}
		return p.S("No"), nil, ""
	case property.KindInstant:
		if t := v.Time(); !t.IsZero() {
			return p.Day(t), nil, ""
		}
	case property.KindChoice:
		return choiceLabel(p, def, v.Str()), nil, ""
	case property.KindCountry:
		return p.Country(v.Str()), nil, ""
	case property.KindLanguage:
		return p.LanguageName(v.Str()), nil, ""
	}
	s := v.String()
	switch def.Kind {
	case property.KindPhone:
		href = phoneHref(s)
	case property.KindEmail:
		// A sign-in name looks like an address, and often is none.
		if def.Name != "userPrincipalName" && strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " \r\n\t?&%,:;<>\"") {
			href = "mailto:" + s
		}
	case property.KindLink:
		if u, err := url.Parse(s); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
			href = u.String()
		}
	}
	return s, nil, href
}

func phoneHref(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9' || c == '+' && b.Len() == 0:
			b.WriteRune(c)
		case strings.ContainsRune(" -().\u00a0/", c):
		default:
			return ""
		}
	}
	if b.Len() < 4 {
		return ""
	}
	return "tel:" + b.String()
}

// inputText is a value as a form's field holds it: one line for each item of a list, a day as YYYY-MM-DD.
func inputText(def property.Def, v property.Value) string {
	if l := v.Items(); l != nil {
		return strings.Join(l, "\n")
	}
	if t := v.Time(); !t.IsZero() {
		return t.UTC().Format(time.DateOnly)
	}
	return v.String()
}

// readText is inputText backwards. What cannot be read as the kind stays a text: the catalog says what is wrong with it. An
// empty box clears (null, or an empty list where the directory holds lists).
func readText(def property.Def, text string, was property.Value) property.Value {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	isList := def.Kind == property.KindTextList || was.Items() != nil
	if strings.TrimSpace(text) == "" {
		if isList {
			return property.List()
		}
		return property.Null()
	}
	if isList {
		var items []string
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				items = append(items, line)
			}
		}
		return property.List(items...)
	}
	switch def.Kind {
	case property.KindBool:
		switch text {
		case "true":
			return property.Bool(true)
		case "false":
			return property.Bool(false)
		}
	case property.KindInstant:
		if t, err := time.Parse(time.DateOnly, strings.TrimSpace(text)); err == nil {
			return property.Instant(t)
		}
	}
	return property.Text(strings.TrimSpace(text))
}

// sameText compares what came back from a browser with what it was given: browsers end lines with CR LF.
func sameText(a, b string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(a) == norm(b)
}

func encodeValue(v property.Value) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}

// decodeValue reads encodeValue's text; an instant comes back as a text and becomes one again by the Def's kind.
func decodeValue(def property.Def, text string) (property.Value, bool) {
	var v property.Value
	if len(text) > 300<<10 || json.Unmarshal([]byte(text), &v) != nil {
		return property.Value{}, false
	}
	if def.Kind == property.KindInstant {
		if t, err := time.Parse(time.RFC3339, v.Str()); err == nil {
			return property.Instant(t), true
		}
	}
	return v, true
}

// valuesOf are the typed texts of a form, by field.
func valuesOf(f *web.Form) typed {
	t := typed{}
	for k, v := range f.Values {
		if !strings.HasPrefix(k, "_") && !strings.HasPrefix(k, "was.") {
			t[k] = v
		}
	}
	return t
}
