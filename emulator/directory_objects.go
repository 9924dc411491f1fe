package emulator

import (
	"net/http"
	"strings"
)

// directoryObjects: https://learn.microsoft.com/en-us/graph/api/directoryobject-get
func (c *call) directoryObjects() error {
	if len(c.seg) != 2 || c.r.Method != http.MethodGet {
		return c.unknown(c.seg[0])
	}
	if !c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	o := c.t.dir.byID[strings.ToLower(c.seg[1])]
	if o == nil {
		return notThere(c.seg[1])
	}
	b := o.in.shown.withType().append(c.context(nil, "directoryObjects/$entity"), o)
	return c.send(http.StatusOK, append(b, '}'))
}
