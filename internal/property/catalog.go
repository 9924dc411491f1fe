package property

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Set is an ordered collection of property descriptions: by section, and in a section as the page shows them. It does not
// change; With makes another one.
type Set struct {
	defs []Def
	by   map[string]int // lower-case name -> place in defs
}

var catalog = sync.OnceValue(func() *Set {
	s, err := (&Set{}).With(slices.Concat(contactDefs(), workDefs(), placeDefs(), aboutDefs(), managedDefs(), extensionAttributeDefs())...)
	if err != nil {
		panic(err) // the shipped descriptions contradict themselves; the package's test would have said so
	}
	return s
})

// Catalog is every property of a person that Nameplate knows without being told: the 43 of Microsoft's page "Update user",
// the fifteen extension attributes, and what else of a person is worth showing.
func Catalog() *Set { return catalog() }

// With is the set with more properties: directory extensions ("extension_<application id without dashes>_badge"), schema
// extensions ("ext55gb1l09_msLearnCourses/courseType"), custom security attributes
// ("customSecurityAttributes/Engineering/ProjectDate"). See Extension. A name that is already there, or has no path, label or
// source, is an error.
func (s *Set) With(defs ...Def) (*Set, error) {
	t := &Set{defs: slices.Concat(s.defs, defs), by: make(map[string]int, len(s.defs)+len(defs))}
	slices.SortStableFunc(t.defs, func(a, b Def) int { return int(a.House.Section) - int(b.House.Section) })
	for i, d := range t.defs {
		k := strings.ToLower(string(d.Name))
		switch _, there := t.by[k]; {
		case there:
			return nil, fmt.Errorf("property: %s is described twice", d.Name)
		case d.Name == "" || d.Graph.Path == "" || d.House.Label == "" || d.Graph.Source == "":
			return nil, fmt.Errorf("property: %q needs a name, a path, a label and a source", d.Name)
		}
		t.by[k] = i
	}
	return t, nil
}

// Def finds a property by its name; upper and lower case are the same.
func (s *Set) Def(name Name) (Def, bool) {
	i, ok := s.by[strings.ToLower(string(name))]
	if !ok {
		return Def{}, false
	}
	return s.defs[i], true
}

// All are the properties in order. The slice is the caller's, what is in it is not to be changed.
func (s *Set) All() []Def { return slices.Clone(s.defs) }

// Each goes through the properties in order, as All, without a copy of all of them.
func (s *Set) Each() iter.Seq[Def] { return slices.Values(s.defs) }

// Names are the names in order.
func (s *Set) Names() []Name {
	n := make([]Name, len(s.defs))
	for i, d := range s.defs {
		n[i] = d.Name
	}
	return n
}

// In are the properties of one section, in order.
func (s *Set) In(section Section) []Def {
	var l []Def
	for _, d := range s.defs {
		if d.House.Section == section {
			l = append(l, d)
		}
	}
	return l
}

// Under are the properties whose path begins with that key of a Graph object: two for "employeeOrgData", one for "city".
func (s *Set) Under(top string) []Def {
	var l []Def
	for _, d := range s.defs {
		if d.Top() == top {
			l = append(l, d)
		}
	}
	return l
}
