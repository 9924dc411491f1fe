package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// view is what a stale replica still shows of one object.
type view struct {
	object  string
	since   time.Time // before the write
	until   time.Time // by the emulator's clock
	flap    bool
	reads   int
	created bool                 // the object is not there yet
	before  map[string]any       // properties as they were
	parts   map[string]*recorded // whole answers as they were: "photo/$value", "manager"
}

// part splits a path of Graph into the key of the person and what is asked of them: "/v1.0/users/KEY/photo/$value" gives KEY and
// "photo/$value", "/v1.0/me" gives "me" and "". ok is false for other paths.
func part(path string) (key, rest string, ok bool) {
	_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	head, rest, _ := strings.Cut(path, "/")
	switch {
	case strings.EqualFold(head, "me"):
		return "me", rest, true
	case strings.EqualFold(head, "users"):
		key, rest, _ = strings.Cut(rest, "/")
		return key, rest, key != ""
	case len(head) > 9 && strings.EqualFold(head[:7], "users('") && strings.HasSuffix(head, "')"):
		return head[7 : len(head)-2], rest, true
	}
	return "", "", false
}

// photograph reads what a write to a part of a person (photo, manager) is about to replace.
func (e *Emulator) photograph(next http.Handler, r *http.Request, do Do) map[string]*recorded {
	if do.Stale <= 0 {
		return nil
	}
	_, rest, ok := part(r.URL.Path)
	if !ok || rest == "" {
		return nil
	}
	out := map[string]*recorded{}
	for _, what := range []string{strings.TrimSuffix(rest, "/$ref"), strings.TrimSuffix(rest, "/$value")} {
		read := again(r, nil)
		read.Method = http.MethodGet
		read.Header.Del("Content-Type")
		read.URL.Path = strings.TrimSuffix(r.URL.Path, rest) + what
		read.URL.RawPath, read.URL.RawQuery, read.RequestURI = "", "", ""
		rec := &recorded{header: http.Header{}}
		next.ServeHTTP(rec, read)
		out[strings.ToLower(what)] = rec
	}
	return out
}

// remember keeps what was there before a write.
func (e *Emulator) remember(entries []Entry, since time.Time, do Do, parts map[string]*recorded) {
	f := e.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, entry := range entries {
		f.views = append(f.views, &view{
			object: entry.Object, since: since, until: e.Now().Add(time.Duration(do.Stale)), flap: do.Flap,
			created: strings.HasSuffix(entry.Op, ".create"), before: entry.Before, parts: parts,
		})
	}
	f.settle()
}

// stale returns the views that are in force.
func (f *faultRules) stale(now time.Time) []*view {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.views) == 0 {
		return nil
	}
	kept := f.views[:0:0]
	for _, v := range f.views {
		if now.Before(v.until) {
			kept = append(kept, v)
		}
	}
	f.views = kept
	f.settle()
	return kept
}

// turn says whether a read sees the stale view.
func (f *faultRules) turn(v *view) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.reads++
	return !v.flap || v.reads%2 == 1
}

// read handles a GET, showing stale views where there are any. The oldest view of an object wins, as it is what was there first.
func (e *Emulator) read(next http.Handler, w http.ResponseWriter, r *http.Request, c caller) {
	views := e.faults.stale(e.Now())
	if len(views) == 0 || !isGraph(r.URL.Path) || isDelta(r.URL.Path) { // delta tells the changes late: call.horizon
		next.ServeHTTP(w, r)
		return
	}
	key, rest, single := part(r.URL.Path)
	if single {
		object := e.objectOf(key, c)
		for _, v := range views {
			if v.object != object || !e.faults.turn(v) {
				continue
			}
			if old := v.parts[strings.ToLower(rest)]; old != nil {
				old.send(w)
				return
			}
			if v.created {
				rec := &recorded{header: http.Header{}, code: http.StatusNotFound}
				rec.header.Set("Content-Type", "application/json")
				do := Do{Message: "Resource '" + key + "' does not exist or one of its queried reference-property objects are not present."}
				x := exchangeOf(r.Context())
				rec.body.Write(graphFault(rec.code, do, x.id, x.client, e.Now()))
				rec.send(w)
				return
			}
			if rest != "" {
				continue
			}
			rec := &recorded{header: http.Header{}}
			next.ServeHTTP(rec, r)
			rec.overlay(v)
			rec.send(w)
			return
		}
		next.ServeHTTP(w, r)
		return
	}
	rec := &recorded{header: http.Header{}}
	next.ServeHTTP(rec, r)
	for _, v := range views {
		if e.faults.turn(v) {
			rec.overlayList(v)
		}
	}
	rec.send(w)
}

// objectOf is the object id that a key in a path means.
func (e *Emulator) objectOf(key string, c caller) string {
	if key == "me" {
		return c.object
	}
	for _, t := range e.tenants {
		if !strings.EqualFold(t.id, c.tenant) {
			continue
		}
		if a, ok := e.accountOf(t, key); ok {
			return a.id
		}
	}
	return strings.ToLower(key)
}

// overlay puts what was there before into an answer that is one object.
func (r *recorded) overlay(v *view) {
	var object map[string]json.RawMessage
	if r.code != http.StatusOK || json.Unmarshal(r.body.Bytes(), &object) != nil {
		return
	}
	v.put(object)
	r.replace(object)
}

// overlayList does the same to the items of a collection.
func (r *recorded) overlayList(v *view) {
	var page map[string]json.RawMessage
	var items []map[string]json.RawMessage
	if r.code != http.StatusOK || json.Unmarshal(r.body.Bytes(), &page) != nil || json.Unmarshal(page["value"], &items) != nil {
		return
	}
	kept := items[:0:0]
	touched := false
	for _, item := range items {
		var id string
		if json.Unmarshal(item["id"], &id) == nil && id == v.object {
			touched = true
			if v.created {
				continue
			}
			v.put(item)
		}
		kept = append(kept, item)
	}
	if touched {
		page["value"], _ = json.Marshal(kept) // raw JSON that was just read
		r.replace(page)
	}
}

func (v *view) put(object map[string]json.RawMessage) {
	for name, value := range v.before {
		if _, shown := object[name]; shown {
			object[name], _ = json.Marshal(value) // a value of the ledger, which is written as JSON as well
		}
	}
}

func (r *recorded) replace(object map[string]json.RawMessage) {
	b, err := json.Marshal(object)
	if err != nil {
		return
	}
	r.body.Reset()
	r.body.Write(b)
	r.header.Del("Content-Length")
}
