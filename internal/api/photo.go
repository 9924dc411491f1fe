package api

import (
	"context"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/photo"
)

func (a *API) photos() []Route {
	route := func(r Route) Route { r.Path = "/people/{id}/photo"; return r }
	return []Route{
		route(Route{Method: "GET", Says: "The picture, as JPEG.", Scope: directory.PeopleRead, Roles: readers, Type: "image/jpeg", do: getPhoto}),
		route(Route{
			Method: "PUT", Says: "Set the picture: JPEG, PNG or GIF, at most 4 MB; it is cut to a square and stored as JPEG without metadata.", Scope: directory.PeopleWrite, Roles: writers,
			Takes: "image/jpeg image/png image/gif", Bytes: photo.MaxBytes, Gives: outcome{}, do: setPhoto,
		}),
		route(Route{Method: "DELETE", Says: "Remove the picture.", Scope: directory.PeopleWrite, Roles: writers, Gives: outcome{}, do: func(c *call) (reply, error) { return c.picture(nil) }}),
	}
}

func getPhoto(c *call) (reply, error) {
	ref, err := c.on(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	p, err := c.Desk.Photo(c.r.Context(), c.by, ref, 0)
	if err != nil {
		return reply{}, err
	}
	if !photo.IsJPEG(p.Data) {
		return reply{}, fail.New(fail.Unsupported, "api.photo", fail.T("The directory holds a picture in a format that is not given here."))
	}
	return reply{raw: p.Data}, nil
}

func setPhoto(c *call) (reply, error) {
	jpeg, err := c.portrait(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	return c.picture(jpeg)
}

// portrait prepares one picture at a time: one takes up to photo.MaxMemory for a moment.
func (c *call) portrait(ctx context.Context) ([]byte, error) {
	select {
	case c.easel <- struct{}{}:
		defer func() { <-c.easel }()
		return photo.Portrait(c.raw)
	case <-ctx.Done():
		return nil, fail.Wrap(fail.Unavailable, "api.photo", ctx.Err())
	}
}

func (c *call) picture(jpeg []byte) (reply, error) {
	ref, err := c.on(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	return c.change(change.Change{On: ref, Do: change.Photo, Photo: jpeg})
}
