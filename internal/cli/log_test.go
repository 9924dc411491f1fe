package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"nameplate/internal/config"
)

// Canaries in every kind of attribute, in both formats and at every level: none comes through unless the operator says so, and no
// name starts a line of its own.
func TestA52_A54_LogNamesNobody(t *testing.T) {
	t.Parallel()
	canaries := []string{"Olga Canary", "anna.canary", "ben%40", "192.0.2.77", "2001:db8:aaaa:bbbb::7"}
	say := func(cfg config.Config) string {
		var b bytes.Buffer
		l := logger(&b, cfg)
		l.Info("request", "path", "/admin/people/anna.canary@contoso.example/edit", "from", "192.0.2.77", "session", "5f2c")
		l.Warn("key", "by", "Olga Canary", "from", "2001:db8:aaaa:bbbb::7")
		l.Error("refused", "err", fmt.Errorf("user ben%%40contoso.example: %w", errors.New("\"anna.canary@contoso.example\" is taken")), "userid", "tenant/object")
		l.Debug("mapped", "from", "::ffff:192.0.2.77", "name", "x\n{\"level\":\"info\"}\x1b[31m")
		return b.String()
	}
	for _, format := range []string{"text", "json"} {
		got := say(config.Config{LogFormat: format, LogLevel: "debug"})
		for _, c := range canaries {
			if strings.Contains(got, c) {
				t.Errorf("%s: %q is in the log:\n%s", format, c, got)
			}
		}
		for _, want := range []string{"5f2c", "192.0.2.0/24", "2001:db8:aaaa::/48", "tenant/object", "is taken"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing:\n%s", format, want, got)
			}
		}
		all := say(config.Config{LogFormat: format, LogLevel: "debug", LogPersonal: true})
		for _, c := range canaries {
			if !strings.Contains(all, c) {
				t.Errorf("%s with log_personal: %q is missing:\n%s", format, c, all)
			}
		}
		if n := strings.Count(all, "\n"); n != 4 || strings.Contains(all, "\x1b") {
			t.Errorf("%s: four records have %d lines:\n%q", format, n, all)
		}
		if format == "json" {
			for line := range strings.Lines(all) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		}
	}
}
