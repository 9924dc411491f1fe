package api

import (
	"net/http"
	"strconv"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// entry is one change that was made, or tried.
type entry struct {
	ID     string                    `json:"id"`
	Seq    int64                     `json:"seq" says:"its place in the chain of the history"`
	On     mention                   `json:"on" says:"whose profile"`
	Do     change.Action             `json:"do" says:"update, photo, manager, member, license, account, password, sessions, key, export or forget"`
	By     actor                     `json:"by"`
	Why    string                    `json:"why"`
	State  change.State              `json:"state"`
	Old    map[string]property.Value `json:"old"`
	New    map[string]property.Value `json:"new" says:"as read back; what was wanted, where nothing was"`
	Names  map[string]string         `json:"names,omitempty" says:"what ids were called at the time"`
	Undoes string                    `json:"undoes,omitempty" says:"the entry that this one took back"`
	Detail string                    `json:"detail,omitempty" says:"why nothing came of it"`
	Cause  *cause                    `json:"cause,omitempty" says:"what Microsoft's answer means, where that is known"`
	Begun  time.Time                 `json:"begun"`
	Ended  *time.Time                `json:"ended"`
	Forgot *time.Time                `json:"forgotten,omitempty" says:"when what was kept of the person was forgotten: values, names and addresses are gone"`
}

// actor is who made a change.
type actor struct {
	Kind directory.ActorKind `json:"kind" says:"person, key, host (the command line on the server), nameplate or elsewhere"`
	ID   string              `json:"id"`
	Name string              `json:"name"`
	From string              `json:"from" says:"network address"`
}

type historyPage struct {
	Entries []entry `json:"entries"`
	page
}

// verified is what walking the history's chain found.
type verified struct {
	Records int64      `json:"records"`
	Bad     *badRecord `json:"bad" says:"the first record that does not fit; null when all fit"`
}

type badRecord struct {
	Seq  int64  `json:"seq"`
	ID   string `json:"id"`
	What string `json:"what"`
}

func (a *API) history() []Route {
	search := []Param{
		{"by", "object id of who did it", "string"},
		{"do", "update, photo, manager, member, license, account, password or sessions", "string"},
		{"state", "applied, unchanged, partly, refused, conflicted, failed, unverified or open", "string"},
		{"from", "begun at that instant or later", "string"},
		{"until", "begun before that instant", "string"},
		limitParam, cursorParam,
	}
	of := append([]Param{{"on", "object id of whose profile", "string"}}, search...)
	return []Route{
		{Method: "GET", Path: "/history", Says: "What was changed, the newest first.", Scope: directory.HistoryRead, Roles: readers, Query: of, Gives: historyPage{}, do: func(c *call) (reply, error) {
			return c.found(c.r.URL.Query().Get("on"))
		}},
		{Method: "GET", Path: "/people/{id}/history", Says: "What was changed of one person, the newest first.", Scope: directory.HistoryRead, Roles: readers, Query: search, Gives: historyPage{}, do: func(c *call) (reply, error) {
			ref, err := c.on(c.r.Context())
			if err != nil {
				return reply{}, err
			}
			return c.found(ref.ID)
		}},
		{Method: "GET", Path: "/history/verify", Says: "Prove that no record was changed, removed or put in between.", Scope: directory.HistoryRead, Roles: readers, Gives: verified{}, do: verify},
		{Method: "GET", Path: "/history/{id}", Says: "Read one entry.", Scope: directory.HistoryRead, Roles: readers, Gives: entry{}, do: getEntry},
		{Method: "POST", Path: "/history/{id}/undo", Says: "Take an entry back; needs the scope of the change that it makes as well.", Scope: directory.HistoryRead, Roles: writers, Gives: outcome{}, do: undo},
	}
}

func shownEntry(v *web.Visit, e change.Entry) entry {
	out := entry{
		ID: e.ID, Seq: e.Seq, On: mention{ID: e.Change.On.ID, Name: e.Change.Names["on"]}, Do: e.Change.Do, Why: e.Change.Why, State: e.Outcome.State,
		By:  actor{e.Change.By.Kind, e.Change.By.Ref.ID, e.Change.By.Name, e.Change.By.From},
		Old: values(e.Outcome.Before), New: values(e.Outcome.After), Names: e.Change.Names, Undoes: e.Change.Undoes, Begun: e.Begun,
	}
	if e.Outcome.After == nil {
		out.New = values(e.Change.Set)
	}
	if !e.Ended.IsZero() {
		out.Ended = &e.Ended
	}
	if !e.Forgotten.IsZero() {
		out.Forgot = &e.Forgotten
	}
	if p := e.Outcome.Cause(); p != nil {
		told := tell(v, p)
		out.Detail, out.Cause = told.Detail, told.Cause
	}
	return out
}

// found lists what was changed, by the query.
func (c *call) found(on string) (reply, error) {
	n, err := c.limit()
	if err != nil {
		return reply{}, err
	}
	before, err := c.before()
	if err != nil {
		return reply{}, err
	}
	in := c.r.URL.Query()
	q := change.Search{On: on, By: in.Get("by"), Do: change.Action(in.Get("do")), State: change.State(in.Get("state"))}
	if q.From, q.Until, err = c.span(); err != nil {
		return reply{}, err
	}
	l, err := c.Desk.History(c.r.Context(), c.by, c.tenant, q, before, n)
	if err != nil {
		return reply{}, err
	}
	out := historyPage{Entries: []entry{}}
	for _, e := range l {
		out.Entries = append(out.Entries, shownEntry(c.v, e))
	}
	if len(l) == n {
		out.Next = c.next(strconv.FormatInt(l[n-1].Seq, 10))
	}
	return reply{body: out}, c.listed(change.ExportHistory, len(l))
}

// before is the number of the entry that a list goes on behind, 0 on the first page.
func (c *call) before() (int64, error) {
	cursor, err := c.cursor()
	if err != nil || cursor == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return 0, fail.Wrap(fail.Internal, "api.cursor", err) // nobody else makes cursors
	}
	return n, nil
}

// span is the time that is asked for, by the parameters from and until.
func (c *call) span() (from, until time.Time, err error) {
	in := c.r.URL.Query()
	for name, t := range map[string]*time.Time{"from": &from, "until": &until} {
		if !in.Has(name) {
			continue
		}
		if *t, err = time.Parse(time.RFC3339, in.Get(name)); err != nil {
			return from, until, refuseAt(http.StatusBadRequest, fieldError{Parameter: name, Code: "type"}, fail.T("This has to be an instant, for example 2027-02-28T09:30:00Z."))
		}
	}
	return from, until, nil
}

func getEntry(c *call) (reply, error) {
	e, err := c.Desk.Entry(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownEntry(c.v, e)}, nil
}

func undo(c *call) (reply, error) {
	if c.session != nil {
		ch, err := c.Desk.Inverse(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
		if err != nil {
			return reply{}, err
		}
		if err := c.recent(ch); err != nil {
			return reply{}, err
		}
	}
	o, err := c.Desk.Undo(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	return c.became(o, false)
}

func verify(c *call) (reply, error) {
	n, bad, err := c.Desk.Verify(c.r.Context(), c.by, c.tenant)
	if err != nil {
		return reply{}, err
	}
	out := verified{Records: n}
	if bad != nil {
		out.Bad = &badRecord{bad.Seq, bad.ID, bad.What}
	}
	return reply{body: out}, nil
}
