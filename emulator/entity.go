package emulator

import (
	"encoding/json"
	"strings"

	"nameplate/internal/property"
)

// How to add a type of directory object (application, administrativeUnit …):
//
//  1. One file of its own with a table of properties ([]prop, a package variable), a function that returns its *entity, and the
//     hooks that the entity names. Only id, set, name and title are needed; what stays nil is refused.
//  2. One line in entities below. The number of a property is its place in the table, so new properties go to the end.
//  3. Relationships are rows of entity.rels. Those with a bond are kept by the directory (bond.go), saved, in the snapshot and in
//     the change log without more; those with list are derived.
//
// Listing, paging, $filter and its refusals, $search, $orderby, $count, $select, $expand, metadata levels, single properties,
// relationship segments with casts and $ref, create and patch with their checks of types, deletedItems, directoryObjects, ledger,
// change log, data folder and organization files come from that. A hook runs with Emulator.mu held for as long as it changes
// anything, and answers with a *graphError to refuse. What a request changes it changes with applyTo, link and unlink (write.go,
// relation.go), never in the record itself: they write ledger and change log.

// edm is the type of a property as the CSDL has it.
type edm uint8

const (
	edmText edm = iota
	edmBool
	edmInstant
	edmTexts
	edmObject
	edmObjects
	edmInt   // 64 bits
	edmInt32 // 32 bits
)

// prop is a property of a type: how it is typed, when it is shown, how it can be queried and written.
type prop struct {
	name   string
	typ    edm
	shown  bool                 // returned without $select
	single bool                 // kept by another service: only on GET of one object, by $select
	hidden bool                 // only for $filter: never comes
	ops    string               // plain operators: eq ne not ge le in sw ew n /$count
	adv    string               // operators of advanced queries
	order  bool                 // $orderby without advanced query
	sorts  bool                 // $orderby with advanced query
	search bool                 // $search may name it
	blank  string               // JSON when nothing is set; "" is null or []
	derive func(*object) string // what an unset property follows from; "" falls back to blank
	shape  string               // of an object, or of the items of a list: shape.go
	ref    bool                 // the id of another object, or ends in it; what names one goes for good with it

	untold bool     // can be selected in delta, where it was observed never to come
	fixed  bool     // nobody writes it
	born   bool     // written at creation only
	must   bool     // required at creation, never cleared
	keep   bool     // never cleared
	max    int      // characters of a text or of each item; 0 is not stated
	items  int      // items of a list; 0 is not stated
	values []string // the only ones, when there is such a list
}

// facts are what is known of writing p, in the words of the catalog.
func (p *prop) facts() property.Facts {
	return property.Facts{
		Path: p.name, Max: p.max, Items: p.items, Values: p.values, AtCreation: p.must, NoNull: p.must || p.keep,
		ReadOnly: p.fixed, Single: p.single, Filter: p.ops, Advanced: p.adv,
	}
}

// empty is the JSON of a property that is not set.
func (p *prop) empty() string {
	switch {
	case p.blank != "":
		return p.blank
	case p.typ == edmTexts || p.typ == edmObjects:
		return "[]"
	}
	return "null"
}

// entity describes a type of directory object.
type entity struct {
	set, name, title string // "users", "user", "User" as messages of refusals have it
	props            []prop
	rels             []relation
	keys             map[string]func(d *directory, value string) *object // by lower-case name: /applications(appId='…')
	find             func(d *directory, key string) *object              // what a key without a name may be, other than the id
	soft             func(o *object) bool                                // deletes to directory/deletedItems; nil: for good
	delta            bool                                                // it has /delta
	found            []string                                            // what $search without a property looks at
	plain            bool                                                // is no directoryObject
	inner            bool                                                // is reached through relationships alone
	stands           func(t *table) []*object                            // objects that every tenant has and nobody saves
	listed           func(d *directory) []*object                        // the listing with objects that follow from others; find finds those

	// Reading.
	sees        func(c *call, o *object) sight                 // how much of o; nil o is the list
	seesDeleted func(c *call) bool                             // those in deletedItems; nil: who sees the type in full
	basic       []string                                       // what sight basic shows
	maySelect   func(c *call, name string) bool                // nil: everything
	visible     func(c *call, o *object) bool                  // nil: a list shows every object that it has
	routes      func(c *call, key string, n int) (bool, error) // what follows the key at segment n and is no relationship
	functions   func(c *call) (bool, error)                    // what stands in place of the key

	// Writing.
	decode     func(d *directory, i int, raw json.RawMessage, old string, strict bool) (string, bool) // nil: by type
	factsOf    func(d *directory, i int, raw json.RawMessage) []property.Facts                        // nil: those of the table
	mayCreate  func(c *call, body map[string]json.RawMessage) error                                   // nil: nobody makes one
	mayPatch   func(c *call, o *object, edits []edit) error                                           // nil: nobody changes one
	mayDelete  func(c *call, o *object) error                                                         // nil: nobody deletes one
	mayRestore func(c *call, o *object) error                                                         // and purge; o nil: that is not there
	check      func(c *call, o *object, e *edit) error                                                // a value, after what the table says
	checkAll   func(c *call, o *object, e *edit) error                                                // instead of what the table says
	prepare    func(c *call, o *object, edits []edit) ([]edit, error)                                 // a new object as a whole: defaults, refusals
	make       func(c *call, edits []edit) (*object, error)                                           // makes the object itself, or what it follows from
	unmake     func(c *call, o *object) bool                                                          // undoes what it follows from; false: it is deleted
	settle     func(c *call, o *object, edits []edit) ([]field, error)                                // what else changes; refusals that need the whole
	clash      func(d *directory, o *object, rec record) error                                        // what must be unique; o nil: not there yet
	indexed    []int                                                                                  // properties that index looks at
	index      func(d *directory, o *object, add bool)                                                // keeps what find, keys and clash use
	wrote      func(c *call, o *object, edits []edit, entry *Entry)                                   // what stands in no record
	created    func(c *call, o *object)                                                               // after the object has its place and its bonds
	written    func(c *call, o *object, changed []int)                                                // after every write of properties
	patched    func(c *call, o *object, edits []edit) error                                           // answers a PATCH; nil: 204
	deleting   func(c *call, o *object) []field                                                       // into deletedItems: fields to set
	restoring  func(c *call, o *object) []field                                                       // and back
	restored   func(c *call, o *object)                                                               // after it came back
}

// relation is a relationship of a type.
type relation struct {
	name  string   // "members"
	types []string // names of types that it may hold; answers are of directoryObjects unless there is only one and pure is set
	pure  bool     // answers are of the one type: no @odata.type at each item
	bond  string   // the bond that keeps it; "" when list derives it
	back  bool     // it reads the bond from its other end
	deep  bool     // transitive
	one   bool     // a single object
	delta bool     // in delta without $select
	also  string   // back: a second bond that is read from its other end, one step: "units"
	by    string   // the property with which its objects name the one that they belong to, instead of a bond
	named string   // the property by which a member may be addressed beside its id
	makes bool     // POST to it makes one of its objects, PATCH and DELETE of a member change and delete it
	bind  int      // how many objects one request may add with @odata.bind; 0 is none
	op    string   // of the ledger without .add and .remove: "group.member"
	list  func(d *directory, o *object) []*object
	may   func(c *call, o *object) error   // reading; nil: who sees the object in full
	hides func(c *call, o, x *object) bool // nil: every object that the relationship holds is shown

	mayEdit func(c *call, o *object) error         // adding and removing; nil: nobody
	link    func(c *call, o, target *object) error // refuses a target; nil: none
	unlink  func(c *call, o, target *object) error // refuses a removal; nil: none
}

// entities are the types that every tenant has, in the order in which they are saved.
func entities(d *directory) []*entity {
	return []*entity{
		userEntity(), groupEntity(), roleEntity(), applicationEntity(), principalEntity(d), assignmentEntity(d), grantEntity(), federatedEntity(), extensionEntity(d),
		templateEntity(), schemaEntity(), attributeSetEntity(), definitionEntity(), unitEntity(), roleDefinitionEntity(), assignedEntity(),
	}
}

// propNumber is the place of a property in its table.
func propNumber(props []prop, name string) int {
	for i := range props {
		if props[i].name == name {
			return i
		}
	}
	panic("emulator: no property " + name)
}

// relation finds a relationship in any case; nil when there is none.
func (e *entity) relation(name string) *relation {
	for i := range e.rels {
		if strings.EqualFold(e.rels[i].name, name) {
			return &e.rels[i]
		}
	}
	return nil
}
