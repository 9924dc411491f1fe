package policy

import "testing"

func TestShippedFilesAreInOrder(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"demo.yaml": Demo(), "default.yaml": Default()} {
		if _, m := Parse(name, data); len(m) > 0 {
			t.Errorf("%s", Report(name, m))
		}
	}
}
