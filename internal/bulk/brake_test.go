package bulk_test

import (
	"testing"

	"nameplate/internal/bulk"
)

// A60: from where on a number has to be typed is the installation's to say, deletions and directory roles included; who is created counts.
func TestA60_TheBrakesAreSettings(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(10), hiring)
	w.Bulk.Brake = bulk.Brake{People: 2, Percent: 50, Deletions: 1}
	asks := func(text string, want ...string) {
		t.Helper()
		p, rows := w.plan(text, bulk.Upload{})
		if problems, _ := told(p, rows); problems != "" {
			t.Fatal(problems)
		}
		asked, err := w.Asks(w.ctx, p)
		if err != nil || len(asked) != len(want) {
			t.Fatalf("asked %+v %v, want %v", asked, err, want)
		}
		for i, a := range asked {
			if a.Field != want[i] {
				t.Errorf("asked %q, want %q", a.Field, want[i])
			}
		}
		if kinds := p.Counts.Kinds["delete"] + p.Counts.Kinds["create"]; kinds > 0 && !p.Dangerous(asked) {
			t.Error("who adds or deletes anybody signs in once more, whatever the brakes are")
		}
	}
	asks("userPrincipalName,department\np1@contoso.example,A\np2@contoso.example,A\n")
	asks("userPrincipalName,department\np1@contoso.example,A\np2@contoso.example,A\np3@contoso.example,A\n", "people")
	asks("userPrincipalName,action\np1@contoso.example,delete\n")
	asks("userPrincipalName,action\np1@contoso.example,delete\np2@contoso.example,delete\n", "deletions")
	asks("userPrincipalName,displayName,action\na@contoso.example,A,create\nb@contoso.example,B,create\nc@contoso.example,C,create\n", "people")
}
