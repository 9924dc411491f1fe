package emulator

import (
	"cmp"
	"slices"
)

// bond keeps one relationship between objects, readable from both ends. The lists are in the order of the objects' ord. Objects in
// directory/deletedItems keep their bonds; readers leave them out (directory.to, directory.from).
type bond struct {
	to   map[*object][]*object // group -> members
	from map[*object][]*object // member -> groups
}

func byOrd(a *object, ord uint64) int { return cmp.Compare(a.ord, ord) }

// has says whether o holds x.
func (b *bond) has(o, x *object) bool {
	if b == nil {
		return false
	}
	_, ok := slices.BinarySearchFunc(b.to[o], x.ord, byOrd)
	return ok
}

// add ties x to o. It is false when that is so already.
func (b *bond) add(o, x *object) bool {
	i, ok := slices.BinarySearchFunc(b.to[o], x.ord, byOrd)
	if ok {
		return false
	}
	b.to[o] = slices.Insert(b.to[o], i, x)
	i, _ = slices.BinarySearchFunc(b.from[x], o.ord, byOrd)
	b.from[x] = slices.Insert(b.from[x], i, o)
	return true
}

// cut takes x from o. It is false when they were not tied.
func (b *bond) cut(o, x *object) bool {
	i, ok := slices.BinarySearchFunc(b.to[o], x.ord, byOrd)
	if !ok {
		return false
	}
	if b.to[o] = slices.Delete(b.to[o], i, i+1); len(b.to[o]) == 0 {
		delete(b.to, o)
	}
	i, _ = slices.BinarySearchFunc(b.from[x], o.ord, byOrd)
	if b.from[x] = slices.Delete(b.from[x], i, i+1); len(b.from[x]) == 0 {
		delete(b.from, x)
	}
	return true
}

// bond is the relationship of that name, made when it is first needed: "members", "owners".
func (d *directory) bond(name string) *bond {
	b := d.bonds[name]
	if b == nil {
		b = &bond{to: map[*object][]*object{}, from: map[*object][]*object{}}
		d.bonds[name] = b
	}
	return b
}

// to are the objects that o holds in a bond, without deleted ones. The list is not to be changed.
func (d *directory) to(name string, o *object) []*object {
	if b := d.bonds[name]; b != nil {
		return living(b.to[o])
	}
	return nil
}

// from are the objects that hold o in a bond, without deleted ones. The list is not to be changed.
func (d *directory) from(name string, o *object) []*object {
	if b := d.bonds[name]; b != nil {
		return living(b.from[o])
	}
	return nil
}

func living(list []*object) []*object {
	if !slices.ContainsFunc(list, (*object).gone) {
		return list
	}
	var out []*object
	for _, o := range list {
		if !o.gone() {
			out = append(out, o)
		}
	}
	return out
}

// walk follows a step from o as far as it leads; every object once, o itself not, by ord.
func walk(o *object, step func(*object) []*object) []*object {
	seen := map[*object]bool{o: true}
	var out []*object
	for queue := []*object{o}; len(queue) > 0; queue = queue[1:] {
		for _, x := range step(queue[0]) {
			if !seen[x] {
				seen[x] = true
				out = append(out, x)
				queue = append(queue, x)
			}
		}
	}
	sortByOrd(out)
	return out
}

// forget cuts every bond of an object that is gone for good, and says which objects held it.
func (d *directory) forget(o *object) map[string][]*object {
	held := map[string][]*object{}
	for name, b := range d.bonds {
		for _, x := range slices.Clone(b.to[o]) {
			b.cut(o, x)
		}
		for _, holder := range slices.Clone(b.from[o]) {
			b.cut(holder, o)
			held[name] = append(held[name], holder)
		}
	}
	return held
}
