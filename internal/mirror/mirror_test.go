package mirror_test

import (
	"testing"
	"time"

	"nameplate/emulator"
	"nameplate/internal/store/storetest"
)

// TestS5_11to17_P1_FullAndIncremental fills a copy, follows changes of every kind, and needs no more requests than pages.
func TestS5_11to17_P1_FullAndIncremental(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]storetest.Open{"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, emulator.Options{Organizations: []emulator.Organization{contoso(120)}}, open)
			first := w.sync()
			w.same("at first")
			if first.All() > 7 {
				t.Errorf("the first reading took %+v requests", first)
			}
			if n := w.sync(); n.All() > 2 {
				t.Errorf("looking for nothing took %+v requests", n)
			}
			w.do("PATCH", "/users/"+id(3), map[string]any{"jobTitle": "Clerk", "mobilePhone": nil})
			w.do("DELETE", "/users/"+id(4), nil)
			w.do("PUT", "/users/"+id(5)+"/manager/$ref", map[string]any{"@odata.id": w.graph + "/v1.0/users/" + id(12)})
			w.do("DELETE", "/groups/40000000-0000-4000-8000-000000000001/members/"+id(5)+"/$ref", nil)
			made := w.do("POST", "/users", map[string]any{
				"displayName": "New", "userPrincipalName": "new@contoso.example", "mailNickname": "new", "accountEnabled": true,
				"passwordProfile": map[string]any{"password": "Kp9-fz!xxQ2"},
			})
			w.do("POST", "/groups/40000000-0000-4000-8000-000000000002/members/$ref", map[string]any{"@odata.id": w.graph + "/v1.0/directoryObjects/" + made["id"].(string)})
			w.sync()
			w.Clock().Advance(25 * time.Hour)
			w.sync()
			w.same("after changes")
		})
	}
}

// TestP2_S5_20_ReadInPieces: a large organization is read in pieces beside one another, odd sign-in names included, by as many requests as there are pages
// and a page more for each piece.
func TestP2_S5_20_ReadInPieces(t *testing.T) {
	t.Parallel()
	org := contoso(2100)
	for i, name := range []string{"0zero", "9", "_under", "#hash", "'quote", "~tilde", "-minus", "Zoe", ".dot"} {
		org.Users = append(org.Users, emulator.User{ID: id(5000 + i), UPN: name + "@contoso.example", Values: map[string]any{
			"displayName": name, "department": "Team 1", "usageLocation": "DE", "accountEnabled": true, "mailNickname": "odd",
		}})
	}
	org.Groups = nil
	w := begin(t, emulator.Options{Organizations: []emulator.Organization{org}}, storetest.SQLite)
	n := w.sync()
	w.same("in pieces")
	if n.People > 3+10+3 { // pages of everybody, a piece's last page each, and count, link and replay
		t.Errorf("%+v", n)
	}
}
