package entra

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// stamps are the properties that show when a facet was last moved. They are read-only in Graph.
// https://learn.microsoft.com/graph/api/resources/user
var stamps = map[property.Name]string{
	directory.FacetPassword: "lastPasswordChangeDateTime",
	directory.FacetSessions: "signInSessionsValidFromDateTime",
}

// facets adds to a reading what the facets among the names need, and gives the names that are properties.
func (r *reading) facets(op string, ask directory.Ask) (names []property.Name) {
	var memberships, licenses, moments []property.Name
	for _, n := range ask.Names {
		_, group := directory.GroupOf(n)
		_, sku := directory.SKUOf(n)
		switch {
		case group:
			memberships = append(memberships, n)
		case sku:
			licenses = append(licenses, n)
		case directory.Stamp(n):
			moments = append(moments, n)
		case n == directory.FacetManager:
			ask.Manager = true
		case n == directory.FacetAccount:
			r.user.Values[n] = property.Text(directory.Active)
		default:
			names = append(names, n)
		}
	}
	managed := slices.Contains(ask.Names, directory.FacetManager)
	if ask.Manager {
		r.add("/manager?$select="+mention, nil, r.manager(op, managed))
	}
	if ask.Groups || len(memberships) > 0 {
		r.add("/memberOf/microsoft.graph.group?$top=999&$select="+groupFields, nil, r.groups(op, ask.Groups, memberships))
	}
	if ask.Licenses || len(licenses) > 0 {
		r.add("?$select=id,licenseAssignmentStates", nil, r.licenses(op, ask.Licenses, licenses))
	}
	if len(moments) > 0 {
		fields := []string{"id"}
		for _, n := range moments {
			fields = append(fields, stamps[n])
		}
		r.add("?$select="+sel(fields), nil, r.moments(op, moments))
	}
	return names
}

func (r *reading) missed(op string, err error, names ...property.Name) {
	for _, n := range names {
		r.missing(op, string(n), err)
	}
}

func (r *reading) moments(op string, names []property.Name) func(graph.Answer) {
	return func(a graph.Answer) {
		var at map[string]*time.Time
		var raw map[string]json.RawMessage
		err := a.Decode(&raw)
		if err == nil {
			at = map[string]*time.Time{}
			for _, n := range names {
				var t *time.Time
				if err = json.Unmarshal(raw[stamps[n]], &t); err != nil {
					break
				}
				at[stamps[n]] = t
			}
		}
		if err != nil {
			r.missed(op, err, names...)
			return
		}
		for _, n := range names {
			r.user.Values[n] = property.Null()
			if t := at[stamps[n]]; t != nil {
				r.user.Values[n] = property.Instant(*t)
			}
		}
	}
}

// groups takes direct memberships. https://learn.microsoft.com/graph/api/user-list-memberof
func (r *reading) groups(op string, list bool, names []property.Name) func(graph.Answer) {
	return func(a graph.Answer) {
		var l struct {
			Value []groupBody
			Next  string `json:"@odata.nextLink"`
		}
		err := a.Decode(&l)
		if err == nil && l.Next != "" {
			err = &graph.Fault{Op: "GET memberOf", Sent: true, What: "the person is in more groups than one page holds"}
		}
		if err != nil {
			if list {
				r.missing(op, "groups", err)
			}
			r.missed(op, err, names...)
			return
		}
		in := map[string]bool{}
		groups := []directory.Group{}
		for _, b := range l.Value {
			g := b.group(r.user.Ref.Tenant)
			in[g.Ref.ID] = true
			groups = append(groups, g)
		}
		if list {
			r.user.Groups = groups
		}
		for _, n := range names {
			r.user.Values[n] = property.Null()
			if id, _ := directory.GroupOf(n); in[id] {
				r.user.Values[n] = property.Bool(true)
			}
		}
	}
}

// licenses takes what the person has, directly and by groups.
// https://learn.microsoft.com/graph/api/resources/licenseassignmentstate
func (r *reading) licenses(op string, list bool, names []property.Name) func(graph.Answer) {
	return func(a graph.Answer) {
		var u struct {
			LicenseAssignmentStates []struct {
				SkuID, State, Error string
				AssignedByGroup     *string
				DisabledPlans       []string
			}
		}
		if err := a.Decode(&u); err != nil {
			if list {
				r.missing(op, "licenses", err)
			}
			r.missed(op, err, names...)
			return
		}
		all := []directory.License{}
		direct := map[string]property.Value{}
		for _, s := range u.LicenseAssignmentStates {
			sku := strings.ToLower(s.SkuID)
			i := slices.IndexFunc(all, func(x directory.License) bool { return x.SKU == sku })
			if i < 0 {
				i = len(all)
				all = append(all, directory.License{SKU: sku})
			}
			x := &all[i]
			if s.AssignedByGroup != nil && *s.AssignedByGroup != "" {
				x.Groups = append(x.Groups, strings.ToLower(*s.AssignedByGroup))
			} else {
				direct[sku] = directory.Assigned(s.DisabledPlans...)
				x.Direct = true
				x.Disabled, _ = directory.Plans(direct[sku])
			}
			if s.Error != "" && !strings.EqualFold(s.Error, "None") {
				x.Problem = s.Error
			}
		}
		if list {
			r.user.Licenses = all
		}
		for _, n := range names {
			sku, _ := directory.SKUOf(n)
			r.user.Values[n] = direct[sku] // the zero Value is null
		}
	}
}

// deleted finds a person who can still be restored. https://learn.microsoft.com/graph/api/directory-deleteditems-get
func (d *Directory) deleted(ctx context.Context, op string, c *graph.Client, on directory.Ref, names []property.Name) (directory.User, error) {
	var raw json.RawMessage
	var u struct {
		ID   string
		Type string `json:"@odata.type"`
	}
	err := c.Get(ctx, "/directory/deletedItems/"+on.ID, &raw)
	if err == nil {
		err = json.Unmarshal(raw, &u)
	}
	if err != nil {
		return directory.User{}, d.unread(ctx, c, op, on.ID, property.ReadDeleted, false, err)
	}
	if !strings.EqualFold(u.ID, on.ID) || !strings.EqualFold(u.Type, "#microsoft.graph.user") {
		f := fail.New(fail.NotFound, op, fail.T("This is not in the directory, or not any more."))
		f.Item = on.ID
		return directory.User{}, f
	}
	// What roles a deleted person had cannot be read; the service itself looks at them when an administrator is restored.
	out := directory.User{Ref: on, Values: property.Values{}, Roles: []string{}, At: d.o.Now()}
	var known []property.Name // of what is asked for; the rest is not in the answer
	for _, n := range names {
		out.Values[n] = property.Null()
		if n == "displayName" || n == "userPrincipalName" {
			known = append(known, n)
		}
	}
	v, err := read(d.o.Properties, graph.Answer{Status: http.StatusOK, Body: raw}, known)
	if err != nil {
		return directory.User{}, failure(op, on.ID, err)
	}
	for n, x := range v {
		out.Values[n] = x
	}
	formerName(out)
	out.Values[directory.FacetAccount] = property.Text(directory.Deleted)
	return out, nil
}

// formerName takes away the object id that Entra puts before the user principal name of whom it deletes, to free the name.
func formerName(u directory.User) {
	if was, ok := strings.CutPrefix(u.Values["userPrincipalName"].Str(), strings.ReplaceAll(u.Ref.ID, "-", "")); ok && was != "" {
		u.Values["userPrincipalName"] = property.Text(was)
	}
}

// SetManager implements directory.Writer. https://learn.microsoft.com/graph/api/user-post-manager
func (d *Directory) SetManager(ctx context.Context, as directory.Authority, on directory.Ref, manager string) error {
	w, err := d.setManager(as, on, manager)
	return w.send(ctx, err)
}

func (d *Directory) setManager(as directory.Authority, on directory.Ref, manager string) (write, error) {
	t, err := d.writing("entra.setmanager", as, on, property.WriteManager)
	w := write{attempt: t, item: graph.Item{Method: http.MethodDelete, Path: person(on.ID) + "/manager/$ref"}}
	switch {
	case err != nil:
		return w, err
	case manager == "":
		w.so = func(err error) bool { return isStatus(err, http.StatusNotFound) } // there is none
	case !guid(manager):
		return w, checked(w.op, directory.Ref{Tenant: on.Tenant, ID: manager})
	default:
		w.item.Method, w.item.Body = http.MethodPut, reference(w.c, "users", manager)
	}
	return w, nil
}

// SetMember implements directory.Writer. https://learn.microsoft.com/graph/api/group-post-members and group-delete-members
func (d *Directory) SetMember(ctx context.Context, as directory.Authority, on directory.Ref, group string, in bool) error {
	w, err := d.setMember(as, on, group, in)
	return w.send(ctx, err)
}

func (d *Directory) setMember(as directory.Authority, on directory.Ref, group string, in bool) (write, error) {
	t, err := d.writing("entra.setmember", as, on, property.WriteMembers)
	if err == nil {
		err = checked(t.op, directory.Ref{Tenant: on.Tenant, ID: group})
	}
	t.group = group
	w := write{attempt: t}
	if err != nil {
		return w, err
	}
	if in {
		w.item = graph.Item{Method: http.MethodPost, Path: "/groups/" + group + "/members/$ref", Body: reference(w.c, "directoryObjects", on.ID)}
		w.so = func(err error) bool {
			return isStatus(err, http.StatusBadRequest) && strings.Contains(err.Error(), "already exist")
		}
	} else {
		// Without /$ref it would delete the person.
		w.item = graph.Item{Method: http.MethodDelete, Path: "/groups/" + group + "/members/" + on.ID + "/$ref"}
		w.so = func(err error) bool { return isStatus(err, http.StatusNotFound) } // not a member, or no such group: the read-back tells
	}
	return w, nil
}

// SetLicenses implements directory.Writer. https://learn.microsoft.com/graph/api/user-assignlicense
func (d *Directory) SetLicenses(ctx context.Context, as directory.Authority, on directory.Ref, set property.Values) error {
	w, err := d.setLicenses(as, on, set)
	return w.send(ctx, err)
}

func (d *Directory) setLicenses(as directory.Authority, on directory.Ref, set property.Values) (write, error) {
	t, err := d.writing("entra.setlicenses", as, on, property.WriteLicenses)
	if err != nil {
		return write{}, err
	}
	type add struct {
		SkuID         string   `json:"skuId"`
		DisabledPlans []string `json:"disabledPlans"`
	}
	body := struct {
		Add    []add    `json:"addLicenses"`
		Remove []string `json:"removeLicenses"`
	}{[]add{}, []string{}} // the service asks for both lists
	for _, n := range set.Names() {
		sku, ok := directory.SKUOf(n)
		if !ok || !guid(sku) {
			return write{}, checked(t.op, directory.Ref{Tenant: on.Tenant, ID: sku})
		}
		if disabled, give := directory.Plans(set[n]); give {
			body.Add = append(body.Add, add{sku, append([]string{}, disabled...)})
		} else {
			body.Remove = append(body.Remove, sku)
		}
	}
	return write{attempt: t, item: graph.Item{Method: http.MethodPost, Path: person(on.ID) + "/assignLicense", Body: body}}, nil
}

// SetAccount implements directory.Writer. https://learn.microsoft.com/graph/api/user-delete and directory-deleteditems-restore
func (d *Directory) SetAccount(ctx context.Context, as directory.Authority, on directory.Ref, state string) error {
	w, err := d.setAccount(as, on, state)
	return w.send(ctx, err)
}

func (d *Directory) setAccount(as directory.Authority, on directory.Ref, state string) (write, error) {
	t, err := d.writing("entra.setaccount", as, on, property.WriteAccount)
	w := write{attempt: t}
	switch {
	case err != nil:
		return w, err
	case state == directory.Deleted:
		w.item = graph.Item{Method: http.MethodDelete, Path: person(on.ID)}
		w.so = func(err error) bool { return isStatus(err, http.StatusNotFound) } // gone already: the read-back tells where to
	case state == directory.Active:
		w.item = graph.Item{Method: http.MethodPost, Path: "/directory/deletedItems/" + on.ID + "/restore", Body: struct{}{}}
	default:
		return w, fail.New(fail.Invalid, w.op, fail.T("A person can be deleted or restored, nothing else."))
	}
	return w, nil
}

// ResetPassword implements directory.Writer. https://learn.microsoft.com/graph/api/user-update (passwordProfile)
func (d *Directory) ResetPassword(ctx context.Context, as directory.Authority, on directory.Ref, password string) error {
	w, err := d.writing("entra.resetpassword", as, on, "")
	if err != nil {
		return err
	}
	w.set = property.Values{"passwordProfile": property.Null()} // what was asked to be written; the value stays out of every error
	body := map[string]any{"passwordProfile": map[string]any{"password": password, "forceChangePasswordNextSignIn": true}}
	return w.refused(ctx, w.c.Patch(ctx, person(on.ID), body))
}

// RevokeSessions implements directory.Writer. https://learn.microsoft.com/graph/api/user-revokesigninsessions
func (d *Directory) RevokeSessions(ctx context.Context, as directory.Authority, on directory.Ref) error {
	w, err := d.writing("entra.revokesessions", as, on, property.WriteSessions)
	if err != nil {
		return err
	}
	return w.refused(ctx, w.c.Post(ctx, person(on.ID)+"/revokeSignInSessions", struct{}{}, nil))
}

// write is one request that writes, sent by itself or together with others.
type write struct {
	attempt
	item graph.Item
	so   func(error) bool // a refusal that says that everything is so already; nil: none does
}

func (w write) send(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return w.ended(ctx, w.c.Send(ctx, w.item))
}

func (w write) ended(ctx context.Context, err error) error {
	if err != nil && w.so != nil && w.so(err) {
		err = nil
	}
	return w.refused(ctx, err)
}

// writing is one write that does not wait for a 429 to pass.
func (d *Directory) writing(op string, as directory.Authority, on directory.Ref, what property.Operation) (attempt, error) {
	t := attempt{d: d, op: op, as: as, on: on, what: what}
	if err := checked(op, on); err != nil {
		return t, err
	}
	c, err := d.client(op, as, on.Tenant)
	if err != nil {
		return t, unsent(err)
	}
	t.c = c.Hasty()
	return t, nil
}

// reference is the body that names an object. https://learn.microsoft.com/graph/api/group-post-members
func reference(c *graph.Client, set, id string) any {
	return map[string]string{"@odata.id": c.Endpoint() + "/" + set + "/" + id}
}
