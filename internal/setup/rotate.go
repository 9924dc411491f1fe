package setup

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"nameplate/graph"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
)

// Rotation replaces the certificate by which the application proves itself, without a moment in which none is good: a new one is
// registered and proved beside the old one, then the file is replaced, then, after the overlap, the old one is taken away. It is the
// application itself that does it: it needs no permission for its own keys, but a proof signed with one of them.
// https://learn.microsoft.com/graph/api/application-addkey
type Rotation struct {
	ClientID string
	File     string // certificate and key; beside it stand File.new and File.old while a rotation goes on
	Days     int    // how long the new one is good
	Now      func() time.Time
	Random   io.Reader
	Wait     func(context.Context, time.Duration) error
	Graph    func(*Pair) (*graph.Client, error) // proves itself with that pair
	Tell     func(string)
}

func (r Rotation) next() string { return r.File + ".new" }
func (r Rotation) last() string { return r.File + ".old" }

// Pending says since when an old certificate waits to be taken away; false when none does.
func (r Rotation) Pending() (since time.Time, ok bool) {
	info, err := os.Stat(r.last())
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

// How often and how long a new certificate is waited for: it takes a while until every sign-in server knows it.
const proofTries, proofPause = 36, 5 * time.Second

// Rotate puts a new certificate in the place of the present one. Whatever ends it, the file holds one that is good, and the next call
// goes on where this one ended.
func (r Rotation) Rotate(ctx context.Context) (*Pair, error) {
	present, err := OpenPair(r.File)
	if err != nil {
		return nil, err
	}
	if last, err := OpenPair(r.last()); err == nil && Thumbprint(last.Leaf) == Thumbprint(present.Leaf) {
		_ = os.Remove(r.last()) // a run that was cut off before the file was replaced
	}
	if since, ok := r.Pending(); ok {
		return nil, fail.New(fail.Conflict, "setup.rotate", fail.T("The certificate before the present one is still registered, since %s. Take it away first: nameplate credentials rotate --finish", since.UTC().Format(time.RFC3339)))
	}
	next, err := OpenPair(r.next())
	if fail.Is(err, fail.NotFound) {
		if next, err = MakePair(r.Random, r.Now(), r.Days); err == nil {
			r.Tell("keeping a new key in " + r.next())
			err = next.Create(r.next())
		}
	}
	if err != nil {
		return nil, err
	}
	g, err := r.Graph(present)
	if err != nil {
		return nil, err
	}
	app, err := r.application(ctx, g)
	if err != nil {
		return nil, err
	}
	if app.keyOf(next) == "" {
		r.Tell("registering the certificate " + Thumbprint(next.Leaf))
		if err := r.add(ctx, g, app, present, next); err != nil {
			return nil, err
		}
	}
	if err := r.prove(ctx, next); err != nil {
		return nil, err
	}
	r.Tell("putting it into " + r.File)
	if err := present.Create(r.last()); err != nil {
		return nil, err
	}
	if err := os.Rename(r.next(), r.File); err != nil {
		_ = os.Remove(r.last())
		return nil, &fail.Error{Op: "setup.rotate", Item: r.File, Kind: fail.Invalid, Err: err, Say: fail.T("The file %s cannot be written.", r.File)}
	}
	return next, nil
}

// add registers next with a proof of present. What an answer that is lost did shows in the registration.
func (r Rotation) add(ctx context.Context, g *graph.Client, app *application, present, next *Pair) error {
	proof, err := r.proof(app.ID, present)
	if err != nil {
		return err
	}
	body := map[string]any{
		"keyCredential":      map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(next.Leaf.Raw)},
		"passwordCredential": nil, "proof": proof,
	}
	err = g.Post(ctx, "/applications/"+app.ID+"/addKey", body, nil)
	var lost *graph.Fault
	if errors.As(err, &lost) {
		if again, rerr := r.application(ctx, g); rerr == nil && again.keyOf(next) != "" {
			return nil
		}
	}
	if err != nil {
		return r.refused(err)
	}
	return nil
}

// prove waits until the sign-in service takes the new certificate.
func (r Rotation) prove(ctx context.Context, next *Pair) error {
	r.Tell("waiting until the sign-in service knows it")
	for try := 1; ; try++ {
		g, err := r.Graph(next) // anew each time: a credential remembers a refusal
		if err == nil {
			_, err = g.Held(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if try == proofTries {
			return &fail.Error{Op: "setup.rotate", Kind: fail.Unavailable, Err: err, Say: fail.T("The sign-in service does not take the new certificate yet. Nothing was replaced, and the old one is good. Run the same again later.")}
		}
		if err := r.Wait(ctx, proofPause); err != nil {
			return err
		}
	}
}

// Finish takes the certificate before the present one away, from the registration and from this machine.
func (r Rotation) Finish(ctx context.Context) error {
	last, err := OpenPair(r.last())
	if fail.Is(err, fail.NotFound) {
		return fail.New(fail.NotFound, "setup.finish", fail.T("There is no rotation to finish."))
	}
	if err != nil {
		return err
	}
	present, err := OpenPair(r.File)
	if err != nil {
		return err
	}
	if Thumbprint(last.Leaf) == Thumbprint(present.Leaf) {
		return fail.New(fail.Conflict, "setup.finish", fail.T("The last rotation was cut off before the certificate was replaced. Go on with it: nameplate credentials rotate"))
	}
	g, err := r.Graph(present)
	if err != nil {
		return err
	}
	app, err := r.application(ctx, g)
	if err != nil {
		return err
	}
	if id := app.keyOf(last); id != "" {
		proof, err := r.proof(app.ID, present)
		if err != nil {
			return err
		}
		r.Tell("taking away the certificate " + Thumbprint(last.Leaf))
		if err := g.Post(ctx, "/applications/"+app.ID+"/removeKey", map[string]any{"keyId": id, "proof": proof}, nil); err != nil {
			return r.refused(err)
		}
	}
	if err := os.Remove(r.last()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fail.Error{Op: "setup.finish", Item: r.last(), Kind: fail.Invalid, Err: err, Say: fail.T("The file %s cannot be removed. The certificate in it is not registered any more.", r.last())}
	}
	return nil
}

// Registered are the credentials of an application, read with its own right.
func Registered(ctx context.Context, g *graph.Client, clientID string) ([]Credential, error) {
	app, err := Rotation{ClientID: clientID}.application(ctx, g)
	if err != nil {
		return nil, err
	}
	return app.credentials(), nil
}

func (r Rotation) application(ctx context.Context, g *graph.Client) (*application, error) {
	var a application
	if err := g.Get(ctx, "/applications(appId='"+r.ClientID+"')?$select="+appFields, &a); err != nil {
		return nil, r.refused(err)
	}
	return &a, nil
}

// keyOf is the id under which a certificate is registered, "" when it is not.
func (a *application) keyOf(p *Pair) string {
	for _, k := range a.Keys {
		if sameThumbprint(k["customKeyIdentifier"], p.Leaf) {
			id, _ := k["keyId"].(string)
			return id
		}
	}
	return ""
}

func (r Rotation) refused(err error) error {
	found := explain.Explain(explain.FromGraph(err, explain.Writing))
	return &fail.Error{Op: "setup.rotate", Kind: found.Kind, Err: explain.With(found, err), Say: fail.T("The application's registration could not be read or its certificate not replaced. The one in the configuration is as good as it was.")}
}

// proof is a JWT by which the application shows that it has one of its keys.
// https://learn.microsoft.com/graph/application-rollkey-prooftoken
func (r Rotation) proof(object string, p *Pair) (string, error) {
	key, ok := p.PrivateKey.(crypto.Signer)
	if _, isRSA := p.PrivateKey.(*rsa.PrivateKey); !ok || !isRSA {
		return "", fail.New(fail.Invalid, "setup.rotate", fail.T("The certificate's key is not an RSA key, which the service asks for."))
	}
	now := r.Now()
	header, err := json.Marshal(map[string]any{"alg": "RS256", "typ": "JWT", "kid": Thumbprint(p.Leaf), "x5t": x5t(p.Leaf)})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"aud": "00000002-0000-0000-c000-000000000000", "iss": object, "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := key.Sign(r.Random, sum[:], crypto.SHA256)
	if err != nil {
		return "", fail.Wrap(fail.Internal, "setup.rotate", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
