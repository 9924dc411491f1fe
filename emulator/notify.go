//lint:file-ignore ST1005 What a subscriber is told are sentences, most of them the service's own.

package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How notifications are delivered: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks. The first pause,
// the size of a request and the time before an end at which its owner is warned are assumed.
const (
	notifyWait    = 10 * time.Second // for an answer, of the handshake too; wall time
	notifySlow    = 2900 * time.Millisecond
	notifyTries   = 4 * time.Hour // as long a notification is sent again; the emulator's clock
	notifyPause   = 10 * time.Second
	notifyWindow  = 10 * time.Minute // in which slow answers are counted
	notifyMin     = 100              // answers that a judgement needs
	notifyBatch   = 100
	notifyWarning = 15 * time.Minute
)

var (
	errNoAddress = errors.New("The notification address is not an absolute address.")
	errNotSecure = errors.New("The address must begin with https.")
	errNotLocal  = errors.New("The emulator notifies addresses of this machine only (see Options.Notify).")
	errForeign   = errors.New("the address is of another machine")
)

// Notifications counts what was sent since the start or the last Reset.
type Notifications struct {
	Subscriptions int   `json:"subscriptions"` // in force
	Sent          int64 `json:"sent"`          // requests to clients
	Delivered     int64 `json:"delivered"`     // notifications that were taken
	Failed        int64 `json:"failed"`        // requests that were not answered with 2xx
	Slow          int64 `json:"slow"`          // requests that were answered too late
	Dropped       int64 `json:"dropped"`       // notifications given up, after four hours or because the client is slow
	Waiting       int   `json:"waiting"`       // notifications that are to be sent, again or later
}

// notifier owns the subscriptions and sends what happens to them, off the path of requests: one lane for each address, in which
// notifications keep their order. What waits, for another try or for a delay, waits by the emulator's clock.
type notifier struct {
	e      *Emulator
	client *http.Client

	telling sync.Mutex // who announces has it until all is posted, so that changes keep their order

	mu      sync.Mutex
	subs    []*subscription
	told    map[string]uint64 // by tenant: the newest change that was looked at
	lanes   map[string]*lane
	waiting []*parcel
	timer   *time.Timer
	ctx     context.Context // of everything that is being sent
	cancel  context.CancelFunc
	running *sync.WaitGroup // the lanes that ctx is of; nobody joins them when stop waits
	count   Notifications
}

// lane is an address.
type lane struct {
	queue   []*parcel
	busy    bool
	answers []answered // of the last ten minutes
}

type answered struct {
	at   time.Time
	slow bool
}

// parcel is a notification on its way.
type parcel struct {
	notice
	first, due time.Time
	tries      int
}

func newNotifier(e *Emulator) *notifier {
	n := &notifier{e: e, told: map[string]uint64{}, lanes: map[string]*lane{}, running: &sync.WaitGroup{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	dialer := &net.Dialer{Timeout: notifyWait, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if host, _, err := net.SplitHostPort(address); !e.opts.Notify && (err != nil || !isLoopback(host)) {
			return errForeign // whatever a name was made to mean
		}
		return nil
	}}
	n.client = &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: notifyWait},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       notifyWait,
	}
	e.clock.moved = n.wake
	return n
}

// handshake asks an address whether it wants notifications: it answers the token that it is sent.
func (n *notifier) handshake(ctx context.Context, address, token string) error {
	token = "Validation: Testing client application reachability. Request-Id: " + token
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&validationToken="+url.QueryEscape(token), "&")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := n.client.Do(r)
	if err != nil {
		var slow net.Error
		if errors.As(err, &slow) && slow.Timeout() {
			return errors.New("The operation has timed out.")
		}
		return errors.New("The notification endpoint could not be reached.")
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	switch {
	case err != nil || res.StatusCode != http.StatusOK:
		// https://github.com/splunk/azure-functions-splunk/issues/26
		return errors.New("Notification endpoint must respond with 200 OK to validation request.")
	case !strings.EqualFold(strings.TrimSpace(kind), "text/plain"), string(body) != token:
		return errors.New("Response must exactly match validationToken query parameter.")
	}
	return nil
}

func (n *notifier) add(s *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.told[s.tenant]; !ok {
		n.told[s.tenant] = s.since
	}
	n.subs = append(n.subs, s)
	n.arm()
}

// of are an application's subscriptions, copied.
func (n *notifier) of(tenant, app string) []subscription {
	n.wake()
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []subscription
	for _, s := range n.subs {
		if s.tenant == tenant && strings.EqualFold(s.app, app) {
			out = append(out, *s)
		}
	}
	return out
}

func (n *notifier) find(id, tenant, app string) (subscription, bool) {
	own := n.of(tenant, app)
	i := slices.IndexFunc(own, func(s subscription) bool { return strings.EqualFold(s.id, id) })
	if i < 0 {
		return subscription{}, false
	}
	return own[i], true
}

// renew sets an end, which also says that the application is still authorized.
func (n *notifier) renew(id string, until time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.subs {
		if s.id == id {
			s.expires, s.warned = until, false
		}
	}
	n.arm()
}

func (n *notifier) remove(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subs = slices.DeleteFunc(n.subs, func(s *subscription) bool { return s.id == id })
}

// announce tells the subscriptions of a tenant what has happened since the last time.
func (e *Emulator) announce(t *tenant) {
	n := e.notifier
	n.telling.Lock()
	defer n.telling.Unlock()
	e.mu.RLock()
	n.mu.Lock()
	var due []notice
	if from, ok := n.told[t.id]; ok && from != t.dir.changes.last {
		changes, _ := t.dir.changes.since(from)
		n.told[t.id] = t.dir.changes.last
		for _, s := range n.subs {
			if s.tenant == t.id {
				due = append(due, s.notices(changes)...)
			}
		}
	}
	n.mu.Unlock()
	e.mu.RUnlock()
	if len(due) > 0 {
		n.post(e.unruly(due))
	}
}

// notices are what a subscription hears of changes: an object that changed is updated once, one that is gone for good deleted.
// Creation, deletion into deletedItems and restore are updates: https://learn.microsoft.com/en-us/graph/api/resources/subscription
func (s *subscription) notices(changes []change) []notice {
	var out []notice
	for i, ch := range changes {
		o := ch.object
		kind := "updated"
		if ch.what == changePurge {
			kind = "deleted"
		}
		switch {
		case ch.seq <= s.since, o.in.set != s.set, s.object != "" && s.object != o.id, kind == "updated" && !s.updated, kind == "deleted" && !s.deleted,
			s.members && ch.rel != "members" && ch.what != changePurge,
			ch.what == changeUpdate && len(ch.props) == 0 && ch.rel != "members" && ch.rel != "owners":
			continue
		case slices.ContainsFunc(changes[i+1:], func(x change) bool { return ch.rel == "" && x.object == o && x.rel == "" && x.what == ch.what }):
			continue // the same again
		}
		title := strings.ToUpper(o.in.name[:1]) + o.in.name[1:]
		at := title + "s/" + o.id
		b := append(s.head(kind, at), `,"resourceData":{"@odata.type":"#Microsoft.Graph.`+title+`","@odata.id":"`+at+`","@odata.etag":"W/\"`...)
		b = strconv.AppendUint(b, ch.seq, 10)
		b = append(b, `\"","id":"`+o.id+`","organizationId":"`+s.tenant+`"`...)
		if ch.rel == "members" {
			b = append(b, `,"members@delta":[`...)
			for j, x := range slices.Concat(ch.removed, ch.added) {
				if j > 0 {
					b = append(b, ',')
				}
				b = append(b, `{"id":"`+x.id+`"`...)
				if j < len(ch.removed) {
					b = append(b, `,"@removed":"deleted"`...)
				}
				b = append(b, '}')
			}
			b = append(b, ']')
		}
		out = append(out, notice{app: s.app, tenant: s.tenant, kind: kind, resource: o.in.set + "/" + o.id, address: s.address, value: append(b, "}}"...)})
	}
	return out
}

// head begins a notification, without the closing brace.
func (s *subscription) head(kind, resource string) []byte {
	b := []byte(`{"subscriptionId":"` + s.id + `","subscriptionExpirationDateTime":"` + s.expires.Format(time.RFC3339) + `","tenantId":"` + s.tenant + `","clientState":`)
	if s.state == "" {
		b = append(b, "null"...)
	} else {
		b = appendText(b, s.state)
	}
	name := "changeType"
	if !s.hears(kind) {
		name = "lifecycleEvent"
	}
	b = append(b, `,"`+name+`":"`+kind+`","resource":`...)
	return appendText(b, resource)
}

// hears says whether a kind is one of change notifications; the others are of the subscription's own life.
func (s *subscription) hears(kind string) bool { return kind == "updated" || kind == "deleted" }

// event is a notification about a subscription: https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
func (s *subscription) event(kind string) notice {
	return notice{
		app: s.app, tenant: s.tenant, kind: kind, resource: s.resource, address: s.lifecycle,
		value: append(s.head(kind, s.resource), `,"organizationId":"`+s.tenant+`"}`...),
	}
}

// post puts notifications on their way.
func (n *notifier) post(due []notice) {
	now := n.e.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range due {
		p := &parcel{notice: one, first: now, due: now.Add(one.delay)}
		switch slow := n.lane(one.address).slowness(now); { // same page: endpoints that are slow
		case slow >= 0.15:
			n.count.Dropped++
			continue
		case slow >= 0.10:
			p.due = p.due.Add(notifyWindow)
		}
		n.waiting = append(n.waiting, p)
	}
	n.dispatch(now)
}

func (n *notifier) lane(address string) *lane {
	l := n.lanes[address]
	if l == nil {
		l = &lane{}
		n.lanes[address] = l
	}
	return l
}

// slowness is the share of slow answers in the last ten minutes, 0 where there are too few to say.
func (l *lane) slowness(now time.Time) float64 {
	l.answers = slices.DeleteFunc(l.answers, func(a answered) bool { return now.Sub(a.at) > notifyWindow })
	if len(l.answers) < notifyMin {
		return 0
	}
	slow := 0
	for _, a := range l.answers {
		if a.slow {
			slow++
		}
	}
	return float64(slow) / float64(len(l.answers))
}

// wake looks what is due now: the clock has moved, or a time has come.
func (n *notifier) wake() {
	now := n.e.Now()
	var events []notice
	n.mu.Lock()
	n.subs = slices.DeleteFunc(n.subs, func(s *subscription) bool { return !now.Before(s.expires) })
	for _, s := range n.subs {
		if !s.warned && s.lifecycle != "" && s.expires.Sub(now) <= notifyWarning {
			s.warned = true
			events = append(events, s.event("reauthorizationRequired"))
		}
	}
	n.dispatch(now)
	n.mu.Unlock()
	if len(events) > 0 {
		n.post(n.e.unruly(events))
	}
}

// dispatch gives what is due to the lanes, and sets the timer for the rest. Call with mu held.
func (n *notifier) dispatch(now time.Time) {
	n.waiting = slices.DeleteFunc(n.waiting, func(p *parcel) bool {
		if p.due.After(now) {
			return false
		}
		l := n.lane(p.address)
		l.queue = append(l.queue, p)
		if !l.busy {
			l.busy = true
			ctx := n.ctx
			n.running.Go(func() { n.run(ctx, p.address, l) }) // ends when the queue is empty or with stop
		}
		return true
	})
	n.arm()
}

// arm sets the timer for what comes next. Call with mu held.
func (n *notifier) arm() {
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, p := range n.waiting {
		sooner(p.due)
	}
	for _, s := range n.subs {
		if sooner(s.expires); s.lifecycle != "" && !s.warned {
			sooner(s.expires.Add(-notifyWarning))
		}
	}
	if n.timer != nil {
		n.timer.Stop()
	}
	if !next.IsZero() {
		n.timer = time.AfterFunc(max(time.Millisecond, next.Sub(n.e.Now())), n.wake)
	}
}

// run sends what stands in a lane, one request after the other.
func (n *notifier) run(ctx context.Context, address string, l *lane) {
	for {
		n.mu.Lock()
		if len(l.queue) == 0 || ctx.Err() != nil {
			l.busy = false
			n.mu.Unlock()
			return
		}
		k := 1
		for k < min(len(l.queue), notifyBatch) && l.queue[0].body == nil && l.queue[k].body == nil {
			k++
		}
		batch := l.queue[:k:k]
		l.queue = l.queue[k:]
		n.mu.Unlock()
		began := n.e.clock.wall()
		ok := n.send(ctx, address, batch)
		n.answered(ctx, l, batch, ok, n.e.clock.wall().Sub(began))
	}
}

// answered notes how a request ended; what was not taken is sent again after a pause that doubles, but for
// what stop has ended.
func (n *notifier) answered(ctx context.Context, l *lane, batch []*parcel, ok bool, took time.Duration) {
	now := n.e.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	n.count.Sent++
	slow := took > notifySlow
	if l.answers = append(l.answers, answered{now, slow}); slow {
		n.count.Slow++
	}
	if ok {
		n.count.Delivered += int64(len(batch))
		return
	}
	n.count.Failed++
	for _, p := range batch {
		p.due = now.Add(notifyPause << min(p.tries, 10))
		if p.tries++; p.due.Sub(p.first) > notifyTries {
			n.count.Dropped++
			continue
		}
		n.waiting = append(n.waiting, p)
	}
	n.arm()
}

// send makes one request; it is true when the client took it.
func (n *notifier) send(ctx context.Context, address string, batch []*parcel) bool {
	body := batch[0].body
	if body == nil {
		var values [][]byte
		for _, p := range batch {
			values = append(values, p.value)
		}
		body = fmt.Appendf(nil, `{"value":[%s]}`, bytes.Join(values, []byte{','}))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	res, err := n.client.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // the status is the answer
	_ = res.Body.Close()
	return res.StatusCode/100 == 2
}

// stop ends everything that is on its way; subscriptions go when all is set.
func (n *notifier) stop(all bool) {
	n.mu.Lock()
	n.cancel()
	n.ctx, n.cancel = context.WithCancel(context.Background())
	running := n.running
	n.running = &sync.WaitGroup{}
	if n.timer != nil {
		n.timer.Stop()
	}
	n.waiting, n.lanes = nil, map[string]*lane{}
	if all {
		n.subs, n.told, n.count = nil, map[string]uint64{}, Notifications{}
	}
	n.mu.Unlock()
	running.Wait()
}

// Notifications returns the counts of change notifications.
func (e *Emulator) Notifications() Notifications {
	n := e.notifier
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.count
	out.Subscriptions, out.Waiting = len(n.subs), len(n.waiting)
	for _, l := range n.lanes {
		out.Waiting += len(l.queue)
	}
	return out
}

// Lifecycle sends reauthorizationRequired, missed or subscriptionRemoved to a subscription's lifecycleNotificationUrl; the last of
// them also takes the subscription away.
func (e *Emulator) Lifecycle(id, event string) error {
	n := e.notifier
	if !slices.Contains([]string{"reauthorizationRequired", "missed", "subscriptionRemoved"}, event) {
		return fmt.Errorf("the event is reauthorizationRequired, missed or subscriptionRemoved, not %q", event)
	}
	n.mu.Lock()
	i := slices.IndexFunc(n.subs, func(s *subscription) bool { return strings.EqualFold(s.id, id) })
	if i < 0 || n.subs[i].lifecycle == "" {
		n.mu.Unlock()
		return fmt.Errorf("there is no subscription %q with a lifecycleNotificationUrl", id)
	}
	due := n.subs[i].event(event)
	if event == "subscriptionRemoved" {
		n.subs = slices.Delete(n.subs, i, i+1)
	}
	n.mu.Unlock()
	n.post(e.unruly([]notice{due}))
	return nil
}

// notifyVerbs are the routes of the control listener for change notifications.
func (e *Emulator) notifyVerbs() []verb {
	return []verb{
		{"GET /notifications", "counts of subscriptions and of change notifications", func(*http.Request) (any, error) { return e.Notifications(), nil }},
		{"POST /subscriptions/{id}/{event}", "send reauthorizationRequired, missed or subscriptionRemoved to a subscription", func(r *http.Request) (any, error) {
			return nil, asRefused(e.Lifecycle(r.PathValue("id"), r.PathValue("event")))
		}},
	}
}
