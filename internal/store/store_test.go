package store_test

import (
	"testing"

	"nameplate/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) { t.Parallel(); storetest.Run(t, open) })
	}
}
