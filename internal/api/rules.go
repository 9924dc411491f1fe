package api

import (
	"net/http"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
)

// who says who may see and change something, in the words of the policy file.
type who struct {
	Name string   `json:"name"`
	View []string `json:"view,omitempty"`
	Edit []string `json:"edit,omitempty"`
}

// exception is what a rule says instead for some people.
type exception struct {
	Name       string `json:"name"`
	When       string `json:"when" says:"whom it is about; empty is everybody"`
	Properties []who  `json:"properties"`
	Acts       []who  `json:"acts"`
}

// rulebook is the policy in force; with as, what that person sees and may change of themselves.
type rulebook struct {
	Properties []who       `json:"properties"`
	Acts       []who       `json:"acts"`
	Rules      []exception `json:"rules"`
	Privileged []string    `json:"privileged" says:"who may act on administrators"`
	As         *rights     `json:"as,omitempty"`
}

func (a *API) rules() []Route {
	return []Route{{
		Method: "GET", Path: "/policy", Says: "The policy in force.", Scope: directory.PeopleRead, Roles: readers, Gives: rulebook{}, do: getPolicy,
		Query: []Param{{"as", "object id or userPrincipalName: adds what that person may change of themselves", "string"}},
	}}
}

func rows(l []policy.Row) []who {
	out := []who{}
	for _, r := range l {
		out = append(out, who(r))
	}
	return out
}

func getPolicy(c *call) (reply, error) {
	t := c.Policy.Table()
	out := rulebook{Properties: rows(t.Properties), Acts: rows(t.Actions), Rules: []exception{}, Privileged: list(t.Over)}
	for _, r := range t.Rules {
		out.Rules = append(out.Rules, exception{r.Name, r.When, rows(r.Properties), rows(r.Actions)})
	}
	as := c.r.URL.Query().Get("as")
	if as == "" {
		return reply{body: out}, nil
	}
	ref, err := c.named(c.r.Context(), as)
	if err != nil {
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: "as", Code: "not_a_person"}, fail.T("There is nobody with this object id or userPrincipalName."))
	}
	fields, err := c.Desk.OwnForm(c.r.Context(), c.by, ref)
	if err != nil {
		return reply{}, err
	}
	own := rights{Properties: map[string]right{}, Acts: map[string]right{}}
	for _, f := range fields {
		r := right{May: f.Write}
		if !f.Write {
			r.Why = c.v.T(f.Reason)
		}
		own.Properties[string(f.Def.Name)] = r
	}
	out.As = &own
	return reply{body: out}, nil
}
