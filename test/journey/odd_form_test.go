package journey

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"
)

// boxesOf are the text boxes of a form, by name, and how much each takes.
func boxesOf(b *browser, action string) map[string]*html.Node {
	out := map[string]*html.Node{}
	for _, f := range b.all(func(n *html.Node) bool { return n.Data == "form" && b.resolve(attr(n, "action")) == action }) {
		for n := range f.Descendants() {
			kind := attr(n, "type")
			if name := attr(n, "name"); name != "" && (n.Data == "textarea" || n.Data == "input" && (kind == "text" || kind == "tel" || kind == "url" || kind == "email")) {
				out[name] = n
			}
		}
	}
	return out
}

// plainly is a text as the directory has it: ends trimmed, lines ended with "\n", letters composed.
func plainly(s string) string {
	return strings.Trim(strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))), "\ufeff\u200b \t\r\n")
}

// throughForm puts odd texts through all boxes of a profile's form at once. A box that refuses its text has to say so in its place,
// with the text still there; every other text has to arrive in the directory, and nothing else.
func (o *odd) throughForm(name, upn, path, action, of string, seed uint64, step string) {
	o.t.Helper()
	begun, next, who := time.Now(), newOddTexts(seed), o.people(upn)
	o.box, o.bad = name, 0
	o.requests()
	usual := map[string]map[string]bool{} // what is asked for an ordinary change, and which properties of it are selected
	taken, refused := 0, 0
	for i := range *oddTexts + 2 {
		b := who()
		form := b.get(path).form(action)
		boxes := boxesOf(b, action)
		typed := map[string]string{}
		for _, box := range slices.Sorted(maps.Keys(boxes)) {
			typed[box] = next()
			if i < 2 { // two ordinary changes tell what is usual
				typed[box] = map[bool]string{true: fmt.Sprintf("https://larkfield.example/%d", i), false: fmt.Sprintf("+49 30 555012%d", i)}[attr(boxes[box], "type") == "url"]
			}
			form.Set(box, typed[box])
		}
		send := func() {
			if b.post(action, form); step != "" && b.code == http.StatusOK {
				form = b.form(action)
				form.Set("step", step)
				b.post(action, form)
			}
		}
		send()
		for tries := 0; b.code == http.StatusUnprocessableEntity && tries < 3; tries++ {
			o.looks(b, fmt.Sprint(typed))
			again := b.form(action)
			invalid := 0
			for box, n := range boxesOf(b, action) {
				if attr(n, "aria-invalid") != "true" {
					continue
				}
				invalid++
				if got := again.Get(box); plainly(got) != plainly(typed[box]) && utf8.ValidString(typed[box]) && !strings.ContainsRune(typed[box], 0) {
					o.wrong("%s: %q was refused and came back as %q", box, typed[box], got)
				}
				again.Del(box)
				delete(typed, box)
				refused++
			}
			if invalid == 0 {
				o.wrong("refused, and no box says so: %.600s", b.text())
				break
			}
			form = again
			send()
		}
		o.looks(b, fmt.Sprint(typed))
		asks := o.requests()
		if i < 2 {
			if b.code != http.StatusSeeOther {
				o.t.Fatalf("%s: an ordinary change: %d\n%s", name, b.code, b.text())
			}
		}
		for _, a := range asks {
			what, names := selected(a)
			if usual[what] == nil && i < 2 {
				usual[what] = map[string]bool{}
			}
			for _, n := range names {
				if i < 2 {
					usual[what][n] = true
				} else if !usual[what][n] {
					o.wrong("%q: Graph was asked for %s by %s", typed, n, what)
				}
			}
			if usual[what] == nil {
				o.wrong("%q: Graph was asked %s", typed, what)
			}
		}
		if b.code != http.StatusSeeOther {
			o.wrong("%q: %d\n%.600s", typed, b.code, b.text())
		}
		for _, e := range o.since(o.made) {
			o.made = e.Seq
			if strings.HasPrefix(e.Op, "group.member.") { // a rule of a dynamic group reads what was changed
				continue
			}
			if e.Object != of || !strings.HasPrefix(e.Op, "user.") {
				o.wrong("%q: the ledger has %s of %s", typed, e.Op, e.Object)
			}
			if more, is := e.After["onPremisesExtensionAttributes"].(map[string]any); is {
				delete(e.After, "onPremisesExtensionAttributes")
				for n, v := range more {
					if _, typedIn := typed[n]; typedIn || v != nil {
						e.After[n] = v
					}
				}
			}
			for property, v := range e.After {
				text, typedIn := typed[property]
				switch v := v.(type) {
				case string:
					typedIn = typedIn && v == plainly(text)
				case nil:
					typedIn = typedIn && plainly(text) == ""
				case []any: // a list: one on each line, or between semicolons
					typedIn = typedIn && strings.Join(strings.FieldsFunc(fmt.Sprint(v...), between), "") == strings.Join(strings.FieldsFunc(norm.NFC.String(text), between), "")
				default:
					typedIn = false
				}
				if taken++; !typedIn {
					o.wrong("%s: %q became %q", property, text, v)
				}
			}
		}
	}
	if taken == 0 || refused == 0 {
		o.t.Errorf("%s: %d texts were taken and %d refused", name, taken, refused)
	}
	o.t.Logf("%s: %d times %d boxes in %s: %d texts taken, %d refused in their place", name, *oddTexts, taken/(*oddTexts+2), time.Since(begun).Round(time.Millisecond), taken, refused)
}

// selected is a request without the names that it selects, and those.
func selected(a asked) (what string, names []string) {
	if s, has := a.options["$select"]; has {
		names = strings.Split(s, ",")
		a.options["$select"] = "…"
	}
	return a.String(), names
}

// between is what may stand between the items of a list.
func between(r rune) bool {
	return r == ';' || unicode.IsSpace(r) || strings.ContainsRune("\ufeff\u200b", r)
}

// reasons puts at most so many odd texts through a box for words that stand in the history.
func (o *odd) reasons(most int, name, box, path, action string, extra url.Values, may []int, ops []string, seed uint64) {
	o.t.Helper()
	begun, next, who := time.Now(), newOddTexts(seed), o.people(ruth)
	o.box, o.bad = name, 0
	var usual []string
	for i := range most + 1 {
		text := next()
		if i == 0 {
			text = "An ordinary reason"
		}
		b := who()
		form := b.get(path).form(action)
		for k, v := range extra {
			form[k] = v
		}
		o.requests()
		form.Set(box, text)
		at := action
		if _, query, has := strings.Cut(path, "?"); has {
			at += "?" + query
		}
		b.post(at, form)
		o.looks(b, text)
		if !slices.Contains(may, b.code) {
			o.wrong("%q: %d\n%.600s", text, b.code, b.text())
		}
		asks := o.requests()
		for _, a := range asks {
			if i == 0 {
				usual = append(usual, a.String())
			} else if !slices.Contains(usual, a.String()) {
				o.wrong("%q: Graph was asked %s", text, a)
			}
		}
		for _, e := range o.since(o.made) {
			o.made = e.Seq
			if !slices.Contains(ops, e.Op) {
				o.wrong("%q: the ledger has %s", text, e.Op)
			}
		}
	}
	o.t.Logf("%s: %d texts in %s", name, most, time.Since(begun).Round(time.Millisecond))
}

// newcomers puts odd texts through all boxes of the form that adds somebody, up to the question whether they shall be added: nothing is
// written, and Graph is asked for no more than with an ordinary sign-in name.
func (o *odd) newcomers(seed uint64) {
	o.t.Helper()
	const page = "/admin/people/new"
	begun, next, who := time.Now(), newOddTexts(seed), o.people(ruth)
	o.box, o.bad = "who is added", 0
	ordinary := "zora.neu@" + o.Domain
	var usual []string
	asked := 0
	for i := range *oddTexts + 1 {
		b := who()
		form := b.get(page).form(page)
		typed := map[string]string{}
		for _, box := range slices.Sorted(maps.Keys(boxesOf(b, page))) {
			if typed[box] = next(); i == 0 {
				typed[box] = map[string]string{"userPrincipalName": ordinary, "displayName": "Zora Neu"}[box]
			} else if i%4 == 0 && box == "userPrincipalName" {
				typed[box] = fmt.Sprintf("zora.%d@%s", i, o.Domain) // so that the question is reached
			}
			form.Set(box, typed[box])
		}
		o.requests()
		b.post(page, form)
		o.looks(b, fmt.Sprint(typed))
		if b.code != http.StatusOK && b.code != http.StatusUnprocessableEntity || i == 0 && b.code != http.StatusOK {
			o.wrong("%q: %d\n%.600s", typed, b.code, b.text())
		}
		for _, a := range o.requests() {
			if i == 0 {
				usual = append(usual, a.String())
				continue
			}
			asked++
			name := plainly(typed["userPrincipalName"])
			if !slices.ContainsFunc(usual, func(u string) bool { return strings.ReplaceAll(u, ordinary, name) == a.String() }) {
				o.wrong("%q: Graph was asked %s", typed, a)
			}
		}
	}
	if w := o.since(o.made); len(w) != 0 {
		o.wrong("a question wrote %+v", w[0])
		o.made = w[len(w)-1].Seq
	}
	o.t.Logf("%s: %d times, Graph was asked %d times, %s", o.box, *oddTexts, asked, time.Since(begun).Round(time.Millisecond))
}

// brakes stops all saving and lets it go on, each for an odd reason.
func (o *odd) brakes(seed uint64) {
	o.t.Helper()
	begun, next, who := time.Now(), newOddTexts(seed), o.people(ruth)
	o.box, o.bad = "why saving stops and goes on", 0
	done := map[string]int{}
	for i := range *oddTexts {
		what, b, text := []string{"stop", "go"}[done["stop"]-done["go"]], who(), next()
		form := b.get("/admin/health").form("/admin/health/" + what)
		form.Set("why", text)
		o.requests()
		b.post("/admin/health/"+what, form)
		o.looks(b, text)
		if b.code == http.StatusSeeOther {
			done[what]++
		} else if b.code != http.StatusUnprocessableEntity && b.code != http.StatusBadRequest {
			o.wrong("%q: %d\n%.600s", text, b.code, b.text())
		}
		if asks := o.requests(); len(asks) != 0 && i > 0 {
			o.wrong("%q: Graph was asked %s", text, asks[0])
		}
	}
	if done["stop"] > done["go"] {
		b := who()
		form := b.get("/admin/health").form("/admin/health/go")
		form.Set("why", "The end")
		b.post("/admin/health/go", form)
	}
	o.t.Logf("%s: %d texts in %s", o.box, *oddTexts, time.Since(begun).Round(time.Millisecond))
}
