package reference_test

import (
	"testing"

	"nameplate/internal/reference"
)

// Every acceptance id of the person's journey has a test or a reason, and no reason outlives its test.
func TestEveryIDIsShown(t *testing.T) {
	t.Parallel()
	found, err := reference.Tests("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reference.Ranges() {
		for _, id := range r.IDs() {
			switch why := r.Reason(id); {
			case len(found[id]) == 0 && why == "":
				t.Errorf("%s: no test carries this id", id)
			case len(found[id]) > 0 && why != "":
				t.Errorf("%s: has a test, %v, and still a reason for having none", id, found[id])
			}
		}
	}
}
