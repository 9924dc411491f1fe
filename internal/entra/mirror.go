package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
func (d *Directory) Count(ctx context.Context, tenant string) (int, error) {
	page, err := d.read(ctx, "entra.count", tenant, "/users?$count=true&$top=1&$select=id", "", property.ReadUser, graph.Header("ConsistencyLevel", "eventual"))
	return total(page), err
}

// PeopleNow implements mirror.Source. https://learn.microsoft.com/graph/delta-query-overview#use-delta-query-to-track-changes-in-a-resource-collection
func (d *Directory) PeopleNow(ctx context.Context, tenant string) (string, error) {
	page, err := d.read(ctx, "entra.peoplenow", tenant, "/users/delta?$deltatoken=latest&$select="+d.mirrored()+",manager", "", property.ReadUser)
	if err == nil && page.Delta == "" {
		err = fail.Wrap(fail.Unavailable, "entra.peoplenow", errors.New("the answer has no deltaLink"))
	}
	return page.Delta, err
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

// Everybody implements mirror.Source. https://learn.microsoft.com/graph/api/user-list
func (d *Directory) Everybody(ctx context.Context, tenant string, p mirror.Piece, after string) (mirror.Page, error) {
	path := "/users"
	if p.Group != "" {
		path = "/groups/" + url.PathEscape(p.Group) + "/transitiveMembers/microsoft.graph.user"
	}
	fields := d.mirrored()
	if p.Managers {
		fields = "id"
	}
	q := path + "?$select=" + fields + "&$top=999"
	var opt []graph.Option
	if p.Group != "" { // a cast on a transitive list is an advanced query, which goes without $expand
		q += "&$count=true"
		opt = append(opt, graph.Header("ConsistencyLevel", "eventual"))
	} else {
		q += "&$expand=manager($select=id)"
	}
	var filter []string
	if p.Filter != "" {
		filter = append(filter, "("+p.Filter+")")
	}
	var starts []string
	for _, s := range p.Starts {
		starts = append(starts, "startsWith(userPrincipalName,'"+strings.ReplaceAll(string(s), "'", "''")+"')")
	}
	if len(starts) > 0 {
		filter = append(filter, "("+strings.Join(starts, " or ")+")")
	}
	if len(filter) > 0 {
		q += "&$filter=" + url.QueryEscape(strings.Join(filter, " and "))
	}
	page, err := d.read(ctx, "entra.mirrorpeople", tenant, q, after, property.ReadUser, opt...)
	if err != nil {
		return mirror.Page{}, err
	}
	out := mirror.Page{Next: page.Next}
	out.People, err = mirrorPeople(page.Value, p.Group == "", p.Managers)
	if err != nil {
		return mirror.Page{}, failure("entra.mirrorpeople", tenant, err)
	}
	return out, nil
}

// mirrorPeople reads people of a page; expanded says that who has no manager is told by leaving it out.
func mirrorPeople(list []json.RawMessage, expanded, managers bool) (out []mirror.Person, err error) {
	for _, raw := range list {
		o, err := membersOf(raw)
		if err != nil {
			return nil, err
		}
		p := mirror.Person{ID: o.id(), Gone: o.gone(), UPN: o.text("userPrincipalName"), Name: o.text("displayName")}
		if !guid(p.ID) {
			return nil, &graph.Fault{Op: "GET users", Sent: true, What: "a row of the answer is no person"}
		}
		boss, told := "", expanded
		if m, ok := o["manager"]; ok {
			var one struct{ ID string }
			if err := json.Unmarshal(m, &one); err != nil {
				return nil, err
			}
			boss, told = strings.ToLower(one.ID), true
		}
		if m, ok := o["manager@delta"]; ok {
			var l []struct {
				ID      string
				Removed json.RawMessage `json:"@removed"`
			}
			if err := json.Unmarshal(m, &l); err != nil {
				return nil, err
			}
			told = true
			for _, one := range l {
				if one.Removed == nil {
					boss = strings.ToLower(one.ID)
				}
			}
		}
		if told && p.Gone == "" {
			p.Manager = &boss
		}
		if p.Gone == "" && !managers {
			p.Doc = o.doc()
		}
		out = append(out, p)
	}
	return out, nil
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
	const op = "entra.groupchanges"
	if link == "" {
		link = "/groups/delta?$select=" + sel(strings.Split(mirroredGroup, ",")) + ",members"
	}
	page, err := d.changes(ctx, op, tenant, "/groups/delta", link, property.ReadGroups)
	if err != nil {
		return mirror.Page{}, err
	}
	out := mirror.Page{Next: page.Next, Link: page.Delta}
	for _, raw := range page.Value {
		o, err := membersOf(raw)
		if err != nil {
			return mirror.Page{}, failure(op, tenant, err)
		}
		g := mirror.Group{ID: o.id(), Name: o.text("displayName"), Gone: o.gone()}
		if !guid(g.ID) {
			return mirror.Page{}, failure(op, tenant, &graph.Fault{Op: "GET groups", Sent: true, What: "a row of the answer is no group"})
		}
		var l []struct {
			ID      string
			Type    string          `json:"@odata.type"`
			Removed json.RawMessage `json:"@removed"`
		}
		if m, ok := o["members@delta"]; ok {
			if err := json.Unmarshal(m, &l); err != nil {
				return mirror.Page{}, failure(op, tenant, err)
			}
		}
		for _, one := range l {
			m := mirror.Member{ID: strings.ToLower(one.ID), Kind: kindOf(one.Type)}
			if !guid(m.ID) {
				continue
			}
			if one.Removed != nil {
				g.Left = append(g.Left, m)
			} else {
				g.Joined = append(g.Joined, m)
			}
		}
		if g.Gone == "" && g.Name != "" {
			g.Doc = o.doc()
		}
		out.Groups = append(out.Groups, g)
	}
	return out, nil
}

func kindOf(typ string) string {
	return strings.TrimPrefix(strings.TrimPrefix(typ, "#"), "microsoft.graph.")
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

// object is one object of an answer, its members as they stand there.
type object map[string]json.RawMessage

func membersOf(raw json.RawMessage) (object, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, &graph.Fault{Op: "GET", Sent: true, What: "a row of the answer is no object", Err: err}
	}
	return o, nil
}

func (o object) text(name string) (s string) {
	_ = json.Unmarshal(o[name], &s) // no text, no value
	return s
}

func (o object) id() string { return strings.ToLower(o.text("id")) }

func (o object) gone() mirror.Gone {
	raw, ok := o["@removed"]
	if !ok {
		return ""
	}
	var r struct{ Reason string }
	if _ = json.Unmarshal(raw, &r); r.Reason == "changed" {
		return mirror.Deleted
	}
	return mirror.Purged
}

// doc is the object in one form: members with a value only, in order, without the service's notes and without relationships.
func (o object) doc() []byte {
	b := bytes.NewBufferString("{")
	for _, n := range slices.Sorted(maps.Keys(o)) {
		v := bytes.TrimSpace(o[n])
		if strings.Contains(n, "@") || n == "manager" || n == "id" || empty(v) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(n))
		b.WriteByte(':')
		if v[0] == '"' || json.Compact(b, v) != nil {
			b.Write(v)
		}
	}
	b.WriteByte('}')
	return storable(b.Bytes())
}

// storable writes the sign of an unreadable character where there is a NUL, for which PostgreSQL has no place.
func storable(doc []byte) []byte {
	for i := 0; i+6 <= len(doc); i++ {
		if doc[i] != '\\' {
			continue
		}
		if string(doc[i:i+6]) == `\u0000` {
			copy(doc[i:], `\ufffd`)
		}
		i++
	}
	return doc
}

// empty says that a value is none: null, or a list without items, which the directory does not tell apart from one that was never set.
func empty(v []byte) bool { return len(v) == 0 || string(v) == "null" || string(v) == "[]" }
