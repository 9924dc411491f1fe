package config_test

import (
	"strings"
	"testing"

	"nameplate/internal/config"
)

// A52: every setting is shown as it is in force, and no secret is.
func TestA52_WhatIsShownOfAConfiguration(t *testing.T) {
	t.Parallel()
	c, m := load(t, "session_limit: 8h\nlisten: 127.0.0.1:9\n", tenant, client, secret, "NAMEPLATE_DATABASE=postgres://nameplate:canary@db.example/people")
	if m != nil {
		t.Fatal(m)
	}
	all := c.Shown(true)
	if len(all) != len(config.Settings()) {
		t.Errorf("%d of %d settings are shown", len(all), len(config.Settings()))
	}
	got := map[string]string{}
	for _, s := range all {
		got[s.Key] = s.Value
		if strings.Contains(s.Value, "canary") {
			t.Errorf("%s is shown as %q", s.Key, s.Value)
		}
	}
	for key, want := range map[string]string{"session_limit": "8h", "session_idle": "1h", "client_secret": "***", "database": "***", "cloud": "global", "listen": "127.0.0.1:9", "policy": "", "delegated_only": "no"} {
		if got[key] != want {
			t.Errorf("%s is shown as %q, want %q", key, got[key], want)
		}
	}
	for _, s := range c.Shown(false) {
		if s.Key == "listen" || s.Key == "database" || s.Key == "key_file" {
			t.Errorf("%s is shown to an organization that shares the machine", s.Key)
		}
	}
}
