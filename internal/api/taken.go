package api

import (
	"math/bits"
	"net/http"
	"sync"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// What is taken out through the API stands in the history, as what is taken out by a page does (A60): a spreadsheet with what for, and
// lists that were read so far that they come to the same.

var whyParam = Param{"why", "what for; it stands in the history", "string"}

// taken writes down that a file of so many rows goes out.
func (c *call) taken(on directory.Ref, what string, n int, why string) error {
	if c.r.Method == http.MethodHead { // nothing goes out
		return nil
	}
	return c.Desk.Keep.Exported(c.r.Context(), c.by, on, "", what, n, why)
}

// whyOf is what for, as the query says it.
func (c *call) whyOf() (string, error) {
	why, ok := directory.Reason(c.r.URL.Query().Get("why"))
	if why == "" || !ok {
		return "", refuseAt(http.StatusBadRequest, fieldError{Parameter: "why", Code: "required"}, fail.T("Say why, in at most 500 characters: it stands in the history."))
	}
	return why, nil
}

// all is the tenant as what a list is of.
func (c *call) all() directory.Ref { return directory.Ref{Tenant: c.tenant, ID: c.tenant} }

// many is from how many rows of one kind in a day that one caller read a list is as good as a file.
const many = 1000

// tally counts the rows that each caller was given today.
type tally struct {
	mu   sync.Mutex
	day  string
	rows map[string]int
}

// add counts n more rows for somebody, and says how many it are now and whether that is worth an entry: at many, and each time that it
// has doubled, so that a program that reads everybody each night fills the history with a handful of lines and not with one a page.
func (t *tally) add(who string, n int, now time.Time) (total int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if day := now.UTC().Format(time.DateOnly); t.day != day {
		t.day, t.rows = day, map[string]int{}
	}
	before := t.rows[who]
	total = before + n
	t.rows[who] = total
	return total, bits.Len(uint(total/many)) > bits.Len(uint(before/many))
}

// listed counts rows of a list before they go out.
func (c *call) listed(what string, n int) error {
	if c.r.Method == http.MethodHead || n == 0 {
		return nil
	}
	who := c.tenant + " " + what + " " + string(c.by.Kind) + " " + c.by.Ref.ID + " " + c.by.Name
	if c.key.ID != "" {
		who = c.tenant + " " + what + " key " + c.key.ID
	}
	total, tell := c.tally.add(who, n, c.Now())
	if !tell {
		return nil
	}
	return c.taken(c.all(), what, total, "")
}
