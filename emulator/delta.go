package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/odata"
)

// What delta keeps to. Rows and links: https://learn.microsoft.com/en-us/answers/a/2052165; life and objects of a $filter:
// https://learn.microsoft.com/en-us/graph/delta-query-overview, user-delta.
const (
	deltaRows  = 200                // objects on a page
	deltaLinks = 500                // members and the like on a page
	deltaLife  = 7 * 24 * time.Hour // of a token
	deltaIDs   = 50                 // objects that $filter may name
)

// deltaState is what a token of delta holds: the options of the first request and how far the client is. The first round lists the
// objects in the order of their creation and remembers the newest change from when it began; the rounds that follow tell the
// changes behind the one that the client knows. So whatever is written while a client pages is told in this round or in the next.
type deltaState struct {
	Tenant string   `json:"t"`
	Set    string   `json:"s"`
	Issued int64    `json:"i"` // seconds
	Select []string `json:"p,omitempty"`
	IDs    []string `json:"f,omitempty"` // of $filter
	List   bool     `json:"l,omitempty"` // in the first round
	Ord    uint64   `json:"o,omitempty"` // first round: the object that was listed last
	From   uint64   `json:"a"`           // the newest change that the client knows
	To     uint64   `json:"b,omitempty"` // within a later round: the newest change that it tells
	Part   string   `json:"x,omitempty"` // an object whose relationships did not fit on the page
	Rel    int      `json:"r,omitempty"` // Part: the relationship that goes on
	After  uint64   `json:"m,omitempty"` // Part: behind this member
}

func (s deltaState) token() string {
	b, _ := json.Marshal(s) // plain fields
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseDelta(token string) (deltaState, bool) {
	var s deltaState
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 4 {
		return s, false
	}
	end := len(b) - 4
	return s, crc32.ChecksumIEEE(b[:end]) == binary.BigEndian.Uint32(b[end:]) && json.Unmarshal(b[:end], &s) == nil
}

// isDelta says whether a path ends in the function, under its short or its full name.
func isDelta(path string) bool {
	path = strings.ToLower(strings.TrimRight(path, "/"))
	name := strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], "()")
	return name == "delta" || name == "microsoft.graph.delta"
}

// delta answers GET /users/delta and its kind: https://learn.microsoft.com/en-us/graph/delta-query-overview
func (c *call) delta(t *table) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	if c.guest || t.sees(c, nil) != full {
		return denied()
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	st, err := c.deltaState(t)
	if err != nil {
		return err
	}
	if st.List {
		exchangeOf(c.r.Context()).again = c.deltaPath() + "?$skiptoken=" + st.token()
	}
	page, err := c.deltaPage(t, st)
	if err != nil {
		return err
	}
	switch {
	case st.List:
		page.list()
	case !page.changes():
		return page.gone()
	}
	return page.send()
}

// deltaState reads the token of a request, or begins a round.
func (c *call) deltaState(t *table) (deltaState, error) {
	now := c.e.Now()
	token := c.q.skip
	if token == "" {
		token = c.q.delta
	}
	if token != "" && !strings.EqualFold(token, "latest") {
		st, ok := parseDelta(token)
		switch {
		case !ok || st.Tenant != c.t.id || st.Set != t.set || st.List && c.q.skip == "":
			return st, badRequest("Badly formed token.") // the words are assumed
		case now.Unix()-st.Issued > int64(deltaLife/time.Second):
			// https://devblogs.microsoft.com/microsoft365dev/duration-of-change-tracking-tokens-for-identity-and-education-resources
			return st, failure(http.StatusBadRequest, "syncStateNotFound",
				"The sync state generation is not found. The delta token is expired and data must be synchronized again.")
		}
		return st, nil
	}
	st := deltaState{Tenant: c.t.id, Set: t.set, Issued: now.Unix(), Select: c.q.selects, List: token == "", From: c.horizon()}
	if !st.List { // sync from now
		st.To = st.From
	}
	if c.q.has["$expand"] {
		return st, unsupportedQuery("Expand not supported.") // the words are those of $filter
	}
	if c.q.filter != nil {
		var ok bool
		if st.IDs, ok = idsOfFilter(c.q.filter, nil); !ok || len(st.IDs) > deltaIDs {
			if strings.HasPrefix(strings.ToLower(c.r.URL.Path), "/beta/") { // https://github.com/microsoftgraph/microsoft-graph-docs/issues/20602
				return st, badRequest("Unrecognized query argument specified: ''.")
			}
			return st, unsupportedQuery("Filter not supported.") // https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/1879
		}
	}
	return st, nil
}

// idsOfFilter takes id eq 'a' or id eq 'b' apart; false for any other filter.
func idsOfFilter(f odata.Expr, ids []string) ([]string, bool) {
	switch f := f.(type) {
	case *odata.Compare:
		id, ok := f.Literal.(string)
		return append(ids, strings.ToLower(id)), ok && f.Op == odata.Eq && strings.EqualFold(f.Path, "id")
	case *odata.Logic:
		left, ok := idsOfFilter(f.Left, ids)
		if !ok || !f.Or {
			return nil, false
		}
		return idsOfFilter(f.Right, left)
	}
	return nil, false
}

// horizon is the newest change that delta tells: changes that a stale replica does not show yet, and all behind them, come late.
func (c *call) horizon() uint64 {
	l := &c.t.dir.changes
	if !c.e.faults.busy.Load() {
		return l.last
	}
	hidden := map[string]time.Time{}
	for _, v := range c.e.faults.stale(c.e.Now()) {
		if since, ok := hidden[v.object]; c.e.faults.turn(v) && (!ok || v.since.Before(since)) {
			hidden[v.object] = v.since
		}
	}
	known := l.forgotten
	for _, ch := range l.list {
		if since, ok := hidden[ch.object.id]; ok && !ch.time.Before(since) {
			return known
		}
		known = ch.seq
	}
	return known
}

// deltaPage is a page in the making.
type deltaPage struct {
	c        *call
	t        *table
	st       deltaState // of the request; then of the link
	more     bool       // the round goes on
	sel      *selection
	fragment string
	tracked  map[int]bool // properties
	rels     []*relation
	minimal  bool // only what changed
	size     int  // objects that still fit
	links    int  // members that still fit
	rows     []*deltaRow
	byObject map[*object]*deltaRow
}

// deltaRow is one object on a page. What it says is the state of now; the row says of what.
type deltaRow struct {
	o       *object
	whole   bool              // everything that is set, with its relationships; else what changed
	changed map[int]bool      // properties that may have been set before
	touched map[int][]*object // by relationship: who came or went
	rel     int               // whole: the relationship to go on with
	after   uint64            // whole: behind this member
	links   int               // whole: so many members at most
}

// deltaPage reads what to write of each object and how much fits on a page.
func (c *call) deltaPage(t *table, st deltaState) (*deltaPage, error) {
	p := &deltaPage{c: c, t: t, st: st, tracked: map[int]bool{}, byObject: map[*object]*deltaRow{}}
	c.q.selects = st.Select
	sel, fragment, err := c.selectFrom(t, full, true)
	if err != nil {
		return nil, err
	}
	props := []int{0}
	for _, i := range sel.props {
		if i == sel.veil || t.props[i].untold && c.e.opts.Rules == ObservedRules {
			continue
		}
		props = append(props, i)
		p.tracked[i] = true
	}
	p.fragment = t.set + fragment
	p.sel = t.selection(props)
	p.sel.full, p.sel.base = sel.full, sel.base
	for i := range t.rels {
		r := &t.rels[i]
		asked := slices.ContainsFunc(st.Select, func(name string) bool { return strings.EqualFold(name, r.name) })
		if !r.told() || !asked && (!r.delta || len(st.Select) > 0) {
			continue
		}
		if r.may != nil && r.may(c, &object{in: t}) != nil {
			if asked {
				return nil, denied()
			}
			continue
		}
		p.rels = append(p.rels, r)
	}
	prefer := preferences(c.r.Header.Values("Prefer"))
	p.minimal = strings.EqualFold(prefer["return"], "minimal") && !st.List
	p.size, p.links = c.deltaSizes(prefer["odata.maxpagesize"])
	return p, nil
}

// told says whether the change log knows a relationship from this end.
func (r *relation) told() bool { return !r.back && !r.deep && (r.bond != "" || r.one) }

// preferences reads Prefer: https://www.rfc-editor.org/rfc/rfc7240
func preferences(lines []string) map[string]string {
	out := map[string]string{}
	for part := range strings.FieldsFuncSeq(strings.Join(lines, ","), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		out[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return out
}

// takes says whether the round is about an object at all.
func (p *deltaPage) takes(o *object) bool {
	return o.in == p.t && (p.st.IDs == nil || slices.Contains(p.st.IDs, o.id)) && (p.t.visible == nil || p.t.visible(p.c, o))
}

// row is the row of an object, a new one where the page has none; nil when the page is full.
func (p *deltaPage) row(o *object) *deltaRow {
	row := p.byObject[o]
	if row == nil {
		if len(p.rows) == p.size || p.links <= 0 {
			return nil
		}
		row = &deltaRow{o: o, changed: map[int]bool{}, touched: map[int][]*object{}}
		p.rows, p.byObject[o] = append(p.rows, row), row
	}
	return row
}

// complete makes a row tell everything. It is false when the members do not fit: then the next page goes on with the object.
func (p *deltaPage) complete(row *deltaRow) bool {
	row.whole = true
	if row.o.id == p.st.Part {
		row.rel, row.after, p.st.Part = p.st.Rel, p.st.After, ""
	}
	if row.o.gone() {
		return true
	}
	row.links = max(0, p.links)
	rel, after := row.rel, row.after
	for ; rel < len(p.rels); rel, after = rel+1, 0 {
		list := p.behind(p.rels[rel], row.o, after)
		n := min(max(0, p.links), len(list))
		p.links -= n
		if n == len(list) {
			continue
		}
		if n > 0 {
			after = list[n-1].ord
		}
		p.st.Part, p.st.Rel, p.st.After = row.o.id, rel, after
		return false
	}
	return true
}

// behind are the objects of a relationship behind a member, those in directory/deletedItems included: they stay members. A hidden
// relationship has none.
func (p *deltaPage) behind(r *relation, o *object, after uint64) []*object {
	if p.hides(r, o) {
		return nil
	}
	list := p.c.t.dir.holding(r, o)
	i, _ := slices.BinarySearchFunc(list, after+1, byOrd)
	return list[i:]
}

// hides says whether the caller may not read a relationship of this object.
func (p *deltaPage) hides(r *relation, o *object) bool { return r.may != nil && r.may(p.c, o) != nil }

// holds says whether an object is in a relationship, deleted or not.
func (d *directory) holds(r *relation, o, x *object) bool {
	if r.bond == "" {
		return slices.Contains(r.list(d, o), x)
	}
	return d.bonds[r.bond].has(o, x)
}

// holding are all objects of a relationship, deleted ones included.
func (d *directory) holding(r *relation, o *object) []*object {
	if r.bond == "" {
		return r.list(d, o)
	}
	if b := d.bonds[r.bond]; b != nil {
		return b.to[o]
	}
	return nil
}

// list fills the page with objects, for the first round.
func (p *deltaPage) list() {
	list := p.t.list[p.t.after(p.st.Ord):]
	if p.st.IDs != nil {
		list = nil
		for _, id := range p.st.IDs {
			if o := p.c.t.dir.byID[id]; o != nil && o.ord > p.st.Ord && !slices.Contains(list, o) {
				list = append(list, o)
			}
		}
		sortByOrd(list)
	}
	for _, o := range list {
		if !p.takes(o) {
			continue
		}
		row := p.row(o)
		if p.more = row == nil || !p.complete(row); p.more {
			return
		}
		p.st.Ord = o.ord
	}
}

// changes fills the page with what changed behind the change that the client knows. It is false when some of that is forgotten.
func (p *deltaPage) changes() bool {
	l := &p.c.t.dir.changes
	if p.st.To == 0 {
		p.st.From = l.before(p.st.From, p.c.e.sizes.Load().Replay)
		p.st.To = max(p.c.horizon(), p.st.From)
	}
	list, ok := l.since(p.st.From)
	if n := p.c.e.sizes.Load().Remember; !ok || n > 0 && len(list) > n {
		return false
	}
	for _, ch := range list {
		if ch.seq > p.st.To {
			break
		}
		if p.tells(ch) {
			row := p.row(ch.object)
			if p.more = row == nil || !p.merge(row, ch); p.more {
				return true
			}
		}
		p.st.From = ch.seq
	}
	return true
}

// tells says whether a change is one that the client wants to know of.
func (p *deltaPage) tells(ch change) bool {
	if !p.takes(ch.object) {
		return false
	}
	return ch.what != changeUpdate || p.relation(ch) >= 0 || slices.ContainsFunc(ch.props, func(i int) bool { return p.tracked[i] })
}

// relation is the place of the relationship that changed among those that are tracked; -1 for none.
func (p *deltaPage) relation(ch change) int {
	return slices.IndexFunc(p.rels, func(r *relation) bool {
		return ch.rel != "" && (r.name == ch.rel || r.bond == ch.rel) && !p.hides(r, ch.object)
	})
}

// merge adds a change to a row. It is false when the page cannot hold all of it.
func (p *deltaPage) merge(row *deltaRow, ch change) bool {
	for _, i := range ch.props {
		row.changed[i] = true
	}
	if r := p.relation(ch); r >= 0 {
		for _, x := range slices.Concat(ch.removed, ch.added) {
			if !slices.Contains(row.touched[r], x) {
				row.touched[r] = append(row.touched[r], x)
				p.links--
			}
		}
	}
	return ch.what != changeCreate && ch.what != changeRestore || p.complete(row)
}

// gone answers a token whose changes are forgotten: https://learn.microsoft.com/en-us/graph/delta-query-overview#synchronization-reset
func (p *deltaPage) gone() error {
	g := failure(http.StatusGone, "resyncRequired", "The delta token is no longer valid, and the app must reset the sync state.")
	at := p.c.deltaPath() + "?$deltatoken="
	if len(p.st.Select) > 0 {
		at += "&$select=" + url.QueryEscape(strings.Join(p.st.Select, ","))
	}
	if len(p.st.IDs) > 0 {
		at += "&$filter=" + url.QueryEscape("id eq '"+strings.Join(p.st.IDs, "' or id eq '")+"'")
	}
	g.header = http.Header{"Location": {at}}
	return g
}

// deltaPath is the address of the function as the client wrote it.
func (c *call) deltaPath() string { return origin(c.r) + strings.TrimRight(c.r.URL.EscapedPath(), "/") }

// send answers with the page and the link to what follows.
func (p *deltaPage) send() error {
	b := p.c.context(make([]byte, 0, 256+300*len(p.rows)), p.fragment)
	p.st.Issued = p.c.e.Now().Unix()
	if p.more {
		b = append(b, `"@odata.nextLink":`...)
		b = appendText(b, p.c.deltaPath()+"?$skiptoken="+p.st.token())
	} else {
		if !p.st.List {
			p.st.From = p.st.To
		}
		p.st.List, p.st.Ord, p.st.To, p.st.Part, p.st.Rel, p.st.After = false, 0, 0, "", 0, 0
		b = append(b, `"@odata.deltaLink":`...)
		b = appendText(b, p.c.deltaPath()+"?$deltatoken="+p.st.token())
	}
	b = append(b, `,"value":[`...)
	for i, row := range p.rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(p.append(append(b, '{'), row), '}')
	}
	return p.c.send(http.StatusOK, append(b, "]}"...))
}

// append writes a row without braces.
func (p *deltaPage) append(b []byte, row *deltaRow) []byte {
	o, d := row.o, p.c.t.dir
	if o.gone() {
		reason := "deleted"
		if d.deleted[o.id] == o {
			reason = "changed"
		}
		return append(b, `"id":"`+o.id+`","@removed":{"reason":"`+reason+`"}`...)
	}
	b = p.sel.head(b, o)
	for n, i := range p.sel.props {
		switch {
		case i == 0:
			b = append(b, `"id":"`...)
			b = append(b, o.id...)
			b = append(b, '"', ',')
			continue
		case p.minimal && !row.whole && !row.changed[i]:
			continue
		}
		j := o.rec.get(i)
		if j == "" && p.sel.derive[n] != nil {
			j = p.sel.derive[n](o)
		}
		if j == "" && row.changed[i] { // cleared; what was never set is left out
			j = p.t.props[i].empty()
		}
		if j != "" {
			b = append(b, p.sel.keys[n]...)
			b = append(b, j...)
			b = append(b, ',')
		}
	}
	left := row.links
	for n, r := range p.rels {
		start := len(b)
		b = append(b, `"`+r.name+`@delta":[`...)
		empty := len(b)
		if row.whole && n >= row.rel {
			after := uint64(0)
			if n == row.rel {
				after = row.after
			}
			list := p.behind(r, o, after)
			list = list[:min(left, len(list))]
			left -= len(list)
			for _, x := range list {
				b = appendMember(b, x, false)
			}
		}
		for _, x := range row.touched[n] {
			if held := d.holds(r, o, x); !held || !row.whole {
				b = appendMember(b, x, !held)
			}
		}
		if len(b) == empty {
			b = b[:start]
			continue
		}
		b = append(b[:len(b)-1], ']', ',')
	}
	return b[:len(b)-1]
}

// appendMember writes an item of a relationship and a comma. Who left was removed from it, whatever became of the object itself.
func appendMember(b []byte, x *object, left bool) []byte {
	b = append(b, `{"@odata.type":"#microsoft.graph.`...)
	b = append(b, x.in.name...)
	b = append(b, `","id":"`...)
	b = append(b, x.id...)
	b = append(b, '"')
	if left {
		b = append(b, `,"@removed":{"reason":"deleted"}`...)
	}
	return append(b, "},"...)
}

// deltaSizes are how many objects and members go on a page; asked is odata.maxpagesize, which makes pages smaller, never larger.
func (c *call) deltaSizes(asked string) (rows, links int) {
	sizes := c.e.sizes.Load()
	rows, links = deltaRows, deltaLinks
	if sizes.Delta > 0 {
		rows = sizes.Delta
	}
	if sizes.Links > 0 {
		links = sizes.Links
	}
	if n, err := strconv.Atoi(asked); err == nil && n > 0 {
		rows, links = min(rows, n), min(links, n)
	}
	return c.spoiltSize(rows), links
}
