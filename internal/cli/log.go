package cli

import (
	"io"
	"log/slog"
	"net/netip"
	"os"
	"regexp"

	"nameplate/internal/config"
)

// logger writes the log to standard error. Control characters in names cannot start a line of their own: slog quotes them (A54).
// This is the one place that keeps people out of it, unless the operator wants them there.
func logger(w io.Writer, cfg config.Config) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		l = slog.LevelInfo
	}
	if w == nil {
		w = os.Stderr
	}
	o := &slog.HandlerOptions{Level: l}
	if !cfg.LogPersonal {
		o.ReplaceAttr = impersonal
	}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// mailish is a sign-in name or an e-mail address, also as a part of an address or of another system's sentence.
var mailish = regexp.MustCompile(`[^\s"'<>()\[\]{}/:;,=]+(@|%40)[^\s"'<>()\[\]{}/:;,=]+`)

// impersonal leaves what names a person out of one attribute: object ids and networks stay, names and whole addresses do not.
func impersonal(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case "by", "name":
		return slog.String(a.Key, "***")
	case "from":
		return slog.String(a.Key, network(a.Value.String()))
	}
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(mailish.ReplaceAllString(v, "***"))
	case error:
		a.Value = slog.StringValue(mailish.ReplaceAllString(v.Error(), "***"))
	}
	return a
}

// network is the part of an address that many share.
func network(s string) string {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	bits := 48
	if addr = addr.Unmap(); addr.Is4() {
		bits = 24
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
