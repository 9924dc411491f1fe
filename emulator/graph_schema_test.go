package emulator_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/emulator/schematest"
)

// newEmulator is the emulator of every test here: each of its answers is held to Microsoft's schemas (schematest).
func newEmulator(t testing.TB, opts emulator.Options) *emulator.Emulator {
	t.Helper()
	opts.Wrap = schematest.Wrap(t)
	e, err := emulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestMain says at the end what was compared with Microsoft's schemas, and which answers they have no word of.
func TestMain(m *testing.M) {
	code := m.Run()
	if s := schematest.Read(); s == nil {
		fmt.Println("Microsoft's schemas are not at hand: NAMEPLATE_FACTS is not set, no answer was compared with them.")
	} else if testing.Verbose() {
		lacks := s.Lacks()
		fmt.Printf("%d answers were compared with Microsoft's schemas.\nDifferent on purpose:\n\t%s\nAnswered, and not in the slice (%d):\n\t%s\n",
			s.Compared(), strings.Join(schematest.Deliberate(), "\n\t"), len(lacks), strings.Join(lacks, "\n\t"))
	}
	os.Exit(code)
}

// What an emulator's handler answers wrongly is found, whoever asks and wherever it stands.
func TestSchemasFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := schematest.Read()
	if s == nil {
		t.Log("Microsoft's schemas are not at hand: NAMEPLATE_FACTS is not set, nothing was compared.")
		return
	}
	const json = "application/json;odata.metadata=minimal"
	for _, c := range []struct {
		method, path string
		status       int
		kind, body   string
		says         string // "" for nothing
	}{
		{"GET", "/users", 200, json, `{"value":[{"id":"1","displayName":"x"}]}`, ""},
		{"GET", "/users", 200, json, `{"value":[{"displayName":7}]}`, "displayName"},
		{"GET", "/users", 200, json, `{"value":null}`, "value"},
		{"GET", "/Users('1')", 200, json, `{"displayName":"x","favourite":"y"}`, "no favourite"},
		{"GET", "/users/1?$select=id", 200, json, `{"id":"x","employeeOrgData":{"division":"x","team":"y"}}`, "no team"},
		{"GET", "/users/1", 200, json, `{"createdDateTime":"yesterday"}`, "createdDateTime"},
		{"GET", "/users/1/memberOf", 200, json, `{"value":[{"id":"1"}]}`, "@odata.type"},
		{"GET", "/users/1/memberOf", 200, json, `{"value":[{"@odata.type":"#microsoft.graph.group","jobTitle":"x"}]}`, "no jobTitle"},
		{"GET", "/users/1", 201, json, `{}`, "201"},
		{"PATCH", "/users/1", 204, "", `{}`, "no body"},
		{"GET", "/users/$count", 200, "text/plain", "seven", "string"},
		{"GET", "/users/$count", 200, json, "7", "comes as"},
		{"GET", "/users/1", 404, json, `{"error":{"code":"Request_ResourceNotFound"}}`, "message"},
		{"GET", "/nothing/of/it", 400, json, `{"message":"x"}`, "error"},
		{"GET", "/users", 200, json, `{"value":[`, "no JSON"},
	} {
		path, _, _ := strings.Cut(c.path, "?")
		got := strings.Join(s.Answer(c.method, path, c.status, c.kind, []byte(c.body)), "; ")
		if c.says == "" && got != "" || !strings.Contains(got, c.says) || c.says != "" && got == "" {
			t.Errorf("%s %s %d %s: %q, wanted %q", c.method, c.path, c.status, c.body, got, c.says)
		}
	}
}

// No test here makes an emulator whose answers nobody looks at, but those that make none or measure time.
func TestEveryEmulatorIsHeldToTheSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				s, ok := n.(*ast.AssignStmt)
				if !ok || len(s.Rhs) != 1 {
					return true
				}
				call, ok := s.Rhs[0].(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if made, _ := s.Lhs[0].(*ast.Ident); ok && sel.Sel.Name == "New" && fmt.Sprint(sel.X) == "emulator" && made.Name != "_" {
					t.Errorf("%s: %s makes an emulator by emulator.New, not by newEmulator", name, fn.Name.Name)
				}
				return true
			})
		}
	}
}

// DIVERGENCES.md names each operation of Microsoft's data that the emulator does not have, and no other.
func TestAbsentRoutesAreNamed(t *testing.T) {
	t.Parallel()
	s := schematest.Read()
	if s == nil {
		return // TestSchemasFindWhatIsWrong says so
	}
	text, err := os.ReadFile("DIVERGENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, emulator.Options{})
	keys := regexp.MustCompile(`\{[^}]*\}`)
	for _, op := range s.Operations() {
		method, path, _ := strings.Cut(op, " ")
		r := d.ask(method, "/v1.0"+keys.ReplaceAllString(path, missing), nil)
		absent, named := strings.Contains(string(r.raw), noRoute), strings.Contains(string(text), "`"+op+"`")
		if absent != named {
			t.Errorf("%s: absent is %v, named in DIVERGENCES.md is %v", op, absent, named)
		}
	}
}

// What stands on the paths that Microsoft's data has, with all properties that the emulator keeps: newEmulator does the comparing.
func TestAnswersFitMicrosoftsSchemas(t *testing.T) {
	t.Parallel()
	s := schematest.Read()
	if s == nil {
		return // TestSchemasFindWhatIsWrong says so
	}
	org, err := contoso(0, "")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	all := d.app("AdministrativeUnit.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All", "User-LifeCycleInfo.Read.All", "CustomSecAttributeAssignment.Read.All", "Domain.Read.All", "Organization.Read.All", "User.Invite.All")
	person := d.as("carol@contoso.com", "User.ReadWrite", "User.Read.All", "Directory.Read.All")
	anna := org.Users[0].ID
	var names []string
	for _, n := range s.Properties("user") {
		if !slices.Contains([]string{
			"@odata.type", "deviceEnrollmentLimit", "identityParentId", "authorizationInfo", "print", "mailboxSettings",
			"appRoleAssignments", "directReports", "extensions", "licenseDetails", "manager", "memberOf", "oauth2PermissionGrants", "ownedDevices",
			"ownedObjects", "photo", "photos", "registeredDevices", "sponsors", "transitiveMemberOf", "signInActivity",
		}, n) {
			names = append(names, n)
		}
	}
	tracked := slices.DeleteFunc(slices.Clone(names), func(n string) bool { // a delta does not follow what SharePoint keeps
		return slices.Contains([]string{"aboutMe", "birthday", "hireDate", "interests", "mySite", "pastProjects", "preferredName", "responsibilities", "schools", "skills"}, n)
	})
	group := org.Groups[0].ID
	create := `{"accountEnabled":true,"displayName":"New","mailNickname":"new1","userPrincipalName":"new1@contoso.com","passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`
	subscribe := fmt.Sprintf(`{"changeType":"updated","notificationUrl":"%s/good","resource":"users","expirationDateTime":"%s"}`,
		newHooks(t), d.Now().Add(time.Hour).Format(time.RFC3339))
	unit := all.ask("POST", units, `{"displayName":"West"}`).body["id"].(string)
	all.want(all.ask("DELETE", units+"/"+unit, nil), 204, "")
	for _, c := range []struct {
		by           *desk
		method, path string
		body         any
	}{
		{all, "GET", "/users?$top=5", nil},
		{all, "GET", "/users/" + anna, nil},
		{all, "GET", "/users/" + anna + "?$select=" + strings.Join(names, ","), nil},
		{all, "POST", "/users", create},
		{all, "PATCH", "/users/" + anna, `{"jobTitle":"Nurse"}`},
		{person, "GET", "/me", nil},
		{person, "GET", "/me/directReports", nil},
		{all, "GET", "/users/" + anna + "/manager", nil},
		{all, "GET", "/users/" + anna + "/memberOf", nil},
		{all, "GET", "/users/" + anna + "/transitiveMemberOf", nil},
		{all, "GET", "/users/" + anna + "/memberOf/microsoft.graph.group", nil},
		{all, "GET", "/groups", nil},
		{all, "GET", "/groups/" + group, nil},
		{all, "GET", "/groups/" + group + "/members", nil},
		{all, "GET", "/organization", nil},
		{all, "POST", "/invitations", `{"invitedUserEmailAddress":"new@fabrikam.com","inviteRedirectUrl":"https://myapp.contoso.com"}`},
		{all, "POST", "/subscriptions", subscribe},
		{all, "GET", "/subscriptions", nil},
		{all, "GET", "/users/delta?$select=" + strings.Join(tracked, ",") + ",manager", nil},
		{all, "GET", "/users/microsoft.graph.delta()", nil},
		{all, "GET", "/groups/delta", nil},
		{all, "GET", "/groups/delta()?$deltatoken=latest", nil},
		{all, "GET", "/domains", nil},
		{all, "GET", "/directory/deletedItems/" + unit, nil},
		{all, "POST", "/directory/deletedItems/" + unit + "/restore", nil},
		{all, "DELETE", "/users/new1@contoso.com", nil},
		{all, "GET", "/directory/deletedItems/microsoft.graph.user", nil},
		{all, "POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/` + anna + `"}]}`},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			by := &desk{c.by.Emulator, t, c.by.token}
			path, _, _ := strings.Cut(c.path, "?")
			if !s.Has(c.method, path) {
				t.Fatalf("Microsoft's data has no %s %s", c.method, path)
			}
			if r := by.ask(c.method, "/v1.0"+c.path, c.body); r.code >= http.StatusBadRequest {
				t.Errorf("%d %s", r.code, r.raw)
			}
		})
	}
}
