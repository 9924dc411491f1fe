package change_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// diary is a journal in memory that keeps the contract of change.Journal.
type diary struct {
	mu      sync.Mutex
	now     func() time.Time
	entries []change.Entry
	blobs   map[string][]byte
	fails   int // so many next Ends fail
}

func (d *diary) find(f func(change.Entry) bool) (int, error) {
	if i := slices.IndexFunc(d.entries, f); i >= 0 {
		return i, nil
	}
	return -1, fail.New(fail.NotFound, "diary", fail.T("There is no such change."))
}

func copied(e change.Entry) change.Entry {
	e.Change.Set, e.Change.Expect = e.Change.Set.Clone(), e.Change.Expect.Clone()
	e.Outcome = copiedOutcome(e.Outcome)
	return e
}

func copiedOutcome(o change.Outcome) change.Outcome {
	o.Parts, o.Conflicts = slices.Clone(o.Parts), slices.Clone(o.Conflicts)
	o.Before, o.After = o.Before.Clone(), o.After.Clone()
	return o
}

func (d *diary) Begin(_ context.Context, e change.Entry) (change.Entry, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.entries {
		if e.Change.Key != "" && x.Change.On.Tenant == e.Change.On.Tenant && x.Change.Key == e.Change.Key {
			return copied(x), true, nil
		}
	}
	for _, x := range d.entries {
		if x.Ended.IsZero() && x.Change.On == e.Change.On {
			f := fail.New(fail.Conflict, "diary.begin", fail.T("Busy."))
			f.Code = "busy"
			return change.Entry{}, false, f
		}
	}
	e.Seq = int64(len(d.entries) + 1)
	d.entries = append(d.entries, copied(e))
	return e, false, nil
}

func (d *diary) Note(_ context.Context, id string, parts []change.Part, at change.Attempt) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(func(x change.Entry) bool { return x.ID == id })
	if err != nil {
		return err
	}
	if !d.entries[i].Ended.IsZero() {
		return fail.New(fail.Conflict, "diary.note", fail.T("Ended."))
	}
	d.entries[i].Outcome.Parts, d.entries[i].Attempt = slices.Clone(parts), at
	return nil
}

func (d *diary) End(_ context.Context, id string, o change.Outcome) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails > 0 {
		d.fails--
		return fail.New(fail.Unavailable, "diary.end", fail.T("The disk is full."))
	}
	i, err := d.find(func(x change.Entry) bool { return x.ID == id })
	if err != nil {
		return err
	}
	if e := d.entries[i]; !e.Ended.IsZero() && e.Outcome.State != change.Unverified {
		return fail.New(fail.Conflict, "diary.end", fail.T("Ended."))
	}
	d.entries[i].Outcome, d.entries[i].Ended = copiedOutcome(o), d.now()
	d.entries[i] = d.entries[i].Landed()
	return nil
}

func (d *diary) Get(_ context.Context, _, id string) (change.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(func(x change.Entry) bool { return x.ID == id })
	if err != nil {
		return change.Entry{}, err
	}
	return copied(d.entries[i]), nil
}

func (d *diary) ByKey(_ context.Context, tenant, key string) (change.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(func(x change.Entry) bool { return x.Change.Key == key && x.Change.On.Tenant == tenant })
	if err != nil {
		return change.Entry{}, err
	}
	return copied(d.entries[i]), nil
}

func (d *diary) On(_ context.Context, ref directory.Ref, before int64, n int) (out []change.Entry, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.entries) - 1; i >= 0 && len(out) < n; i-- {
		if e := d.entries[i]; e.Change.On == ref && (before == 0 || e.Seq < before) {
			out = append(out, copied(e))
		}
	}
	return out, nil
}

func (d *diary) Unsettled(_ context.Context, tenant string, t time.Time, n int) (out []change.Entry, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		open := e.Ended.IsZero() && !e.Begun.After(t)
		if tenant != "" && e.Change.On.Tenant != tenant {
			continue
		}
		if (open || !e.Ended.IsZero() && e.Outcome.State == change.Unverified) && len(out) < n {
			out = append(out, copied(e))
		}
	}
	return out, nil
}

func (d *diary) PutBlob(_ context.Context, _ string, b []byte) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blobs[sum(b)] = slices.Clone(b)
	return sum(b), nil
}

func (d *diary) Blob(_ context.Context, _, s string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.blobs[s]
	if !ok {
		return nil, fail.New(fail.NotFound, "diary.blob", fail.T("Not kept."))
	}
	return b, nil
}

func (d *diary) Verify(context.Context, string) (int64, *change.BadRecord, error) {
	return int64(len(d.entries)), nil, nil
}
