package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// Which forms of dependsOn a batch may have, as Microsoft's JavaScript client knows them and issue 16280 reports them.
func TestR12_BatchIsSequentialOrParallel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []any
		code  int
	}{
		"parallel":                {[]any{patchItem(0), patchItem(1), patchItem(2)}, 200},
		"serial":                  {[]any{patchItem(0), patchItem(1, "1"), patchItem(2, "2")}, 200},
		"all on the first":        {[]any{patchItem(0), patchItem(1, "1"), patchItem(2, "1")}, 200},
		"pairs":                   {[]any{patchItem(0), patchItem(1, "1"), patchItem(2), patchItem(3, "3")}, 400},
		"one free":                {[]any{patchItem(0), patchItem(1, "1"), patchItem(2)}, 400},
		"two at once":             {[]any{patchItem(0), patchItem(1, "1"), patchItem(2, "1", "2")}, 400},
		"a tree":                  {[]any{patchItem(0), patchItem(1, "1"), patchItem(2, "1"), patchItem(3, "2")}, 400},
		"on a later one":          {[]any{patchItem(0, "2"), patchItem(1)}, 400},
		"on itself":               {[]any{patchItem(0, "1")}, 400},
		"empty lists are nothing": {[]any{patchItem(0, []string{}...), patchItem(1)}, 200},
	} {
		d := newDesk(t, emulator.Options{})
		r := d.ask("POST", "/v1.0/$batch", map[string]any{"requests": c.steps})
		if want := map[int]int{200: len(c.steps)}[c.code]; r.code != c.code || len(d.Ledger(0)) != want {
			t.Errorf("%s: %d with %d writes, want %d: %s", name, r.code, len(d.Ledger(0)), c.code, r.raw)
		}
		if c.code == 200 {
			continue
		}
		r = newDesk(t, emulator.Options{Rules: emulator.DocumentedRules}).ask("POST", "/v1.0/$batch", map[string]any{"requests": c.steps})
		if later := strings.HasPrefix(name, "on "); later != (r.code == 400) {
			t.Errorf("%s by the documented rules: %d %s", name, r.code, r.raw)
		}
	}
}

// What a batch can do to its client: one 429 and one 403 among twenty, a missing answer, another order, ids in upper case, a chain
// that breaks, and the whole answer lost.
func TestF25_BatchFaults(t *testing.T) {
	t.Parallel()
	send := func(t *testing.T, rules []emulator.Rule, steps ...any) (*desk, reply) {
		d := newDesk(t, emulator.Options{})
		for _, r := range rules {
			d.Inject(r)
		}
		return d, d.ask("POST", "/v1.0/$batch", map[string]any{"requests": steps})
	}
	var twenty []any
	for i := range 20 {
		twenty = append(twenty, patchItem(i))
	}
	patch := emulator.Match{Method: "PATCH"}
	nth := func(n int) emulator.Match { return emulator.Match{Method: "PATCH", Nth: n} }
	t.Run("one 429, one 403, one missing", func(t *testing.T) {
		t.Parallel()
		d, r := send(t, []emulator.Rule{
			{Match: nth(3), Do: emulator.Do{Status: 429, RetryAfter: "0.249"}},
			{Match: nth(7), Do: emulator.Do{Status: 403}},
			{Match: nth(9), At: emulator.After, Do: emulator.Do{Drop: true}},
		}, twenty...)
		a := batchAnswers(t, r)
		if len(a) != 19 || a["3"]["status"] != 429.0 || a["3"]["headers"].(map[string]any)["Retry-After"] != "0.249" || a["7"]["status"] != 403.0 || a["9"] != nil || len(d.Ledger(0)) != 18 {
			t.Errorf("%d answers, %d writes: %s", len(a), len(d.Ledger(0)), r.raw)
		}
	})
	t.Run("another order and ids in upper case", func(t *testing.T) {
		t.Parallel()
		one := patchItem(0)
		one["id"] = "abc-1"
		_, r := send(t, []emulator.Rule{{Match: emulator.Match{Path: `batch$`}, At: emulator.After, Do: emulator.Do{Reorder: true, Corrupt: "ids"}}}, append([]any{one}, twenty[1:]...)...)
		a := batchAnswers(t, r)
		var order []string
		for _, x := range r.body["responses"].([]any) {
			order = append(order, x.(map[string]any)["id"].(string))
		}
		if len(a) != 20 || a["ABC-1"] == nil || slices.Equal(order[1:4], []string{"2", "3", "4"}) {
			t.Errorf("%v", order)
		}
	})
	t.Run("a chain", func(t *testing.T) {
		t.Parallel()
		d, r := send(t, []emulator.Rule{{Match: nth(2), Do: emulator.Do{Status: 429}}}, patchItem(0), patchItem(1, "1"), patchItem(2, "2"), patchItem(3, "3"))
		a := batchAnswers(t, r)
		if a["1"]["status"] != 204.0 || a["2"]["status"] != 429.0 || a["3"]["status"] != 424.0 || a["4"]["status"] != 424.0 || len(d.Ledger(0)) != 1 {
			t.Errorf("%s", r.raw)
		}
	})
	t.Run("the outer answer", func(t *testing.T) {
		t.Parallel()
		for code, writes := range map[int]int{504: 2, 413: 0, 400: 0} {
			at := emulator.Before
			if writes > 0 {
				at = emulator.After
			}
			d, r := send(t, []emulator.Rule{{Match: emulator.Match{Path: `batch$`}, At: at, Do: emulator.Do{Status: code}}}, twenty[:2]...)
			if r.code != code || len(d.Ledger(0)) != writes {
				t.Errorf("%d, %d writes, want %d and %d", r.code, len(d.Ledger(0)), code, writes)
			}
		}
	})
	t.Run("every inner one is 429 and the batch is 200", func(t *testing.T) {
		t.Parallel()
		d, r := send(t, []emulator.Rule{{Match: patch, Do: emulator.Do{Status: 429, RetryAfter: "7"}}}, twenty...)
		for id, x := range batchAnswers(t, r) {
			if x["status"] != 429.0 {
				t.Errorf("%s: %v", id, x)
			}
		}
		if use := onlyApp(t, d); use.Throttled != 20 || len(d.Ledger(0)) != 0 {
			t.Errorf("%+v", use)
		}
	})
	t.Run("addresses that are no relative ones, and a batch inside", func(t *testing.T) {
		t.Parallel()
		for _, u := range []string{"https://graph.microsoft.com/v1.0/users/" + ann, "//evil.example/users", "$batch", "/$batch?x=1", ""} {
			step := patchItem(0)
			step["url"] = u
			if _, r := send(t, nil, step); r.code != 400 {
				t.Errorf("%q: %d", u, r.code)
			}
		}
	})
}

// A count comes as a number, as the CLI for Microsoft 365 reads it before it takes somebody's old role in a group away.
func TestR12_BatchCounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, emulator.Options{})
	r := d.ask("POST", "/v1.0/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/$count?$filter=id eq '`+ann+`'","headers":{"ConsistencyLevel":"eventual"}}]}`)
	if list, _ := r.body["responses"].([]any); len(list) != 1 || list[0].(map[string]any)["body"] != 1.0 {
		t.Errorf("%d %s", r.code, r.raw)
	}
}

// What is far away takes its time: each request to Graph, a batch once.
func TestLatency(t *testing.T) {
	t.Parallel()
	const far = 50 * time.Millisecond
	d := newDesk(t, emulator.Options{Latency: far})
	begun := time.Now()
	d.want(d.ask("GET", "/v1.0/users/"+ann, nil), 200, "")
	if took := time.Since(begun); took < far {
		t.Errorf("a request took %v", took)
	}
	steps := make([]map[string]string, 20)
	for i := range steps {
		steps[i] = map[string]string{"id": fmt.Sprint(i), "method": "GET", "url": "/users/" + ann}
	}
	begun = time.Now()
	d.want(d.ask("POST", "/v1.0/$batch", map[string]any{"requests": steps}), 200, "")
	if took := time.Since(begun); took < far || took > 20*far {
		t.Errorf("a batch of twenty took %v", took)
	}
}
