package api

import (
	"net/http"
	"time"

	"nameplate/internal/directory"
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

func (a *API) syncs() []Route {
	return []Route{
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
