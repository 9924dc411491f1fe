// Package guard owns what is believed of strangers, for everything that they can reach: where an address that came with a request may
// lead, which network a request comes from, and how many requests one party may make.
//
// It promises that Next never leads off this site, and that a limiter's memory has an end. It knows no session and answers nobody.
package guard

import (
	"net/url"
	"strings"
)

// maxNext is as much of an address as a sign-in carries along; longer ones lead to the start page.
const maxNext = 1000

// Next makes an address that came with a request safe to redirect to: an absolute path on this site with its query, in
// canonical writing, or "/" for everything else. The result never starts with "//" and holds no backslash, control character,
// fragment or dot segment.
func Next(raw string) string {
	if len(raw) == 0 || len(raw) > maxNext || raw[0] != '/' {
		return "/"
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '#' {
			return "/"
		}
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	// Looked at decoded as well: a proxy or a browser may decode once before it resolves.
	for p := u.Path; ; {
		if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || strings.ContainsAny(p, "\\:@") || control(p) {
			return "/"
		}
		for seg := range strings.SplitSeq(p, "/") {
			if seg == "." || seg == ".." {
				return "/"
			}
		}
		q, err := url.PathUnescape(p)
		if err != nil {
			return "/"
		}
		if q == p {
			break
		}
		p = q
	}
	if p := strings.TrimSuffix(u.Path, "/"); strings.HasPrefix(u.Path, "/auth/") || p == "/login" || p == "/logout" {
		return "/" // a sign-in that leads to a sign-in goes in circles
	}
	if q, err := url.QueryUnescape(u.RawQuery); err != nil || control(q) {
		return "/"
	}
	safe := url.URL{Path: u.Path, RawQuery: u.RawQuery}
	return safe.String()
}

func control(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0x2028 || r == 0x2029 || r == 0xfffd {
			return true
		}
	}
	return false
}
