package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/store"
)

var errDead = errors.New("the process is gone")

// grave is where a process ends as SIGKILL ends it: what it has sent may still arrive, it hears no answer any more, and it writes nothing
// down. What was under way stands still until the test is over.
type grave struct {
	dead, over chan struct{}
	once       sync.Once
	ear        ear
}

func newGrave() *grave { return &grave{dead: make(chan struct{}), over: make(chan struct{})} }

func (g *grave) kill() { g.once.Do(func() { close(g.dead) }) }

// gone stands still once the process is dead.
func (g *grave) gone() error {
	select {
	case <-g.dead:
		<-g.over
		return errDead
	default:
		return nil
	}
}

type way struct {
	g    *grave
	next http.RoundTripper
	ear  *ear
}

func (g *grave) way(next http.RoundTripper) http.RoundTripper { return way{g, next, &g.ear} }

// ear hears what a process is told to wait, and counts what it sends before that is over. What left at the same instant had not heard it.
type ear struct {
	mu           sync.Mutex
	told         []time.Time // when, and until when
	until        []time.Time
	early, heard int
}

func (e *ear) sends() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for i, at := range e.told {
		if now.After(at) && now.Before(e.until[i]) {
			e.early++
			return
		}
	}
}

// hears reads the answer, those inside a batch too, and gives it back whole.
func (e *ear) hears(r *http.Response) {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	var batch struct {
		Responses []struct {
			Status  int
			Headers map[string]string
		}
	}
	_ = json.Unmarshal(b, &batch)
	e.mu.Lock()
	defer e.mu.Unlock()
	after := func(status int, text string) {
		d, err := strconv.ParseFloat(text, 64)
		if status != http.StatusTooManyRequests || err != nil {
			return
		}
		e.heard++
		e.told, e.until = append(e.told, time.Now()), append(e.until, time.Now().Add(time.Duration(d*float64(time.Second))))
	}
	after(r.StatusCode, r.Header.Get("Retry-After"))
	for _, x := range batch.Responses {
		for k, v := range x.Headers {
			if strings.EqualFold(k, "Retry-After") {
				after(x.Status, v)
			}
		}
	}
}

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.g.gone(); err != nil {
		return nil, err
	}
	w.ear.sends()
	resp, err := w.next.RoundTrip(r)
	if err == nil {
		w.ear.hears(resp)
	}
	if gone := w.g.gone(); gone != nil {
		return nil, gone
	}
	return resp, err
}

type book struct {
	*store.Journal
	g *grave
}

func (g *grave) journal(j *store.Journal) change.Journal { return book{j, g} }

func (b book) BeginAll(ctx context.Context, es []change.Entry) []change.Begun {
	if err := b.g.gone(); err != nil {
		return make([]change.Begun, len(es))
	}
	return b.Journal.BeginAll(ctx, es)
}

func (b book) NoteAll(ctx context.Context, ns []change.Noted) []error {
	if err := b.g.gone(); err != nil {
		return make([]error, len(ns))
	}
	return b.Journal.NoteAll(ctx, ns)
}

func (b book) EndAll(ctx context.Context, es []change.Ended) []error {
	if err := b.g.gone(); err != nil {
		return make([]error, len(es))
	}
	return b.Journal.EndAll(ctx, es)
}

func (b book) Begin(ctx context.Context, e change.Entry) (change.Entry, bool, error) {
	if err := b.g.gone(); err != nil {
		return change.Entry{}, false, err
	}
	return b.Journal.Begin(ctx, e)
}

func (b book) Note(ctx context.Context, id string, parts []change.Part, at change.Attempt) error {
	if err := b.g.gone(); err != nil {
		return err
	}
	return b.Journal.Note(ctx, id, parts, at)
}

func (b book) End(ctx context.Context, id string, o change.Outcome) error {
	if err := b.g.gone(); err != nil {
		return err
	}
	return b.Journal.End(ctx, id, o)
}

type shelf struct {
	bulk.Store
	g *grave
}

func (g *grave) plans(s bulk.Store) bulk.Store { return shelf{s, g} }

func (s shelf) Fates(ctx context.Context, tenant, id string, fates []bulk.Fate) error {
	if err := s.g.gone(); err != nil {
		return err
	}
	return s.Store.Fates(ctx, tenant, id, fates)
}

func (s shelf) Turn(ctx context.Context, tenant, id string, from []bulk.RunState, to bulk.Run) error {
	if err := s.g.gone(); err != nil {
		return err
	}
	return s.Store.Turn(ctx, tenant, id, from, to)
}
