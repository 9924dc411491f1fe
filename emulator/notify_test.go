package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nameplate/emulator"
)

// mailbox is an application's endpoint for notifications.
type mailbox struct {
	*httptest.Server
	got    chan string  // bodies, in the order of arrival
	status atomic.Int64 // what to answer
	pause  func()       // before the answer
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{got: make(chan string, 1000), pause: func() {}}
	m.status.Store(202)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("validationToken"); token != "" {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, token)
			return
		}
		b, _ := io.ReadAll(r.Body)
		m.pause()
		w.WriteHeader(int(m.status.Load()))
		m.got <- string(b)
	}))
	t.Cleanup(m.Close)
	return m
}

// next waits for the notifications of one request.
func (m *mailbox) next(t *testing.T) []map[string]any {
	t.Helper()
	select {
	case b := <-m.got:
		var body struct{ Value []map[string]any }
		if err := json.Unmarshal([]byte(b), &body); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		return body.Value
	case <-time.After(20 * time.Second):
		t.Fatal("no notification")
	}
	return nil
}

// kinds are a request's notifications as "updated Users/1".
func (m *mailbox) kinds(t *testing.T, prefix string) string {
	t.Helper()
	var out []string
	for _, v := range m.next(t) {
		kind, _ := v["changeType"].(string)
		event, _ := v["lifecycleEvent"].(string)
		out = append(out, kind+event+" "+strings.TrimPrefix(v["resource"].(string), prefix))
	}
	return strings.Join(out, ", ")
}

// subscribe makes a subscription that lasts for a while.
func (d *desk) subscribe(m *mailbox, resource string, lasts time.Duration, more string) string {
	d.t.Helper()
	r := d.ask("POST", "/v1.0/subscriptions", fmt.Sprintf(`{"changeType":"updated,deleted","notificationUrl":"%s/in?a=b","resource":"%s",
		"expirationDateTime":"%s","clientState":"s3"%s}`, m.URL, resource, d.Now().Add(lasts).Format(time.RFC3339), more))
	if r.code != 201 {
		d.t.Fatalf("%s: %s", resource, r.raw)
	}
	return r.body["id"].(string)
}

func hearing(t *testing.T) (*desk, *mailbox) {
	t.Helper()
	org := office()
	for i := range org.Users {
		org.Users[i].Roles = nil
	}
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}})
	return d.app("User.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"), newMailbox(t)
}

func TestF26_NotificationsTellWhatHappened(t *testing.T) {
	t.Parallel()
	d, m := hearing(t)
	id := d.subscribe(m, "users", time.Hour, "")
	d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"B"}`)
	got := m.next(t)[0]
	data, _ := got["resourceData"].(map[string]any)
	for name, want := range map[string]any{
		"subscriptionId": id, "changeType": "updated", "clientState": "s3", "resource": "Users/" + ann, "tenantId": d.Tenants()[0],
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if data["id"] != ann || data["@odata.type"] != "#Microsoft.Graph.User" || data["@odata.id"] != "Users/"+ann || data["jobTitle"] != nil {
		t.Errorf("resourceData: %v", data)
	}
	for _, step := range []struct{ method, path, body, want string }{
		{"DELETE", "/users/" + ann, "", "updated " + ann},
		{"POST", "/directory/deletedItems/" + ann + "/restore", "", "updated " + ann},
		{"DELETE", "/users/" + ann, "", "updated " + ann},
		{"DELETE", "/directory/deletedItems/" + ann, "", "deleted " + ann},
	} {
		if r := d.ask(step.method, "/v1.0"+step.path, nil); r.code >= 300 {
			t.Fatalf("%s: %s", step.path, r.raw)
		}
		if kinds := m.kinds(t, "Users/"); kinds != step.want {
			t.Errorf("%s %s: %s, want %s", step.method, step.path, kinds, step.want)
		}
	}
	if n := d.Notifications(); n.Sent < 4 || n.Failed != 0 || n.Subscriptions != 1 {
		t.Errorf("%+v", n)
	}
	if err := d.Set("", max_, map[string]any{"jobTitle": "C"}); err != nil {
		t.Fatal(err)
	}
	if kinds := m.kinds(t, "Users/"); kinds != "updated "+max_ {
		t.Errorf("another administrator: %s", kinds)
	}
}

// However many write at once, what happened is told in its order.
func TestF26_NotificationsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	d, m := hearing(t)
	d.subscribe(m, "users", time.Hour, "")
	var writers sync.WaitGroup
	for k := range 8 {
		writers.Go(func() {
			for i := range 50 {
				d.want(d.ask("PATCH", "/v1.0/users/"+ann, fmt.Sprintf(`{"jobTitle":"%d.%d"}`, k, i)), 204, "")
			}
		})
	}
	writers.Wait()
	d.ask("PATCH", "/v1.0/users/"+max_, `{"jobTitle":"The last"}`)
	newest := 0
	for {
		for _, v := range m.next(t) {
			data := v["resourceData"].(map[string]any)
			n, err := strconv.Atoi(strings.Trim(data["@odata.etag"].(string), `W/"`))
			if err != nil || n <= newest {
				t.Fatalf("%v is told after %d", data, newest)
			}
			if newest = n; data["id"] == max_ {
				return
			}
		}
	}
}

func TestF26_MembersOfAGroup(t *testing.T) {
	t.Parallel()
	d, m := hearing(t)
	const nurses = "20000000-0000-4000-8000-000000000001"
	d.subscribe(m, "groups/"+nurses+"/members", time.Hour, "")
	d.ask("PATCH", "/v1.0/groups/"+nurses, `{"description":"not of the members"}`)
	d.ask("POST", "/v1.0/groups/"+nurses+"/members/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/`+max_+`"}`)
	d.ask("DELETE", "/v1.0/groups/"+nurses+"/members/"+ann+"/$ref", nil)
	var got []string
	for len(got) < 2 {
		for _, v := range m.next(t) {
			j, _ := json.Marshal(v["resourceData"].(map[string]any)["members@delta"])
			got = append(got, string(j))
		}
	}
	if want := []string{`[{"id":"` + max_ + `"}]`, `[{"@removed":"deleted","id":"` + ann + `"}]`}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A client that fails is asked again, more and more seldom, for four hours of the emulator's clock.
func TestF26_NotificationsAreSentAgain(t *testing.T) {
	t.Parallel()
	d, m := hearing(t)
	d.subscribe(m, "users", 24*time.Hour, "")
	m.status.Store(503)
	d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"B"}`)
	first := m.next(t)
	settled := func(ok func(emulator.Notifications) bool) emulator.Notifications {
		for {
			if n := d.Notifications(); ok(n) {
				return n
			}
			select {
			case <-t.Context().Done():
				t.Fatal(d.Notifications())
			default:
			}
		}
	}
	settled(func(n emulator.Notifications) bool { return n.Waiting == 1 })
	m.status.Store(202)
	d.Clock().Advance(time.Minute)
	if again := m.next(t); len(again) != 1 || again[0]["resource"] != first[0]["resource"] {
		t.Errorf("sent again: %v", again)
	}
	settled(func(n emulator.Notifications) bool { return n.Delivered == 1 })
	m.status.Store(500)
	d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"C"}`)
	tries := 1
	for pause := 10 * time.Second; ; pause *= 2 {
		m.next(t)
		if n := settled(func(n emulator.Notifications) bool { return n.Waiting == 1 || n.Dropped == 1 }); n.Dropped == 1 {
			break
		}
		tries++
		d.Clock().Advance(pause + time.Second)
	}
	if tries != 11 { // 10 s, 20 s … 5,120 s are less than four hours together, the next pause is not
		t.Errorf("given up after %d tries", tries)
	}
}

func TestF26_F27_LifeOfASubscription(t *testing.T) {
	t.Parallel()
	d, m := hearing(t)
	life := newMailbox(t)
	more := `,"lifecycleNotificationUrl":"` + life.URL + `/life"`
	id := d.subscribe(m, "users", 2*time.Hour, more)
	d.Clock().Advance(110 * time.Minute)
	if got := life.kinds(t, ""); got != "reauthorizationRequired users" {
		t.Error(got)
	}
	d = d.app("User.ReadWrite.All", "Directory.Read.All")
	d.want(d.ask("PATCH", "/v1.0/subscriptions/"+id, `{"expirationDateTime":"`+d.Now().Add(10*time.Hour).Format(time.RFC3339)+`"}`), 200, "")
	if err := d.Lifecycle(id, "missed"); err != nil {
		t.Fatal(err)
	}
	if got := life.kinds(t, ""); got != "missed users" {
		t.Error(got)
	}
	if err := d.Lifecycle(id, "subscriptionRemoved"); err != nil {
		t.Fatal(err)
	}
	if got := life.kinds(t, ""); got != "subscriptionRemoved users" || d.Notifications().Subscriptions != 0 {
		t.Error(got, d.Notifications())
	}
	if d.Lifecycle(id, "missed") == nil || d.Lifecycle(id, "other") == nil {
		t.Error("an event for nobody")
	}
	d.subscribe(m, "users", time.Minute, "") // raised to 45 minutes
	d.Clock().Advance(44 * time.Minute)
	if d.Notifications().Subscriptions != 1 {
		t.Error("gone before 45 minutes")
	}
	d.Clock().Advance(96 * time.Hour)
	if d.Notifications().Subscriptions != 0 {
		t.Error("still there after its end")
	}
}

// A client that is slow hears later, and then nothing: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
func TestF26_SlowEndpointsHearLess(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	start := time.Now()
	wall := func() time.Time { return start.Add(time.Duration(ahead.Load())) }
	org := office()
	d := newDesk(t, emulator.Options{Organizations: []emulator.Organization{org}, Wall: wall}).app("User.ReadWrite.All", "Directory.Read.All")
	m := newMailbox(t)
	d.subscribe(m, "users", 24*time.Hour, "")
	slow := func(every int) {
		n := 0
		m.pause = func() {
			if n++; every > 0 && n%every == 0 {
				ahead.Add(int64(3 * time.Second))
			}
		}
		for i := range 110 {
			d.ask("PATCH", "/v1.0/users/"+ann, fmt.Sprintf(`{"jobTitle":"%d %d"}`, every, i))
			if d.Notifications().Waiting > 0 && len(m.got) == 0 && i > 100 {
				return
			}
			if d.Notifications().Dropped > 0 {
				return
			}
			m.next(t)
		}
	}
	slow(8) // 12.5 % of the answers
	if n := d.Notifications(); n.Dropped != 0 || n.Slow < 12 {
		t.Fatalf("%+v", n)
	}
	before := d.Notifications().Sent
	d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"late"}`)
	if n := d.Notifications(); n.Waiting == 0 || n.Sent != before {
		t.Errorf("a slow client hears at once: %+v", n)
	}
	d.Clock().Advance(11 * time.Minute)
	m.next(t)
}

// The emulator sends nothing to other machines, by whatever name, nor where a redirect leads.
func TestNotificationsStayOnThisMachine(t *testing.T) {
	t.Parallel()
	d, _ := hearing(t)
	other := newMailbox(t)
	away := httptest.NewServer(http.RedirectHandler(other.URL+"/in", http.StatusTemporaryRedirect))
	t.Cleanup(away.Close)
	for _, address := range []string{"https://hooks.contoso.com/in", "https://192.0.2.1/in", "http://192.0.2.1/in", "https://user@localhost/in", "/in", "ftp://localhost/in", away.URL} {
		r := d.ask("POST", "/v1.0/subscriptions", fmt.Sprintf(`{"changeType":"updated","notificationUrl":"%s","resource":"users","expirationDateTime":"%s"}`,
			address, d.Now().Add(time.Hour).Format(time.RFC3339)))
		if r.code != 400 {
			t.Errorf("%s: %d %s", address, r.code, r.raw)
		}
	}
	if n := d.Notifications(); n.Subscriptions != 0 || len(other.got) > 0 {
		t.Errorf("%+v", n)
	}
}

// Nothing runs on when a server is closed while a client does not answer.
func TestNotificationsEndWithTheServer(t *testing.T) {
	before := goleak.IgnoreCurrent()
	e := newEmulator(t, emulator.Options{Organizations: []emulator.Organization{office()}})
	s, err := e.Start(t.Context(), emulator.Addresses{HTTPS: "-", Control: "-"})
	if err != nil {
		t.Fatal(err)
	}
	d := (&desk{Emulator: e, t: t}).app("User.ReadWrite.All", "Directory.Read.All")
	m := newMailbox(t)
	arrived, leave := make(chan bool), make(chan bool)
	m.pause = func() { arrived <- true; <-leave }
	d.subscribe(m, "users", time.Hour, "")
	d.ask("PATCH", "/v1.0/users/"+ann, `{"jobTitle":"B"}`)
	<-arrived
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := e.Notifications(); n.Waiting != 0 || n.Failed != 0 {
		t.Errorf("what the stop ended waits to be sent again: %+v", n)
	}
	close(leave)
	m.Close()
	goleak.VerifyNone(t, before)
}
