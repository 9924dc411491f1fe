package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Lifetimes of a subscription to users and groups: https://learn.microsoft.com/en-us/graph/api/resources/subscription#subscription-lifetime
const (
	subscriptionMost  = 41_760 * time.Minute
	subscriptionLeast = 45 * time.Minute
)

// subscription is an application's wish to hear of changes. Guarded by notifier.mu.
type subscription struct {
	id, app, tenant, creator  string
	resource                  string // as it was asked for
	set, object               string // "users" or "groups", and the one object, "" for all
	members                   bool   // of the members of the group only
	changeType                string
	updated, deleted          bool
	state, address, lifecycle string
	tls                       string
	expires                   time.Time
	since                     uint64 // changes up to this one are not told
	warned                    bool   // reauthorizationRequired was sent
}

// subscriptions: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions, subscription-list, subscription-get,
// subscription-update, subscription-delete, subscription-reauthorize
func (c *call) subscriptions() error {
	n := c.e.notifier
	if len(c.seg) == 1 {
		if err := c.method(http.MethodGet, http.MethodPost); err != nil {
			return err
		}
		if c.r.Method == http.MethodPost {
			return c.subscribe()
		}
		own := n.of(c.t.id, c.p.client)
		return c.sendPage(len(own), "subscriptions", func(b []byte, i int) []byte { return own[i].append(b, false) })
	}
	s, ok := n.find(c.seg[1], c.t.id, c.p.client)
	if !ok {
		return failure(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
	}
	switch {
	case len(c.seg) == 3 && (c.is(2, "reauthorize") || c.is(2, "microsoft.graph.reauthorize")):
		if err := c.method(http.MethodPost); err != nil {
			return err
		}
		if err := c.maySubscribe(&s); err != nil {
			return err
		}
		n.renew(s.id, s.expires)
		return c.done()
	case len(c.seg) > 2:
		return c.unknown(c.seg[2])
	}
	switch err := c.method(http.MethodGet, http.MethodPatch, http.MethodDelete); {
	case err != nil:
		return err
	case c.r.Method == http.MethodDelete:
		n.remove(s.id)
		return c.done()
	case c.r.Method == http.MethodPatch:
		return c.renewSubscription(s)
	}
	return c.sendSubscription(http.StatusOK, &s, false)
}

func (c *call) sendSubscription(status int, s *subscription, secret bool) error {
	return c.send(status, append(s.append(c.context(nil, "subscriptions/$entity"), secret), '}'))
}

// append writes a subscription without braces; its clientState only to whoever has just sent it.
func (s *subscription) append(b []byte, secret bool) []byte {
	text := func(name, value string) {
		b = append(b, `"`+name+`":`...)
		if value == "" {
			b = append(b, "null"...)
		} else {
			b = appendText(b, value)
		}
		b = append(b, ',')
	}
	text("id", s.id)
	text("resource", s.resource)
	text("applicationId", s.app)
	text("changeType", s.changeType)
	state := ""
	if secret {
		state = s.state
	}
	text("clientState", state)
	text("notificationUrl", s.address)
	text("notificationQueryOptions", "")
	text("lifecycleNotificationUrl", s.lifecycle)
	text("expirationDateTime", s.expires.UTC().Format("2006-01-02T15:04:05.9999999Z"))
	text("creatorId", s.creator)
	text("latestSupportedTlsVersion", s.tls)
	text("encryptionCertificate", "")
	text("encryptionCertificateId", "")
	return append(b, `"includeResourceData":null,"notificationUrlAppId":null`...)
}

// invalid is a refusal of the service that keeps the subscriptions.
func invalid(format string, args ...any) *graphError {
	return failure(http.StatusBadRequest, "InvalidRequest", format, args...)
}

// subscribe makes a subscription, after its addresses have answered the handshake.
func (c *call) subscribe() error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	var in struct {
		ChangeType, NotificationURL, LifecycleNotificationURL, Resource, ExpirationDateTime, ClientState, LatestSupportedTLSVersion string
		IncludeResourceData                                                                                                         bool
	}
	whole, _ := json.Marshal(raw) // just decoded
	if json.Unmarshal(whole, &in) != nil {
		return badJSON()
	}
	s := &subscription{
		id: c.e.random.id(), app: c.p.client, tenant: c.t.id, creator: c.p.app.id, resource: in.Resource,
		changeType: in.ChangeType, state: in.ClientState, address: in.NotificationURL, lifecycle: in.LifecycleNotificationURL,
		tls: "v1_2",
	}
	if in.LatestSupportedTLSVersion != "" {
		s.tls = in.LatestSupportedTLSVersion
	}
	if c.p.user != nil {
		s.creator = c.p.user.id
	}
	for name, value := range map[string]string{
		"changeType": in.ChangeType, "notificationUrl": in.NotificationURL, "resource": in.Resource, "expirationDateTime": in.ExpirationDateTime,
	} {
		if value == "" { // https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/7399
			return invalid("The required property '%s' is missing.", name)
		}
	}
	if utf8.RuneCountInString(s.state) > 128 {
		return invalid("clientState must not be longer than 128 characters.")
	}
	if in.IncludeResourceData {
		return invalid("Resource data is not supported for the resource '%s'.", s.resource)
	}
	for kind := range strings.SplitSeq(s.changeType, ",") {
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "updated":
			s.updated = true
		case "deleted":
			s.deleted = true
		default: // created too: https://learn.microsoft.com/en-us/graph/api/resources/subscription#properties
			return invalid("Subscription with changeType '%s' is not supported for the resource '%s'.", kind, s.resource)
		}
	}
	if s.expires, err = c.subscriptionEnd(in.ExpirationDateTime); err != nil {
		return err
	}
	if err := c.maySubscribe(s); err != nil {
		return err
	}
	for _, address := range []string{s.address, s.lifecycle} {
		if address == "" {
			continue
		}
		if err := c.e.notifier.mayReach(address); err != nil {
			return invalid("%s", err.Error())
		}
		if err := c.e.notifier.handshake(c.r.Context(), address, c.e.random.id()); err != nil {
			return failure(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. %s", err.Error())
		}
	}
	c.e.mu.RLock()
	s.since = c.t.dir.changes.last
	c.e.mu.RUnlock()
	c.e.notifier.add(s)
	c.w.Header().Set("Location", c.base()+"/subscriptions/"+s.id)
	return c.sendSubscription(http.StatusCreated, s, true)
}

// subscriptionEnd reads an expirationDateTime: at most so far ahead, and raised to the least.
func (c *call) subscriptionEnd(text string) (time.Time, error) {
	now := c.e.Now()
	at, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil:
		return at, invalid("The value '%s' of expirationDateTime is not a date and time.", text)
	case !at.After(now):
		return at, invalid("Subscription expiration must be in the future.")
	case at.After(now.Add(subscriptionMost)): // https://github.com/microsoftgraph/microsoft-graph-docs/issues/2988
		return at, invalid("Subscription expiration can only be 41760 minutes in the future.")
	case at.Before(now.Add(subscriptionLeast)):
		at = now.Add(subscriptionLeast)
	}
	return at.UTC(), nil
}

// maySubscribe reads the resource: who may read it may hear of it.
func (c *call) maySubscribe(s *subscription) error {
	parts := strings.Split(strings.Trim(s.resource, "/"), "/")
	s.set = strings.ToLower(parts[0])
	if len(parts) > 1 {
		s.object = parts[1]
	}
	s.members = len(parts) == 3 && s.set == "groups" && strings.EqualFold(parts[2], "members")
	t := c.t.dir.set(s.set)
	if t == nil || s.set != "users" && s.set != "groups" || len(parts) > 2 && !s.members {
		return invalid("Resource '%s' is not supported for subscriptions.", s.resource)
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	o := (*object)(nil)
	if s.object != "" {
		if o = c.t.dir.object(t, "", s.object); o == nil {
			return notThere(s.object)
		}
		s.object = o.id
	}
	if t.sees(c, o) != full {
		return denied()
	}
	if s.members {
		return c.mayRead(o, t.relation("members"))
	}
	return nil
}

func (c *call) renewSubscription(s subscription) error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	text, ok := decodeText(raw["expirationDateTime"])
	if !ok {
		return invalid("The required property 'expirationDateTime' is missing.")
	}
	if s.expires, err = c.subscriptionEnd(text); err != nil {
		return err
	}
	if err := c.maySubscribe(&s); err != nil {
		return err
	}
	if address, ok := decodeText(raw["notificationUrl"]); ok && address != s.address {
		return invalid("notificationUrl cannot be changed here.")
	}
	c.e.notifier.renew(s.id, s.expires)
	return c.sendSubscription(http.StatusOK, &s, false)
}

// mayReach says why no notification may go to an address: the service wants https, and the emulator sends nothing to other machines
// unless Options.Notify allows it, so that nobody who reaches it can make it ask other servers for anything.
func (n *notifier) mayReach(address string) error {
	u, err := url.Parse(address)
	local := err == nil && isLoopback(u.Hostname())
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return errNoAddress
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return errNotSecure
	case !local && !n.e.opts.Notify:
		return errNotLocal
	}
	return nil
}
