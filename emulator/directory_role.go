package emulator

import "strings"

var roleProps = []prop{
	{name: "id", shown: true},
	{name: "deletedDateTime", typ: edmInstant, shown: true, fixed: true},
	{name: "description", shown: true, fixed: true},
	{name: "displayName", shown: true, fixed: true, ops: "eq", adv: "ne not in sw"},
	{name: "roleTemplateId", shown: true, fixed: true, ops: "eq"},
}

var (
	dName        = propNumber(roleProps, "displayName")
	dDescription = propNumber(roleProps, "description")
	dTemplate    = propNumber(roleProps, "roleTemplateId")
)

// roleEntity: https://learn.microsoft.com/en-us/graph/api/resources/directoryrole. Only roles that somebody has ever held exist.
func roleEntity() *entity {
	mayRead := func(c *call) bool {
		return c.p.holds("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "Directory.Read.All", "Directory.ReadWrite.All") || c.p.asUser()
	}
	return &entity{
		set: "directoryRoles", name: "directoryRole", title: "DirectoryRole", props: roleProps,
		find: (*directory).roleOf,
		keys: map[string]func(*directory, string) *object{"roletemplateid": (*directory).roleOf},
		sees: func(c *call, _ *object) sight {
			if mayRead(c) {
				return full
			}
			return blind
		},
		rels: []relation{{name: "members", types: []string{"user", "group", "servicePrincipal"}, bond: "members", may: func(c *call, _ *object) error {
			if !mayRead(c) {
				return denied()
			}
			return nil
		}}},
	}
}

// roleOf finds a directory role by its template id; nil when nobody has ever held it.
func (d *directory) roleOf(template string) *object {
	for _, o := range d.typed("directoryRole").list {
		if strings.EqualFold(unquote(o.rec.get(dTemplate)), template) {
			return o
		}
	}
	return nil
}

// role is a directory role, which exists from its first holder on.
func (d *directory) role(e *Emulator, template string) *object {
	if o := d.roleOf(template); o != nil {
		return o
	}
	name := text(roleName(template))
	o := &object{in: d.typed("directoryRole"), id: e.random.id()}
	o.rec = record{}.with([]field{{dDescription, name}, {dName, name}, {dTemplate, text(template)}})
	d.enter(o)
	return o
}

// roles are the template ids of the directory roles that an object holds.
func (d *directory) roles(o *object) []string {
	var out []string
	for _, x := range d.from("members", o) {
		if x.is("directoryRole") {
			out = append(out, unquote(x.rec.get(dTemplate)))
		}
	}
	return out
}
