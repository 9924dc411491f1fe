package entra

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// CreatePerson implements directory.Writer. https://learn.microsoft.com/graph/api/user-post-users
func (d *Directory) CreatePerson(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values, password string) (string, error) {
	w, err := d.writing("entra.create", as, on, property.CreatePeople)
	if err != nil {
		return "", err
	}
	w.set = set
	body, err := property.Body(d.o.Properties, set, blanks)
	var whole map[string]any
	if err == nil {
		err = json.Unmarshal(body, &whole)
	}
	if err != nil {
		return "", unfit(w.op, on.ID, err)
	}
	whole["passwordProfile"] = map[string]any{"password": password, "forceChangePasswordNextSignIn": true}
	var made struct{ ID string }
	if err := w.c.Post(ctx, "/users", whole, &made); err != nil {
		return "", w.refused(ctx, err)
	}
	if !guid(made.ID) {
		return "", w.refused(ctx, &graph.Fault{Op: "POST users", Sent: true, What: "the answer is no person"})
	}
	return strings.ToLower(made.ID), nil
}

// blanks is the other half of what Graph takes only whole, of somebody who is not there yet.
var blanks = property.Values{"employeeOrgData/division": property.Null(), "employeeOrgData/costCenter": property.Null()}

func unfit(op, item string, err error) error {
	f := fail.Wrap(fail.Invalid, op, err)
	f.Item, f.Say = item, fail.T("This cannot be written to the directory in this form. Nothing was changed.")
	return f
}

// Update implements directory.Writer: one $batch with the PATCH and a GET that depends on it.
// https://learn.microsoft.com/graph/api/user-update
func (d *Directory) Update(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values) (property.Values, error) {
	w, err := d.update(as, on, set)
	if err != nil {
		return nil, err
	}
	if len(set) == 0 {
		return property.Values{}, nil
	}
	items := []graph.Item{w.item}
	if fields := d.o.Properties.Select(set.Names()); len(fields) > 0 {
		items = append(items, graph.Item{Method: http.MethodGet, Path: person(on.ID) + "?$select=" + sel(appendNew(fields, "id")), After: []int{0}})
	}
	answers, err := w.c.Batch(ctx, items)
	if err != nil {
		return nil, w.refused(ctx, err)
	}
	if err := answers[0].Err; err != nil {
		return nil, w.refused(ctx, err)
	}
	if len(answers) < 2 {
		return nil, nil
	}
	after, err := read(d.o.Properties, answers[1], set.Names())
	if err != nil {
		return nil, nil // written; the caller reads it back
	}
	return after, nil
}

func (d *Directory) update(as directory.Authority, on directory.Ref, set property.Values) (write, error) {
	const op = "entra.update"
	t, err := d.writing(op, as, on, "")
	if err != nil {
		return write{}, err
	}
	t.set = set
	body, err := property.Body(d.o.Properties, set, nil)
	if err != nil {
		return write{}, unfit(op, on.ID, err)
	}
	return write{attempt: t, item: graph.Item{Method: http.MethodPatch, Path: person(on.ID), Body: body}}, nil
}
