package access_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/fail"
	"nameplate/internal/store/storetest"
)

// A56: what the database holds of a first password is sealed with a key that is not in it, and opens only where it was put.
func TestA56_AFirstPasswordIsSealedToItsEntry(t *testing.T) {
	t.Parallel()
	c := &storetest.Clock{}
	s := storetest.SQLite(t, c.Now)
	vault := func(key byte) *access.Vault {
		sealer, err := access.NewSealer(storetest.Random, bytes.Repeat([]byte{key}, access.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		return &access.Vault{Sealer: sealer, Store: s.Secrets(), Now: c.Now}
	}
	ctx, v := context.Background(), vault(1)
	const tenant, secret = "11111111-1111-4111-8111-111111111111", "Wr9-tulip-Ferry"
	if err := v.Put(ctx, tenant, "e1", secret); err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Secrets().Get(ctx, tenant, "e1", c.Now())
	if err != nil || bytes.Contains(sealed, []byte(secret)) {
		t.Fatalf("in the database: %q %v", sealed, err)
	}
	if err := s.Secrets().Put(ctx, tenant, "e2", sealed, c.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get(ctx, tenant, "e2"); !fail.Is(err, fail.NotFound) || got != "" {
		t.Errorf("opened in another place: %q %v", got, err)
	}
	if got, err := vault(2).Get(ctx, tenant, "e1"); !fail.Is(err, fail.NotFound) || got != "" {
		t.Errorf("opened with another key: %q %v", got, err)
	}
	for range 2 {
		if got, err := v.Get(ctx, tenant, "e1"); got != secret || err != nil {
			t.Errorf("got %q %v", got, err)
		}
	}
	if got, err := v.Take(ctx, tenant, "e1"); got != secret || err != nil {
		t.Errorf("took %q %v", got, err)
	}
	if _, err := v.Take(ctx, tenant, "e1"); !fail.Is(err, fail.NotFound) {
		t.Errorf("taken twice: %v", err)
	}
	if err := v.Put(ctx, tenant, "e3", secret); err != nil {
		t.Fatal(err)
	}
	c.Advance(access.SecretLife)
	if _, err := v.Get(ctx, tenant, "e3"); !fail.Is(err, fail.NotFound) {
		t.Errorf("after its time: %v", err)
	}
}
