package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/change"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// conflictBody shows three values of each property that moved: when the form was opened, now, and the person's own; and lets
// them choose each.
type conflictBody struct {
	Rows         []conflictView
	Others       []pairHidden // fields of the same change that did not move; they are saved with the choice
	Scope, Token string
}

type conflictView struct {
	Name, ID, Label        string
	Saw, Now, Mine         string
	SawJSON, NowJSON, JSON string
	SawIsNow               bool
}

type pairHidden struct{ Name, JSON, Was, Label, Text string }

func (p *Portal) conflictPage(w http.ResponseWriter, r *http.Request, v *web.Visit, set property.Values, out change.Outcome) error {
	b := conflictBody{}
	moved := map[property.Name]bool{}
	var scope []string
	for _, c := range out.Conflicts {
		def, ok := p.props.Def(c.Name)
		if !ok {
			continue
		}
		moved[c.Name] = true
		scope = append(scope, string(c.Name))
		row := conflictView{Name: string(c.Name), ID: fieldID(c.Name), Label: p.labelFor(v, c.Name, nil), SawJSON: encodeValue(c.Saw), NowJSON: encodeValue(c.Now), JSON: encodeValue(c.Wanted)}
		row.Saw, _, _ = look(v.Printer, def, typedAs(def, c.Saw))
		row.Now, _, _ = look(v.Printer, def, typedAs(def, c.Now))
		row.Mine, _, _ = look(v.Printer, def, typedAs(def, c.Wanted))
		row.SawIsNow = row.SawJSON == row.NowJSON
		b.Rows = append(b.Rows, row)
	}
	for _, n := range set.Names() {
		def, ok := p.props.Def(n)
		if !ok || moved[n] {
			continue
		}
		scope = append(scope, string(n))
		h := pairHidden{Name: string(n), JSON: encodeValue(set[n]), Was: encodeValue(out.Before[n]), Label: p.labelFor(v, n, nil)}
		h.Text, _, _ = look(v.Printer, def, set[n])
		b.Others = append(b.Others, h)
	}
	if len(b.Rows) == 0 {
		return fail.New(fail.Conflict, "portal.conflict", fail.Text{})
	}
	b.Scope = "conflict " + strings.Join(scope, " ")
	b.Token = v.Token(b.Scope)
	return p.show(w, v, http.StatusConflict, "conflict", p.page(r, v, "profile", fail.T("Somebody else changed your profile"), b))
}

// resolve takes the choices of a conflict page as a new change, which expects what that page showed as the present value.
func (p *Portal) resolve(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.Form(r)
	if f != nil && err != nil {
		if c, no := p.choices(r, f); no == nil {
			return p.foreign(w, r, v, c.form(p.props), err)
		}
	}
	if err != nil {
		return err
	}
	c, err := p.choices(r, f)
	if err != nil {
		return err
	}
	if len(c.set) == 0 {
		http.Redirect(w, r, "/profile?unchanged=1", http.StatusSeeOther)
		return nil
	}
	out, err := p.Engine.Apply(r.Context(), change.Change{Key: "form/" + f.Nonce, On: v.Session.Ref, Do: change.Update, Set: c.set, Expect: c.expect, By: v.Actor()})
	if err != nil {
		return p.keepAndFail(w, r, v, c.form(p.props), "all", err)
	}
	return p.saved(w, r, v, c.form(p.props), "all", c.set, out)
}

// keepChoices is keep for a conflict page.
func (p *Portal) keepChoices(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.EndedForm(r)
	if err != nil {
		return err
	}
	c, err := p.choices(r, f)
	if err != nil {
		return err
	}
	return p.keepForm(w, r, v, c.form(p.props))
}

// chosen is what a conflict page sent: the values to be, and what that page showed as the present ones.
type chosen struct{ set, expect property.Values }

// form is the profile form that a person would have filled in the same way.
func (c chosen) form(props *property.Set) *web.Form {
	f := &web.Form{Values: map[string][]string{}, Scope: "fields all"}
	for _, n := range c.set.Names() {
		def, _ := props.Def(n)
		f.Scope += " " + string(n)
		f.Set(string(n), inputText(def, c.set[n]))
		f.Set("was."+string(n), encodeValue(c.expect[n]))
	}
	return f
}

func (p *Portal) choices(r *http.Request, f *web.Form) (chosen, error) {
	c := chosen{property.Values{}, property.Values{}}
	words := strings.Fields(f.Scope)
	if len(words) < 2 || words[0] != "conflict" || r.URL.RawQuery != "" {
		return c, web.Refuse(http.StatusBadRequest)
	}
	names := words[1:]
	if err := f.Only(func(k string) bool {
		kind, name, ok := strings.Cut(k, ".")
		return ok && slices.Contains(names, name) && slices.Contains([]string{"pick", "saw", "now", "mine"}, kind)
	}); err != nil {
		return c, err
	}
	for _, n := range names {
		def, ok := p.props.Def(property.Name(n))
		if !ok {
			continue
		}
		now, readable := decodeValue(def, f.Get("now."+n))
		if !readable {
			return c, web.Refuse(http.StatusBadRequest)
		}
		pick := f.Get("pick." + n)
		if pick == "now" {
			continue
		}
		if pick != "saw" {
			pick = "mine"
		}
		val, readable := decodeValue(def, f.Get(pick+"."+n))
		if !readable {
			return c, web.Refuse(http.StatusBadRequest)
		}
		c.set[def.Name], c.expect[def.Name] = val, now
	}
	return c, nil
}

func sequence(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
