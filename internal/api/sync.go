package api

import (
	"net/http"
	"strconv"
	"time"

	"nameplate/internal/change"

	"nameplate/internal/directory"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

// copied is where the copy of the directory stands.
type copied struct {
	Running     bool       `json:"running" says:"a round is under way"`
	Doing       string     `json:"doing,omitempty" says:"of a round: people, changes of people, groups, managers, checks"`
	Done        int        `json:"done,omitempty" says:"of these so far"`
	Of          int        `json:"of,omitempty"`
	AsOf        *time.Time `json:"asOf,omitempty" says:"the copy is the directory as it was then, or newer; none before the first round has come to its end"`
	Ended       *time.Time `json:"ended,omitempty" says:"when the last whole round did"`
	Full        *time.Time `json:"full,omitempty" says:"when everybody was last read, instead of changes only"`
	Held        int        `json:"held,omitempty" says:"so many people and groups would be taken for gone, more than go without a person's word"`
	Problem     string     `json:"problem,omitempty" says:"why the last round did not come to its end"`
	People      int        `json:"people"`
	Gone        int        `json:"gone" says:"people who were there once"`
	Managed     int        `json:"managed" says:"people who have a manager"`
	Groups      int        `json:"groups"`
	Memberships int        `json:"memberships"`
	Requests    int        `json:"requests" says:"that the last whole round sent to Microsoft Graph"`
}

// letGo is the word that those who are held may be taken for gone.
type letGo struct {
	Held int `json:"held" says:"how many, as GET tells it"`
}

// noticed is a difference between the copy and the directory.
type noticed struct {
	Seq     int64                     `json:"seq"`
	After   time.Time                 `json:"after" says:"the copy was of then, or newer, and did not have it yet"`
	Noticed time.Time                 `json:"noticed"`
	Object  string                    `json:"object" says:"person, group or member"`
	ID      string                    `json:"id" says:"of the person or group; of a member the group"`
	Name    string                    `json:"name" says:"what that was called at the time"`
	Member  string                    `json:"member,omitempty" says:"of a member: whose membership"`
	What    string                    `json:"what" says:"created, changed, deleted, restored, joined or left"`
	Old     map[string]property.Value `json:"old"`
	New     map[string]property.Value `json:"new"`
	Entry   string                    `json:"entry,omitempty" says:"of the history, which made it; none: made outside Nameplate"`
}

type noticedPage struct {
	Changes []noticed `json:"changes"`
	page
}

func (a *API) syncs() []Route {
	return []Route{
		{
			Method: "GET", Path: "/changes", Says: "What was noticed in the directory while the copy was brought up to date, the newest first: made here or elsewhere.",
			Scope: directory.HistoryRead, Roles: readers, Gives: noticedPage{}, do: changes, Query: []Param{
				{"on", "object id of a person or group; of a person also the groups that they joined and left", "string"},
				{"from", "noticed at that instant or later", "string"},
				{"until", "noticed before that instant", "string"},
				limitParam, cursorParam,
			},
		},
		{Method: "GET", Path: "/sync", Says: "Where the copy of the directory stands.", Scope: directory.PeopleRead, Roles: readers, Gives: copied{}, do: getSync},
		{Method: "POST", Path: "/sync", Says: "Bring the copy of the directory up to date. It goes on by itself; GET tells how far it is.", Scope: directory.PeopleRead, Roles: writers, Gives: copied{}, Status: http.StatusAccepted, do: beginSync},
		{Method: "POST", Path: "/sync/accept", Says: "Say that those who are held are gone, and begin a round.", Scope: directory.PeopleDelete, Roles: []directory.Role{directory.Admin}, Body: letGo{}, Gives: copied{}, Status: http.StatusAccepted, do: acceptSync},
	}
}

func getSync(c *call) (reply, error) {
	s, n, err := c.Mirror.Status(c.r.Context(), c.tenant)
	if err != nil {
		return reply{}, err
	}
	p, running := c.Mirror.Running()
	some := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return reply{body: copied{
		Running: running, Doing: p.What, Done: p.Done, Of: p.Of, AsOf: some(s.Whole), Ended: some(s.Ended), Full: some(s.People.Full), Held: s.Held, Problem: s.Problem,
		People: n.People, Gone: n.Gone, Managed: n.Managed, Groups: n.Groups, Memberships: n.Members, Requests: s.Requests.All(),
	}}, nil
}

func beginSync(c *call) (reply, error) {
	c.Mirror.Begin()
	return getSync(c)
}

func acceptSync(c *call) (reply, error) {
	var in letGo
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	if err := c.Mirror.Allow(c.r.Context(), c.tenant, in.Held); err != nil {
		return reply{}, err
	}
	return beginSync(c)
}

func changes(c *call) (reply, error) {
	n, err := c.limit()
	if err != nil {
		return reply{}, err
	}
	before, err := c.before()
	if err != nil {
		return reply{}, err
	}
	q := mirror.Search{On: c.r.URL.Query().Get("on")}
	if q.From, q.Until, err = c.span(); err != nil {
		return reply{}, err
	}
	l, err := c.Desk.Changes(c.r.Context(), c.by, c.tenant, q, before, n)
	if err != nil {
		return reply{}, err
	}
	out := noticedPage{Changes: []noticed{}}
	for _, e := range l {
		out.Changes = append(out.Changes, noticed{
			Seq: e.Seq, After: e.After, Noticed: e.At, Object: e.Object, ID: e.ID, Name: e.Name, Member: e.Who, What: e.What, Old: values(e.Old), New: values(e.New), Entry: e.Cause,
		})
	}
	if len(l) == n {
		out.Next = c.next(strconv.FormatInt(l[n-1].Seq, 10))
	}
	return reply{body: out}, c.listed(change.ExportHistory, len(l))
}
