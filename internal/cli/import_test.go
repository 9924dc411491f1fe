package cli_test

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// spreadsheet writes a file of the test's own.
func spreadsheet(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestS3_15to18_PlanOfASpreadsheet(t *testing.T) {
	t.Parallel()
	s := serve(t)
	before := s.json("users", "get", s.anna)
	department, _ := before["department"].(string)
	good := spreadsheet(t, "people.csv", "userPrincipalName;department;mobilePhone\r\n"+s.anna+";Marketing;<clear>\r\n")
	out, _ := s.do(0, "import", "plan", good)
	for _, want := range []string{
		"people.csv: csv, utf-8, CRLF, \";\", format own\n", "1 rows: 1 would change something, 0 are so already, 0 are refused\nChanges: update 1\n",
		"  update  department: " + department + " → Marketing\n", " → (nothing)\n", "Nothing was written.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not say %q", out, want)
		}
	}
	if s.json("users", "get", s.anna)["department"] != department {
		t.Error("a plan wrote")
	}
	p := s.json("import", "plan", good)
	id, _ := p["id"].(string)
	if again := s.json("import", "show", id, "--kind", "update"); again["digest"] != p["digest"] || len(again["list"].([]any)) != 1 {
		t.Errorf("shown: %v", again)
	}
	s.says(id, "import", "list")
	s.says("\n2,"+s.anna+",ready,update,department,"+department+",Marketing,", "import", "show", id, "--as", "csv")

	some := spreadsheet(t, "some.csv", "userPrincipalName,department\nnobody@"+s.Domain+",HR\n"+s.anna+",HR\n")
	out, _ = s.do(3, "import", "plan", some)
	if !strings.Contains(out, "Problem: some.csv, line 2, column A (userPrincipalName): Nobody is called nobody@"+s.Domain+".\n") {
		t.Error(out)
	}
	s.do(2, "import", "plan", spreadsheet(t, "none.csv", "userPrincipalName,department\nnobody@"+s.Domain+",HR\n"))
	out, _ = s.do(2, "import", "plan", spreadsheet(t, "heads.csv", "userPrincipalName,departmnt\n"+s.anna+",HR\n"))
	if !strings.Contains(out, "Problem: heads.csv, line 1, column B (departmnt): There is no column “departmnt” here. Did you mean department?\n") {
		t.Error(out)
	}
	s.do(1, "import", "show", "nonsense")
}

// The headings of somebody else's program are said on the command line, as the page lets one choose them.
func TestB06_S3_18_HeadingsAreSaid(t *testing.T) {
	t.Parallel()
	s := serve(t)
	file := spreadsheet(t, "hr.csv", "Konto;Abteilung;a=b\n"+s.anna+";Versand;x\n")
	s.do(2, "import", "plan", file)
	out, _ := s.do(0, "import", "plan", file, "--map", "konto=userPrincipalName", "--map", "Abteilung=department", "--map", "a=b=-")
	for _, want := range []string{"  not read: column a=b\n", "  update  department: ", " → Versand\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not say %q", out, want)
		}
	}
	for _, wrong := range [][]string{{"Konto"}, {"=x"}, {"Konto="}, {"Konto=id", "Konto=userPrincipalName"}, {"Kontoo=id"}} {
		args := []string{"import", "plan", file}
		for _, m := range wrong {
			args = append(args, "--map", m)
		}
		s.do(2, args...)
	}
}

// Many people at once: a filter becomes a plan, which import apply knows.
func TestS4_14_S4_23_ManyPeopleAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	before := s.json("users", "get", s.anna)
	filter := "userPrincipalName eq '" + s.anna + "'"
	out, _ := s.do(0, "users", "update", "--filter", filter, "--set", "department=Revenue", "--clear", "mobilePhone")
	for _, want := range []string{"selection: ", "1 rows: 1 would change something", " → Revenue\n", "Nothing was written."} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not say %q", out, want)
		}
	}
	if s.json("users", "get", s.anna)["department"] != before["department"] {
		t.Error("a plan wrote")
	}
	p := s.json("users", "update", "--id", before["id"].(string), "--set", "department=Revenue")
	s.do(0, "import", "apply", p["id"].(string), "--digest", p["digest"].(string))
	if got := s.json("users", "get", s.anna)["department"]; got != "Revenue" {
		t.Errorf("applied: %v", got)
	}
	s.do(2, "users", "update", "--set", "department=x")
	s.do(2, "users", "update", "--all", "--id", before["id"].(string), "--set", "department=x")
	s.do(2, "users", "update", "--all", "--set", "department")
	s.do(2, "users", "update", "--all", "--set", "shoe=43")
	s.do(2, "users", "update", "--all")
}

func TestS4_11_PeopleAreAddedFromAFileAndTheirPasswordsTakenOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, domain, _ := strings.Cut(s.anna, "@")
	p := s.json("import", "plan", spreadsheet(t, "new.csv", "userPrincipalName,displayName,usageLocation,action\ncleo@"+domain+",Cleo Park,DE,create\n"))
	id, digest := p["id"].(string), p["digest"].(string)
	s.says("is done: 1 applied", "import", "apply", id, "--digest", digest)
	s.says("Cleo Park", "users", "get", "cleo@"+domain)
	s.do(2, "import", "passwords", id)
	out := filepath.Join(t.TempDir(), "passwords.csv")
	if text, _ := s.do(0, "import", "passwords", id, "--out", out); text != "" {
		t.Errorf("the terminal says %q", text)
	}
	b, err := os.ReadFile(out)
	info, _ := os.Stat(out)
	lines := strings.Split(strings.TrimSpace(string(b)), "\r\n")
	if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[1], "2,cleo@"+domain+",") || info.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v", b, info.Mode(), err)
	}
	s.do(2, "import", "passwords", id, "--out", out) // it is there already
	again := out + "2"
	s.do(1, "import", "passwords", id, "--out", again)
	if _, err := os.Stat(again); err == nil {
		t.Error("a file without passwords was left")
	}
}

// Pictures lie in a folder, or in a zip, beside the spreadsheet.
func TestS3_16to19_PicturesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	folder := t.TempDir()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 60, 60))); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"anna.png": picture.Bytes(), "notes.txt": []byte("no picture")} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := spreadsheet(t, "photos.csv", "userPrincipalName,photo\n"+s.anna+",anna.png\n")
	out, _ := s.do(2, "import", "plan", file)
	if !strings.Contains(out, "No picture called “anna.png” came with the file.") {
		t.Error(out)
	}
	out, _ = s.do(0, "import", "plan", file, "--photos", folder)
	if !strings.Contains(out, "Changes: photo 1\n") || !strings.Contains(out, "  photo  photo anna.png: ") {
		t.Error(out)
	}
	p := s.json("import", "plan", file, "--photos", folder)
	s.says("is done: 1 applied", "import", "apply", p["id"].(string), "--digest", p["digest"].(string))
	s.do(2, "import", "plan", file, "--photos", t.TempDir())
	s.do(2, "import", "plan", file, "--photos", filepath.Join(folder, "none"))
	s.do(2, "import", "plan", file, "--photos", filepath.Join(folder, "notes.txt")) // the only picture is called so, and no row names it
}

func TestB22_FilesThatAreNone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "a\nlink")
	if err := os.Symlink(spreadsheet(t, "x.csv", "userPrincipalName,department\n"+s.anna+",HR\n"), link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "is a folder. Name a file", pipe: "is not a file but a pipe or a device", filepath.Join(dir, "none"): "cannot be read (no such file or directory). Check the path",
	} {
		if _, err := s.do(2, "import", "plan", path); !strings.Contains(err, want) {
			t.Errorf("%s: %s", path, err)
		}
	}
	out, _ := s.do(0, "import", "plan", link)
	if !strings.HasPrefix(out, "a link: csv") {
		t.Errorf("a link with a line end in its name: %s", out)
	}
	if _, err := s.do(2, "import", "plan", spreadsheet(t, "x.pdf", "%PDF-1.4")); !strings.Contains(err, "This is not a spreadsheet but: PDF.") {
		t.Error(err)
	}
}

// S3.15: templates without a server; exports that come back in without a change, in both kinds.
func TestS3_15_B57_TemplatesAndExports(t *testing.T) {
	t.Parallel()
	s := serve(t)
	out, _ := s.do(0, "import", "template", "entra-delete")
	if out != "\ufeffversion:v1.0\r\nUser name [userPrincipalName] Required\r\nExample: chris@contoso.com\r\n" {
		t.Errorf("%q", out)
	}
	s.do(2, "import", "template", "nonsense")
	dir := t.TempDir()
	for _, name := range []string{"people.csv", "people.xlsx"} {
		path := filepath.Join(dir, name)
		s.do(0, "export", "users", "--why", "a test", "--out", path)
		s.do(2, "export", "users", "--why", "a test", "--out", path)
		if p := s.json("import", "plan", path); p["format"] != "own" || len(p["changes"].(map[string]any)) != 0 || p["rows"].(map[string]any)["all"].(float64) < 20 {
			t.Errorf("%s: %v", name, p["rows"])
		}
	}
	text, _ := s.do(0, "export", "users", "--why", "a test", "--format", "m365-2024", "--filter", "userPrincipalName eq '"+s.anna+"'")
	if rows := strings.Split(text, "\r\n"); len(rows) != 3 || !strings.HasPrefix(rows[1], s.anna+",") {
		t.Errorf("%q", text)
	}
	s.do(2, "export", "users", "--why", "a test", "--format", "entra-delete")
	groups, _ := s.do(0, "export", "groups", "--why", "a test")
	id, _, _ := strings.Cut(strings.Split(groups, "\r\n")[1], ",")
	members := filepath.Join(dir, "members.csv")
	s.do(0, "export", "groups", "--why", "a test", "--members", id, "--out", members)
	if p := s.json("import", "plan", members, "--group", id); p["format"] != "entra-members" || len(p["changes"].(map[string]any)) != 0 {
		t.Errorf("%v", p)
	}
}

func TestS3_19to20_ApplyFromTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.json("import", "plan", spreadsheet(t, "people.csv", "userPrincipalName,department\n"+s.anna+",Marketing\n"))
	id, digest := p["id"].(string), p["digest"].(string)
	s.do(2, "import", "apply", id)
	_, err := s.do(4, "import", "apply", id, "--digest", strings.Repeat("0", 64))
	if !strings.Contains(err, "409: This is not the digest of the plan.") {
		t.Error(err)
	}
	out, _ := s.do(0, "import", "apply", id, "--digest", digest)
	if out != "Plan "+id+" is done: 1 applied\n" || s.json("users", "get", s.anna)["department"] != "Marketing" {
		t.Errorf("%q", out)
	}
	s.says("It is done: 1 applied.", "import", "show", id)
	s.do(4, "import", "apply", id, "--digest", digest)
	s.do(4, "import", "pause", id)
	s.do(4, "import", "resume", id)
	s.do(4, "import", "cancel", id)
	if out, _ := s.do(0, "import", "rejects", id); out != "\ufeffid,userPrincipalName,problem\r\n" {
		t.Errorf("%q", out)
	}
	undo := s.json("import", "undo", id)
	if undo["undoes"] != id || undo["state"] != "planned" {
		t.Errorf("%v", undo)
	}
	s.says("Undo of plan "+id+" (people.csv)\n1 rows: 1 would change something", "import", "show", undo["id"].(string))
	s.says("is done: 1 applied", "import", "apply", undo["id"].(string), "--digest", undo["digest"].(string))
	if now := s.json("users", "get", s.anna)["department"]; now == "Marketing" {
		t.Error("it was not taken back")
	}
	gone := s.json("import", "plan", spreadsheet(t, "gone.csv", "userPrincipalName,action\n"+s.anna+",delete\n"))
	_, err = s.do(4, "import", "apply", gone["id"].(string), "--digest", gone["digest"].(string))
	if !strings.Contains(err, "\n  deletions: It deletes 1 person. Type that number to go on.") {
		t.Error(err)
	}
	s.do(0, "import", "apply", gone["id"].(string), "--digest", gone["digest"].(string), "--deletions", "1")
	s.do(1, "users", "get", s.anna)
}
