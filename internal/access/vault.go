package access

import (
	"context"
	"time"

	"nameplate/internal/fail"
)

// SecretLife is how long a password waits to be shown; then it is forgotten, and whoever needs one sets another.
const SecretLife = 7 * 24 * time.Hour

// SecretStore keeps sealed secrets by tenant and id. Each method is one transaction; errors are *fail.Error.
type SecretStore interface {
	// Put keeps one until then; what was there before is replaced.
	Put(ctx context.Context, tenant, id string, sealed []byte, until time.Time) error
	// Get reads one that is good at now, Take reads and deletes it; fail.NotFound.
	Get(ctx context.Context, tenant, id string, now time.Time) ([]byte, error)
	Take(ctx context.Context, tenant, id string, now time.Time) ([]byte, error)
	// Drop deletes one; none is no error.
	Drop(ctx context.Context, tenant, id string) error
}

// Vault keeps passwords for those who are to be told them once: sealed, bound to what they belong to, and not for long. Safe for
// concurrent use.
type Vault struct {
	Sealer *Sealer
	Store  SecretStore
	Now    func() time.Time
}

const secretPurpose = "secret"

func secretRow(tenant, id string) string { return tenant + "/" + id }

// Put keeps a secret under an id for SecretLife.
func (v *Vault) Put(ctx context.Context, tenant, id, secret string) error {
	sealed, err := v.Sealer.Seal(secretPurpose, secretRow(tenant, id), []byte(secret))
	if err != nil {
		return fail.Wrap(fail.Internal, "access.vault", err)
	}
	return v.Store.Put(ctx, tenant, id, sealed, v.Now().Add(SecretLife))
}

// Get reads a secret, and it stays; fail.NotFound.
func (v *Vault) Get(ctx context.Context, tenant, id string) (string, error) {
	sealed, err := v.Store.Get(ctx, tenant, id, v.Now())
	return v.open(tenant, id, sealed, err)
}

// Take reads a secret and forgets it; fail.NotFound when there is none, or not any more.
func (v *Vault) Take(ctx context.Context, tenant, id string) (string, error) {
	sealed, err := v.Store.Take(ctx, tenant, id, v.Now())
	return v.open(tenant, id, sealed, err)
}

func (v *Vault) open(tenant, id string, sealed []byte, err error) (string, error) {
	if err != nil {
		return "", err
	}
	plain, err := v.Sealer.Open(secretPurpose, secretRow(tenant, id), sealed)
	if err != nil { // sealed with a key that is gone
		f := fail.Wrap(fail.NotFound, "access.vault", err)
		f.Say = fail.T("The password cannot be read any more, because the key that sealed it is gone. Set another one.")
		return "", f
	}
	return string(plain), nil
}

// Drop forgets a secret; none is no error.
func (v *Vault) Drop(ctx context.Context, tenant, id string) error {
	return v.Store.Drop(ctx, tenant, id)
}
