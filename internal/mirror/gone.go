package mirror

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"strings"

	"nameplate/internal/fail"
)

// CodeHeld is the Code of the Conflict that a round ends with when more would vanish than may without a person's word.
const CodeHeld = "held"

// aliveAtOnce is how many ids one question takes. https://learn.microsoft.com/graph/api/directoryobject-getbyids
const aliveAtOnce = 1000

// confirmed asks the directory about n objects that one signal says are gone, and gives those on which it agrees. fail.Conflict with
// CodeHeld when they are too many.
func (r *round) confirmed(ctx context.Context, n int, id func(int) string, gone func(int)) error {
	sure := 0
	for from := 0; from < n; from += aliveAtOnce {
		var list []string
		for i := from; i < min(n, from+aliveAtOnce); i++ {
			list = append(list, id(i))
		}
		alive, err := r.Source.Alive(ctx, r.tenant, list)
		r.asked.Checks++
		if err != nil {
			return err
		}
		for i, one := range list {
			if !alive[one] {
				gone(from + i)
				sure++
			}
		}
		r.told("checks", from+len(list), n, from/aliveAtOnce+1)
	}
	return r.brake(ctx, sure)
}

// brake lets n more vanish, or holds the round.
func (r *round) brake(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	have, err := r.Store.Counts(ctx, r.tenant)
	if err != nil {
		return err
	}
	total := r.state.Vanished + n
	if total > max(r.Few, r.state.Allowed, (have.People+have.Groups)*r.Share/100) {
		held := r.state
		held.Held, held.Allowed = total, 0
		held.People, held.Groups = r.saved.People, r.saved.Groups // the page is read again
		if _, err := r.Store.Commit(ctx, r.tenant, Commit{State: held}); err != nil {
			return err
		}
		f := fail.New(fail.Conflict, "mirror.sync", fail.T("%[1]d of %[2]d people and groups would be taken for gone. Nothing more is changed until you say that this is right.", total, have.People+have.Groups))
		f.Code = CodeHeld
		return f
	}
	r.state.Vanished = total
	return nil
}

// missing looks for who is in the copy and was not in the full reading that has just ended.
func (r *round) missing(ctx context.Context, part string) error {
	lost, err := r.unseen(ctx, part)
	if err == nil && len(lost) > 0 && r.scoped() && part == PartPeople { // that they are alive says nothing: look once more
		if err = r.once(ctx, part); err == nil {
			lost, err = r.unseen(ctx, part)
		}
	}
	if err != nil || len(lost) == 0 {
		return err
	}
	alive := map[string]bool{}
	for _, id := range lost {
		alive[id] = true
	}
	if err := r.confirmed(ctx, len(lost), func(i int) string { return lost[i] }, func(i int) { delete(alive, lost[i]) }); err != nil {
		return err
	}
	if r.scoped() && part == PartPeople {
		if err := r.brake(ctx, len(alive)); err != nil {
			return err
		}
	}
	bin, err := r.bin(ctx, len(lost) > len(alive))
	if err != nil {
		return err
	}
	for from := 0; from < len(lost); from += pageSize {
		if err := r.lose(ctx, part, lost[from:min(len(lost), from+pageSize)], alive, bin); err != nil {
			return err
		}
	}
	return nil
}

// unseen are those in the copy that a full reading did not tell of.
func (r *round) unseen(ctx context.Context, part string) (lost []string, err error) {
	seen := set{}
	if err := r.Store.Seen(ctx, r.tenant, part, seen.add); err != nil {
		return nil, err
	}
	err = r.Store.Living(ctx, r.tenant, part, func(id string) error {
		if _, ok := seen[key(id)]; !ok {
			lost = append(lost, id)
		}
		return nil
	})
	return lost, err
}

// lose takes those for gone who are not alive. Who is alive and was not listed stays: the listing was wrong; or is outside of what is
// mirrored.
func (r *round) lose(ctx context.Context, part string, list []string, alive, bin map[string]bool) error {
	how := func(id string) Gone {
		switch {
		case alive[id]:
			return Outside
		case bin[id]:
			return Deleted
		}
		return Purged
	}
	var c Commit
	if part == PartPeople {
		rows, err := r.Store.People(ctx, r.tenant, list)
		if err != nil {
			return err
		}
		var sure []Person
		for _, id := range list {
			if g := how(id); g != Outside || r.scoped() {
				sure = append(sure, Person{ID: id, Gone: g})
			}
		}
		r.leave(&c, rows, sure)
	} else {
		rows, err := r.Store.Groups(ctx, r.tenant, list)
		if err != nil {
			return err
		}
		for _, id := range list {
			if g := how(id); g != Outside {
				r.close(&c, rows[id], g)
			}
		}
	}
	if err := r.causes(ctx, &c); err != nil {
		return err
	}
	return r.commit(ctx, c)
}

// bin lists who can still be restored.
func (r *round) bin(ctx context.Context, need bool) (map[string]bool, error) {
	out, met := map[string]bool{}, follow("what was deleted")
	for page := ""; need; {
		list, next, err := r.Source.Bin(ctx, r.tenant, page)
		r.asked.Checks++
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			out[id] = true
		}
		page, need = next, next != ""
		if err := met.next(page, len(list)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// set is object ids, sixteen bytes each.
type set map[[16]byte]struct{}

func (s set) add(data []byte) error {
	for ; len(data) >= 16; data = data[16:] {
		s[[16]byte(data)] = struct{}{}
	}
	return nil
}

// key is an object id without its form; ids that are none are all the same key.
func key(id string) (k [16]byte) {
	_, _ = hex.Decode(k[:], []byte(strings.ReplaceAll(id, "-", ""))) // the source gives ids only
	return k
}

func seenPeople(l []Person) []Seen {
	var b []byte
	for _, p := range l {
		k := key(p.ID)
		b = append(b, k[:]...)
	}
	return seen(PartPeople, b)
}

func seen(part string, data []byte) []Seen {
	if len(data) == 0 {
		return nil
	}
	return []Seen{{Part: part, Data: data}}
}

// sum is a membership in eight bytes.
func sum(group, member string) uint64 {
	g, m, h := key(group), key(member), fnv.New64a()
	_, _ = h.Write(g[:]) // never fails
	_, _ = h.Write(m[:])
	return h.Sum64()
}

func appendSum(b []byte, group, member string) []byte {
	return binary.BigEndian.AppendUint64(b, sum(group, member))
}
