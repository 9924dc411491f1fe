package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/policy"
	"nameplate/internal/portal"
)

type form struct{ *policy.Policy }

func (f form) Fields(by directory.Actor, on directory.User) []portal.Field {
	var out []portal.Field
	for _, p := range f.Form(by, on) {
		g := portal.Field{Def: p.Def, Write: p.Write, Reason: p.Reason, Label: p.Label, Help: p.Help, Required: p.Required}
		for _, o := range p.Options {
			g.Options = append(g.Options, portal.Option{Value: o.Value, Follows: o.Follows})
		}
		out = append(out, g)
	}
	return out
}

type undoer struct{ *change.Engine }

func (u undoer) Inverse(ctx context.Context, e change.Entry) (change.Change, error) {
	return u.Engine.Inverse(ctx, e.Change.On.Tenant, e.ID, e.Change.By)
}

// formKey binds form tokens to sessions; it comes from the sealing key, so that tokens outlive a restart.
func formKey(key []byte) []byte {
	k, err := hkdf.Key(sha256.New, key, nil, "nameplate form tokens", 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return k
}
