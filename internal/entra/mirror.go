package entra

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/mirror"
	"nameplate/internal/property"
)

var _ mirror.Source = (*Directory)(nil)

// mirrored are the fields of people that a copy holds: those that a list gives without a right of its own, and the products.
func (d *Directory) mirrored() string {
	fields := appendNew(slices.Clone(core), "assignedLicenses")
	for _, def := range d.o.Properties.All() {
		if g := def.Graph; !g.Single && !g.Alone && !g.Secret && !slices.Contains(apart, def.Selected()) {
			fields = appendNew(fields, def.Selected())
		}
	}
	return sel(fields)
}

// mirroredGroup are the fields of groups that a copy holds.
const mirroredGroup = groupFields + ",createdDateTime,visibility"

// Count implements mirror.Source. https://learn.microsoft.com/graph/api/user-get#count
func (d *Directory) Count(ctx context.Context, tenant, part string) (int, error) {
	set, what := partOf(part)
	page, err := d.read(ctx, "entra.count", tenant, set+"?$count=true&$top=1&$select=id", "", what, graph.Header("ConsistencyLevel", "eventual"))
	return total(page), err
}

// Now implements mirror.Source. https://learn.microsoft.com/graph/delta-query-overview#use-delta-query-to-track-changes-in-a-resource-collection
func (d *Directory) Now(ctx context.Context, tenant, part string) (string, error) {
	set, what := partOf(part)
	page, err := d.read(ctx, "entra.now", tenant, set+"/delta?$deltatoken=latest&$select="+d.followed(part), "", what)
	if err == nil && page.Delta == "" {
		err = fail.Wrap(fail.Unavailable, "entra.now", errors.New("the answer has no deltaLink"))
	}
	return page.Delta, err
}

// partOf is where a part of a copy is read, and what may be needed for that.
func partOf(part string) (string, property.Operation) {
	if part == mirror.PartGroups {
		return "/groups", property.ReadGroups
	}
	return "/users", property.ReadUser
}

// followed are the fields of which changes are asked.
func (d *Directory) followed(part string) string {
	if part == mirror.PartGroups {
		return mirroredGroup + ",members"
	}
	return d.mirrored() + ",manager"
}

// read asks for one page of a listing.
func (d *Directory) read(ctx context.Context, op, tenant, path, after string, what property.Operation, opt ...graph.Option) (graph.Page, error) {
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return graph.Page{}, err
	}
	page, err := c.Page(ctx, path, after, opt...)
	if err != nil {
		return graph.Page{}, d.unread(ctx, c, op, tenant, what, false, err)
	}
	return page, nil
}

// Pages implements mirror.Source.
func (d *Directory) Pages(ctx context.Context, tenant string, l []mirror.Ask) ([]mirror.Page, error) {
	const op = "entra.pages"
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return nil, err
	}
	what := property.ReadUser
	asked := make([]graph.Listing, len(l))
	for i, one := range l {
		asked[i] = graph.Listing{Path: d.listing(one.Piece), After: one.Next}
		if strings.Contains(asked[i].Path, "&$count=true") {
			asked[i].Header = map[string]string{"ConsistencyLevel": "eventual"}
		}
		if one.Groups || one.Members != nil {
			what = property.ReadGroups
		}
	}
	out := make([]mirror.Page, len(l))
	var got []graph.Read
	if len(l) == 1 { // as everybody asks for a page
		var opt []graph.Option
		for name, v := range asked[0].Header {
			opt = append(opt, graph.Header(name, v))
		}
		page, err := c.Page(ctx, asked[0].Path, asked[0].After, opt...)
		got = []graph.Read{{Page: page, Err: err}}
	} else if got, err = c.Several(ctx, asked); err != nil {
		return nil, d.unread(ctx, c, op, tenant, what, false, err)
	}
	for i, one := range got {
		if one.Err == nil {
			out[i], one.Err = d.mirrorPage(l[i].Piece, one.Page)
		}
		if one.Err != nil {
			f := d.unread(ctx, c, op, tenant, what, false, one.Err)
			if l[i].Next == "" && (isStatus(one.Err, http.StatusBadRequest) || isStatus(one.Err, http.StatusNotImplemented)) {
				f.Code = mirror.CodeUnfit
			}
			out[i] = mirror.Page{Err: f}
		}
	}
	return out, nil
}

// listing is the first page of a piece.
// https://learn.microsoft.com/graph/api/user-list, https://learn.microsoft.com/graph/api/group-list, https://learn.microsoft.com/graph/api/group-delta
func (d *Directory) listing(p mirror.Piece) string {
	switch {
	case p.Members != nil:
		return "/groups/delta?$select=members&$filter=" + url.QueryEscape("id eq '"+strings.Join(p.Members, "' or id eq '")+"'")
	case p.Groups:
		return "/groups?$select=" + mirroredGroup + "&$top=999"
	}
	path := "/users"
	if p.Group != "" {
		path = "/groups/" + url.PathEscape(p.Group) + "/transitiveMembers/microsoft.graph.user"
	}
	fields := d.mirrored()
	if p.Managers {
		fields = "id"
	}
	q := path + "?$select=" + fields + "&$top=999"
	if p.Group != "" { // a cast on a transitive list is an advanced query, which goes without $expand
		q += "&$count=true"
	} else {
		q += "&$expand=manager($select=id)"
	}
	var filter []string
	if p.Filter != "" {
		filter = append(filter, "("+p.Filter+")")
	}
	var starts []string
	for _, s := range p.Starts {
		starts = append(starts, "startsWith(userPrincipalName,'"+strings.ReplaceAll(s, "'", "''")+"')")
	}
	if len(starts) > 0 {
		filter = append(filter, "("+strings.Join(starts, " or ")+")")
	}
	if len(filter) > 0 {
		q += "&$filter=" + url.QueryEscape(strings.Join(filter, " and "))
	}
	return q
}

// mirrorPage reads a page of a piece.
func (d *Directory) mirrorPage(p mirror.Piece, page graph.Page) (out mirror.Page, err error) {
	out.Next, out.Link = page.Next, page.Delta
	if p.Groups || p.Members != nil {
		out.Groups, err = mirrorGroups(page.Value)
	} else {
		out.People, err = mirrorPeople(page.Value, p.Group == "", p.Managers)
	}
	return out, err
}

// PeopleChanges implements mirror.Source. https://learn.microsoft.com/graph/api/user-delta
func (d *Directory) PeopleChanges(ctx context.Context, tenant, link string) (mirror.Page, error) {
	page, err := d.changes(ctx, "entra.peoplechanges", tenant, "/users/delta", link, property.ReadUser)
	if err != nil {
		return mirror.Page{}, err
	}
	out := mirror.Page{Next: page.Next, Link: page.Delta}
	if out.People, err = mirrorPeople(page.Value, false, false); err != nil {
		return mirror.Page{}, failure("entra.peoplechanges", tenant, err)
	}
	return out, nil
}

// GroupChanges implements mirror.Source. https://learn.microsoft.com/graph/api/group-delta
func (d *Directory) GroupChanges(ctx context.Context, tenant, link string) (mirror.Page, error) {
	if link == "" {
		link = "/groups/delta?$select=" + d.followed(mirror.PartGroups)
	}
	page, err := d.changes(ctx, "entra.groupchanges", tenant, "/groups/delta", link, property.ReadGroups)
	if err != nil {
		return mirror.Page{}, err
	}
	out := mirror.Page{Next: page.Next, Link: page.Delta}
	if out.Groups, err = mirrorGroups(page.Value); err != nil {
		return mirror.Page{}, failure("entra.groupchanges", tenant, err)
	}
	return out, nil
}

// changes reads one page of changes by a link of ours or the service's.
func (d *Directory) changes(ctx context.Context, op, tenant, path, link string, what property.Operation) (graph.Page, error) {
	page, err := d.read(ctx, op, tenant, path, trimmed(path, link), what)
	var e *graph.Error
	if errors.As(err, &e) && tooOld(e) {
		f := fail.Wrap(fail.Unavailable, op, err)
		f.Code, f.Say = mirror.CodeExpired, fail.T("What was read is too old to go on from. Everything is read anew.")
		return graph.Page{}, f
	}
	return page, err
}

// trimmed is a link as graph.Client.Page takes it: the path of the listing with the link's options.
func trimmed(path, link string) string {
	if _, options, ok := strings.Cut(link, "?"); ok {
		return path + "?" + options
	}
	return link
}

// tooOld says that a delta link is not good any more. https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset
func tooOld(e *graph.Error) bool {
	if e.Status == http.StatusGone {
		return true
	}
	for _, code := range []string{"syncStateNotFound", "resyncRequired", "resyncApplyDifferences", "resyncUploadDifferences", "syncStateInvalid"} {
		if e.Status >= 400 && e.Status < 500 && strings.EqualFold(e.Code, code) {
			return true
		}
	}
	return false
}

// Alive implements mirror.Source. https://learn.microsoft.com/graph/api/directoryobject-getbyids
func (d *Directory) Alive(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	const op = "entra.alive"
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return nil, err
	}
	var got struct{ Value []struct{ ID string } }
	body := map[string]any{"ids": ids, "types": []string{"user", "group"}}
	if err := c.Post(ctx, "/directoryObjects/getByIds?$select=id", body, &got); err != nil {
		return nil, d.unread(ctx, c, op, tenant, property.ReadUser, false, err)
	}
	if got.Value == nil {
		return nil, failure(op, tenant, &graph.Fault{Op: "POST getByIds", Sent: true, What: "the answer is no listing"})
	}
	out := map[string]bool{}
	for _, o := range got.Value {
		out[strings.ToLower(o.ID)] = true
	}
	return out, nil
}

// Bin implements mirror.Source: people first, groups behind them. https://learn.microsoft.com/graph/api/directory-deleteditems-list
func (d *Directory) Bin(ctx context.Context, tenant, after string) (list []string, next string, err error) {
	const users, groups = "/directory/deletedItems/microsoft.graph.user", "/directory/deletedItems/microsoft.graph.group"
	path := users
	if strings.HasPrefix(after, groups) {
		path = groups
	}
	q := path + "?$select=id&$top=999"
	if after == groups {
		after = ""
	}
	page, err := d.read(ctx, "entra.bin", tenant, q, after, property.ReadDeleted)
	if err != nil {
		return nil, "", err
	}
	for _, raw := range page.Value {
		var o struct{ ID string }
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, "", failure("entra.bin", tenant, err)
		}
		list = append(list, strings.ToLower(o.ID))
	}
	if next = page.Next; next == "" && path == users {
		next = groups
	}
	return list, next, nil
}

// GroupMembers implements mirror.Source. https://learn.microsoft.com/graph/api/group-list-members
func (d *Directory) GroupMembers(ctx context.Context, tenant, group, after string) (l []mirror.Member, next string, err error) {
	page, err := d.read(ctx, "entra.groupmembers", tenant, "/groups/"+url.PathEscape(group)+"/members?$select=id&$top=999", after, property.ReadGroups)
	if fail.Is(err, fail.NotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, raw := range page.Value {
		var o struct {
			ID   string
			Type string `json:"@odata.type"`
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, "", failure("entra.groupmembers", tenant, err)
		}
		l = append(l, mirror.Member{ID: strings.ToLower(o.ID), Kind: kindOf(o.Type)})
	}
	return l, page.Next, nil
}

// Products implements mirror.Source.
func (d *Directory) Products(ctx context.Context, tenant string) (map[string][]byte, error) {
	l, err := d.SKUs(ctx, tenant)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, k := range l {
		b, err := json.Marshal(map[string]any{"skuPartNumber": k.Part, "name": directory.ProductName(k.Part), "seats": k.Seats, "used": k.Used, "status": k.Status})
		if err != nil {
			return nil, fail.Wrap(fail.Internal, "entra.products", err)
		}
		out[k.ID] = b
	}
	return out, nil
}
