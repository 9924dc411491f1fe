package explain_test

import (
	"net"
	"os"
	"syscall"
	"testing"

	"nameplate/internal/explain"
)

// F34: what Windows says of a line is told apart as elsewhere.
func TestF34_WindowsHasNumbersOfItsOwn(t *testing.T) {
	t.Parallel()
	for number, want := range map[syscall.Errno]explain.Cause{
		10061: explain.NobodyListens, 10054: explain.Reset, 10065: explain.NoRoute, 10051: explain.NoRoute,
	} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connectex", number)}
		if f := explain.Explain(explain.Answer{Err: err}); f.Cause != want {
			t.Errorf("%d: %s, want %s", number, f.Cause, want)
		}
	}
}
