package bulk_test

import (
	"context"
	"errors"
	"net/http"
	"sync"

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
}

func (g *grave) way(next http.RoundTripper) http.RoundTripper { return way{g, next} }

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.g.gone(); err != nil {
		return nil, err
	}
	resp, err := w.next.RoundTrip(r)
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
