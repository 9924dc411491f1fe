package mirror

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"nameplate/internal/fail"
)

// pageSize is what the service gives of people at most in a page. https://learn.microsoft.com/graph/api/user-list
const pageSize = 999

// atOnce is how many rows a request may bring about: enough that requests are few where pages are small, few enough for memory.
const atOnce = 2 * pageSize

// line is a listing under way.
type line struct {
	Ask
	at   int  // of Part.Ranges, where it stands there
	done bool // the page that was read is the last one
	met  *trail
}

// reading is how several listings are read to their ends, a page of as many in one request as fit.
type reading struct {
	asked *int
	size  int  // rows on a page, as far as is known
	alone bool // the service does not take several in one request
	idle  []*line
	// more gives another listing when idle ones are fewer than would fit; nil: there is none.
	more func() (*line, error)
	// took keeps what one request brought.
	took func(l []*line, pages []Page) error
}

// wanted is how many pages the next request asks for.
func (d *reading) wanted() int {
	if d.alone {
		return 1
	}
	return max(1, min(Together, atOnce/max(1, d.size)))
}

// next are the listings of the next request.
func (d *reading) next() ([]*line, error) {
	n := d.wanted()
	for len(d.idle) < n && d.more != nil {
		l, err := d.more()
		if err != nil {
			return nil, err
		}
		if l == nil {
			break
		}
		d.idle = append(d.idle, l)
	}
	n = min(n, len(d.idle))
	set := slices.Clone(d.idle[:n])
	d.idle = d.idle[n:]
	return set, nil
}

// learned looks at how large pages are. A last page says nothing.
func (d *reading) learned(pages []Page) {
	size := 0
	for _, p := range pages {
		if n := len(p.People) + len(p.Groups); p.Next != "" {
			size = max(size, n)
		}
	}
	d.size = cmp.Or(size, d.size)
}

// lines are those of ranges that have not been read, each of a part of piece.
func (r *round) lines(of []Range, piece Piece) (l []*line) {
	for i, g := range of {
		if !g.Done {
			piece.Starts = g.Begins
			l = append(l, &line{Ask: Ask{piece, g.Next}, at: i, met: follow("pages")})
		}
	}
	return l
}

// read reads listings, Readers requests at a time. Where several pages in one request are refused it goes on with one.
func (r *round) read(ctx context.Context, d *reading) error {
	type answer struct {
		set   []*line
		pages []Page
		err   error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers, busy := make(chan answer, r.Readers), 0
	var first error
	fault := func(err error) {
		if err != nil && first == nil {
			first = err
			stop()
		}
	}
	for {
		for first == nil && busy < r.Readers {
			set, err := d.next()
			if fault(err); len(set) == 0 {
				break
			}
			busy++
			ask := make([]Ask, len(set))
			for i, l := range set {
				ask[i] = l.Ask
			}
			go func() {
				pages, err := r.Source.Pages(ctx, r.tenant, ask)
				answers <- answer{set, pages, err}
			}()
		}
		if busy == 0 {
			return first
		}
		got := <-answers
		busy--
		*d.asked++
		switch {
		case first != nil:
		case got.err != nil && len(got.set) > 1 && !fail.Is(got.err, fail.Denied):
			d.alone, d.idle = true, append(got.set, d.idle...)
		case got.err != nil:
			fault(got.err)
		default:
			fault(r.keep(d, got.set, got.pages))
		}
	}
}

// keep takes the pages of one request. Those that came are kept also where others did not.
func (r *round) keep(d *reading, set []*line, pages []Page) error {
	var whole []*line
	var came []Page
	var first error
	for i, l := range set {
		err := pages[i].Err
		if err == nil {
			err = l.met.next(pages[i].Next, len(pages[i].People)+len(pages[i].Groups))
		}
		if err == nil && l.Members != nil && pages[i].Next == "" && pages[i].Link == "" {
			err = cut("members")
		}
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		l.Next, l.done = pages[i].Next, pages[i].Next == ""
		whole, came = append(whole, l), append(came, pages[i])
	}
	d.learned(came)
	if len(whole) > 0 {
		if err := d.took(whole, came); err != nil {
			return err
		}
	}
	for _, l := range whole {
		if !l.done {
			d.idle = append(d.idle, l)
		}
	}
	return first
}

// all are the people, and all are the groups, of several pages.
func all(pages []Page) (people []Person, groups []Group) {
	for _, p := range pages {
		people, groups = append(people, p.People...), append(groups, p.Groups...)
	}
	return people, groups
}

// unfit says that the directory does not list in such pieces.
func unfit(err error) bool {
	var f *fail.Error
	return errors.As(err, &f) && f.Code == CodeUnfit
}

// widest is how many ways to begin go into one piece: the service takes no more of them in a filter.
const widest = 15

// letters are what a sign-in name is made of, in lower case. Who has another character is found by again.
// https://learn.microsoft.com/graph/api/resources/user#properties
const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
	signs   = "'.-_!#^~"
)

// ranges are pieces of everybody by how the sign-in name begins, which can be read at the same time: a piece for each letter, or about as
// large as one another where the copy knows how many begin how.
func ranges(n int, spread map[string]int) []Range {
	if len(spread) == 0 {
		out := []Range{{Begins: each(digits)}, {Begins: each(signs)}}
		for _, s := range each(letters) {
			out = append(out, Range{Begins: []string{s}})
		}
		return out
	}
	most := max(pageSize, n/(2*Together))
	type part struct {
		begin string
		n     int
	}
	var parts []part
	for _, s := range each(letters + digits + signs) {
		finer, sum := []part{}, 0
		for _, t := range each(letters + digits + signs + "@") {
			finer = append(finer, part{s + t, spread[s+t]})
			sum += spread[s+t]
		}
		if sum <= most {
			finer = []part{{s, sum}}
		}
		parts = append(parts, finer...)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.n, a.n) })
	var out []Range
	var sums []int
	for _, p := range parts {
		i := 0
		for ; i < len(out) && (sums[i]+p.n > most || len(out[i].Begins) == widest); i++ {
		}
		if i == len(out) {
			out, sums = append(out, Range{}), append(sums, 0)
		}
		out[i].Begins, sums[i] = append(out[i].Begins, p.begin), sums[i]+p.n
	}
	return out
}

func each(s string) (l []string) {
	for _, c := range s {
		l = append(l, string(c))
	}
	return l
}

// expected is how many people are on a page of a listing in ranges, before one has been seen.
func expected(p Part) int { return min(pageSize, p.Expect/len(p.Ranges)+1) }

// pieces are what a listing of people is read in.
func (r *round) pieces(ctx context.Context, n int) ([]Range, error) {
	if n <= r.Apart || r.scoped() {
		return []Range{{}}, nil
	}
	spread, err := r.Store.Spread(ctx, r.tenant)
	known := 0
	for _, n := range spread {
		known += n
	}
	if known < n/2 { // a copy that is not whole yet
		spread = nil
	}
	return ranges(n, spread), err
}
