package emulator

import (
	"bytes"
	"compress/flate"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// badToken makes the next id tokens wrong in one way.
type badToken struct {
	kind string
	left int
}

// spoiler changes claims or header, or signs in a way of its own.
type spoiler struct {
	does   string
	claims func(e *Emulator, c map[string]any)
	sign   func(e *Emulator, k *signingKey, c map[string]any) (string, error)
}

// spoilers are the ways in which an id token can be wrong, by name.
func spoilers() map[string]spoiler {
	set := func(name string, value func(*Emulator) any) func(*Emulator, map[string]any) {
		return func(e *Emulator, c map[string]any) { c[name] = value(e) }
	}
	header := func(extra func(e *Emulator, k, other *signingKey) (map[string]any, *signingKey)) func(*Emulator, *signingKey, map[string]any) (string, error) {
		return func(e *Emulator, k *signingKey, c map[string]any) (string, error) {
			other, err := e.keys.stranger()
			if err != nil {
				return "", err
			}
			h := map[string]any{"typ": "JWT", "alg": "RS256", "kid": k.kid}
			add, signer := extra(e, k, other)
			maps.Copy(h, add)
			return signer.signWith(h, c)
		}
	}
	return map[string]spoiler{
		"alg-none": {does: "alg none and no signature", sign: func(_ *Emulator, k *signingKey, c map[string]any) (string, error) {
			in, err := jwtInput(map[string]any{"typ": "JWT", "alg": "none", "kid": k.kid}, c)
			return in + ".", err
		}},
		"alg-none-case": {does: "alg nOnE and no signature", sign: func(_ *Emulator, k *signingKey, c map[string]any) (string, error) {
			in, err := jwtInput(map[string]any{"typ": "JWT", "alg": "nOnE", "kid": k.kid}, c)
			return in + ".", err
		}},
		"hs256-public-key": {does: "HS256 with the public key (PEM) as the secret", sign: func(_ *Emulator, k *signingKey, c map[string]any) (string, error) {
			der, err := x509.MarshalPKIXPublicKey(k.key.Public())
			if err != nil {
				return "", err
			}
			return signHMAC(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), k.kid, c)
		}},
		"hs256-certificate": {does: "HS256 with the published certificate (DER) as the secret", sign: func(_ *Emulator, k *signingKey, c map[string]any) (string, error) {
			return signHMAC(k.cert, k.kid, c)
		}},
		"wrong-aud":      {does: "aud is another application", claims: set("aud", func(e *Emulator) any { return e.random.id() })},
		"wrong-aud-list": {does: "aud is a list of other applications", claims: set("aud", func(e *Emulator) any { return []string{e.random.id(), e.random.id()} })},
		"no-aud":         {does: "no aud", claims: func(_ *Emulator, c map[string]any) { delete(c, "aud") }},
		"wrong-iss":      {does: "iss is another issuer", claims: set("iss", func(*Emulator) any { return "https://login.microsoftonline.com.example/" })},
		"iss-other-tenant": {does: "iss names another tenant than tid", claims: func(e *Emulator, c map[string]any) {
			c["iss"] = strings.Replace(fmt.Sprint(c["iss"]), fmt.Sprint(c["tid"]), e.random.id(), 1)
		}},
		"iss-template": {does: "iss is the literal template of the shared endpoints", claims: func(_ *Emulator, c map[string]any) {
			c["iss"] = strings.Replace(fmt.Sprint(c["iss"]), fmt.Sprint(c["tid"]), "{tenantid}", 1)
		}},
		"wrong-tid": {does: "tid is another tenant", claims: set("tid", func(e *Emulator) any { return e.random.id() })},
		"no-tid":    {does: "no tid", claims: func(_ *Emulator, c map[string]any) { delete(c, "tid") }},
		"no-oid":    {does: "no oid", claims: func(_ *Emulator, c map[string]any) { delete(c, "oid") }},
		"expired": {does: "expired an hour ago", claims: func(e *Emulator, c map[string]any) {
			t := e.Now().Add(-time.Hour)
			c["exp"], c["iat"], c["nbf"] = t.Unix(), t.Add(-time.Hour).Unix(), t.Add(-time.Hour).Unix()
		}},
		"no-exp": {does: "no exp", claims: func(_ *Emulator, c map[string]any) { delete(c, "exp") }},
		"nbf-future": {does: "nbf and iat are a day in the future", claims: func(e *Emulator, c map[string]any) {
			t := e.Now().Add(24 * time.Hour)
			c["nbf"], c["iat"], c["exp"] = t.Unix(), t.Unix(), t.Add(time.Hour).Unix()
		}},
		"no-nonce":    {does: "no nonce", claims: func(_ *Emulator, c map[string]any) { delete(c, "nonce") }},
		"wrong-nonce": {does: "another nonce", claims: set("nonce", func(e *Emulator) any { return e.random.id() })},
		"foreign-kid": {does: "signed by a key that is not published, with its kid", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": other.kid}, other
		})},
		"foreign-key": {does: "signed by a key that is not published, with the kid of one that is", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return nil, other
		})},
		"no-kid": {does: "signed by a key that is not published, no kid", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": ""}, other
		})},
		"jwk": {does: "signed by a key that the header brings along (jwk)", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": other.kid, "jwk": other.jwk("")}, other
		})},
		"jku": {does: "signed by a key that the header points to (jku)", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": other.kid, "jku": "http://127.0.0.1:9/keys"}, other
		})},
		"x5c": {does: "signed by a key whose certificate the header brings along (x5c)", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": other.kid, "x5c": []string{base64.StdEncoding.EncodeToString(other.cert)}}, other
		})},
		"kid-path": {does: "kid is a path and a piece of SQL", sign: header(func(_ *Emulator, _, other *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"kid": "../../../../dev/null' or '1'='1"}, other
		})},
		"huge-header": {does: "a header of 5 MB", sign: header(func(_ *Emulator, k, _ *signingKey) (map[string]any, *signingKey) {
			return map[string]any{"x": strings.Repeat("a", 5<<20)}, k
		})},
		"broken-signature": {does: "one bit of the signature turned", sign: func(_ *Emulator, k *signingKey, c map[string]any) (string, error) {
			t, err := k.signJWT(c, false)
			if err != nil {
				return "", err
			}
			i := strings.LastIndex(t, ".")
			sig, err := base64.RawURLEncoding.DecodeString(t[i+1:])
			if err != nil {
				return "", err
			}
			sig[7] ^= 1
			return t[:i+1] + base64.RawURLEncoding.EncodeToString(sig), nil
		}},
		"jwe-bomb": {does: "five parts, compressed content that grows to 64 MB", sign: func(_ *Emulator, k *signingKey, _ map[string]any) (string, error) {
			var b bytes.Buffer
			z, err := flate.NewWriter(&b, flate.BestCompression)
			if err != nil {
				return "", err
			}
			if _, err := z.Write(make([]byte, 64<<20)); err != nil {
				return "", err
			}
			if err := z.Close(); err != nil {
				return "", err
			}
			enc := base64.RawURLEncoding.EncodeToString
			return enc([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM","zip":"DEF","kid":"`+k.kid+`"}`)) + "." + enc(make([]byte, 256)) + "." + enc(make([]byte, 12)) + "." + enc(b.Bytes()) + "." + enc(make([]byte, 16)), nil
		}},
		"not-a-token": {does: "a string that is no token", sign: func(*Emulator, *signingKey, map[string]any) (string, error) { return "not.a.token", nil }},
	}
}

func signHMAC(key []byte, kid string, c map[string]any) (string, error) {
	in, err := jwtInput(map[string]any{"typ": "JWT", "alg": "HS256", "kid": kid}, c)
	if err != nil {
		return "", err
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(in))
	return in + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil)), nil
}

// BadTokens are the names of the ways in which SpoilIDTokens can make an id token wrong.
func BadTokens() []string { return slices.Sorted(maps.Keys(spoilers())) }

// SpoilIDTokens makes the next times id tokens of every tenant wrong in the way that kind names (BadTokens); 0 takes back what was
// asked before. Access tokens stay right.
func (e *Emulator) SpoilIDTokens(kind string, times int) error {
	if _, ok := spoilers()[kind]; !ok && times > 0 {
		return fmt.Errorf("there is no bad token called %q; there are: %s", kind, strings.Join(BadTokens(), ", "))
	}
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	if times <= 0 {
		e.login.bad = nil
		return nil
	}
	e.login.bad = append(e.login.bad, badToken{kind, times})
	return nil
}

// spoilID makes the token wrong when that was asked for.
func (e *Emulator) spoilID(k *signingKey, c map[string]any) (string, bool, error) {
	e.login.mu.Lock()
	kind := ""
	if len(e.login.bad) > 0 {
		b := &e.login.bad[0]
		kind = b.kind
		if b.left--; b.left <= 0 {
			e.login.bad = e.login.bad[1:]
		}
	}
	e.login.mu.Unlock()
	if kind == "" {
		return "", false, nil
	}
	s := spoilers()[kind]
	if s.claims != nil {
		s.claims(e, c)
	}
	if s.sign == nil {
		t, err := k.signJWT(c, false)
		return t, true, err
	}
	t, err := s.sign(e, k, c)
	return t, true, err
}
