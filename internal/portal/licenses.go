package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

type licensesBody struct {
	Rows  []skuRow
	Empty *emptyView
}

type skuRow struct {
	Name, Part  string
	State       badgeView
	Seats, Used string
	Free        string
	None        bool // no seat is left
	Full        progressView
	Plans       []string
}

// licenses shows the products of the organization with their seats.
func (p *Portal) licenses(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	skus, err := p.Desk.SKUs(r.Context(), v.Actor(), v.Session.Ref.Tenant)
	if err != nil {
		return err
	}
	b := licensesBody{}
	for _, k := range skus {
		row := skuRow{Name: directory.ProductName(k.Part), Part: k.Part, Seats: v.Printer.Number(k.Seats), Used: v.Printer.Number(k.Used), Free: v.Printer.Number(k.Free()), None: k.Free() == 0}
		switch k.Status {
		case "Enabled":
			row.State = badgeView{"positive", v.Printer.S("In use")}
		case "Warning":
			row.State = badgeView{"caution", v.Printer.S("Ends soon")}
		default:
			row.State = badgeView{"critical", v.Printer.S("Ended")}
		}
		row.Full = progressView{ID: "seats-" + k.ID, Label: row.Name, Tone: "info", Done: min(k.Used, k.Seats), Total: k.Seats}
		if row.None {
			row.Full.Tone = "caution"
		}
		for _, plan := range k.Plans {
			row.Plans = append(row.Plans, plan.Name)
		}
		b.Rows = append(b.Rows, row)
	}
	if len(b.Rows) == 0 {
		b.Empty = &emptyView{Icon: "key", Title: v.Printer.S("Your organization has no licenses"), Say: v.Printer.S("Products that are bought appear here with their seats.")}
	}
	return p.show(w, v, http.StatusOK, "licenses", p.desk(r, v, "licenses", fail.T("Licenses"), b))
}

// licenseRows say what a person has.
func (p *Portal) licenseRows(ctx context.Context, v *web.Visit, one admin.Person, b *subjectBody) error {
	if len(one.User.Licenses) == 0 {
		return nil
	}
	skus, err := p.Desk.SKUs(ctx, v.Actor(), one.Ref.Tenant)
	if err != nil {
		return err
	}
	for _, l := range one.User.Licenses {
		row := licenseRow{Name: l.SKU}
		if i := slices.IndexFunc(skus, func(k directory.SKU) bool { return k.ID == l.SKU }); i >= 0 {
			row.Name = directory.ProductName(skus[i].Part)
		}
		switch {
		case len(l.Groups) > 0 && l.Direct:
			row.Say = v.Printer.S("Given directly and by a group")
		case len(l.Groups) > 0:
			row.Say = v.Printer.S("Given by a group")
		}
		if n := len(l.Disabled); n > 0 {
			row.Say = join(v.Printer, slices.DeleteFunc([]string{row.Say, v.Printer.S("services off: %d", n)}, func(t string) bool { return t == "" }))
		}
		row.Problem = licenseProblem(v, l.Problem)
		b.Licenses = append(b.Licenses, row)
	}
	return nil
}

// licenseProblem is why a license that was given does not work, by the directory's word.
// https://learn.microsoft.com/graph/api/resources/licenseassignmentstate
func licenseProblem(v *web.Visit, word string) string {
	switch word {
	case "":
		return ""
	case "CountViolation":
		return v.Printer.S("There are not enough seats.")
	case "MutuallyExclusiveViolation":
		return v.Printer.S("It cannot stand beside another license that this person has.")
	case "DependencyViolation":
		return v.Printer.S("Another service that it needs is off.")
	case "ProhibitedInUsageLocationViolation":
		return v.Printer.S("It is not offered in the country that is set as usage location.")
	}
	return v.Printer.S("It does not work at the moment.")
}

type assignBody struct {
	Name, At, Back string
	Scope, Token   string
	Rows           []assignRow
	Location       bool   // no usage location is set, without which nothing can be given
	EditPlace      string // where to set it, "" for whoever may not
	Closed         string
	Empty          *emptyView
	Problems       []problemView
	ProblemTitle   string
}

type assignRow struct {
	ID, Name, Part string
	Was            string
	On             bool
	Open           bool // its services are shown
	Seats          string
	Full           bool // no seat is left, and this person has none
	ByGroup        bool
	Plans          []planRow
}

type planRow struct {
	ID, Name string
	On       bool
}

func (p *Portal) chooseLicenses(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, b, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("recovered") != "" {
		if f := p.kept(r.Context(), v, r.URL.Path); f != nil {
			return p.toLicenses(w, r, v, one, f)
		}
	}
	return p.showLicenses(w, r, v, http.StatusOK, one, b, nil, nil)
}

// showLicenses is the form with every product; f is what was chosen in it before, nil for what the person has.
func (p *Portal) showLicenses(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, one admin.Person, c chooseBody, f *web.Form, problems []problemView) error {
	skus, err := p.Desk.SKUs(r.Context(), v.Actor(), one.Ref.Tenant)
	if err != nil {
		return err
	}
	b := assignBody{Name: c.Name, At: c.At, Back: c.Back, Problems: problems, ProblemTitle: v.Printer.S("Nothing was saved yet")}
	if a := one.Actions[change.License]; !a.Yes {
		b.Closed = v.T(a.Why)
	}
	if place, known := one.Values["usageLocation"]; known && place.Empty() {
		b.Location = true
		if slices.ContainsFunc(one.Fields, func(x policy.Field) bool { return x.Def.Name == "usageLocation" && x.Write }) {
			b.EditPlace = personAddress(one.Ref) + "?edit=managed#f-usageLocation"
		}
	}
	scope := []string{"licenses", one.Ref.ID}
	for _, k := range skus {
		n := directory.Licensed(k.ID)
		now := licensed(one, k.ID)
		off, has := directory.Plans(now)
		row := assignRow{ID: k.ID, Name: directory.ProductName(k.Part), Part: k.Part, Was: encodeValue(now), On: has, Open: has, Full: !has && k.Free() == 0}
		row.Seats = v.Printer.S("%[1]d of %[2]d seats are free", k.Free(), k.Seats)
		for _, l := range one.User.Licenses {
			row.ByGroup = row.ByGroup || l.SKU == k.ID && len(l.Groups) > 0
		}
		if f != nil {
			row.Was, row.On = f.Get("was."+string(n)), f.Get(string(n)) == "on"
		}
		for _, plan := range k.Plans {
			on := !slices.Contains(off, plan.ID)
			if f != nil {
				on = slices.Contains(f.Values["plan."+k.ID], plan.ID)
			}
			row.Plans = append(row.Plans, planRow{plan.ID, plan.Name, on})
		}
		scope = append(scope, k.ID)
		b.Rows = append(b.Rows, row)
	}
	if len(b.Rows) == 0 {
		b.Empty = &emptyView{Icon: "key", Title: v.Printer.S("Your organization has no licenses"), Say: v.Printer.S("Products that are bought appear here with their seats.")}
	}
	b.Scope = strings.Join(scope, " ")
	b.Token = v.Token(b.Scope)
	return p.show(w, v, status, "assign", p.desk(r, v, "people", fail.T("Licenses"), b))
}

// licensed is what a person was given directly of a product, as a facet's value.
func licensed(one admin.Person, sku string) property.Value {
	for _, l := range one.User.Licenses {
		if l.SKU == sku && l.Direct {
			return directory.Assigned(l.Disabled...)
		}
	}
	return property.Null()
}

func (p *Portal) saveLicenses(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	one, _, err := p.chooser(r, v)
	if err != nil {
		return err
	}
	f, err := v.Form(r)
	if err != nil {
		return err
	}
	return p.toLicenses(w, r, v, one, f)
}

func (p *Portal) toLicenses(w http.ResponseWriter, r *http.Request, v *web.Visit, one admin.Person, f *web.Form) error {
	shown, ok := strings.CutPrefix(f.Scope, "licenses "+one.Ref.ID)
	if !ok {
		return web.Refuse(http.StatusBadRequest)
	}
	ids := strings.Fields(shown)
	if err := f.Only(func(k string) bool {
		id, plan := strings.CutPrefix(k, "plan.")
		if n, sku := directory.SKUOf(property.Name(strings.TrimPrefix(k, "was."))); sku {
			id, plan = n, true
		}
		return k == "step" || k == "why" || plan && slices.Contains(ids, id)
	}); err != nil {
		return err
	}
	skus, err := p.Desk.SKUs(r.Context(), v.Actor(), one.Ref.Tenant)
	if err != nil {
		return err
	}
	set, expect, names := property.Values{}, property.Values{}, map[string]string{}
	var problems []problemView
	missing := func(say string) { problems = append(problems, problemView{Say: say}) }
	t := task{one: one, at: personAddress(one.Ref) + "/licenses", scope: f.Scope, keep: f.Values, edit: true}
	gone := false
	for _, k := range skus {
		n := directory.Licensed(k.ID)
		was, readable := decodeValue(property.Def{}, f.Get("was."+string(n)))
		if !slices.Contains(ids, k.ID) || !readable {
			continue
		}
		now := property.Null()
		if f.Get(string(n)) == "on" {
			var off []string
			for _, plan := range k.Plans {
				if !slices.Contains(f.Values["plan."+k.ID], plan.ID) {
					off = append(off, plan.ID)
				}
			}
			now = directory.Assigned(off...)
		}
		if encodeValue(now) == encodeValue(was) {
			continue
		}
		set[n], expect[n], names[string(n)] = now, was, directory.ProductName(k.Part)
		gone = gone || now.IsNull()
		if holds := slices.ContainsFunc(one.User.Licenses, func(l directory.License) bool { return l.SKU == k.ID }); !now.IsNull() && !holds && k.Free() == 0 {
			missing(v.Printer.S("No seat of %s is free. Buy one, or take it from somebody who does not need it.", directory.ProductName(k.Part)))
		}
		t.warn = append(t.warn, p.planWarnings(v, k, was, now)...)
	}
	form := chooseBody{Name: mention(one.User).Name, At: t.at, Back: personAddress(one.Ref)}
	if f.Get("step") == "edit" {
		return p.showLicenses(w, r, v, http.StatusOK, one, form, f, nil)
	}
	if place, known := one.Values["usageLocation"]; known && place.Empty() && slices.ContainsFunc(set.Names(), func(n property.Name) bool { return !set[n].IsNull() }) {
		missing(v.Printer.S("No usage location is set for this person. Microsoft gives no license without one, because some services are not offered everywhere."))
	}
	if len(problems) > 0 { // Microsoft would refuse it as well, and later
		return p.showLicenses(w, r, v, http.StatusUnprocessableEntity, one, form, f, problems)
	}
	if len(set) == 0 {
		http.Redirect(w, r, personAddress(one.Ref)+"?unchanged=1", http.StatusSeeOther)
		return nil
	}
	if gone {
		t.warn = append(t.warn, v.Printer.S("Taking a license away takes its services away: mail, files and everything else that comes with it. Microsoft keeps the data for 30 days; a license given back in that time brings it back."))
	}
	t.c = change.Change{On: one.Ref, Do: change.License, Set: set, Expect: expect, By: v.Actor(), Names: names}
	return p.step(w, r, v, t, f)
}

// planWarnings say which services go on and off with a license.
func (p *Portal) planWarnings(v *web.Visit, k directory.SKU, was, now property.Value) []string {
	before, had := directory.Plans(was)
	after, has := directory.Plans(now)
	var on, off []string
	for _, plan := range k.Plans {
		worked, works := had && !slices.Contains(before, plan.ID), has && !slices.Contains(after, plan.ID)
		switch {
		case works && !worked:
			on = append(on, plan.Name)
		case worked && !works:
			off = append(off, plan.Name)
		}
	}
	var out []string
	name := directory.ProductName(k.Part)
	if len(on) > 0 {
		out = append(out, v.Printer.S("%[1]s switches on: %[2]s.", name, join(v.Printer, on)))
	}
	if len(off) > 0 {
		out = append(out, v.Printer.S("%[1]s switches off: %[2]s.", name, join(v.Printer, off)))
	}
	return out
}
