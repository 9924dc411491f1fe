package portal_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// The ten fields of the system S1, labels typed from its description (capabilities.md S1.35 to S1.44), with what the page calls
// them here.
var ten = []struct{ id, name, label string }{
	{"S1.35", "country", "Country"},
	{"S1.36", "state", "State"},
	{"S1.37", "city", "City"},
	{"S1.38", "postalCode", "Postal code"},
	{"S1.39", "streetAddress", "Street address"},
	{"S1.40", "companyName", "Company name"},
	{"S1.41", "department", "Department"},
	{"S1.42", "jobTitle", "Job title"},
	{"S1.43", "officeLocation", "Office location"},
	{"S1.44", "mobilePhone", "Mobile phone"},
}

func open(w *world) { w.locked = map[property.Name]fail.Text{} }

func TestS1_TenFieldsAreOneLabelAndOneFilledInputEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	p := w.signedIn(t).get("/profile?edit=all")
	form := p.form("/profile")
	for _, f := range ten {
		t.Run(f.id, func(t *testing.T) {
			labels := p.all(func(n *html.Node) bool { return n.Data == "label" && attr(n, "for") == "f-"+f.name })
			if len(labels) != 1 || inner(labels[0]) != f.label {
				t.Errorf("label of %s: %d of them", f.name, len(labels))
			}
			if got, want := form[f.name], []string{w.user.Values[property.Name(f.name)].Str()}; len(got) != 1 || got[0] != want[0] {
				t.Errorf("%s holds %q, the directory says %q", f.name, got, want)
			}
		})
	}
	t.Run("S1.30", func(t *testing.T) {
		root := p.tag("html")[0]
		if attr(root, "lang") != "en" || attr(root, "dir") != "ltr" {
			t.Errorf("html: %v", root.Attr)
		}
		metas := p.all(func(n *html.Node) bool {
			return n.Data == "meta" && (has(n, "charset") || attr(n, "name") == "viewport")
		})
		if len(metas) != 2 || inner(p.tag("title")[0]) != "My profile – Contoso" {
			t.Errorf("%d of charset and viewport, title %q", len(metas), inner(p.tag("title")[0]))
		}
	})
	t.Run("S1.31", func(t *testing.T) {
		if got := inner(p.tag("h1")[0]); got != "Mira Østergaard" {
			t.Errorf("heading %q", got)
		}
	})
	t.Run("S1.32", func(t *testing.T) { p.has("mira@contoso.example") })
	t.Run("S1.33", func(t *testing.T) {
		f := p.all(func(n *html.Node) bool { return n.Data == "form" && attr(n, "action") == "/profile" })
		if len(f) != 1 || attr(f[0], "method") != "post" {
			t.Errorf("%d forms", len(f))
		}
	})
	t.Run("S1.34", func(t *testing.T) { // superseded: no id travels, the target is the session's
		for name := range form {
			if strings.Contains(strings.ToLower(name), "user_id") || name == "id" {
				t.Errorf("the form carries %s", name)
			}
		}
		if strings.Contains(p.form("/profile").Encode(), self.ID) {
			t.Error("the form carries the object id")
		}
	})
	t.Run("S1.45", func(t *testing.T) {
		b := p.all(func(n *html.Node) bool { return n.Data == "button" && inner(n) == "Save" })
		if len(b) != 1 {
			t.Errorf("%d buttons that save", len(b))
		}
	})
}

func TestW1_NullIsAnEmptyBox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	if form.Get("state") != "" {
		t.Errorf("null is shown as %q", form.Get("state"))
	}
	form.Set("city", "Aarhus")
	b.post("/profile", form)
	if len(w.applied) != 1 || len(w.applied[0].Set) != 1 {
		t.Fatalf("changing the city sent %v", w.applied)
	}
}

func TestW2_C2_ClearingIsNullAndEmptyList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=all").form("/profile")
	form.Set("city", "   ")
	form.Set("skills", "\r\n")
	form.Set("businessPhones", "")
	form.Set("birthday", "")
	b.post("/profile", form)
	set := w.applied[0].Set
	for _, n := range []property.Name{"city", "birthday"} {
		if v, ok := set[n]; !ok || !v.IsNull() {
			t.Errorf("%s is cleared by %#v", n, v.Any())
		}
	}
	for _, n := range []property.Name{"skills", "businessPhones"} {
		if l, ok := set[n].Any().([]string); !ok || len(l) != 0 {
			t.Errorf("%s is cleared by %#v", n, set[n].Any())
		}
	}
	if len(set) != 4 {
		t.Errorf("sent %v", set.Names())
	}
}

func TestW3_AbsentFieldsAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=all").form("/profile")
	part := url.Values{"_token": form["_token"], "_scope": form["_scope"], "city": {"Aarhus"}, "was.city": form["was.city"]}
	b.post("/profile", part)
	if len(w.applied) != 1 || len(w.applied[0].Set) != 1 || w.applied[0].Set["city"].Str() != "Aarhus" {
		t.Errorf("applied %v", w.applied)
	}
}

func TestW4_C9_OnlyWhatChangedWithWhatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=all").form("/profile")
	form.Set("mobilePhone", "+45 99 99 99 99")
	form.Set("skills", "Interviews\r\nWriting")
	p := b.post("/profile", form)
	c := w.applied[0]
	if len(c.Set) != 2 || c.Expect["mobilePhone"].Str() != "+45 20 12 34 56" || !c.Expect["skills"].Equal(property.List("Service blueprints", "Interviews", "Danish sign language")) {
		t.Errorf("set %v expecting %v", c.Set, c.Expect)
	}
	if !c.Set["skills"].Equal(property.List("Interviews", "Writing")) {
		t.Errorf("skills %v", c.Set["skills"])
	}
	t.Run("S1.27", func(t *testing.T) {
		if p.status != http.StatusOK || p.url.Path != "/profile" || p.url.Query().Get("done") == "" {
			t.Errorf("after saving: %d %s", p.status, p.url)
		}
	})
	t.Run("W24", func(t *testing.T) {
		p.has("Saved", "Mobile phone", "+45 20 12 34 56", "+45 99 99 99 99", "Undo", "in profile cards within 48 hours, in the address book within 24 hours")
	})
}

func TestF40_TheSameFormTwiceIsOneChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	first, second := b.post("/profile", form), b.post("/profile", form)
	if len(w.applied) != 1 || first.url.String() != second.url.String() {
		t.Errorf("%d changes, %s and %s", len(w.applied), first.url, second.url)
	}
}

func TestA20_AKeyThatTheFormDidNotShow(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"accountEnabled", "userPrincipalName", "passwordProfile", "onPremisesImmutableId", "mail", "otherMails", "employeeId", "city[]", "__proto__", "was.accountEnabled"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.signedIn(t)
			form := b.get("/profile?edit=place").form("/profile")
			form.Set("city", "Aarhus")
			form.Set(key, "true")
			p := b.post("/profile", form)
			if p.status != http.StatusBadRequest || len(w.applied) != 0 {
				t.Errorf("%d, applied %v", p.status, w.applied)
			}
			p.has("“" + key + "”")
		})
	}
}

func TestA21_TargetIsTheSession(t *testing.T) {
	t.Parallel()
	victim := "99999999-9999-9999-9999-999999999999"
	try := func(name string, change func(url.Values, *http.Request), path string, want int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.signedIn(t)
			form := b.get("/profile?edit=place").form("/profile")
			form.Set("city", "Aarhus")
			r, _ := http.NewRequest(http.MethodPost, w.server.URL+path, nil)
			change(form, r)
			r, _ = http.NewRequest(http.MethodPost, r.URL.String(), strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-MS-CLIENT-PRINCIPAL-ID", victim)
			r.Header.Set("X-User-Id", victim)
			p := b.do(r)
			if p.status != want {
				t.Errorf("answer %d, want %d", p.status, want)
			}
			for _, c := range w.applied {
				if c.On != self || c.By.Ref != self {
					t.Errorf("applied to %v by %v", c.On, c.By.Ref)
				}
			}
			if want != http.StatusOK && len(w.applied) > 0 {
				t.Errorf("applied %v", w.applied)
			}
		})
	}
	try("form user_id", func(f url.Values, _ *http.Request) { f.Set("user_id", victim) }, "/profile", 400)
	try("form id", func(f url.Values, _ *http.Request) { f.Set("id", victim) }, "/profile", 400)
	try("query", func(_ url.Values, r *http.Request) { r.URL.RawQuery = "user_id=" + victim }, "/profile", 400)
	try("path", func(url.Values, *http.Request) {}, "/profile/"+victim, 404)
	try("path up", func(_ url.Values, r *http.Request) { r.URL.Path = "/profile/../users/" + victim }, "/profile", 404)
	try("header", func(url.Values, *http.Request) {}, "/profile", 200)
}

func TestA11_ATokenIsGoodForItsSessionAndItsForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, other := w.signedIn(t), w.signedIn(t)
	form := mine.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	for name, send := range map[string]func() *view{
		"another session": func() *view { return other.post("/profile", form) },
		"no token": func() *view {
			f := url.Values{"city": {"Aarhus"}, "was.city": form["was.city"], "_scope": form["_scope"]}
			return mine.post("/profile", f)
		},
		"another scope": func() *view {
			f := url.Values{"_token": form["_token"], "_scope": {"fields all accountEnabled"}, "accountEnabled": {"false"}, "was.accountEnabled": {"true"}}
			return mine.post("/profile", f)
		},
		"another form's token": func() *view {
			p := mine.get("/profile")
			f := p.form("/sign-out")
			f.Set("city", "Aarhus")
			return mine.post("/profile", f)
		},
		"foreign origin": func() *view {
			r, _ := http.NewRequest(http.MethodPost, w.server.URL+"/profile", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://evil.example")
			return mine.do(r)
		},
		"origin null": func() *view {
			r, _ := http.NewRequest(http.MethodPost, w.server.URL+"/profile", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "null")
			return mine.do(r)
		},
	} {
		if p := send(); p.status != http.StatusForbidden && p.status != http.StatusBadRequest || len(w.applied) != 0 {
			t.Errorf("%s: %d, applied %v", name, p.status, w.applied)
		}
	}
}

func TestB51_WrongInputKeepsEverythingTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.answer = func(c change.Change) (change.Outcome, error) {
			e := fail.New(fail.Invalid, "test", fail.T("Nothing was changed. Look at the marked fields, correct them and save again."))
			e.Fields = []fail.Problem{{Field: "city", Code: "too_long", Say: fail.T("Use at most %[1]d characters. This has %[2]d.", 128, 102400)}}
			return change.Outcome{State: change.Refused, Problem: e}, nil
		}
	})
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	long := strings.Repeat("x", 102400)
	form.Set("city", long)
	form.Set("state", "null")
	form.Set("country", "🦆 array[]")
	p := b.post("/profile", form)
	if p.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d", p.status)
	}
	p.has("Use at most 128 characters. This has 102,400.", "Nothing was saved yet")
	again := p.form("/profile")
	for _, n := range []string{"city", "state", "country"} {
		if again.Get(n) != form.Get(n) {
			t.Errorf("%s was not kept: %.40q", n, again.Get(n))
		}
	}
	input := p.id("f-city")
	if attr(input, "aria-invalid") != "true" || !strings.Contains(attr(input, "aria-describedby"), "f-city-error") {
		t.Errorf("the field does not say it is wrong: %v", input.Attr)
	}
	links := p.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "href") == "#f-city" })
	if len(links) != 1 {
		t.Errorf("%d links from the summary to the field", len(links))
	}
	if !has(p.id("problems"), "data-focus") {
		t.Error("the summary does not take focus")
	}
	t.Run("two values for one field", func(t *testing.T) {
		form := b.get("/profile?edit=place").form("/profile")
		form["city"] = []string{"Aarhus", "Odense"}
		p := b.post("/profile", form)
		if p.status != http.StatusUnprocessableEntity {
			t.Errorf("%d", p.status)
		}
		p.has("This field was sent more than once. Enter one value.")
	})
}

func TestTwoTabs_ConflictShowsThreeValuesAndTakesTheChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	one, two := b.get("/profile?edit=place").form("/profile"), b.get("/profile?edit=place").form("/profile")
	one.Set("city", "Aarhus")
	b.post("/profile", one)
	two.Set("city", "Odense")
	two.Set("state", "Fyn")
	p := b.post("/profile", two)
	if p.status != http.StatusConflict {
		t.Fatalf("second tab: %d %s", p.status, p.text())
	}
	p.has("When you opened it", "København", "Now", "Aarhus", "Yours", "Odense", "Saved with it", "Fyn")
	if w.user.Values["city"].Str() != "Aarhus" {
		t.Error("something was overwritten")
	}
	form := p.form("/profile/resolve")
	if form.Get("pick.city") != "mine" {
		t.Errorf("chosen from the start: %q", form.Get("pick.city"))
	}
	t.Run("now keeps theirs and saves the rest", func(t *testing.T) {
		form.Set("pick.city", "now")
		b.post("/profile/resolve", form)
		c := w.applied[len(w.applied)-1]
		if len(c.Set) != 1 || c.Set["state"].Str() != "Fyn" || w.user.Values["city"].Str() != "Aarhus" {
			t.Errorf("set %v", c.Set)
		}
	})
	t.Run("mine expects what was shown as now", func(t *testing.T) {
		three := b.get("/profile?edit=place").form("/profile")
		b.w.user.Values["city"] = property.Text("Ribe")
		three.Set("city", "Odense")
		f := b.post("/profile", three).form("/profile/resolve")
		b.post("/profile/resolve", f)
		c := w.applied[len(w.applied)-1]
		if c.Set["city"].Str() != "Odense" || c.Expect["city"].Str() != "Ribe" || c.On != self {
			t.Errorf("set %v expecting %v on %v", c.Set, c.Expect, c.On)
		}
	})
}

func TestUndo_TakesBackOwnChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	p := b.post("/profile", form)
	back := b.post("/history/entry-1/undo", p.form("/history/entry-1/undo"))
	if w.user.Values["city"].Str() != "København" || back.status != http.StatusOK {
		t.Errorf("after undo the city is %v, answer %d", w.user.Values["city"], back.status)
	}
	h := b.get("/history")
	h.has("Saturday, 21 November 2026", "Taken back", "Undo of an earlier change", "You", "127.0.0.1", "14:05 UTC", "Aarhus")
	t.Run("a foreign entry is not there", func(t *testing.T) {
		w.mu.Lock()
		w.entries = append(w.entries, change.Entry{ID: "foreign", Change: change.Change{On: directory.Ref{Tenant: self.Tenant, ID: "x"}, Do: change.Update}})
		w.mu.Unlock()
		if p := b.get("/profile?done=foreign"); p.status != http.StatusNotFound {
			t.Errorf("%d", p.status)
		}
	})
	t.Run("an id that is none", func(t *testing.T) {
		for _, id := range []string{"..%2f..", "%00", "nope", strings.Repeat("a", 10000)} { // B53
			if p := b.get("/profile?done=" + id); p.status != http.StatusNotFound {
				t.Errorf("%.20s: %d", id, p.status)
			}
		}
	})
}

func TestPartlySaved_SaysWhichAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(w *world) {
		w.answer = func(c change.Change) (change.Outcome, error) {
			no := fail.New(fail.Denied, "test", fail.T("Only the person themself can change this."))
			return change.Outcome{
				State: change.Partly, Before: property.Values{"city": property.Text("København"), "skills": property.List()}, After: property.Values{"city": c.Set["city"]},
				Parts: []change.Part{{Names: []property.Name{"city"}, State: change.Applied}, {Names: []property.Name{"skills"}, State: change.Refused, Problem: no}, {Names: []property.Name{"aboutMe"}, State: change.Unverified}},
			}, nil
		}
	})
	b := w.signedIn(t)
	form := b.get("/profile?edit=all").form("/profile")
	form.Set("city", "Aarhus")
	form.Set("skills", "Kayaking")
	form.Set("aboutMe", "I repair forms.")
	p := b.post("/profile", form)
	p.has("Partly saved", "Aarhus", "Not saved: Skills", "Only the person themself can change this.", "Not visible yet")
	again := b.get("/profile?again=entry-1").form("/profile")
	if again.Get("skills") != "Kayaking" {
		t.Errorf("typed and not saved, now %q", again.Get("skills"))
	}
}

func TestUnverified_SaysAcceptedNotVisibleYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(w *world) {
		w.answer = func(c change.Change) (change.Outcome, error) {
			return change.Outcome{State: change.Unverified, Parts: []change.Part{{Names: []property.Name{"city"}, State: change.Unverified}}}, nil
		}
	})
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	b.post("/profile", form).has("Accepted, not visible yet", "Aarhus")
}

// A lost answer that reading back did not settle is not called accepted: it may never have arrived.
func TestUnverified_WithoutAnAnswerSaysThatItIsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(w *world) {
		w.answer = func(change.Change) (change.Outcome, error) {
			lost := &fail.Error{Op: "test", Kind: fail.Unavailable, Code: "unconfirmed", Say: fail.T("The directory did not answer clearly, so it is not known yet whether this was saved. It is looked after, and this page will say how it ended.")}
			return change.Outcome{
				State: change.Unverified, Before: property.Values{"city": property.Text("København")}, After: property.Values{"city": property.Text("København")},
				Parts: []change.Part{{Names: []property.Name{"city"}, State: change.Unverified, Problem: lost}}, Problem: lost,
			}, nil
		}
	})
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	p := b.post("/profile", form)
	p.has("Not known yet whether this was saved", "København", "Aarhus", "What you typed is kept")
	p.hasNot("Accepted", "took your change", "Not visible yet")
	if again := b.get("/profile?again=entry-1").form("/profile"); again.Get("city") != "Aarhus" {
		t.Errorf("typed, now %q", again.Get("city"))
	}
	p = b.get("/history")
	p.has("Not known yet whether this was saved", "Aarhus")
	p.hasNot("Accepted", "Not visible yet", "did not answer clearly")
}

func TestDirectoryDown_KeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	down := &fail.Error{Op: "test", Kind: fail.Unavailable, Retry: 30 * time.Second, Err: errors.New("dial tcp 10.0.0.1: Bearer eyJhbGciOi secret")}
	w.mu.Lock()
	w.readErr = down
	w.answer = func(change.Change) (change.Outcome, error) {
		return change.Outcome{State: change.Failed, Problem: down}, nil
	}
	w.mu.Unlock()
	p := b.post("/profile", form)
	if p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") != "30" {
		t.Errorf("%d, Retry-After %q", p.status, p.header.Get("Retry-After"))
	}
	p.has("What you typed is still here.")
	if got := p.form("/profile"); got.Get("city") != "Aarhus" {
		t.Errorf("city %q", got.Get("city"))
	}
	p.hasNot("eyJ", "Bearer", "10.0.0.1", "secret")
	t.Run("A39", func(t *testing.T) {
		p := b.get("/profile")
		if p.status != http.StatusServiceUnavailable {
			t.Errorf("%d", p.status)
		}
		p.has("Microsoft 365 does not answer at the moment", "Reference")
		p.hasNot("eyJ", "Bearer", "10.0.0.1", "secret", "goroutine")
		if n := p.all(func(n *html.Node) bool { return attr(n, "href") == "/profile" && inner(n) == "Try again" }); len(n) != 1 {
			t.Error("waiting is the remedy, and the page offers no second try")
		}
	})
}

func TestOthers_AreShownOnTheNextVisitAndNotOneself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	b := w.signedIn(t)
	b.get("/profile")
	form := b.get("/profile?edit=place").form("/profile")
	form.Set("city", "Aarhus")
	b.post("/profile", form)
	b.get("/profile").hasNot("Changed since your last visit")
	w.mu.Lock()
	w.user.Values["jobTitle"] = property.Text("Head of design")
	w.mu.Unlock()
	p := b.get("/profile")
	p.has("Changed since your last visit", "Service designer", "Head of design")
	b.get("/profile").has("Changed since your last visit")
	b.post("/profile/seen", p.form("/profile/seen"))
	b.get("/profile").hasNot("Changed since your last visit")
}

func TestLocked_IsTextWithAReasonAndATextToAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.deps.Support = "people@contoso.example" })
	b := w.signedIn(t)
	p := b.get("/profile?edit=all")
	if form := p.form("/profile"); form.Has("jobTitle") {
		t.Error("a locked field is in the form")
	}
	if d := p.all(func(n *html.Node) bool { return has(n, "disabled") }); len(d) > 0 {
		t.Errorf("%d disabled inputs", len(d))
	}
	p.has("Your organization keeps this in its HR system.")
	a := b.get("/ask/jobTitle")
	a.has("please change Job title in my Microsoft 365 profile (mira@contoso.example)", "Now: Service designer")
	mail := a.all(func(n *html.Node) bool {
		return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "mailto:people@contoso.example?subject=")
	})
	if len(mail) != 1 || strings.Contains(attr(mail[0], "href"), "+") {
		t.Errorf("mail link: %v", mail)
	}
	if p := b.get("/ask/passwordProfile"); p.status != http.StatusNotFound {
		t.Errorf("a hidden property can be asked for: %d", p.status)
	}
}

// The marks that keep writing directions apart are for pages: a letter does not carry them, nor shows them as numbers.
func TestAsk_ALetterInArabicHasNoMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) { w.deps.Support = "people@contoso.example" })
	w.user.Values["preferredLanguage"] = property.Text("ar")
	a := w.signedIn(t).get("/ask/jobTitle")
	if attr(a.tag("html")[0], "lang") != "ar" {
		t.Fatal("the page is not in Arabic")
	}
	letter := inner(a.tag("textarea")[0])
	if !strings.Contains(letter, "Service designer") || strings.ContainsAny(letter, "\u2068\u2069‹›") {
		t.Errorf("the letter: %q", letter)
	}
	for _, l := range a.tag("a") {
		if strings.Contains(attr(l, "href"), "%E2%81%A8") {
			t.Errorf("the mail: %s", attr(l, "href"))
		}
	}
}

func TestS1_62_HelpLinksToTheFivePlaces(t *testing.T) {
	t.Parallel()
	p := newWorld(t).browser(t).get("/help")
	for _, want := range []string{"learn.microsoft.com/graph/overview", "learn.microsoft.com/graph/api/overview", "developer.microsoft.com/graph/gallery", "github.com/microsoftgraph", "developer.microsoft.com/graph/graph-explorer"} {
		if n := p.all(func(n *html.Node) bool { return n.Data == "a" && strings.Contains(attr(n, "href"), want) }); len(n) != 1 {
			t.Errorf("%d links to %s", len(n), want)
		}
	}
}

func TestGuestsSyncedAndDelegatedSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.user.Guest, w.user.Sync, w.deps.Delegated, w.deps.Emulator = true, directory.Synced, true, true
		w.user.Missing = []directory.Missing{{What: "manager"}, {What: "city"}}
		w.user.Manager = nil
	})
	page := w.signedIn(t).get("/profile")
	if strings.Contains(page.body, "ReadWrite") {
		t.Error("the name of a permission says nothing to people")
	}
	page.has("You are a guest in this organization.", "comes from your organization's own directory", "ask your administrator to give this portal the right to change more", "This is the emulator.", "Could not be read")
}
