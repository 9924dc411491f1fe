package api

import (
	"nameplate/internal/directory"
	"nameplate/internal/keep"
)

// forgotten is how much was forgotten.
type forgotten struct {
	Entry   string `json:"entry" says:"the entry of the history that tells of it"`
	Records int    `json:"records" says:"of the history, from which values, names and addresses were taken"`
	Photos  int    `json:"photos"`
}

// reason is why something is done.
type reason struct {
	Why string `json:"why" says:"stands in the history"`
}

func (a *API) kept() []Route {
	return []Route{
		{
			Method: "POST", Path: "/people/{id}/data", Says: "Take out everything that is kept of a person here, also of one who is gone from the directory.",
			Scope: directory.HistoryRead, Roles: admins, Body: reason{}, Gives: keep.File{}, do: takeOut,
		},
		{
			Method: "POST", Path: "/people/{id}/forget", Says: "Forget what is kept of a person here. It cannot be taken back.",
			Scope: directory.PeopleDelete, Roles: admins, Body: reason{}, Gives: forgotten{}, Fresh: true, do: forget,
		},
	}
}

func takeOut(c *call) (reply, error) {
	on, why, err := c.reasoned()
	if err != nil {
		return reply{}, err
	}
	f, err := c.Desk.Kept(c.r.Context(), c.by, on, why)
	if err != nil {
		return reply{}, err
	}
	return reply{body: f, kept: keep.Blank(f.About)}, nil // an Idempotency-Key brings no second file
}

func forget(c *call) (reply, error) {
	on, why, err := c.reasoned()
	if err != nil {
		return reply{}, err
	}
	did, err := c.Desk.Forget(c.r.Context(), c.by, on, why)
	if err != nil {
		return reply{}, err
	}
	return reply{body: forgotten{did.Entry, did.Records, did.Photos}}, nil
}

// reasoned is the person whom the address names, and the reason in the body.
func (c *call) reasoned() (directory.Ref, string, error) {
	var in reason
	if err := c.into(&in); err != nil {
		return directory.Ref{}, "", err
	}
	why, err := keep.Reason(in.Why)
	if err != nil {
		return directory.Ref{}, "", err
	}
	on, err := c.on(c.r.Context())
	return on, why, err
}
