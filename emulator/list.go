package emulator

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nameplate/odata"
)

// source is what a list ranges over.
type source struct {
	tables   []*table  // types of the items; the first one decides what a mixed list cannot say itself
	list     []*object // by ord
	fragment string    // of the context, without what $select adds
	mixed    bool      // items say their type
	typed    bool      // so do the items of a list of one type
	related  bool      // a relationship: $filter and $orderby are advanced queries
	veil     bool      // items of types that the caller may not read come with their id alone
}

// types are the names of a source in refusals: its one type, or what all have in common.
func (s *source) name() string {
	if len(s.tables) == 1 {
		return s.tables[0].name
	}
	return "directoryObject"
}

// prop finds a property among the types of a source.
func (s *source) prop(name string) *prop {
	for _, t := range s.tables {
		if i := t.prop(name); i >= 0 {
			return &t.props[i]
		}
	}
	return nil
}

// listSet answers for a whole set.
func (c *call) listSet(t *table) error {
	if c.guest { // https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	list := t.list
	if t.listed != nil {
		list = t.listed(c.t.dir)
	}
	if t.visible != nil {
		list = nil
		for _, o := range t.list {
			if t.visible(c, o) {
				list = append(list, o)
			}
		}
	}
	return c.sendList(&source{tables: []*table{t}, list: c.among(t, list), fragment: t.set})
}

// among is the part of a list that "id in (…)" can be true of: those are found by their ids, and not by looking at everybody.
func (c *call) among(t *table, list []*object) []*object {
	in, ok := c.q.filter.(*odata.In)
	if !ok || in.Path != "id" || len(in.Literals) >= len(list) {
		return list
	}
	var some []*object
	for _, l := range in.Literals {
		id, _ := l.(string)
		o := c.t.dir.byID[strings.ToLower(id)]
		if o == nil || o.in != t {
			continue
		}
		if i, there := slices.BinarySearchFunc(list, o.ord, byOrd); there && !slices.Contains(some, list[i]) {
			some = append(some, list[i])
		}
	}
	slices.SortFunc(some, func(a, b *object) int { return cmp.Compare(a.ord, b.ord) })
	return some
}

// selections are what to write of each type of a source, and what $select adds to the context.
func (c *call) selections(s *source) (map[*table]*selection, string, error) {
	out := make(map[*table]*selection, len(s.tables))
	fragment := ""
	known := make(map[string]bool, len(c.q.selects))
	for _, t := range s.tables {
		for _, name := range c.q.selects {
			top, _, _ := strings.Cut(name, "/")
			known[name] = known[name] || top == "*" || t.prop(top) >= 0 || t.navigation(top)
		}
	}
	for name, ok := range known {
		if !ok {
			return nil, "", noProperty(name, s.name())
		}
	}
	asked := c.q.selects
	defer func() { c.q.selects = asked }()
	for _, t := range s.tables {
		if s.mixed {
			c.q.selects = nil
			for _, name := range asked {
				top, _, _ := strings.Cut(name, "/")
				if i := t.prop(top); top == "*" || i >= 0 && !t.props[i].single {
					c.q.selects = append(c.q.selects, name)
				}
			}
			if len(asked) > 0 && len(c.q.selects) == 0 {
				c.q.selects = []string{"id"}
			}
		}
		sees := t.sees(c, nil)
		if sees == blind {
			if !s.veil {
				return nil, "", denied()
			}
			sel, more, err := c.selectFrom(t, full, !s.mixed)
			if err != nil {
				return nil, "", err
			}
			out[t], fragment = sel.veilAll(), more
			continue
		}
		sel, more, err := c.selectFrom(t, sees, !s.mixed)
		if err != nil {
			return nil, "", err
		}
		out[t], fragment = sel, more
	}
	if s.typed {
		for t, sel := range out {
			out[t] = sel.withType()
		}
	}
	if s.mixed {
		fragment = ""
		if len(asked) > 0 {
			fragment = "(" + strings.Join(asked, ",") + ")"
		}
		for t, sel := range out {
			out[t] = sel.withType()
		}
	}
	return out, fragment, nil
}

// sendList answers with a page of a source. Call with Emulator.mu held.
func (c *call) sendList(s *source) error {
	sels, fragment, err := c.selections(s)
	if err != nil {
		return err
	}
	top := c.pageSize(100)
	var from place
	if c.q.skip != "" {
		if from, err = parsePlace(c.q.skip); err != nil {
			return err
		}
	}
	match, err := c.finder(s)
	if err != nil {
		return err
	}
	if err := c.checkOrder(s); err != nil {
		return err
	}
	// A page of 999 people is half a megabyte: made anew for each request, most of the time would go into collecting them.
	if c.lent, _ = c.e.bodies.Get().(*[]byte); c.lent == nil {
		c.lent = new([]byte)
	}
	b := c.context(slices.Grow((*c.lent)[:0], 64+min(top, len(s.list))*400), s.fragment+fragment)
	page, more, total, err := c.page(s, from, top, match)
	if err != nil {
		return err
	}
	if c.counting {
		return c.sendCount(total)
	}
	if c.q.count && c.eventual() && c.q.skip == "" {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(total), 10)
		b = append(b, ',')
	}
	if more {
		b = append(b, `"@odata.nextLink":`...)
		b = appendText(b, c.nextLink(c.after(s, page[len(page)-1])))
		b = append(b, ',')
	}
	b = append(b, `"value":[`...)
	var sel *selection
	for i, o := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if sel == nil || sel.t != o.in {
			sel = sels[o.in]
		}
		b = sel.append(b, o)
		if len(c.q.expand) > 0 {
			b = comma(b)
			if b, err = c.appendExpanded(b, o); err != nil {
				return err
			}
			b = closeObject(b)
			continue
		}
		b = append(b, '}')
	}
	b = append(b, "]}"...)
	*c.lent = b
	return c.send(http.StatusOK, b)
}

// finder returns the test that $filter and $search make, after checking them.
func (c *call) finder(s *source) (func(o *object) (bool, error), error) {
	if c.q.search != nil && !c.eventual() {
		return nil, unsupportedQuery("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	}
	if c.q.filter != nil {
		if s.related && !c.advanced() {
			// https://learn.microsoft.com/en-us/graph/aad-advanced-queries
			return nil, c.needsAdvanced("Filter")
		}
		if err := (&filterCheck{c, s}).walk(c.q.filter, "", nil); err != nil {
			return nil, err
		}
	}
	if c.q.search != nil {
		for _, name := range c.q.search.Names() {
			if s.prop(name) == nil {
				return nil, noProperty(name, s.name())
			}
		}
	}
	if c.q.filter == nil && c.q.search == nil {
		return nil, nil
	}
	return func(o *object) (bool, error) {
		if c.q.filter != nil {
			ok, err := c.q.filter.Match(c.getter(s, o))
			if err != nil {
				return false, failure(http.StatusBadRequest, "Request_UnsupportedQuery", "%s", err.Error())
			}
			if !ok {
				return false, nil
			}
		}
		return c.q.search == nil || c.q.search.Match(func(path, text string) bool { return o.found(path, text) }), nil
	}, nil
}

// getter answers a filter's questions about an object. What only another type of a mixed list has is null.
func (c *call) getter(s *source, o *object) odata.Getter {
	return func(path string) (any, bool) {
		top, rest, deep := strings.Cut(path, "/")
		i := o.in.prop(top)
		if i < 0 {
			return nil, s.prop(top) != nil
		}
		if i == pSecurity && o.is("user") && !c.p.seesSecurity() {
			return nil, true // what reads as null is null to a filter too
		}
		v := plainValue(o.in.props[i].typ, o.json(i))
		for deep {
			var name string
			name, rest, deep = strings.Cut(rest, "/")
			m, _ := v.(map[string]any)
			v = nil
			for k, x := range m {
				if strings.EqualFold(k, name) {
					v = x
				}
			}
		}
		if text, ok := v.(string); ok && i == pSecurity && o.is("user") {
			return odata.Exact(text), true // https://learn.microsoft.com/en-us/graph/api/resources/user: case-sensitive
		}
		return v, true
	}
}

// found says whether a clause of $search finds an object: words of a name or description by their beginnings, anything else by its
// beginning. https://learn.microsoft.com/en-us/graph/search-query-parameter
func (o *object) found(path, text string) bool {
	names := o.in.entity.found
	if path != "" {
		names = []string{path}
	}
	for _, name := range names {
		i := o.in.prop(name)
		if i < 0 {
			continue
		}
		value := unquote(o.json(i))
		if !o.in.props[i].search {
			if value != "" && strings.HasPrefix(strings.ToLower(value), strings.ToLower(text)) {
				return true
			}
			continue
		}
		have := odata.Words(value)
		if want := odata.Words(text); len(want) > 0 && !slices.ContainsFunc(want, func(w string) bool {
			return !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) })
		}) {
			return true
		}
	}
	return false
}

// place is where a listing goes on: behind the object with that ord, and with $orderby behind the value.
type place struct {
	ord   uint64
	value string
}

func (p place) token() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1|" + strconv.FormatUint(p.ord, 10) + "|" + p.value))
}

func parsePlace(token string) (place, error) {
	bad := failure(http.StatusBadRequest, "Request_BadRequest", "Skip token is invalid.")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return place{}, bad
	}
	parts := strings.SplitN(string(b), "|", 3)
	if len(parts) != 3 || parts[0] != "1" {
		return place{}, bad
	}
	ord, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return place{}, bad
	}
	return place{ord, parts[2]}, nil
}

// page collects a page of objects behind a place. Total counts all that match, whatever page this is, when a count is asked for.
func (c *call) page(s *source, from place, top int, match func(*object) (bool, error)) (page []*object, more bool, total int, err error) {
	list, start := s.list, 0
	if len(c.q.order) > 0 {
		list, start = c.sorted(s, from)
	} else if from.ord > 0 {
		start, _ = slices.BinarySearchFunc(list, from.ord+1, byOrd)
	}
	counting := c.q.count && c.eventual() && c.q.skip == ""
	if match == nil {
		total = len(list)
		end := min(start+top, len(list))
		return list[start:end], end < len(list), total, nil
	}
	if counting {
		start = 0
	}
	for _, o := range list[start:] {
		ok, err := match(o)
		if err != nil {
			return nil, false, 0, err
		}
		if !ok {
			continue
		}
		total++
		if len(page) < top {
			page = append(page, o)
			continue
		}
		more = true
		if !counting {
			break
		}
	}
	return page, more, total, nil
}

func (c *call) after(s *source, o *object) place {
	p := place{ord: o.ord}
	if len(c.q.order) > 0 {
		p.value = c.sortKey(o)
	}
	return p
}

// sortKey is the text that $orderby compares; what the object does not have comes first.
func (c *call) sortKey(o *object) string {
	i := o.in.prop(c.q.order[0].Path)
	if i < 0 {
		return ""
	}
	j := o.json(i)
	if o.in.props[i].typ == edmText || o.in.props[i].typ == edmInstant {
		return strings.ToLower(unquote(j))
	}
	return j
}

// sorted is everything in the order that is asked for, and where the page begins.
func (c *call) sorted(s *source, from place) ([]*object, int) {
	type keyed struct {
		o   *object
		key string
	}
	all := make([]keyed, len(s.list))
	for i, o := range s.list {
		all[i] = keyed{o, c.sortKey(o)}
	}
	desc := c.q.order[0].Desc
	compare := func(a keyed, key string, ord uint64) int {
		n := strings.Compare(a.key, key)
		if desc {
			n = -n
		}
		if n == 0 {
			return byOrd(a.o, ord)
		}
		return n
	}
	slices.SortFunc(all, func(a, b keyed) int { return compare(a, b.key, b.o.ord) })
	start := 0
	if c.q.skip != "" {
		start = len(all)
		for i, k := range all {
			if compare(k, from.value, from.ord) > 0 {
				start = i
				break
			}
		}
	}
	out := make([]*object, len(all))
	for i, k := range all {
		out[i] = k.o
	}
	return out, start
}

// sendPage answers with a page of n items; the token of the next page is a number.
func (c *call) sendPage(n int, fragment string, item func(b []byte, i int) []byte) error {
	if c.counting {
		return c.sendCount(n)
	}
	start := 0
	if c.q.skip != "" {
		p, err := parsePlace(c.q.skip)
		if err != nil {
			return err
		}
		start = min(int(p.ord), n)
	}
	end := min(start+c.pageSize(100), n)
	b := c.context(nil, fragment)
	if c.q.count && c.eventual() && start == 0 {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, ',')
	}
	if end < n {
		b = append(b, `"@odata.nextLink":`...)
		b = appendText(b, c.nextLink(place{ord: uint64(end)}))
		b = append(b, ',')
	}
	b = append(b, `"value":[`...)
	for i := start; i < end; i++ {
		if i > start {
			b = append(b, ',')
		}
		b = append(item(append(b, '{'), i), '}')
	}
	return c.send(http.StatusOK, append(b, "]}"...))
}

// nextLink is the address of the next page: absolute, with the options of this one.
func (c *call) nextLink(p place) string {
	var kept []string
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if low := strings.ToLower(strings.ReplaceAll(name, "%24", "$")); part != "" && low != "$skiptoken" {
			kept = append(kept, part)
		}
	}
	kept = append(kept, "$skiptoken="+p.token())
	return origin(c.r) + c.r.URL.EscapedPath() + "?" + strings.Join(kept, "&")
}
