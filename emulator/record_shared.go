package emulator

import "encoding/binary"

// shared are the values that many people of a tenant have, such as the name of a town: once here instead of in each record. The
// list grows only while the tenant is made, before anybody else sees it.
type shared struct {
	values []string
	seen   map[int]map[string]int // by property: the values met so far, with their place in the list or -1; nil once the tenant is made
}

// seenMax is how many different values of one property are watched for a second holder.
const seenMax = 8192

func newShared() *shared { return &shared{seen: map[int]map[string]int{}} }

// value is a value by its place; "" where there is none.
func (s *shared) value(i uint64) string {
	if s == nil || i >= uint64(len(s.values)) {
		return ""
	}
	return s.values[i]
}

// record makes a record of fields, which are in the order of their property numbers. From its second holder on, a value is shared.
func (s *shared) record(fields []field) record {
	var b []byte
	for _, f := range fields {
		if i := s.place(f); i >= 0 {
			b = binary.AppendUvarint(b, uint64(f.prop))
			b = binary.AppendUvarint(b, uint64(i)<<1|1)
		} else {
			b = appendField(b, f.prop, f.json)
		}
	}
	return record{string(b), s}
}

// place is where the value stands in the list, -1 when it does not.
func (s *shared) place(f field) int {
	seen, known := s.seen[f.prop]
	if !known {
		seen = map[string]int{}
		s.seen[f.prop] = seen
	}
	i, ok := seen[f.json]
	switch {
	case ok && i < 0:
		i = len(s.values)
		s.values = append(s.values, f.json)
		seen[f.json] = i
	case !ok && seen != nil:
		i = -1
		if seen[f.json] = -1; len(seen) > seenMax {
			s.seen[f.prop] = nil // hardly anybody has what another has
		}
	case !ok:
		i = -1
	}
	return i
}

// done ends the growing.
func (s *shared) done() { s.seen = nil }
