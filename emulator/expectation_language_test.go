package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestExpectationLanguage shows that the language of the expectations can say no: an expectation that nothing fails is none.
func TestExpectationLanguage(t *testing.T) {
	t.Parallel()
	decode := func(s string) any {
		var v any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(s, err)
		}
		return v
	}
	for _, c := range []struct {
		pattern, got string
		fits         bool
	}{
		{`{"a": "x"}`, `{"a": "x", "b": 1}`, true},
		{`{"a": "x"}`, `{"a": "y"}`, false},
		{`{"a": "x"}`, `{"b": "x"}`, false},
		{`{"a": "*"}`, `{"a": "y"}`, true},
		{`{"a": "*"}`, `{"a": null}`, false},
		{`{"a": "*"}`, `{}`, false},
		{`{"a": null}`, `{"a": null}`, true},
		{`{"a": null}`, `{"a": 1}`, false},
		{`{"a": null}`, `{}`, false},
		{`{"a": "!absent"}`, `{}`, true},
		{`{"a": "!absent"}`, `{"a": null}`, false},
		{`{"a": "!value"}`, `{"a": null}`, true},
		{`{"a": "!value"}`, `{"a": 0}`, false},
		{`{"a": "x || y"}`, `{"a": "y"}`, true},
		{`{"a": "x || y"}`, `{"a": "z"}`, false},
		{`{"a": "~ell"}`, `{"a": "hello"}`, true},
		{`{"a": "~ell"}`, `{"a": "world"}`, false},
		{`{"a": 4}`, `{"a": 4}`, true},
		{`{"a": 4}`, `{"a": 5}`, false},
		{`{"a": false}`, `{"a": true}`, false},
		{`[1, 2]`, `[1, 2]`, true},
		{`[1, 2]`, `[2, 1]`, false},
		{`[1]`, `[1, 2]`, false},
		{`[]`, `[1]`, false},
		{`["...", 2]`, `[1, 2]`, true},
		{`["...", 3]`, `[1, 2]`, false},
		{`["...", 3]`, `[]`, false},
		{`["..."]`, `null`, false},
		{`{"$keys": ["a"]}`, `{"a": 1, "@odata.context": "x"}`, true},
		{`{"$keys": ["a"]}`, `{"a": 1, "b": 2}`, false},
		{`{"$keys": ["a", "b"]}`, `{"a": 1}`, false},
		{`{"$len": 2}`, `[1, 2]`, true},
		{`{"$len": 2}`, `[1]`, false},
		{`{"a": {"b": "x"}}`, `{"a": "x"}`, false},
	} {
		if miss := contains(decode(c.pattern), decode(c.got), "body"); (len(miss) == 0) != c.fits {
			t.Errorf("%s in %s: %v, wanted it to fit: %v", c.pattern, c.got, miss, c.fits)
		}
	}
	for _, c := range []struct {
		sent, got string
		same      bool
	}{
		{`"x"`, `"x"`, true},
		{`"x"`, `"y"`, false},
		{`"x"`, `null`, false},
		{`null`, `null`, true},
		{`null`, `"x"`, false},
		{`null`, `[]`, false},
		{`[]`, `[]`, true},
		{`[]`, `["x"]`, false},
		{`["x", "y"]`, `["y", "x"]`, true},
		{`["x"]`, `["x", "y"]`, false},
		{`"2030-01-01T00:00:00Z"`, `"2030-01-01T01:00:00+01:00"`, true},
		{`"2030-01-01T00:00:00Z"`, `"2030-01-02T00:00:00Z"`, false},
		{`{"a": 1, "@odata.type": "x"}`, `{"a": 1, "b": 2}`, true},
		{`{"a": 1}`, `{"a": 2}`, false},
		{`{"a": 1}`, `null`, false},
		{`true`, `false`, false},
		{`4`, `4`, true},
	} {
		if sameValue(decode(c.sent), decode(c.got)) != c.same {
			t.Errorf("sent %s, read %s: wanted the same: %v", c.sent, c.got, c.same)
		}
	}
	for _, body := range []string{`{}`, `{"error": {"code": "x"}}`, `{"error": {"code": "", "innerError": {"date": "d", "request-id": "r", "client-request-id": "c"}}}`, `{"error": {"code": "x", "innerError": {"date": "d", "request-id": "r"}}}`} {
		if miss := (answer{status: 400, body: decode(body)}).envelope(); len(miss) == 0 {
			t.Errorf("%s passes for a whole error", body)
		}
	}
}
