package change

import (
	"context"

	"nameplate/internal/fail"
)

// CodeHeld marks what was refused because all writing is stopped.
const CodeHeld = "held"

// stopped says why nothing may be written in a tenant now, nil when it may.
func (e *Engine) stopped(ctx context.Context, tenant string) *fail.Error {
	if e.cfg.Stopped == nil {
		return nil
	}
	s, err := e.cfg.Stopped(ctx, tenant)
	if err != nil {
		return problemOf(err)
	}
	if s == nil {
		return nil
	}
	f := fail.New(fail.Denied, "change.stopped", fail.T("All saving has been stopped by the people who run this portal. Nothing was changed; try again later."))
	f.Code = CodeHeld
	return f
}
