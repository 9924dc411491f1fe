package entra

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

var _ directory.Lister = (*Directory)(nil)

// People implements directory.Lister. https://learn.microsoft.com/graph/api/user-list
func (d *Directory) People(ctx context.Context, tenant string, q directory.Query) (directory.People, error) {
	return d.people(ctx, "entra.people", tenant, "/users", property.ReadUser, q)
}

// DeletedPeople implements directory.Lister. https://learn.microsoft.com/graph/api/directory-deleteditems-list
func (d *Directory) DeletedPeople(ctx context.Context, tenant string, q directory.Query) (directory.People, error) {
	q.Filter, q.Search, q.Order, q.Count = "", "", "", false
	page, err := d.people(ctx, "entra.deletedpeople", tenant, "/directory/deletedItems/microsoft.graph.user", property.ReadDeleted, q)
	for _, u := range page.List {
		formerName(u)
	}
	return page, err
}

// Members implements directory.Lister. https://learn.microsoft.com/graph/api/group-list-members
func (d *Directory) Members(ctx context.Context, group directory.Ref, q directory.Query) (directory.People, error) {
	const op = "entra.members"
	if err := checked(op, group); err != nil {
		return directory.People{}, err
	}
	return d.people(ctx, op, group.Tenant, "/groups/"+group.ID+"/members/microsoft.graph.user", property.ReadGroups, q)
}

func (d *Directory) people(ctx context.Context, op, tenant, path string, what property.Operation, q directory.Query) (directory.People, error) {
	cols, err := d.columns(op, q.Names)
	if err != nil {
		return directory.People{}, err
	}
	page, err := d.page(ctx, op, tenant, path, what, cols.fields, q, cols.expand...)
	if err != nil {
		return directory.People{}, err
	}
	if what == property.ReadDeleted {
		cols.account = directory.Deleted
	}
	out := directory.People{Next: page.Next, Total: total(page)}
	for _, raw := range page.Value {
		u, err := cols.user(op, tenant, raw)
		if err != nil {
			return directory.People{}, failure(op, tenant, err)
		}
		out.List = append(out.List, u)
	}
	return out, nil
}

// columns is what is read of each person of a list.
type columns struct {
	d               *Directory
	asked           []property.Name
	names, licenses []property.Name
	fields, expand  []string
	account         string // what FacetAccount is of all of them
}

// columns says how names are read of many people; Invalid when one cannot be.
func (d *Directory) columns(op string, asked []property.Name) (columns, error) {
	c := columns{d: d, asked: asked, fields: slices.Clone(core), account: directory.Active}
	for _, n := range asked {
		if _, sku := directory.SKUOf(n); sku {
			c.licenses = append(c.licenses, n)
			c.fields = appendNew(c.fields, "licenseAssignmentStates")
			continue
		}
		if n == directory.FacetManager { // https://learn.microsoft.com/graph/api/user-list-manager, example 2
			c.expand = []string{"$expand=manager($select=" + mention + ")"}
			continue
		}
		if n == directory.FacetAccount {
			continue
		}
		def, ok := d.o.Properties.Def(n)
		if !ok || def.Graph.Single || def.Graph.Alone || def.Graph.Secret || slices.Contains(apart, def.Selected()) {
			f := fail.New(fail.Invalid, op, fail.T("%q cannot be read for many people at once.", string(n)))
			f.Item = string(n)
			return columns{}, f
		}
		c.names = append(c.names, def.Name)
		c.fields = appendNew(c.fields, def.Selected())
	}
	return c, nil
}

// user reads one person of a list.
func (c columns) user(op, tenant string, raw json.RawMessage) (directory.User, error) {
	r := &reading{d: c.d, user: directory.User{Ref: directory.Ref{Tenant: strings.ToLower(tenant)}, Values: property.Values{}, At: c.d.o.Now()}}
	a := graph.Answer{Status: 200, Body: raw}
	if err := r.identity(a); err != nil {
		return directory.User{}, err
	}
	if err := r.fill(a, c.names); err != nil {
		return directory.User{}, err
	}
	if len(c.expand) > 0 {
		if err := r.boss(a); err != nil {
			return directory.User{}, err
		}
	}
	if len(c.licenses) > 0 {
		r.licenses(op, false, c.licenses)(a)
	}
	if slices.Contains(c.asked, directory.FacetAccount) {
		r.user.Values[directory.FacetAccount] = property.Text(c.account)
	}
	return r.user, nil
}

// boss takes the manager out of an expanded person; there is none where it is left out.
func (r *reading) boss(a graph.Answer) error {
	var u struct{ Manager *mentioned }
	if err := a.Decode(&u); err != nil {
		return err
	}
	r.user.Values[directory.FacetManager] = property.Null()
	if u.Manager != nil && u.Manager.ID != "" {
		p := u.Manager.person(r.user.Ref.Tenant)
		r.user.Manager = &p
		r.user.Values[directory.FacetManager] = property.Text(p.Ref.ID)
	}
	return nil
}

// RoleHolders implements directory.Lister. https://learn.microsoft.com/graph/api/directoryrole-list-members
func (d *Directory) RoleHolders(ctx context.Context, tenant string) (map[string][]string, error) {
	const op = "entra.roleholders"
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return nil, err
	}
	var roles struct {
		Value []struct{ ID, RoleTemplateID string }
	}
	if err := c.Get(ctx, "/directoryRoles?$select=id,roleTemplateId", &roles); err != nil {
		return nil, d.unread(ctx, c, op, tenant, property.ReadRoles, false, err)
	}
	out := map[string][]string{}
	people := func(path, template string) (groups []string, err error) {
		// A cast on a transitive list is an advanced query. https://learn.microsoft.com/graph/aad-advanced-queries
		advanced := graph.Header("ConsistencyLevel", "eventual")
		for next := ""; ; {
			page, err := c.Page(ctx, path, next, advanced)
			if err != nil {
				return nil, err
			}
			for _, raw := range page.Value {
				var m struct {
					ID   string
					Type string `json:"@odata.type"`
				}
				if err := json.Unmarshal(raw, &m); err != nil {
					return nil, err
				}
				id := strings.ToLower(m.ID)
				switch {
				case strings.EqualFold(m.Type, "#microsoft.graph.group"):
					groups = append(groups, id)
				case m.Type != "" && !strings.EqualFold(m.Type, "#microsoft.graph.user"): // an application
				case !slices.Contains(out[id], template):
					out[id] = append(out[id], template)
				}
			}
			if next = page.Next; next == "" {
				return groups, nil
			}
		}
	}
	for _, r := range roles.Value {
		if r.RoleTemplateID == "" {
			continue
		}
		template := strings.ToLower(r.RoleTemplateID)
		groups, err := people("/directoryRoles/"+r.ID+"/members?$select=id", template)
		for _, g := range groups {
			if err == nil {
				_, err = people("/groups/"+g+"/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true", template)
			}
		}
		if err != nil {
			return nil, d.unread(ctx, c, op, tenant, property.ReadRoles, false, err)
		}
	}
	return out, nil
}

// page asks for one page of a list with the options of q.
func (d *Directory) page(ctx context.Context, op, tenant, path string, what property.Operation, fields []string, q directory.Query, more ...string) (graph.Page, error) {
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return graph.Page{}, err
	}
	opt := append([]string{"$select=" + sel(fields)}, more...)
	if top := q.Top; top > 0 {
		opt = append(opt, "$top="+strconv.Itoa(min(top, 999)))
	}
	eventual := q.Count
	if q.Filter != "" {
		opt = append(opt, "$filter="+url.QueryEscape(q.Filter))
		eventual = true // which operators need it depends on the property; with it all work
	}
	if q.Search != "" {
		opt = append(opt, "$search="+url.QueryEscape(search(q.Search)))
		eventual = true
	}
	if q.Order != "" {
		order := string(q.Order)
		if q.Desc {
			order += " desc"
		}
		opt = append(opt, "$orderby="+url.QueryEscape(order))
		eventual = true
	}
	var header []graph.Option
	if eventual { // https://learn.microsoft.com/graph/aad-advanced-queries
		opt = append(opt, "$count=true")
		header = append(header, graph.Header("ConsistencyLevel", "eventual"))
	}
	page, err := c.Page(ctx, path+"?"+strings.Join(opt, "&"), q.Page, header...)
	if err != nil {
		return graph.Page{}, d.unread(ctx, c, op, tenant, what, false, err)
	}
	return page, nil
}

// search asks for words in the names and addresses of people, and of groups in their names.
// https://learn.microsoft.com/graph/search-query-parameter
func search(words string) string {
	quote := func(field string) string {
		return `"` + field + ":" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words) + `"`
	}
	return quote("displayName") + " OR " + quote("mail")
}

func total(p graph.Page) int {
	if p.Count == nil {
		return -1
	}
	return int(*p.Count)
}

// groupFields is what is read of a group.
const groupFields = "id,displayName,description,mail,groupTypes,securityEnabled,mailEnabled,membershipRule,isAssignableToRole,onPremisesSyncEnabled"

type groupBody struct {
	ID, DisplayName                           string
	Description, Mail, MembershipRule         *string
	GroupTypes                                []string
	SecurityEnabled, MailEnabled              bool
	IsAssignableToRole, OnPremisesSyncEnabled *bool
}

func (b groupBody) group(tenant string) directory.Group {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	yes := func(v *bool) bool { return v != nil && *v }
	g := directory.Group{
		Ref:  directory.Ref{Tenant: strings.ToLower(tenant), ID: strings.ToLower(b.ID)},
		Name: b.DisplayName, Description: text(b.Description), Mail: text(b.Mail),
		Assignable: yes(b.IsAssignableToRole), Synced: yes(b.OnPremisesSyncEnabled),
	}
	if slices.Contains(b.GroupTypes, "DynamicMembership") {
		g.Rule = text(b.MembershipRule)
	}
	switch {
	case slices.Contains(b.GroupTypes, "Unified"):
		g.Kind = directory.Microsoft365Group
	case b.MailEnabled && b.SecurityEnabled:
		g.Kind = directory.MailSecurityGroup
	case b.MailEnabled:
		g.Kind = directory.DistributionGroup
	default:
		g.Kind = directory.SecurityGroup
	}
	return g
}

// Groups implements directory.Lister. https://learn.microsoft.com/graph/api/group-list
func (d *Directory) Groups(ctx context.Context, tenant string, q directory.Query) (directory.Groups, error) {
	const op = "entra.groups"
	page, err := d.page(ctx, op, tenant, "/groups", property.ReadGroups, strings.Split(groupFields, ","), q)
	if err != nil {
		return directory.Groups{}, err
	}
	out := directory.Groups{Next: page.Next, Total: total(page)}
	for _, raw := range page.Value {
		var b groupBody
		if err := json.Unmarshal(raw, &b); err != nil {
			return directory.Groups{}, failure(op, tenant, err)
		}
		out.List = append(out.List, b.group(tenant))
	}
	return out, nil
}

// Group implements directory.Lister by one $batch.
func (d *Directory) Group(ctx context.Context, on directory.Ref) (directory.Group, error) {
	const op = "entra.group"
	if err := checked(op, on); err != nil {
		return directory.Group{}, err
	}
	c, err := d.client(op, directory.Authority{}, on.Tenant)
	if err != nil {
		return directory.Group{}, err
	}
	answers, err := c.Batch(ctx, []graph.Item{
		{Method: "GET", Path: "/groups/" + on.ID + "?$select=" + groupFields},
		{Method: "GET", Path: "/groups/" + on.ID + "/owners/microsoft.graph.user?$top=100&$select=" + mention},
	})
	if err != nil {
		return directory.Group{}, failure(op, on.ID, err)
	}
	var b groupBody
	if err := answers[0].Decode(&b); err != nil {
		return directory.Group{}, d.unread(ctx, c, op, on.ID, property.ReadGroups, false, err)
	}
	g := b.group(on.Tenant)
	var owners struct{ Value []mentioned }
	if err := answers[1].Decode(&owners); err != nil {
		return directory.Group{}, failure(op, on.ID, err)
	}
	for _, m := range owners.Value {
		g.Owners = append(g.Owners, m.person(on.Tenant))
	}
	return g, nil
}

// SKUs implements directory.Lister. https://learn.microsoft.com/graph/api/subscribedsku-list
func (d *Directory) SKUs(ctx context.Context, tenant string) ([]directory.SKU, error) {
	const op = "entra.skus"
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return nil, err
	}
	var l struct {
		Value []struct {
			SkuID, SkuPartNumber, CapabilityStatus, AppliesTo string
			ConsumedUnits                                     int
			PrepaidUnits                                      struct{ Enabled, Warning int }
			ServicePlans                                      []struct{ ServicePlanID, ServicePlanName, AppliesTo string }
		}
	}
	if err := c.Get(ctx, "/subscribedSkus?$select=skuId,skuPartNumber,capabilityStatus,appliesTo,consumedUnits,prepaidUnits,servicePlans", &l); err != nil {
		return nil, d.unread(ctx, c, op, tenant, property.ReadSKUs, false, err)
	}
	var out []directory.SKU
	for _, s := range l.Value {
		if s.AppliesTo != "" && !strings.EqualFold(s.AppliesTo, "User") {
			continue
		}
		k := directory.SKU{
			ID: strings.ToLower(s.SkuID), Part: s.SkuPartNumber, Status: s.CapabilityStatus, Used: s.ConsumedUnits,
			Seats: s.PrepaidUnits.Enabled + s.PrepaidUnits.Warning,
		}
		for _, p := range s.ServicePlans {
			if strings.EqualFold(p.AppliesTo, "User") || p.AppliesTo == "" {
				k.Plans = append(k.Plans, directory.Plan{ID: strings.ToLower(p.ServicePlanID), Name: p.ServicePlanName})
			}
		}
		out = append(out, k)
	}
	return out, nil
}
