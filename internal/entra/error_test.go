package entra_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/entra"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// What the service says is typed from the threads and pages named; what we say is ours.
func TestUpdate_RefusalsInPlainWords(t *testing.T) {
	t.Parallel()
	const sharePoint = "-1, Microsoft.Office.Server.Directory.DirectoryObjectUnauthorizedAccessException"
	b := newBox(t)
	for name, tc := range map[string]struct {
		do    emulator.Do
		set   property.Values
		kind  fail.Kind
		says  string
		field string
	}{
		// https://github.com/microsoftgraph/microsoft-graph-docs/issues/22189
		"S2.23 SharePoint": {
			emulator.Do{Status: 500, Code: sharePoint, Message: "Attempted to perform an unauthorized operation."},
			property.Values{"aboutMe": property.Text("x")},
			fail.Denied, "Only the person themself", "aboutMe",
		},
		// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301
		"F24 synced": {
			emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."},
			property.Values{"city": property.Text("x")},
			fail.Denied, "on-premises", "city",
		},
		// https://github.com/microsoftgraph/microsoft-graph-docs/issues/12584
		"F24 once synced": {
			emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "Unable to update the specified properties for objects that have originated within an external service."},
			property.Values{"extensionAttribute1": property.Text("x")},
			fail.Denied, "Exchange Online", "extensionAttribute1",
		},
		// https://github.com/microsoftgraph/microsoft-graph-docs/issues/3216
		"S3.42 F24 an administrator's phone": {
			emulator.Do{Status: 403, Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation."},
			property.Values{"mobilePhone": property.Text("+49 1")},
			fail.Denied, "higher role", "mobilePhone",
		},
		"S3.42 a permission is missing": {
			emulator.Do{Status: 403, Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation."},
			property.Values{"city": property.Text("x")},
			fail.Denied, "grant", "city",
		},
		"S3.43 a bad value among several": {
			emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "Invalid value specified for property 'city' of resource 'User'."},
			property.Values{"city": property.Text("x"), "state": property.Text("y")},
			fail.Invalid, "did not accept a value", "city",
		},
		"S3.43 nobody says which": {
			emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "One or more property values specified are invalid."},
			property.Values{"city": property.Text("x"), "state": property.Text("y")},
			fail.Invalid, "without saying why", "",
		},
		"S3.44 gone": {
			emulator.Do{Status: 404, Code: "Request_ResourceNotFound", Message: "Resource 'x' does not exist or one of its queried reference-property objects are not present."},
			property.Values{"city": property.Text("x")},
			fail.NotFound, "not in the directory any more", "",
		},
		"a name that is taken": {
			emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "Another object with the same value for property userPrincipalName already exists."},
			property.Values{"userPrincipalName": property.Text("ben@contoso.example")},
			fail.Exists, "already", "userPrincipalName",
		},
		"two writers at once": {
			emulator.Do{Status: 409, Code: "Directory_ConcurrencyViolation", Message: "Concurrency violation."},
			property.Values{"city": property.Text("x")},
			fail.Throttled, "save again", "",
		},
		"F04 trouble": {
			emulator.Do{Status: 503, Code: "ServiceUnavailable"}, property.Values{"city": property.Text("x")}, fail.Unavailable, "not certain", "",
		},
		"a request that timed out settles nothing": {
			emulator.Do{Status: 408, Code: "RequestTimeout"}, property.Values{"city": property.Text("x")}, fail.Unavailable, "not certain", "",
		},
		"not for this person": {
			emulator.Do{Status: 501, Code: "NotImplemented", Message: "This operation target is not yet supported."},
			property.Values{"city": property.Text("x")},
			fail.Unsupported, "", "",
		},
	} {
		id := b.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH", Times: 1}, At: emulator.Before, Do: tc.do})
		as := directory.Authority{}
		_, err := b.dir.Update(t.Context(), as, ref(memberID), tc.set)
		b.ClearFault(id)
		var f *fail.Error
		if !errors.As(err, &f) || f.Kind != tc.kind || !strings.Contains(f.Say.String(), tc.says) || f.Ref == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, upstream := range []string{"Request_", "Authorization_", "Microsoft.Office", "Insufficient privileges", "'city'"} {
			if strings.Contains(f.Say.String(), upstream) {
				t.Errorf("%s: the service's own words reach people: %s", name, f.Say)
			}
		}
		switch {
		case tc.field == "" && len(f.Fields) != 0, tc.field != "" && (len(f.Fields) != 1 || f.Fields[0].Field != tc.field):
			t.Errorf("%s: fields %+v", name, f.Fields)
		}
	}
	if n := b.Statistics().Writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestF33_ClaimsChallengeCanBeFound(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const claims = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
	for _, path := range []string{`^/v1\.0/users/`, `batch$`} {
		id := b.Inject(emulator.Rule{Match: emulator.Match{Path: path}, At: emulator.Before, Do: emulator.Do{Claims: claims}})
		_, err := b.dir.Update(t.Context(), directory.Own("session of "+memberID), ref(memberID), property.Values{"mobilePhone": property.Text("+49 1")})
		b.ClearFault(id)
		var f *fail.Error
		var c *directory.Challenge
		if !errors.As(err, &f) || f.Kind != fail.Denied || f.Code != "claims" || !errors.As(err, &c) || c.Claims != claims {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestF25_F28_AnswersThatSettleNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rule emulator.Rule
		want string // what the directory has afterwards
	}{
		"504 after it was applied": {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Status: 504}}, "Ulm"},
		"HTML of a proxy":          {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Corrupt: "html"}}, "Ulm"},
		"empty":                    {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Corrupt: "empty"}}, "Ulm"},
		"cut":                      {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Corrupt: "cut"}}, "Ulm"},
		"204 without answers":      {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Corrupt: "no-content"}}, "Ulm"},
		"an error in 200":          {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Corrupt: "error"}}, "Ulm"},
		"inner 504":                {emulator.Rule{Match: emulator.Match{Method: "PATCH", Times: 1}, At: emulator.After, Do: emulator.Do{Status: 504}}, "Ulm"},
		"reset":                    {emulator.Rule{Match: emulator.Match{Path: `batch$`, Times: 1}, At: emulator.After, Do: emulator.Do{Drop: true}}, "Ulm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			b.Inject(tc.rule)
			_, err := b.dir.Update(t.Context(), directory.Authority{}, ref(memberID), property.Values{"city": property.Text("Ulm")})
			var f *fail.Error
			if !errors.As(err, &f) || f.Kind != fail.Unavailable || f.Code == "not_sent" {
				t.Fatalf("%v", err)
			}
			u, err := b.dir.User(t.Context(), directory.Authority{}, ref(memberID), directory.Ask{Names: []property.Name{"city"}})
			if err != nil || u.Values["city"].Str() != tc.want {
				t.Errorf("city %v %v, want %s", u.Values["city"], err, tc.want)
			}
			if n := b.Statistics().Writes; n != 1 {
				t.Errorf("%d writes for one update", n)
			}
		})
	}
}

func TestUpdate_AReadBackThatDidNotComeIsNoFailure(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.Inject(emulator.Rule{Match: emulator.Match{Method: "GET", Path: `^/v1\.0/users/`}, At: emulator.Before, Do: emulator.Do{Status: 503}})
	after, err := b.dir.Update(t.Context(), directory.Authority{}, ref(memberID), property.Values{"city": property.Text("Ulm")})
	if err != nil || after != nil {
		t.Errorf("after %v, error %v", after, err)
	}
}

func TestUser_OneBadPartDoesNotTakeTheOthers(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, part := range []string{"manager", "directReports", "transitiveMemberOf", "photo"} {
		b.Inject(emulator.Rule{Match: emulator.Match{Path: part}, At: emulator.Before, Do: emulator.Do{Status: 403, Code: "Authorization_RequestDenied"}})
	}
	u, err := b.dir.User(t.Context(), directory.Authority{}, ref(memberID), directory.Ask{Names: []property.Name{"jobTitle"}, Manager: true, Reports: true, Roles: true, Photo: true})
	if err != nil || u.Values["jobTitle"].Str() != "Nurse" || u.Roles != nil {
		t.Fatalf("%+v %v", u, err)
	}
	var what []string
	for _, m := range u.Missing {
		what = append(what, m.What)
		if !fail.Is(m.Err, fail.Denied) {
			t.Errorf("%s: %v", m.What, m.Err)
		}
	}
	if strings.Join(what, " ") != "manager reports roles photo" {
		t.Errorf("missing %v", what)
	}
	b.ClearFaults()
	b.Inject(emulator.Rule{Match: emulator.Match{Path: `^/v1\.0/users/[^/]+$`}, At: emulator.Before, Do: emulator.Do{Status: 403, Code: "Authorization_RequestDenied"}})
	_, err = b.dir.User(t.Context(), directory.Authority{}, ref(memberID), directory.Ask{Manager: true})
	if !fail.Is(err, fail.Denied) {
		t.Errorf("the person themself refused: %v", err)
	}
}

// S2.23-held properties live in another service; when that is down the rest of the profile is still there.
func TestUser_SharePointDownIsOnlyItsOwnProperties(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	stop := b.OnRequest(emulator.Match{Path: "nothing"}, func() {})
	defer stop()
	b.Inject(emulator.Rule{Match: emulator.Match{Method: "GET", Path: `^/v1\.0/users/[^/]+$`, Nth: 2}, At: emulator.Before, Do: emulator.Do{Status: 403, Code: "accessDenied"}})
	u, err := b.dir.User(t.Context(), directory.Authority{}, ref(memberID), directory.Ask{Names: []property.Name{"jobTitle", "aboutMe", "skills"}})
	if err != nil || u.Values["jobTitle"].Str() != "Nurse" || len(u.Missing) != 2 {
		t.Errorf("%+v %v", u, err)
	}
}

// broken is a credential that cannot get a token.
type broken struct{}

func (broken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New("AADSTS7000222: the client secret has expired")
}

func TestUpdate_WithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	c, err := graph.New(graph.Options{Endpoint: "http://127.0.0.1:1", Credential: broken{}, Now: time.Now, NewID: func() string { return "x" }})
	if err != nil {
		t.Fatal(err)
	}
	d := entra.New(entra.Options{Tenants: map[string]*graph.Client{tenant: c}, Now: time.Now})
	_, err = d.Update(t.Context(), directory.Authority{}, ref(memberID), property.Values{"city": property.Text("Ulm")})
	var f *fail.Error
	if !errors.As(err, &f) || f.Kind != fail.Unavailable || f.Code != "not_sent" || strings.Contains(f.Say.String(), "AADSTS") {
		t.Errorf("%v", err)
	}
	_, err = d.Update(t.Context(), directory.Own("s"), ref(memberID), property.Values{"city": property.Text("Ulm")})
	if !fail.Is(err, fail.Denied) {
		t.Errorf("own token without sessions: %v", err)
	}
}
