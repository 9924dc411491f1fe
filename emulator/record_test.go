package emulator

import (
	"fmt"
	"slices"
	"testing"
)

// What a record is made of comes back from it, whether a value stands in it or is shared, and a write changes nothing else.
func TestRecordGivesBackWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	s := newShared()
	const people = 3 * seenMax // more different names than are watched for a second holder
	made := make([]record, 0, people)
	want := func(i int) []field {
		return []field{
			{1, fmt.Sprintf(`"Person %d"`, i)},
			{2, fmt.Sprintf(`"Town %d"`, i%90)},
			{7, `"` + string(slices.Repeat([]byte{'x'}, 63+i%3)) + `"`}, // around the length that needs a second byte
			{300, `true`},
		}
	}
	for i := range people {
		made = append(made, s.record(want(i)))
	}
	s.done()
	if len(s.values) < 94 {
		t.Errorf("%d values are shared, want the 90 towns, 3 texts and true", len(s.values))
	}
	for i, r := range made {
		fields := want(i)
		var got []field
		for rest := r; rest.more(); {
			var f field
			f.prop, f.json, rest = rest.next()
			got = append(got, f)
		}
		if !slices.Equal(got, fields) {
			t.Fatalf("record %d: %v, want %v", i, got, fields)
		}
		after := r.with([]field{{2, `"Elsewhere"`}, {5, `1`}, {7, ""}})
		for _, f := range []field{fields[0], {2, `"Elsewhere"`}, {5, `1`}, {7, ""}, fields[3], {4, ""}, {301, ""}} {
			if j := after.get(f.prop); j != f.json {
				t.Fatalf("record %d after the write: property %d is %s, want %s", i, f.prop, j, f.json)
			}
		}
		if r.get(2) != fields[1].json || r.get(7) != fields[2].json {
			t.Fatalf("record %d was changed by a write to another one", i)
		}
	}
}
