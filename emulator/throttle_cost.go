package emulator

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"nameplate/internal/property"
)

// cost is what a request uses of the quotas.
type cost struct {
	units, writes int
	identity      bool // of the identity and access service; other services have limits of their own, which are not kept here
}

// bases are the requests whose base cost in resource units is not 1; none of them costs a write. Paths are in lower case, me/ stands
// as users/{id}/. https://learn.microsoft.com/en-us/graph/throttling-limits#pattern
var bases = map[string]int{
	"GET applications":                              2,
	"GET applications/{id}/extensionproperties":     2,
	"GET contracts":                                 3,
	"POST directoryobjects/getbyids":                3,
	"GET domains/{id}/domainnamereferences":         4,
	"POST getobjectsbyid":                           3,
	"GET groups/{id}/members":                       3,
	"GET groups/{id}/transitivemembers":             5,
	"POST ismemberof":                               4,
	"POST users/{id}/checkmembergroups":             4,
	"POST users/{id}/checkmemberobjects":            4,
	"POST users/{id}/getmembergroups":               2,
	"POST users/{id}/getmemberobjects":              2,
	"GET users/{id}/licensedetails":                 2,
	"GET users/{id}/memberof":                       2,
	"GET users/{id}/ownedobjects":                   2,
	"GET users/{id}/transitivememberof":             2,
	"GET oauth2permissiongrants":                    2,
	"GET oauth2permissiongrants/{id}":               2,
	"GET serviceprincipals/{id}/approleassignments": 2,
	"GET subscribedskus":                            3,
	"GET users":                                     2,
}

// cost prices the request by the published table: a base, $select −1, $expand +1, $top under 20 −1, never under 1.
func (c *call) cost(set Throttle) cost {
	if c.elsewhere() {
		return cost{}
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	out := cost{units: 1, identity: true}
	base, listed := 0, false
	if method == http.MethodGet || method == http.MethodPost { // what is listed is one of these
		if base, listed = bases[method+" "+pathOf(c.seg, false)]; !listed {
			base, listed = bases[method+" "+pathOf(c.seg, true)]
		}
	}
	switch {
	case listed:
		out.units = base
	case method != http.MethodGet:
		out.writes = 1
	}
	if set.B2C && method == http.MethodPost && len(c.seg) == 1 && c.is(0, "users") {
		out.units += 4
	}
	if c.q.has["$select"] {
		out.units--
	}
	if c.q.has["$expand"] {
		out.units++
	}
	if c.q.top > 0 && c.q.top < 20 {
		out.units--
	}
	out.units = max(1, out.units)
	return out
}

// pathOf writes the path as the table has it: a cast and $ref at its end do not count, and with keys the second segment is one.
func pathOf(seg []string, keys bool) string {
	for len(seg) > 1 && (seg[len(seg)-1] == "$ref" || strings.HasPrefix(strings.ToLower(seg[len(seg)-1]), "microsoft.graph.") && !isDelta(seg[len(seg)-1])) {
		seg = seg[:len(seg)-1]
	}
	if len(seg) == 0 {
		return ""
	}
	out := append([]string(nil), seg...)
	if strings.EqualFold(out[0], "me") {
		out = append([]string{"users", "{id}"}, out[1:]...)
	} else if keys && len(out) > 1 {
		out[1] = "{id}"
	}
	return strings.ToLower(strings.Join(out, "/"))
}

// elsewhere says whether another service answers the request: Exchange keeps the photos and sends mail, SharePoint keeps
// some properties of the profile, and subscriptions are a service of their own.
func (c *call) elsewhere() bool {
	if c.is(0, "subscriptions") {
		return true
	}
	for i := range c.seg {
		if i > 0 && (c.is(i, "photo") || c.is(i, "photos") || c.is(i, "sendMail")) {
			return true
		}
	}
	if c.r.Method != http.MethodPatch || !(len(c.seg) == 1 && c.is(0, "me") || len(c.seg) == 2 && c.is(0, "users")) {
		return false
	}
	body, err := c.body()
	return err == nil && sharePoint()[strings.ToLower(firstName(body))]
}

// firstName is the name of the first member of a JSON object, "" where there is none or it is escaped.
func firstName(object []byte) string {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(object, space), []byte("{"))
	if !ok {
		return ""
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"`)); !ok {
		return ""
	}
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// sharePoint are the properties that SharePoint keeps, in lower case. Such a property stands alone in a change, so that its first name tells.
var sharePoint = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, f := range property.Catalog().All() {
		if f.Graph.Alone {
			names[strings.ToLower(f.Graph.Path)] = true
		}
	}
	return names
})
