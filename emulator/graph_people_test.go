package emulator_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// https://learn.microsoft.com/en-us/graph/api/user-list-manager, user-post-manager, user-delete-manager, user-list-directreports
func TestManager(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("GET", "/v1.0/users/"+ann+"/manager?$select=id,displayName", nil)
	if r.body["@odata.type"] != "#microsoft.graph.user" || r.body["displayName"] != "Max Ober" {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("GET", "/v1.0/users/"+max_+"/manager", nil), 404, "Request_ResourceNotFound")
	for _, address := range []string{"https://graph.microsoft.com/v1.0/users/" + max_, "http://elsewhere.test/beta/directoryObjects('" + max_ + "')"} {
		d.want(d.ask("PUT", "/v1.0/users/hal@contoso.com/manager/$ref", map[string]string{"@odata.id": address}), 204, "")
	}
	reports := d.ask("GET", "/v1.0/users/"+max_+"/directReports?$select=displayName", nil)
	if !slices.Equal(reports.names(), []string{"Ann Lee", "Hal Desk"}) {
		t.Errorf("%s", reports.raw)
	}
	d.want(d.ask("PUT", "/v1.0/users/"+ann+"/manager/$ref", map[string]string{"@odata.id": "https://graph.microsoft.com/v1.0/users/" + gone}), 404, "")
	d.want(d.ask("DELETE", "/v1.0/users/"+ann+"/manager/$ref", nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"/manager", nil), 404, "")
	d.want(d.as("ann@contoso.com", "User.ReadWrite").ask("GET", "/v1.0/me/manager", nil), 403, "Authorization_RequestDenied")
	d.want(d.as("ann@contoso.com", "User.ReadWrite").ask("DELETE", "/v1.0/me/manager/$ref", nil), 403, "Authorization_RequestDenied")
	last := d.Ledger(0)[len(d.Ledger(0))-1]
	if last.Op != "user.manager.remove" || last.Before["manager"] != max_ || last.After["manager"] != nil {
		t.Errorf("%+v", last)
	}
	d.want(d.ask("PUT", "/v1.0/users/max@contoso.com/manager/$ref", map[string]string{"@odata.id": "x/users/gus@contoso.com"}), 204, "")
	d.want(d.ask("PUT", "/v1.0/users/ann@contoso.com/manager/$ref", map[string]string{"@odata.id": "x/users/max@contoso.com"}), 204, "")
	chain := d.ask("GET", "/v1.0/users/"+ann+"?$expand=manager($levels=max;$select=displayName)&$count=true", nil, "ConsistencyLevel: eventual")
	m, _ := chain.body["manager"].(map[string]any)
	top, _ := m["manager"].(map[string]any)
	if m["displayName"] != "Max Ober" || top["displayName"] != "Gus Admin" {
		t.Errorf("%s", chain.raw)
	}
}

const gone = "00000000-0000-4000-8000-00000000dead"

// https://learn.microsoft.com/en-us/graph/api/profilephoto-get, profilephoto-update, profilephoto-delete
func TestPhoto(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	picture := d.ask("GET", "/v1.0/users/"+max_+"/photo/$value", nil)
	if picture.code != 200 || picture.header.Get("Content-Type") != "image/jpeg" {
		t.Fatal(picture.code, picture.header)
	}
	self := d.as("ann@contoso.com", "User.ReadWrite")
	d.want(self.ask("GET", "/v1.0/me/photo/$value", nil), 404, "ImageNotFound")
	put := self.ask("PUT", "/v1.0/me/photo/$value", picture.raw, "Content-Type: image/jpeg")
	if put.code != 200 || len(put.raw) != 0 {
		t.Error(put.code, put.raw)
	}
	meta := d.ask("GET", "/v1.0/users/"+ann+"/photo", nil)
	if meta.body["id"] != "648x648" || meta.body["width"] != 648.0 || meta.body["@odata.mediaContentType"] != "image/jpeg" || meta.body["@odata.mediaEtag"] == nil {
		t.Errorf("%s", meta.raw)
	}
	for _, size := range []int{48, 64, 96, 120, 240, 360, 432, 504, 648} {
		r := d.ask("GET", fmt.Sprintf("/v1.0/users/%s/photos/%dx%d/$value", ann, size, size), nil)
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(r.raw))
		if err != nil || cfg.Width != size || cfg.Height != size {
			t.Errorf("%d: %v %v", size, cfg, err)
		}
	}
	if n := len(d.ask("GET", "/v1.0/users/"+ann+"/photos", nil).items()); n != 9 {
		t.Errorf("%d sizes", n)
	}
	small := d.ask("GET", "/v1.0/users/"+ann+"/photos/96x96/$value", nil).raw
	d.want(self.ask("PATCH", "/v1.0/me/photo/$value", small, "Content-Type: image/jpeg"), 200, "")
	if id := d.ask("GET", "/v1.0/users/"+ann+"/photos/648x648", nil).body["id"]; id != "96x96" {
		t.Errorf("a size above the upload: %v", id)
	}
	d.want(self.ask("PUT", "/v1.0/me/photo/$value", bytes.Repeat([]byte("x"), 4<<20+1), "Content-Type: image/jpeg"), 413, "")
	d.want(self.ask("PUT", "/v1.0/me/photo/$value", []byte("GIF89a"), "Content-Type: image/gif"), 400, "")
	d.want(self.ask("PUT", "/v1.0/users/"+max_+"/photo/$value", small, "Content-Type: image/jpeg"), 403, "Authorization_RequestDenied")
	d.want(self.ask("DELETE", "/v1.0/me/photo", nil), 204, "")
	d.want(self.ask("DELETE", "/v1.0/me/photo/$value", nil), 404, "ImageNotFound")
	ops := []string{}
	for _, e := range d.Ledger(0) {
		ops = append(ops, e.Op)
	}
	if !slices.Equal(ops, []string{"user.photo.set", "user.photo.set", "user.photo.remove"}) {
		t.Error(ops)
	}
}

// https://learn.microsoft.com/en-us/graph/json-batching
func TestBatch(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	photo := base64.RawURLEncoding.EncodeToString(d.ask("GET", "/v1.0/users/"+max_+"/photos/48x48/$value", nil).raw)
	r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": []any{
		map[string]any{"id": 1, "method": "PATCH", "url": "/users/" + ann, "headers": map[string]string{"Content-Type": "application/json"}, "body": map[string]any{"city": "Oslo"}},
		map[string]any{"id": "2", "method": "GET", "url": "/users/" + ann + "?$select=city", "dependsOn": []string{"1"}},
		map[string]any{"id": "3", "method": "PUT", "url": "/users/" + ann + "/photo/$value", "headers": map[string]string{"Content-Type": "image/jpeg"}, "body": photo, "dependsOn": []string{"2"}},
		map[string]any{"id": "4", "method": "GET", "url": "users/" + ann + "/photo/$value", "dependsOn": []string{"3"}},
		map[string]any{"id": "5", "method": "GET", "url": "/users/" + gone, "dependsOn": []string{"4"}},
		map[string]any{"id": "6", "method": "DELETE", "url": "/users/" + ann, "dependsOn": []string{"5"}},
	}})
	answers := batchAnswers(t, r)
	for id, want := range map[string]float64{"1": 204, "2": 200, "3": 200, "4": 200, "5": 404, "6": 424} {
		if answers[id]["status"] != want {
			t.Errorf("%s: %v, wanted %v", id, answers[id], want)
		}
	}
	if body, _ := answers["2"]["body"].(map[string]any); body["city"] != "Oslo" {
		t.Errorf("%v", answers["2"])
	}
	if _, err := base64.StdEncoding.DecodeString(fmt.Sprint(answers["4"]["body"])); err != nil {
		t.Errorf("a photo in a batch: %v", err)
	}
	entries := d.Ledger(0)
	if len(entries) != 2 || entries[0].RequestID == entries[1].RequestID {
		t.Errorf("%+v", entries)
	}
}

func batchAnswers(t *testing.T, r reply) map[string]map[string]any {
	t.Helper()
	if r.code != 200 {
		t.Fatalf("%d %s", r.code, r.raw)
	}
	out := map[string]map[string]any{}
	list, _ := r.body["responses"].([]any)
	for _, x := range list {
		m := x.(map[string]any)
		out[m["id"].(string)] = m
	}
	return out
}

func TestBatchShuffled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{ShuffleBatches: true})
	var requests []any
	for i := range 20 {
		requests = append(requests, map[string]any{"id": fmt.Sprint(i), "method": "GET", "url": "/users/" + ann})
	}
	r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": requests})
	if len(batchAnswers(t, r)) != 20 {
		t.Errorf("%s", r.raw)
	}
	var order []string
	for _, x := range r.body["responses"].([]any) {
		order = append(order, x.(map[string]any)["id"].(string))
	}
	inOrder := make([]string, 20)
	for i := range inOrder {
		inOrder[i] = fmt.Sprint(i)
	}
	if slices.Equal(order, inOrder) {
		t.Error("the answers came in the order of the requests")
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-post-users, user-delete, directory-deleteditems-restore
func TestLifeOfAPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	body := map[string]any{
		"accountEnabled": true, "displayName": "New Person", "mailNickname": "newp", "userPrincipalName": "newp@contoso.com",
		"passwordProfile": map[string]any{"forceChangePasswordNextSignIn": true, "password": "xWwvJ]6NMw+bWH-d"},
	}
	made := d.ask("POST", "/v1.0/users", body)
	d.want(made, 201, "")
	id, _ := made.body["id"].(string)
	if made.header.Get("Location") != "http://graph.test/v1.0/users/"+id || made.body["displayName"] != "New Person" || made.body["passwordProfile"] != nil {
		t.Errorf("%v %s", made.header, made.raw)
	}
	again := d.ask("POST", "/v1.0/users", body)
	d.want(again, 400, "Request_BadRequest")
	if again.message() != "Another object with the same value for property userPrincipalName already exists." {
		t.Error(again.message())
	}
	for name := range body {
		less := map[string]any{"userPrincipalName": "other@contoso.com"}
		for k, v := range body {
			if k != name && k != "userPrincipalName" {
				less[k] = v
			}
		}
		if name == "userPrincipalName" {
			delete(less, name)
		}
		r := d.ask("POST", "/v1.0/users", less)
		d.want(r, 400, "Request_BadRequest")
		if r.message() != "A value is required for property '"+name+"' of resource 'User'." {
			t.Errorf("without %s: %s", name, r.message())
		}
	}
	body["userPrincipalName"], body["passwordProfile"] = "weak@contoso.com", map[string]any{"password": "short"}
	if weak := d.ask("POST", "/v1.0/users", body); weak.code != 400 ||
		weak.message() != "The specified password does not comply with password complexity requirements. Please provide a different password." {
		t.Errorf("%s", weak.raw)
	}

	d.want(d.app("Directory.ReadWrite.All").ask("DELETE", "/v1.0/users/"+ann, nil), 403, "Authorization_RequestDenied")
	d.want(d.ask("DELETE", "/v1.0/users/gus@contoso.com", nil), 403, "Authorization_RequestDenied")
	d.want(d.ask("DELETE", "/v1.0/users/"+ann, nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/ann@contoso.com", nil), 404, "Request_ResourceNotFound")
	if names := d.ask("GET", "/v1.0/users", nil).names(); slices.Contains(names, "Ann Lee") {
		t.Error("a deleted person is listed")
	}
	if names := d.ask("GET", "/v1.0/directory/deletedItems/microsoft.graph.user", nil).names(); !slices.Equal(names, []string{"Ann Lee"}) {
		t.Error(names)
	}
	body["userPrincipalName"], body["mailNickname"], body["passwordProfile"] = "ann@contoso.com", "ann", map[string]any{"password": "xWwvJ]6NMw+bWH-d"}
	second := d.ask("POST", "/v1.0/users", body)
	d.want(second, 201, "")
	d.want(d.ask("POST", "/v1.0/directory/deletedItems/"+ann+"/restore", nil), 400, "Request_BadRequest")
	d.want(d.ask("DELETE", "/v1.0/users/"+second.body["id"].(string), nil), 204, "")
	back := d.ask("POST", "/v1.0/directory/deletedItems/"+ann+"/restore", nil)
	if back.code != 200 || back.body["userPrincipalName"] != "ann@contoso.com" || back.body["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("%s", back.raw)
	}
	if m := d.ask("GET", "/v1.0/users/"+ann+"/manager", nil); m.body["id"] != max_ {
		t.Errorf("%s", m.raw)
	}
	d.want(d.ask("DELETE", "/v1.0/directory/deletedItems/"+second.body["id"].(string), nil), 204, "")
	d.want(d.ask("GET", "/v1.0/directory/deletedItems/"+second.body["id"].(string), nil), 404, "Directory_ObjectNotFound")
}

// https://learn.microsoft.com/en-us/graph/api/user-list-memberof, user-list-transitivememberof, directoryrole-list
func TestMemberships(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	if got := d.ask("GET", "/v1.0/users/"+ann+"/memberOf", nil).names(); !slices.Equal(got, []string{"Nurses"}) {
		t.Error(got)
	}
	if got := d.ask("GET", "/v1.0/users/"+ann+"/transitiveMemberOf", nil).names(); !slices.Equal(got, []string{"Nurses", "Staff"}) {
		t.Error(got)
	}
	roles := d.ask("GET", "/v1.0/users/gus@contoso.com/memberOf", nil).items()
	if len(roles) != 1 || roles[0]["@odata.type"] != "#microsoft.graph.directoryRole" || roles[0]["roleTemplateId"] != "62e90394-69f5-4237-9190-012177145e10" {
		t.Error(roles)
	}
	if got := d.ask("GET", "/v1.0/users/gus@contoso.com/memberOf/microsoft.graph.group", nil).names(); len(got) != 0 {
		t.Error(got)
	}
	if got := d.ask("GET", "/v1.0/groups/20000000-0000-4000-8000-000000000002/members", nil).items(); len(got) != 2 || got[1]["@odata.type"] != "#microsoft.graph.group" {
		t.Error(got)
	}
	if got := d.as("ann@contoso.com", "User.Read").ask("GET", "/v1.0/me/memberOf", nil); got.code != 200 {
		t.Error(got.code)
	}
	d.want(d.app("User.Read.All").ask("GET", "/v1.0/users/"+ann+"/memberOf", nil), 403, "Authorization_RequestDenied")
}

// https://learn.microsoft.com/en-us/graph/api/resources/opentypeextension; S2.25: open extensions are deleted by their own call.
func TestS2_25_OpenExtension(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	made := d.ask("POST", "/v1.0/users/"+ann+"/extensions", `{"@odata.type":"microsoft.graph.openTypeExtension","extensionName":"com.contoso.roam","theme":"dark","color":"red"}`)
	d.want(made, 201, "")
	d.want(d.ask("POST", "/v1.0/users/"+ann+"/extensions", `{"extensionName":"com.contoso.roam"}`), 409, "")
	// https://learn.microsoft.com/en-us/graph/api/opentypeextension-get#permissions: User.Read at least
	d.want(d.as("max@contoso.com", "User.ReadBasic.All").ask("GET", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", nil), 403, "Authorization_RequestDenied")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", `{"theme":"light","color":null}`), 204, "")
	got := d.ask("GET", "/v1.0/users/"+ann+"?$select=id&$expand=extensions", nil)
	list, _ := got.body["extensions"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["theme"] != "light" || list[0].(map[string]any)["color"] != nil {
		t.Errorf("%s", got.raw)
	}
	d.want(d.ask("DELETE", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", nil), 204, "")
	d.want(d.ask("GET", "/v1.0/users/"+ann+"/extensions/com.contoso.roam", nil), 404, "")
}

// https://learn.microsoft.com/en-us/graph/api/user-changepassword, user-revokesigninsessions
func TestOwnPasswordAndSessions(t *testing.T) {
	t.Parallel()
	org := office()
	org.Users[0].Password = "Old-Passw0rd"
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	self := d.as("ann@contoso.com", "Directory.AccessAsUser.All", "User.ReadWrite")
	change := func(from, to string) reply {
		return self.ask("POST", "/v1.0/me/changePassword", map[string]string{"currentPassword": from, "newPassword": to})
	}
	d.want(change("wrong", "New-Passw0rd"), 400, "Request_BadRequest")
	d.want(change("Old-Passw0rd", "weak"), 400, "Request_BadRequest")
	d.want(change("Old-Passw0rd", "New-Passw0rd"), 204, "")
	revoked := self.ask("POST", "/v1.0/me/revokeSignInSessions", nil)
	if revoked.code != 200 || revoked.body["value"] != true || revoked.body["@odata.context"] != "http://graph.test/v1.0/$metadata#Edm.Boolean" {
		t.Errorf("%s", revoked.raw)
	}
	for _, e := range d.Ledger(0) {
		if s := fmt.Sprint(e); strings.Contains(s, "Passw0rd") {
			t.Errorf("a password in the ledger: %s", s)
		}
	}
}

// https://learn.microsoft.com/en-us/graph/extensibility-overview: directory extensions have types; S2.25: null clears.
func TestS2_25_DirectoryExtension(t *testing.T) {
	t.Parallel()
	org := office()
	const badge, night = "extension_b7d8e648520f41d3b9c0fdeb91768a0a_badge", "extension_b7d8e648520f41d3b9c0fdeb91768a0a_night"
	org.Extensions = map[string]string{badge: "String", night: "Boolean"}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+badge+`":"B 12","`+night+`":true}`), 204, "")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+night+`":"yes"}`), 400, "Request_BadRequest")
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"extension_b7d8e648520f41d3b9c0fdeb91768a0a_other":"x"}`), 400, "Request_BadRequest")
	found := d.ask("GET", "/v1.0/users?$select=displayName,"+badge+"&$filter="+badge+" eq 'b 12'", nil)
	if items := found.items(); len(items) != 1 || items[0][badge] != "B 12" {
		t.Errorf("%s", found.raw)
	}
	d.want(d.ask("PATCH", "/v1.0/users/"+ann, `{"`+badge+`":null}`), 204, "")
	if r := d.ask("GET", "/v1.0/users/"+ann+"?$select=id,"+badge, nil); r.body[badge] != nil {
		t.Errorf("%s", r.raw)
	}
	if got := d.Snapshot()[0].Extensions; len(got) != 2 || got[night] != "Boolean" {
		t.Errorf("%v", got)
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-update: onPremisesImmutableId is needed in a federated domain.
func TestS2_P27_FederatedDomain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	body := map[string]any{
		"accountEnabled": true, "displayName": "Fed", "mailNickname": "fed", "userPrincipalName": "fed@fed.contoso.com",
		"passwordProfile": map[string]any{"password": "xWwvJ]6NMw+bWH-d"},
	}
	d.want(d.ask("POST", "/v1.0/users", body), 400, "Request_BadRequest")
	body["onPremisesImmutableId"] = "YmFyYmFy"
	d.want(d.ask("POST", "/v1.0/users", body), 201, "")
	by := d.with(emulator.Token{Roles: []string{"User.ReadWrite.All"}, WIDs: []string{templates["Global Administrator"]}})
	d.want(by.ask("PATCH", "/v1.0/users/fed@fed.contoso.com", `{"passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}}`), 400, "Request_BadRequest")
}

// The CSDL says that birthday and the lists are never null: what is not set reads as the first day of all and as []. That null is
// taken is remembered.
func TestS2_P4_ClearedOwnProperties(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{}).as("ann@contoso.com", "User.ReadWrite")
	for _, body := range []string{`{"birthday":"1990-05-17T00:00:00Z"}`, `{"skills":["knots"]}`, `{"birthday":null}`, `{"skills":[]}`} {
		d.want(d.ask("PATCH", "/v1.0/me", body), 204, "")
	}
	r := d.ask("GET", "/v1.0/me?$select=birthday,skills,aboutMe", nil)
	if r.body["birthday"] != "0001-01-01T00:00:00Z" || fmt.Sprint(r.body["skills"]) != "[]" || r.body["aboutMe"] != nil {
		t.Errorf("%s", r.raw)
	}
	d.want(d.ask("PATCH", "/v1.0/me", `{"skills":null}`), 400, "Request_BadRequest")
	d.want(d.ask("PATCH", "/v1.0/me", `{"skills":["a"],"interests":["b"]}`), 400, "BadRequest")
	d.want(d.ask("PATCH", "/v1.0/me", `{"aboutMe":"x","mobilePhone":"1"}`), 400, "BadRequest")
}
