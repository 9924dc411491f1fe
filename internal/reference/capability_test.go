package reference_test

import (
	"testing"

	"nameplate/internal/reference"
)

// Every acceptance id of the person's journey has a test or a reason.
func TestEveryIDIsShown(t *testing.T) {
	t.Parallel()
	found, err := reference.Tests("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reference.Ranges() {
		for _, id := range r.IDs() {
			if len(found[id]) == 0 && r.Reason(id) == "" {
				t.Errorf("%s: no test carries this id, and no reason says why", id)
			}
		}
	}
}
