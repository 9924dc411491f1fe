package journey

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// until opens a page again and again until it says one of these: how far a plan has come is only told by asking.
func (b *browser) until(path string, one ...string) *browser {
	b.t.Helper()
	tick, deadline := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		b.get(path)
		for _, s := range one {
			if strings.Contains(b.text(), s) {
				return b
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("%s does not come to %q:\n%s", path, one, b.text())
		}
	}
}

// sheet uploads a file, confirms its columns as they are found, and gives the address of the plan.
func (b *browser) sheet(name, text string) string {
	b.t.Helper()
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", name, "text/csv", []byte(text))
	if b.code != http.StatusOK || !strings.HasPrefix(b.at.Path, "/admin/uploads/") {
		b.t.Fatalf("%d at %s:\n%s", b.code, b.at, b.text())
	}
	b.press(b.at.Path, "plan", nil)
	if b.code != http.StatusOK || !strings.HasPrefix(b.at.Path, "/admin/imports/") {
		b.t.Fatalf("%d at %s:\n%s", b.code, b.at, b.text())
	}
	return b.at.Path
}

// apply opens the page that asks, types what it wants to know, and waits for the end.
func (b *browser) applied(plan string, typed func(url.Values)) *browser {
	b.t.Helper()
	b.get(plan + "/apply")
	b.press(plan+"/apply", "", typed)
	if b.at.Path != plan {
		b.t.Fatalf("%d at %s:\n%s", b.code, b.at, b.text())
	}
	return b.until(plan, "Everything is saved", "Not everything was saved")
}

// The whole round by a person without script: template, file, columns, plan, number, progress, results, the rows that did not arrive,
// and taking it all back.
func TestS3_15_S3_16_S3_17_S3_18_S3_19_S3_20_SpreadsheetsWithoutScript(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	b.get("/admin/imports").says("No spreadsheet has been read yet")
	b.get("/admin/imports/template?format=own&as=csv")
	head := strings.TrimPrefix(strings.TrimSpace(b.body), "\ufeff")
	if !strings.HasPrefix(head, "id,userPrincipalName,") || !strings.Contains(b.head.Get("Content-Disposition"), "template-own-") {
		t.Fatalf("the template: %q %v", head, b.head)
	}
	if b.get("/admin/imports/template?format=m365-2024&as=xlsx"); !strings.HasPrefix(b.body, "PK") {
		t.Error("no workbook")
	}
	people := []string{"lena.hoffmann", "jo.li", "misaki.tanaka", "jonas.lindqvist", "helen.papadopoulou"}
	text := "userPrincipalName,department,city\r\n"
	for _, p := range people {
		text += p + "@larkfield.example,Field work,Aarhus\r\n"
	}
	text += "nobody@larkfield.example,Field work,\r\n"

	mark := w.mark()
	plan := b.sheet("people <b>\"1\"\u202e.csv", text)
	b.says("people <b>\"1\"‹U+202E›.csv", "Nothing was changed yet", "Refused", "line 7, column A (userPrincipalName): Nobody is called nobody@larkfield.example.", "Lena Hoffmann", "Field work", "Aarhus", "Apply 5 changes")
	if strings.Contains(b.body, "<b>") || strings.Contains(b.body, "\u202e") {
		t.Error("the name of the file acts")
	}
	b.get(plan + "?state=refused").says("nobody@larkfield.example")
	b.get(plan+"?q=hoff&kind=update").says("Lena Hoffmann", "1 row")
	if strings.Contains(b.text(), "Jo Li") {
		t.Error("the search finds everybody")
	}
	if b.get(plan + "?q=nosuch").says("No row is like that"); len(w.since(mark)) != 0 {
		t.Fatalf("before anything was applied: %v", w.since(mark))
	}

	// Somebody else changes one of them in the meantime.
	other := w.signIn(jonas)
	at := other.person("Jo Li")
	other.get(at + "?edit=place")
	other.press(at, "save", func(f url.Values) { f.Set("city", "Cork") })
	other.says("Saved")
	mark = w.mark()

	b.get(plan+"/apply").says("Apply this plan?", "It changes 5 of 31 people, more than 10 %", "1 row was refused and is left out.")
	b.press(plan+"/apply", "", nil)
	if b.says("Type the number to go on."); b.code != http.StatusUnprocessableEntity {
		t.Errorf("without the number: %d", b.code)
	}
	b.press(plan+"/apply", "", func(f url.Values) { f.Set("people", "6") })
	if b.says("This is not the number."); b.code != http.StatusUnprocessableEntity || len(w.since(mark)) != 0 {
		t.Errorf("with another number: %d, %d writes", b.code, len(w.since(mark)))
	}
	b.applied(plan, func(f url.Values) { f.Set("people", "5"); f.Set("why", "The new branch") })
	b.says("Not everything was saved", "4 of 5 rows are as you wanted them", "Somebody else changed this profile in the meantime", "In the history: Profile")
	wrote := 0
	for _, e := range w.since(mark) {
		if e.Op == "user.update" { // dynamic groups follow by themselves
			wrote++
		}
	}
	if wrote != 4 {
		t.Errorf("%d writes: %v", wrote, w.since(mark))
	}
	b.follow("Profile").says("Lena Hoffmann", "Field work", ".csv, line 2: The new branch")

	// What did not arrive comes back in.
	b.get(plan + "/rejects?as=csv")
	rest := b.body
	if !strings.Contains(rest, "jo.li@larkfield.example") || strings.Contains(rest, "lena.hoffmann") {
		t.Fatalf("rejects: %s", rest)
	}
	b.get("/admin/history?do=export").says("rows of a plan") // A60
	again := b.sheet("rejects.csv", rest)
	b.says("Jo Li", "Cork", "Aarhus", "Columns that are not read", "problem")
	b.applied(again, func(f url.Values) {}).says("Everything is saved", "1 row was saved and read back as you wanted it.")

	// All of it is taken back by a plan.
	b.get(plan)
	b.press(plan+"/undo", "", nil).says("Undo of people", "The plan that it takes back", "Apply 4 changes")
	undo := b.at.Path
	b.applied(undo, func(f url.Values) { f.Set("people", "4") }).says("Everything is saved")
	b.get("/admin/imports").says("rejects.csv", "Undo of people", "Applied")
	if got := b.get("/admin/history?on=" + lena).text(); strings.Count(got, "Field work") != 2 {
		t.Errorf("there and back: %s", got)
	}

	// Whoever only looks has no button; a form that was sent twice does nothing twice.
	looks := w.signIn(helen)
	if looks.get(plan); looks.code != http.StatusOK || strings.Contains(looks.body, "/undo") || strings.Contains(looks.body, "/apply") {
		t.Error("an auditor is offered to change something")
	}
}

// What a file can be and cannot, each told where it happens, with the file still there (B rows of uploads).
func TestB01_B02_B06_B23_UploadsThatNeedAWord(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	for name, c := range map[string]struct {
		data []byte
		code int
		says string
	}{
		"empty.csv":  {nil, 422, "The file is empty."},
		"only.csv":   {[]byte("userPrincipalName,city\r\n"), 200, "What the columns are"},
		"old.xls":    {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)), 422, "workbook of the old kind"},
		"page.csv":   {[]byte("<!doctype html><html><body>x</body></html>"), 422, "This is not a spreadsheet"},
		"photo.xlsx": {[]byte("\x89PNG\r\n\x1a\n0000"), 422, "This is not a spreadsheet"},
		"legacy.csv": {[]byte("userPrincipalName,city\r\nlena.hoffmann@larkfield.example,K\xf6ln\r\n"), 422, "is not UTF-8"},
	} {
		b.get("/admin/imports/new")
		if b.attach("/admin/imports/new", name, "text/csv", c.data); b.code != c.code {
			t.Errorf("%s: %d at %s\n%s", name, b.code, b.at, b.text())
		}
		b.says(c.says)
	}

	// A legacy encoding is asked for, never guessed.
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", "legacy.csv", "text/csv", []byte("userPrincipalName,city\r\nlena.hoffmann@larkfield.example,K\xf6ln\r\n"))
	at := b.at.Path
	b.press(at, "plan", nil).says("is not UTF-8")
	b.press(at, "plan", func(f url.Values) { f.Set("encoding", "windows-1252") }).says("Köln", "Apply 1 change")

	// Headings that nobody knows, and the admin center's template in another language by position.
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", "german.csv", "text/csv", []byte("Wer;Abteilung;Lieblingsfarbe\r\nlena.hoffmann@larkfield.example;Sensors;blau\r\n"))
	at = b.at.Path
	b.says("There is no column", "Abteilung", "Lieblingsfarbe", "blau", "No column says whom a row is about")
	b.press(at, "plan", nil)
	if b.at.Path != at || b.code != http.StatusUnprocessableEntity {
		t.Errorf("without a word about them: %d at %s", b.code, b.at)
	}
	b.press(at, "look", func(f url.Values) {
		f.Set("as.1", "userPrincipalName")
		f.Set("as.2", "department")
		f.Set("as.3", "-")
	})
	if strings.Contains(b.text(), "There is no column") {
		t.Error("what was said is forgotten")
	}
	b.press(at, "plan", nil).says("Lena Hoffmann", "Sensors", "Columns that are not read", "Lieblingsfarbe")

	labels := "Benutzername,Vorname,Nachname,Anzeigename,Position,Abteilung,Büronummer,Telefon (geschäftlich),Mobiltelefon,Fax,Alternative E-Mail-Adresse,Adresse,Ort,Bundesland/Kanton,Postleitzahl,Land/Region"
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", "vorlage.csv", "text/csv", []byte(labels+"\r\nlena.hoffmann@larkfield.example,,,,Chief Engineer,,,,,,,,,,,\r\n"))
	at = b.at.Path
	b.says("Most of the headings are not known", "Microsoft 365 admin center: add multiple users", "The columns are in this order", "Chief Engineer")
	b.press(at, "plan", nil)
	if b.at.Path != at || b.code != http.StatusUnprocessableEntity {
		t.Errorf("without the word: %d at %s", b.code, b.at)
	}
	b.press(at, "plan", func(f url.Values) { f.Set("format", "m365-2024") }).says("Lena Hoffmann", "Chief Engineer", "Apply 1 change")

	// The file that waits is its owner's; it is gone when it was planned.
	if b.get(at); b.code != http.StatusNotFound {
		t.Errorf("the file after its plan: %d", b.code)
	}
	b.get("/admin/imports/new")
	b.attach("/admin/imports/new", "mine.csv", "text/csv", []byte("id\r\n"))
	at = b.at.Path
	if w.signIn(jonas).get(at).code != http.StatusNotFound {
		t.Error("somebody else's file is there")
	}
	for path, want := range map[string]int{
		"/admin/imports/nothing": 404, "/admin/imports/nothing/apply": 404, "/admin/imports/nothing/rejects": 404, "/admin/uploads/nothing": 404, "/admin/imports/template?format=x": 400, "/admin/imports?before=x": 400,
		"/admin/imports/template?format=own&as=exe": 400, "/admin/people/edit?id=x": 400, "/admin/people/edit?all=1&view=deleted": 400, "/admin/people/export?of=x": 400, "/admin/people/export?view=deleted": 400,
	} {
		if b.get(path); b.code != want {
			t.Errorf("%s: %d, want %d", path, b.code, want)
		}
	}
}

// Whoever deletes many, or signed in a while ago, signs in once more; what was typed waits, and only the plan that was seen is applied.
func TestA12_A61_ApplyingAsksForASignIn(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	plan := b.sheet("leavers.csv", "userPrincipalName,action\r\njo.li@larkfield.example,delete\r\n")
	b.says("Apply 1 change")
	b.get(plan+"/apply").says("It deletes 1 person", "Whoever is deleted cannot sign in any more")
	form := b.form(plan + "/apply")
	form.Set("deletions", "1")
	form.Set("why", "Left in May")

	forged := url.Values{}
	for k, v := range form {
		forged[k] = v
	}
	forged.Set("digest", strings.Repeat("0", 64))
	mark := w.mark()
	if b.post(plan+"/apply", forged).says("This is not the digest of the plan."); b.code != http.StatusUnprocessableEntity {
		t.Errorf("another digest: %d", b.code)
	}
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	if b.post(plan+"/apply", form); b.code != http.StatusUnauthorized {
		t.Fatalf("an old sign-in: %d\n%s", b.code, b.text())
	}
	b.says("Sign in once more")
	if len(w.since(mark)) != 0 {
		t.Fatal("it was done")
	}
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") }) {
		b.get(b.link(a))
		break
	}
	to, err := signInFrom(b, ruth)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	if b.at.Path != plan+"/apply" || b.form(plan+"/apply").Get("deletions") != "1" || b.form(plan+"/apply").Get("why") != "Left in May" {
		t.Fatalf("%s\n%s", b.at, b.text())
	}
	b.press(plan+"/apply", "", nil)
	b.until(plan, "Everything is saved")
	if n := len(w.since(mark)); n != 1 {
		t.Errorf("%d writes", n)
	}
}

// Everybody of a filter, or who was ticked: the same plan, looked at and applied like one of a file (bulk edit).
func TestS4_14_S4_17_S4_19_ManyPeopleAtOnce(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	mark := w.mark()
	b.get("/admin/people?department=Engineering").follow("Edit all in this list").says("Edit many people", "Department", "Engineering")
	const form = "/admin/people/edit"
	b.press(form, "plan", nil).says("Nothing was said that should change.")
	b.press(form, "add", func(f url.Values) { f.Set("add", "department") })
	if got := b.form(form).Get("department"); got != "" {
		t.Errorf("the filter is taken for a value: %q", got)
	}
	b.get("/admin/people?department=Engineering").follow("Edit all in this list")
	b.press(form, "add", func(f url.Values) { f.Set("add", "officeLocation"); f.Set("manager", "ruth.okonkwo@larkfield.example") })
	b.press(form, "add", func(f url.Values) { f.Set("officeLocation", "Harbor 2"); f.Set("add", "city") })
	if f := b.form(form); f.Get("officeLocation") != "Harbor 2" || f.Get("manager") == "" {
		t.Fatalf("what was typed is gone: %v", f)
	}
	b.press(form, "plan", nil).says("Say what City is to become")
	b.press(form, "plan", func(f url.Values) { f.Set("clear.city", "1"); f.Set("join", "Hail project") })
	b.says("Selected people", "Filter", "department eq 'Engineering'", "Harbor 2", "Ruth Okonkwo-Bergström", "Hail project", "Nothing was changed yet")
	if len(w.since(mark)) != 0 {
		t.Fatal("it was written")
	}
	plan := b.at.Path
	count := regexp.MustCompile(`Apply (\d+) changes`).FindStringSubmatch(b.text())
	if count == nil {
		t.Fatalf("%s", b.text())
	}
	b.applied(plan, func(f url.Values) {
		f.Set("people", count[1])
		if f.Has("privileged") {
			f.Set("privileged", regexp.MustCompile(`It changes (\d+) (person|people) who`).FindStringSubmatch(b.text())[1])
		}
	}).says("Everything is saved")
	b.get("/admin/people?filter=officeLocation%20eq%20%27Harbor%202%27").says(count[1] + " people")

	// Two who were ticked.
	b.get("/admin/people?q=li")
	var ids []string
	for _, n := range b.all(func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == "id" }) {
		ids = append(ids, attr(n, "value"))
	}
	if len(ids) == 0 {
		t.Fatal("nobody can be ticked")
	}
	b.get(form + "?" + url.Values{"id": ids[:1]}.Encode()).says("1 person")
	b.press(form, "add", func(f url.Values) { f.Set("add", "department") })
	b.press(form, "plan", func(f url.Values) { f.Set("department", "Strategy") }).says("Picked one by one", "Strategy", "Apply 1 change")
	if jonasSees := w.signIn(helen).get(form + "?all=1"); jonasSees.code != http.StatusForbidden {
		t.Errorf("an auditor: %d", jonasSees.code)
	}
}

// Lists leave the house as files, with the filter of the list, in our layout and in Microsoft's; that they did, and what for, stands in
// the history. They come back in without a change.
func TestA60_S4_21_ExportsFromTheLists(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(ruth)
	const at = "/admin/people/export"
	b.get("/admin/people?department=Engineering").follow("Export").says("Export people", "Engineering")
	b.press(at, "", nil).says("Say why")
	b.press(at, "", func(f url.Values) { f.Set("as", "csv"); f.Set("format", "own"); f.Set("why", "The audit") })
	if b.code != http.StatusOK || !strings.HasPrefix(b.body, "\ufeffid,userPrincipalName,") || strings.Count(b.body, "\r\n") < 3 || strings.Contains(b.body, "jo.li@") && !strings.Contains(b.body, "Engineering") {
		t.Fatalf("%d %s", b.code, b.body)
	}
	file := b.body
	b.sheet("back.csv", file)
	b.says("There is nothing to change")
	for format, want := range map[string]string{"m365-2024": "User Name,", "entra-download": "userPrincipalName,displayName"} {
		b.get(at)
		if b.press(at, "", func(f url.Values) { f.Set("as", "csv"); f.Set("format", format); f.Set("why", "x") }); !strings.HasPrefix(strings.TrimPrefix(b.body, "\ufeff"), want) {
			t.Errorf("%s: %.100s", format, b.body)
		}
	}
	b.get(at + "?of=groups")
	if b.press(at, "", func(f url.Values) { f.Set("as", "xlsx"); f.Set("why", "x") }); !strings.HasPrefix(b.body, "PK") {
		t.Errorf("groups: %.100s", b.body)
	}
	b.get("/admin/groups/20000000-0000-4000-8000-000000000001").follow("Export members")
	if b.press(at, "", func(f url.Values) { f.Set("as", "csv"); f.Set("why", "x") }); !strings.Contains(b.body, "memberObjectIdOrUpn") {
		t.Errorf("members: %.200s", b.body)
	}
	b.get("/admin/history?do=export").says("The audit", "people", "groups", "members of a group")
	sees := w.signIn(helen)
	sees.get(at)
	if sees.press(at, "", func(f url.Values) { f.Set("as", "csv"); f.Set("format", "own"); f.Set("why", "x") }); sees.code != http.StatusOK {
		t.Errorf("an auditor: %d", sees.code)
	}
}
