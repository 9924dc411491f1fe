package change_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// drawer keeps passwords in memory.
type drawer struct {
	mu    sync.Mutex
	kept  map[string]string
	fails bool
}

func (d *drawer) Put(_ context.Context, tenant, id, secret string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails {
		return fail.New(fail.Unavailable, "drawer.put", fail.T("The disk is full."))
	}
	d.kept[tenant+"/"+id] = secret
	return nil
}

func (d *drawer) Get(_ context.Context, tenant, id string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.kept[tenant+"/"+id]; ok {
		return s, nil
	}
	return "", fail.New(fail.NotFound, "drawer.get", fail.T("None."))
}

func (d *drawer) Take(ctx context.Context, tenant, id string) (string, error) {
	s, err := d.Get(ctx, tenant, id)
	_ = d.Drop(ctx, tenant, id)
	return s, err
}

func (d *drawer) Drop(_ context.Context, tenant, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.kept, tenant+"/"+id)
	return nil
}

// named finds who has a sign-in name, as the directory shows it.
func (b *tenantBox) named(upn string) (directory.Ref, bool) {
	for ref := range b.people {
		if v := b.at(ref, b.stale); strings.EqualFold(v["userPrincipalName"].Str(), upn) && v[directory.FacetAccount].Str() != directory.Deleted {
			return ref, true
		}
	}
	return directory.Ref{}, false
}

func (b *tenantBox) ByName(ctx context.Context, _, upn string, ask directory.Ask) (directory.User, error) {
	b.mu.Lock()
	ref, ok := b.named(upn)
	if !ok && b.blind == 0 {
		b.reads++
		b.mu.Unlock()
		return directory.User{}, fail.New(fail.NotFound, "box.byname", fail.T("Not there."))
	}
	b.mu.Unlock()
	return b.User(ctx, directory.Authority{}, ref, ask)
}

// arrive puts somebody into the directory, with an empty past.
func (b *tenantBox) arrive(set property.Values, ours bool, as directory.Authority) directory.Ref {
	ref := directory.Ref{Tenant: tenant, ID: fmt.Sprintf("99999999-9999-4999-8999-%012d", len(b.people))}
	b.people[ref] = []version{{b.clock.Now().Add(-time.Hour), property.Values{}}}
	b.users[ref] = directory.User{Ref: ref, Enabled: true, Roles: []string{}}
	all := set.Clone()
	all[directory.FacetAccount], all["createdDateTime"] = property.Text(directory.Active), property.Instant(b.clock.Now().Truncate(time.Second))
	b.put(ref, all, ours, as)
	return ref
}

func (b *tenantBox) CreatePerson(_ context.Context, as directory.Authority, _ directory.Ref, set property.Values, password string) (id string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.next()
	b.batches, b.as, b.passwords = append(b.batches, set.Clone()), append(b.as, as), append(b.passwords, password)
	stale := b.stale
	b.stale = 0
	_, taken := b.named(set["userPrincipalName"].Str())
	b.stale = stale
	there := f == fine || f == lostAfter || f == noReadBack
	if there && !taken {
		id = b.arrive(set, true, as).ID
	}
	if g := b.after; g != nil {
		b.after = nil
		b.mu.Unlock()
		g()
		b.mu.Lock()
	}
	if err := answerOf(f); err != nil {
		return "", err
	}
	if taken {
		return "", fail.New(fail.Exists, "box.create", fail.T("Another object has it."))
	}
	return id, nil
}

// newcomers are the people who came after the world was made, by their sign-in names.
func (b *tenantBox) newcomers() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for ref := range b.people {
		if v := b.at(ref, 0); v["createdDateTime"].Time() != (time.Time{}) {
			out[strings.ToLower(v["userPrincipalName"].Str())]++
		}
	}
	return out
}
