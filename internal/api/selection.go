package api

import (
	"encoding/json"
	"net/http"

	"nameplate/internal/bulk"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// selection is who is meant, and what is to become of all of them.
type selection struct {
	All          bool                      `json:"all,omitempty" says:"everybody in the list of filter and search"`
	Filter       string                    `json:"filter,omitempty" says:"$filter of Microsoft Graph"`
	Search       string                    `json:"search,omitempty" says:"words in names and addresses"`
	IDs          []string                  `json:"ids,omitempty" says:"object ids of people, where it is not all of a list"`
	Set          map[string]property.Value `json:"set,omitempty" says:"properties: a value sets, null clears"`
	Manager      *string                   `json:"manager,omitempty" says:"sign-in name or object id; an empty text takes the manager away"`
	GroupsAdd    []string                  `json:"groupsAdd,omitempty" says:"names or object ids"`
	GroupsRemove []string                  `json:"groupsRemove,omitempty" says:"names or object ids"`
	LicensesGive []string                  `json:"licensesAdd,omitempty" says:"string ids, names or ids of products"`
	LicensesTake []string                  `json:"licensesRemove,omitempty" says:"string ids, names or ids of products"`
}

// planSelection makes a plan of a selection.
func planSelection(c *call) (reply, error) {
	var in struct {
		selection
		Set map[string]json.RawMessage `json:"set"`
	}
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	s := bulk.Selection{
		All: in.All, Filter: in.Filter, Search: in.Search, IDs: in.IDs, Manager: in.Manager,
		Join: in.GroupsAdd, Leave: in.GroupsRemove, Give: in.LicensesGive, Take: in.LicensesTake,
	}
	if body, _ := c.tree.(map[string]any); len(in.Set) > 0 {
		m, _ := body["set"].(map[string]any)
		var probs []fieldError
		if s.Set, probs = c.valuesOf(m, in.Set, "/set/"); len(probs) > 0 {
			return reply{}, refuse(http.StatusBadRequest, fail.T("Nothing was changed. Look at what is named, correct it and send it again."), probs...)
		}
	}
	p, err := c.Bulk.PlanSelection(c.r.Context(), c.by, c.tenant, s)
	if err != nil {
		return reply{}, err
	}
	return reply{body: shownPlan(c.v, p)}, nil
}
