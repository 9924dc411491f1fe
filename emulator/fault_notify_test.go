package emulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What rules at notify and chaos make of notifications that are due.
func TestF26_NotificationsGetUnruly(t *testing.T) {
	t.Parallel()
	due := []notice{
		{app: "a", tenant: "t", kind: "updated", resource: "users/1"},
		{app: "a", tenant: "t", kind: "deleted", resource: "users/2"},
		{app: "b", tenant: "t", kind: "updated", resource: "users/3"},
		{app: "a", tenant: "t", kind: "updated", resource: "groups/4"},
	}
	for name, c := range map[string]struct {
		rule Rule
		want string
	}{
		"nothing":   {Rule{Do: Do{Drop: true}}, "1 2 3 4"}, // a rule for requests
		"drop":      {Rule{Match: Match{Method: "deleted"}, At: AtNotify, Do: Do{Drop: true}}, "1 3 4"},
		"twice":     {Rule{Match: Match{Path: "^users/"}, At: AtNotify, Do: Do{Duplicate: true}}, "1 1 2 2 3 3 4"},
		"overtaken": {Rule{Match: Match{App: "A", Nth: 1}, At: AtNotify, Do: Do{Reorder: true, Duplicate: true}}, "2 3 4 1 1"},
		"late":      {Rule{Match: Match{App: "b"}, At: AtNotify, Do: Do{Delay: Duration(time.Hour)}}, "1 2 3+1h0m0s 4"},
		"spoilt":    {Rule{Match: Match{Nth: 4}, At: AtNotify, Do: Do{Body: "{"}}, "1 2 3 4{"},
	} {
		s := stand(t, Options{})
		s.e.Inject(c.rule)
		var got []string
		for _, n := range s.e.unruly(due) {
			one := n.resource[strings.Index(n.resource, "/")+1:] + string(n.body)
			if n.delay > 0 {
				one += fmt.Sprint("+", n.delay)
			}
			got = append(got, one)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
		hits := s.e.FaultHits()
		if (name == "nothing") != (len(hits) == 0) || len(hits) > 0 && hits[0].At != AtNotify {
			t.Errorf("%s: hits %+v", name, hits)
		}
	}
	s := stand(t, Options{Chaos: 0.05, Seed: 4})
	many := make([]notice, 4000)
	for i := range many {
		many[i] = notice{kind: "updated", resource: fmt.Sprint("users/", i)}
	}
	if n := len(s.e.unruly(many)) - 4000; n < 120 || n > 280 {
		t.Errorf("of 4,000 notifications %d came twice, want about 200", n)
	}
}
