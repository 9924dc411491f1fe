package emulator

import (
	"strings"
	"testing"
	"time"
)

func TestStaleReads(t *testing.T) {
	t.Parallel()
	t.Run("F10 old value", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(2 * time.Minute)}})
		if res, _ := s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`); res.StatusCode != 204 {
			t.Fatal(res.Status)
		}
		if got := s.title(); got != "Nurse" {
			t.Errorf("reads %q at once", got)
		}
		if _, text := s.ok("GET", "/v1.0/users", ""); !strings.Contains(text, "Nurse") {
			t.Errorf("lists %s", text)
		}
		s.e.Clock().Advance(119 * time.Second)
		if got := s.title(); got != "Nurse" {
			t.Errorf("reads %q after 119 s", got)
		}
		s.e.Clock().Advance(2 * time.Second)
		if got := s.title(); got != "Doctor" {
			t.Errorf("reads %q after 121 s", got)
		}
		if n := len(s.e.Ledger(0)); n != 1 {
			t.Errorf("applied %d times", n)
		}
	})
	t.Run("F10 flapping", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(time.Minute), Flap: true}})
		s.ok("PATCH", "/v1.0/users/"+anna, `{"jobTitle":"Doctor"}`)
		got := []string{s.title(), s.title(), s.title(), s.title()}
		if want := "Nurse Doctor Nurse Doctor"; strings.Join(got, " ") != want {
			t.Errorf("reads %v", got)
		}
	})
	t.Run("F10 not there yet", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		const id = "22222222-2222-4222-8222-222222222222"
		s.e.Inject(Rule{Match: Match{Method: "PATCH", Times: 1}, Do: Do{Stale: Duration(time.Minute)}})
		s.ok("PATCH", "/v1.0/users/"+id, `{"jobTitle":"New"}`)
		res, text := s.ok("GET", "/v1.0/users/"+id, "")
		if res.StatusCode != 404 || !strings.Contains(text, "Request_ResourceNotFound") {
			t.Errorf("%s %s", res.Status, text)
		}
		if _, text := s.ok("GET", "/v1.0/users", ""); strings.Contains(text, id) {
			t.Errorf("lists %s", text)
		}
		s.e.Clock().Advance(time.Minute)
		if res, _ := s.ok("GET", "/v1.0/users/"+id, ""); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	})
	t.Run("F10 photo", func(t *testing.T) {
		t.Parallel()
		s := stand(t, Options{})
		s.e.Inject(Rule{Match: Match{Method: "PUT", Times: 1}, At: After, Do: Do{Status: 504, Stale: Duration(time.Minute)}})
		if res, _ := s.ok("PUT", "/v1.0/users/"+anna+"/photo/$value", "new"); res.StatusCode != 504 {
			t.Fatal(res.Status)
		}
		if _, text := s.ok("GET", "/v1.0/users/"+anna+"/photo/$value", ""); text != "old" {
			t.Errorf("reads %q", text)
		}
		s.e.Clock().Advance(time.Minute)
		if _, text := s.ok("GET", "/v1.0/users/"+anna+"/photo/$value", ""); text != "new" {
			t.Errorf("reads %q", text)
		}
	})
}
