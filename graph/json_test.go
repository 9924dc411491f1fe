package graph

import (
	"encoding/json"
	"testing"
)

// FuzzRow: a row is taken apart as encoding/json reads it, with spaces or without.
func FuzzRow(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b\"c\\","d": [1, {"e" : null}] , "f":-1e5,"g":{"h":true}}`, "{ \"a\\u0062\" :\t\"\\\\\" }", `{"a":[],"b":{}}`, `[1]`, `{"a":"{\"}"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want map[string]any
		if _, err := apart(body, ""); err != nil || json.Unmarshal(body, &want) != nil {
			return
		}
		var r Row
		if err := r.Read(body); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		have := map[string]any{}
		for _, m := range r.Members {
			var v any
			if err := json.Unmarshal(Compact(nil, m.Value), &v); err != nil {
				t.Fatalf("%q: %q: %v", body, m.Value, err)
			}
			have[m.Name] = v
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(have)
		if string(a) != string(b) {
			t.Errorf("%q: %s and not %s", body, b, a)
		}
	})
}
