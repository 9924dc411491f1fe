package entra

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"nameplate/graph"
	"nameplate/internal/mirror"
)

// rows reads objects of pages, one after the other, as a copy holds them.
type rows struct {
	graph.Row
	names []string // of the row before, and their order
	order []int
	doc   bytes.Buffer
	in    graph.Row // an object inside
}

// read takes the next row apart. what says what it should be.
func (r *rows) read(raw json.RawMessage, what string) (id string, err error) {
	if err := r.Read(raw); err != nil {
		return "", &graph.Fault{Op: "GET", Sent: true, What: "a row of the answer is no object", Err: err}
	}
	if id = r.id(); !guid(id) {
		return "", &graph.Fault{Op: "GET", Sent: true, What: "a row of the answer is no " + what}
	}
	return id, nil
}

// value is a member as it stands there; nil when there is none.
func (r *rows) value(name string) json.RawMessage {
	for i := range r.Members {
		if r.Members[i].Name == name {
			return r.Members[i].Value
		}
	}
	return nil
}

func (r *rows) text(name string) string { return textOf(r.value(name)) }

func textOf(raw json.RawMessage) (s string) {
	if n := len(raw); n > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : n-1])
	}
	_ = json.Unmarshal(raw, &s) // no text, no value
	return s
}

func (r *rows) id() string { return strings.ToLower(r.text("id")) }

// inner is the id of the object that a member is; "" for null.
func (r *rows) inner(m json.RawMessage) (id string, err error) {
	if empty(m) {
		return "", nil
	}
	err = r.in.Read(m)
	for _, x := range r.in.Members {
		if x.Name == "id" {
			id = strings.ToLower(textOf(x.Value))
		}
	}
	return id, err
}

func (r *rows) gone() mirror.Gone {
	raw := r.value("@removed")
	if raw == nil {
		return ""
	}
	var o struct{ Reason string }
	if _ = json.Unmarshal(raw, &o); o.Reason == "changed" {
		return mirror.Deleted
	}
	return mirror.Purged
}

// content is the object in one form: members with a value only, in order, without the service's notes and without relationships.
func (r *rows) content() []byte {
	r.sort()
	b := &r.doc
	b.Reset()
	b.WriteByte('{')
	for _, i := range r.order {
		n, v := r.Members[i].Name, r.Members[i].Value
		if word(n) && n != "manager" && n != "id" {
			r.member(b, n, v)
		}
	}
	b.WriteByte('}')
	return storable(bytes.Clone(b.Bytes()))
}

// member writes a member that has a value. An object of nothing but nulls is none: changes leave it out, listings do not.
func (r *rows) member(b *bytes.Buffer, name string, v json.RawMessage) {
	if empty(v) {
		return
	}
	begun := b.Len()
	if b.Bytes()[begun-1] != '{' {
		b.WriteByte(',')
	}
	quoted(b, name)
	switch {
	case v[0] == '{' && r.in.Read(v) == nil:
		b.WriteByte('{')
		inside := b.Len()
		for _, m := range r.in.Members {
			if empty(m.Value) || !word(m.Name) {
				continue
			}
			if b.Len() > inside {
				b.WriteByte(',')
			}
			quoted(b, m.Name)
			b.Write(graph.Compact(b.AvailableBuffer(), m.Value))
		}
		if b.Len() == inside {
			b.Truncate(begun)
			return
		}
		b.WriteByte('}')
	default:
		b.Write(graph.Compact(b.AvailableBuffer(), v))
	}
}

// word says that a name is that of a property: the service's notes have an at sign.
func word(name string) bool {
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '_' {
			return false
		}
	}
	return true
}

// quoted writes the name of a member, which is a word.
func quoted(b *bytes.Buffer, name string) {
	b.WriteByte('"')
	b.WriteString(name)
	b.WriteString(`":`)
}

// sort finds the order of the names, which is that of the row before mostly.
func (r *rows) sort() {
	same := len(r.names) == len(r.Members)
	for i := 0; same && i < len(r.names); i++ {
		same = r.names[i] == r.Members[i].Name
	}
	if same {
		return
	}
	r.names, r.order = r.names[:0], r.order[:0]
	for i, m := range r.Members {
		r.names, r.order = append(r.names, m.Name), append(r.order, i)
	}
	slices.SortFunc(r.order, func(a, b int) int { return strings.Compare(r.names[a], r.names[b]) })
}

// storable writes the sign of an unreadable character where there is a NUL, for which PostgreSQL has no place.
func storable(doc []byte) []byte {
	if !bytes.Contains(doc, []byte(`\u0000`)) {
		return doc
	}
	for i := 0; i+6 <= len(doc); i++ {
		if doc[i] != '\\' {
			continue
		}
		if string(doc[i:i+6]) == `\u0000` {
			copy(doc[i:], `\ufffd`)
		}
		i++
	}
	return doc
}

// empty says that a value is none: null, or a list without items, which the directory does not tell apart from one that was never set.
func empty(v []byte) bool { return len(v) == 0 || string(v) == "null" || string(v) == "[]" }

// mirrorPeople reads people of a page; expanded says that who has no manager is told by leaving it out.
func mirrorPeople(list []json.RawMessage, expanded, managers bool) ([]mirror.Person, error) {
	out := make([]mirror.Person, 0, len(list))
	var r rows
	for _, raw := range list {
		id, err := r.read(raw, "person")
		if err != nil {
			return nil, err
		}
		p := mirror.Person{ID: id, Gone: r.gone(), UPN: r.text("userPrincipalName"), Name: r.text("displayName")}
		boss, told := "", expanded
		if m := r.value("manager"); m != nil {
			if boss, err = r.inner(m); err != nil {
				return nil, err
			}
			told = true
		}
		if m := r.value("manager@delta"); m != nil {
			l, err := links(m)
			if err != nil {
				return nil, err
			}
			told = true
			for _, one := range l {
				if one.Removed == nil {
					boss = strings.ToLower(one.ID)
				}
			}
		}
		if told && p.Gone == "" {
			p.Manager = &boss
		}
		if p.Gone == "" && !managers {
			p.Doc = r.content()
		}
		out = append(out, p)
	}
	return out, nil
}

// mirrorGroups reads groups of a page.
func mirrorGroups(list []json.RawMessage) ([]mirror.Group, error) {
	out := make([]mirror.Group, 0, len(list))
	var r rows
	for _, raw := range list {
		id, err := r.read(raw, "group")
		if err != nil {
			return nil, err
		}
		g := mirror.Group{ID: id, Name: r.text("displayName"), Gone: r.gone()}
		var l []link
		if m := r.value("members@delta"); m != nil {
			if l, err = links(m); err != nil {
				return nil, err
			}
		}
		for _, one := range l {
			m := mirror.Member{ID: strings.ToLower(one.ID), Kind: kindOf(one.Type)}
			switch {
			case !guid(m.ID):
			case one.Removed != nil:
				g.Left = append(g.Left, m)
			default:
				g.Joined = append(g.Joined, m)
			}
		}
		if g.Gone == "" && g.Name != "" {
			g.Doc = r.content()
		}
		out = append(out, g)
	}
	return out, nil
}

// link is an object that a page of changes says to be in a relationship, or not any more.
type link struct {
	ID      string
	Type    string          `json:"@odata.type"`
	Removed json.RawMessage `json:"@removed"`
}

func links(raw json.RawMessage) (l []link, err error) {
	err = json.Unmarshal(raw, &l)
	return l, err
}

func kindOf(typ string) string {
	return strings.TrimPrefix(strings.TrimPrefix(typ, "#"), "microsoft.graph.")
}
