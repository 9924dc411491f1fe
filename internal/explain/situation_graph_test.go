package explain_test

import (
	"bytes"
	"context"
	"time"

	"nameplate/emulator"
	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

var asApp = directory.Authority{}

func update(as directory.Authority, id string, set property.Values) func(*world) error {
	return func(w *world) error {
		_, err := w.dir.Update(w.t.Context(), as, ref(id), set)
		return err
	}
}

func set(name property.Name, v string) property.Values {
	return property.Values{name: property.Text(v)}
}

func read(w *world) error {
	_, err := w.dir.User(w.t.Context(), asApp, ref(anna), directory.Ask{Names: []property.Name{"jobTitle"}})
	return err
}

func member(group string) func(*world) error {
	return func(w *world) error { return w.dir.SetMember(w.t.Context(), asApp, ref(anna), group, true) }
}

func license(id, sku string, v property.Value) func(*world) error {
	return func(w *world) error {
		return w.dir.SetLicenses(w.t.Context(), asApp, ref(id), property.Values{directory.Licensed(sku): v})
	}
}

// said is an answer in the service's words, for what the emulator does not do by itself.
func said(status int, code, message string) func(*world) {
	return rule(emulator.Match{Path: `^/v1\.0/(users|groups|me)`}, emulator.Do{Status: status, Code: code, Message: message})
}

func corrupted(how string) func(*world) {
	return rule(emulator.Match{Path: `batch$`}, emulator.Do{Corrupt: how})
}

func graphSituations() []situation {
	grant := func(names ...string) []how {
		return []how{app(func(a *emulator.App) { a.Application = names })}
	}
	city := update(asApp, anna, set("city", "Ulm"))
	return []situation{
		{name: "consent withdrawn", edit: grant(), act: read},
		{name: "consent withdrawn, writing", edit: grant(), act: city},
		{name: "may read and not write", edit: grant("User.Read.All", "Directory.Read.All"), act: city},
		{name: "may read people and not groups", edit: grant("User.Read.All"), act: func(w *world) error {
			_, err := w.dir.Groups(w.t.Context(), tenant, directory.Query{})
			return err
		}},
		{name: "may write phones only", edit: grant("User-Phone.ReadWrite.All", "Directory.Read.All"), act: city},
		{name: "may not change members", edit: grant("Directory.Read.All"), act: member(plainOne)},
		{name: "may not assign licenses", edit: grant("Directory.Read.All"), act: license(anna, e5, directory.Assigned())},
		{name: "may not delete", edit: grant("Directory.ReadWrite.All"), act: func(w *world) error {
			return w.dir.SetAccount(w.t.Context(), asApp, ref(anna), directory.Deleted)
		}},
		{name: "may not see licenses", edit: grant("User.Read.All"), act: func(w *world) error { _, err := w.dir.SKUs(w.t.Context(), tenant); return err }},
		{name: "may not set photos", edit: grant("Directory.Read.All"), act: func(w *world) error {
			return w.dir.SetPhoto(w.t.Context(), asApp, ref(anna), []byte("\xff\xd8\xff\xe0"))
		}},
		{name: "an administrator's phone", act: update(asApp, emil, set("mobilePhone", "+49 1"))},
		{name: "an administrator is deleted", act: func(w *world) error { return w.dir.SetAccount(w.t.Context(), asApp, ref(emil), directory.Deleted) }},
		{name: "a synchronized person", act: update(asApp, carl, set("city", "Ulm"))},
		{name: "a person who was synchronized once", act: update(asApp, dora, set("extensionAttribute1", "x"))},
		{name: "skills by the application", act: update(asApp, anna, property.Values{"skills": property.List("Go")})},
		{name: "skills by the application, as documented", edit: []how{func(o *emulator.Options, _ *graph.Options) { o.Rules = emulator.DocumentedRules }}, act: update(asApp, anna, set("aboutMe", "x"))},
		{name: "hire date by the application", act: update(asApp, anna, property.Values{"employeeHireDate": property.Instant(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))})},
		{name: "own job title", act: update(directory.Own(anna), anna, set("jobTitle", "Boss"))},
		{name: "a guest's own job title", act: update(directory.Own(gustav), gustav, set("jobTitle", "Boss"))},
		{name: "a sign-in name that is taken", act: update(asApp, anna, set("userPrincipalName", "ben@contoso.example"))},
		{name: "a domain that is not verified", act: update(asApp, anna, set("userPrincipalName", "anna@new.example"))},
		{name: "a domain of somebody else", act: update(asApp, anna, set("userPrincipalName", "anna@fabrikam.example"))},
		{name: "a sign-in name of a wrong form", act: update(asApp, anna, set("userPrincipalName", "anna..@@contoso.example"))},
		{name: "a weak password", edit: []how{app(func(a *emulator.App) { a.Roles = []string{"User Administrator"} })}, act: func(w *world) error {
			return w.dir.ResetPassword(w.t.Context(), asApp, ref(anna), "short")
		}},
		{name: "a password without a role", act: func(w *world) error { return w.dir.ResetPassword(w.t.Context(), asApp, ref(anna), "Correct-Horse-2") }},
		{name: "a password of an administrator", edit: []how{app(func(a *emulator.App) { a.Roles = []string{"User Administrator"} })}, act: func(w *world) error {
			return w.dir.ResetPassword(w.t.Context(), asApp, ref(emil), "Correct-Horse-2")
		}},
		{name: "a value that is too long", act: update(asApp, anna, set("postalCode", "12345678901234567890123456789012345678901234567890"))},
		{name: "a country of three letters", act: update(asApp, anna, set("usageLocation", "DEU"))},
		{name: "a display name is cleared", act: update(asApp, anna, property.Values{"displayName": property.Null()})},
		{name: "a person who is gone", act: update(asApp, nobody, set("city", "Ulm"))},
		{name: "somebody of another organization", act: func(w *world) error {
			_, err := w.dir.User(w.t.Context(), asApp, ref(nobody), directory.Ask{Names: []property.Name{"jobTitle"}})
			return err
		}},
		{name: "a manager who is not there", act: func(w *world) error { return w.dir.SetManager(w.t.Context(), asApp, ref(anna), nobody) }},
		{name: "no photo", act: func(w *world) error { return w.get("/users/" + anna + "/photo") }},
		{name: "a picture of 5 MB", act: func(w *world) error {
			return w.dir.SetPhoto(w.t.Context(), asApp, ref(anna), bytes.Repeat([]byte{0xff}, 5<<20))
		}},
		{name: "a picture that is none", act: func(w *world) error { return w.dir.SetPhoto(w.t.Context(), asApp, ref(anna), []byte("no picture")) }},
		{name: "a member of a dynamic group", act: member(dynamic)},
		{name: "a member of a role-assignable group", act: member(roleOne)},
		{name: "a member of a group that is not there", act: member(nobody)},
		{name: "a distribution list", arm: said(400, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list."), act: member(mailOne)},
		{name: "the last owner", act: func(w *world) error {
			return explained(w.graph.Delete(w.t.Context(), "/groups/"+plainOne+"/owners/"+ben+"/$ref"))
		}},
		{name: "a member twice", act: func(w *world) error {
			body := map[string]string{"@odata.id": w.graph.Endpoint() + "/directoryObjects/" + ben}
			return explained(w.graph.Post(w.t.Context(), "/groups/"+plainOne+"/members/$ref", body, nil))
		}},
		{name: "a license without a place", act: license(ben, e5, directory.Assigned())},
		{name: "a license without a seat", act: license(anna, full, directory.Assigned())},
		{name: "a license that nobody bought", act: license(anna, nobody, directory.Assigned())},
		{name: "a license that the person does not have", act: license(anna, e5, property.Null())},
		{name: "a license from a group", arm: said(400, "Request_BadRequest", "User license is inherited from a group membership and it cannot be removed directly from the user."), act: license(anna, e5, property.Null())},
		{name: "throttled", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 429, RetryAfter: "7"}), act: city},
		{name: "two writers at once", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 409}), act: city},
		{name: "the directory is full", arm: said(403, "Directory_QuotaExceeded", "The directory object quota limit for the Tenant has been exceeded."), act: city},
		{name: "busy", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 503}), act: city},
		{name: "gateway time-out", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 504}), act: city},
		{name: "bad gateway", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 502, Code: "UnknownError", Message: "Bad gateway"}), act: city},
		{name: "an error nobody explains", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 500, Code: "UnknownError", Message: "An error has occurred."}), act: city},
		{name: "a refusal nobody explains", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 400, Code: "Request_BadRequest", Message: "One or more property values specified are invalid."}), act: city},
		{name: "a code nobody knows", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 418, Code: "Teapot", Message: "Short and stout."}), act: city},
		{name: "refused with every right that is known", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 403}), act: city},
		{name: "refused by another service", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 403, Code: "UnknownError", Message: "Forbidden"}), act: city},
		{name: "a claims challenge", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Claims: `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`}), act: city},
		{name: "a token that has expired", act: badToken(emulator.Token{Client: client, Expires: -time.Hour})},
		{name: "a token for another service", act: badToken(emulator.Token{Client: client, Aud: "https://graph.microsoft.us"})},
		{name: "no token", arm: rule(emulator.Match{Method: "PATCH"}, emulator.Do{Status: 401, Code: "InvalidAuthenticationToken", Message: "Access token is empty."}), act: city},
		{name: "a token of a person whose sign-ins were revoked", arm: func(w *world) {
			w.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH"}, Do: emulator.Do{Claims: `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`}})
		}, act: update(directory.Own(anna), anna, set("mobilePhone", "+49 1"))},
		{name: "a query that needs more", act: func(w *world) error { return w.get("/users?$filter=endsWith(mail,'x')") }},
		{name: "a property nobody has", act: func(w *world) error { return w.get("/users?$select=shoeSize") }},
		{name: "a page that is too old", arm: rule(emulator.Match{Path: `^/v1\.0/users$`}, emulator.Do{Status: 400, Code: "Directory_ExpiredPageToken", Message: "The specified page token value has expired and can no longer be included in your request."}), act: func(w *world) error { return w.get("/users") }},
		{name: "a change log that is too old", arm: rule(emulator.Match{Path: `delta`}, emulator.Do{Status: 410}), act: func(w *world) error { return w.get("/users/delta") }},
		{name: "skills of many", act: func(w *world) error { return w.get("/users?$select=skills") }},
		{name: "a path that is not there", act: func(w *world) error { return w.get("/nothing") }},
		{name: "the page of a proxy", arm: corrupted("html"), act: city},
		{name: "a refusal of a proxy", arm: rule(emulator.Match{Path: `batch$`}, emulator.Do{Status: 403, Body: "<html>blocked by policy</html>", Headers: map[string]string{"Content-Type": "text/html"}}), act: city},
		{name: "an answer that is cut", arm: corrupted("cut"), act: city},
		{name: "an empty answer", arm: corrupted("empty"), act: city},
		{name: "an answer of another type", arm: corrupted("type"), act: city},
		{name: "a name twice", arm: rule(emulator.Match{Path: `^/v1\.0/users/`}, emulator.Do{Corrupt: "duplicate"}), act: func(w *world) error { return w.get("/users/" + anna) }},
		{name: "an error that says it is none", arm: corrupted("error"), act: city},
		{name: "a redirect", arm: rule(emulator.Match{Path: `batch$`}, emulator.Do{Status: 302, Headers: map[string]string{"Location": "https://evil.example/"}}), act: city},
		{name: "a next page elsewhere", arm: rule(emulator.Match{Path: `^/v1\.0/users$`}, emulator.Do{LinkHost: "evil.example", Page: "1"}), act: func(w *world) error {
			for _, err := range w.graph.Pages(w.t.Context(), "/users") {
				if err != nil {
					return explained(err)
				}
			}
			return nil
		}},
	}
}

// badToken asks Graph with a token that is made for it.
func badToken(k emulator.Token) func(*world) error {
	return func(w *world) error {
		t, err := w.Mint(k)
		if err != nil {
			w.t.Fatal(err)
		}
		var out map[string]any
		return explained(w.graph.As(func(context.Context, string) (string, error) { return t, nil }).Get(w.t.Context(), "/users/"+anna, &out))
	}
}
