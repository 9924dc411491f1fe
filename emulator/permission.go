package emulator

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/property"
)

// holds says whether the token carries one of the permissions; "A+B" asks for both. Directory.AccessAsUser.All lets an
// application do in the directory what its signed-in person may do.
// https://learn.microsoft.com/en-us/graph/permissions-reference
func (p *principal) holds(permissions ...string) bool {
	have := p.roles
	if p.delegated() {
		have = p.scopes
	}
	return slices.ContainsFunc(permissions, func(one string) bool {
		for _, part := range strings.Split(one, "+") {
			if !have[strings.TrimSpace(part)] {
				return false
			}
		}
		return true
	})
}

func (p *principal) asUser() bool { return p.delegated() && p.scopes["Directory.AccessAsUser.All"] }

func (p *principal) self(u *object) bool { return p.user != nil && p.user == u }

func (p *principal) hasRole(templates ...string) bool {
	return slices.ContainsFunc(p.wids, func(w string) bool { return slices.Contains(templates, strings.ToLower(w)) })
}

// Who may read what: microsoftgraph/microsoft-graph-devx-content permissions.json (August 2026).
var (
	readUsers   = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readOwn     = []string{"User.Read", "User.ReadWrite", "User.ReadBasic.All"}
	createUsers = []string{"User.Create", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	deleteUsers = []string{"User.DeleteRestore.All", "User.ReadWrite.All"}
	setManagers = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	readGroups  = []string{"Group.ReadBasic.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readMembers = []string{"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)

// sight is how much of a person a caller may read.
type sight int

const (
	blind sight = iota
	basic
	full
)

// basicNames are what User.ReadBasic.All and guests see of other people:
// https://learn.microsoft.com/en-us/graph/permissions-reference#userreadbasicall
var basicNames = []string{"id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "userType"}

func (c *call) sees(u *object) sight {
	p := c.p
	switch {
	case p.self(u) && (p.holds(readOwn...) || p.holds(readUsers...) || p.asUser()):
		return full
	case c.guest:
		// https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions
		if p.holds(readUsers...) || p.holds("User.ReadBasic.All") || p.asUser() {
			return basic
		}
		return blind
	case p.holds(readUsers...) || p.asUser():
		return full
	case p.holds("User.ReadBasic.All"):
		return basic
	}
	return blind
}

// maySelect refuses properties that need more than the right to read people.
func (p *principal) maySelect(name string) bool {
	switch name {
	case "employeeLeaveDateTime": // https://learn.microsoft.com/en-us/graph/tutorial-lifecycle-workflows-set-employeeleavedatetime
		return p.holds("User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All")
	case "signInActivity": // https://learn.microsoft.com/en-us/graph/api/resources/signinactivity
		return p.holds("AuditLog.Read.All")
	}
	return true
}

// seesSecurity: without it the attributes read as null (https://learn.microsoft.com/en-us/graph/custom-security-attributes-examples). No
// other role has it, Global Administrator included.
func (p *principal) seesSecurity() bool {
	return p.holds("CustomSecAttributeAssignment.Read.All", "CustomSecAttributeAssignment.ReadWrite.All") && (!p.delegated() || p.hasRole(attributeAdmin, attributeReader))
}

// deed is a sensitive action: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/privileged-roles-permissions
type deed int

const (
	changeSensitive deed = iota // sensitive properties, delete, restore
	resetPassword
)

var (
	topRoles  = []string{privAuthAdmin, globalAdmin}
	changers  = []string{authAdmin, userAdmin, privAuthAdmin, globalAdmin}
	resetters = []string{passwordAdmin, helpdeskAdmin, authAdmin, userAdmin, privAuthAdmin, globalAdmin}
	upper     = []string{userAdmin, privAuthAdmin, globalAdmin}
)

// sensitive says which roles may do a deed to somebody who holds a role; the same page, table by table.
var sensitive = map[string][2][]string{
	"":              {changers, resetters},
	directoryReader: {changers, resetters},
	guestInviter:    {changers, resetters},
	messageReader:   {changers, resetters[1:]},
	reportsReader:   {changers, resetters[1:]},
	usageReader:     {changers, resetters[1:]},
	successManager:  {changers, resetters[1:]},
	passwordAdmin:   {changers, resetters},
	helpdeskAdmin:   {upper, {helpdeskAdmin, userAdmin, privAuthAdmin, globalAdmin}},
	groupsAdmin:     {upper, upper},
	userAdmin:       {upper, upper},
	authAdmin:       {{authAdmin, privAuthAdmin, globalAdmin}, {authAdmin, privAuthAdmin, globalAdmin}},
	privAuthAdmin:   {topRoles, topRoles},
	privRoleAdmin:   {topRoles, topRoles},
	globalAdmin:     {topRoles, topRoles},
}

// mighty says who may do a deed to u, and whether u is privileged. Roles that the table does not name are the top roles' to
// touch (inferred: the table's last rows).
func (d *directory) mighty(u *object, what deed) (roles []string, privileged bool) {
	roles = sensitive[""][what]
	for _, r := range d.roles(u) {
		row, ok := sensitive[r]
		if !ok {
			row = [2][]string{topRoles, topRoles}
		}
		roles = common(roles, row[what])
		switch r {
		case directoryReader, guestInviter, messageReader, reportsReader, usageReader, successManager:
		default:
			privileged = true
		}
	}
	if d.roleAssignable(u) {
		return common(roles, topRoles), true
	}
	return roles, privileged
}

func common(a, b []string) []string {
	var out []string
	for _, x := range a {
		if slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// deedOf is the table that a sensitive property stands in: who may reset a password may write the means to recover it.
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/privileged-roles-permissions#who-can-reset-passwords
func deedOf(name string) deed {
	switch name {
	case "businessPhones", "mobilePhone", "otherMails", "passwordProfile":
		return resetPassword
	}
	return changeSensitive
}

// mayTouch says whether the caller may do a deed to u, the permission aside.
func (c *call) mayTouch(u *object, what deed) bool {
	roles, privileged := c.t.dir.mighty(u, what)
	if !c.p.delegated() {
		return !privileged || c.hasRoleOver(u, roles...)
	}
	if privileged && !c.p.self(u) && !c.p.asUser() {
		return false
	}
	if privileged { // roles over a unit are for people without one: …/role-based-access-control/admin-units-assign-roles
		return c.p.hasRole(roles...)
	}
	return c.hasRoleOver(u, roles...)
}

// basicWriters hold microsoft.directory/users/basic/update:
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference
var basicWriters = []string{globalAdmin, userAdmin, authAdmin, privAuthAdmin, directoryWriter}

const licenseAdmin = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"

// mayWrite is nil when the caller may write a property of u.
func (c *call) mayWrite(u *object, name string, f property.Facts) *graphError {
	p := c.p
	if f.Alone {
		return c.mayWriteHeld(u, f)
	}
	if !p.delegated() {
		switch {
		case f.Delegated, !p.holds(f.Write...):
			return denied()
		case name == "passwordProfile":
			// https://learn.microsoft.com/en-us/graph/api/user-update: the application needs at least User Administrator
			if roles, _ := c.t.dir.mighty(u, resetPassword); !p.hasRole(roles...) || !p.hasRole(userAdmin, privAuthAdmin, globalAdmin) {
				return denied()
			}
		case f.Sensitive && !c.mayTouch(u, deedOf(name)):
			return denied()
		}
		return nil
	}
	if p.self(u) && f.SelfWrite && (p.holds(f.WriteOwn...) || p.holds(f.Write...) || p.asUser()) {
		return nil
	}
	switch name {
	case "passwordProfile":
		// https://learn.microsoft.com/en-us/graph/api/user-update: delegated, only these two
		if !p.asUser() && !p.holds("User-PasswordProfile.ReadWrite.All") || !c.mayTouch(u, resetPassword) {
			return denied()
		}
		return nil
	case "customSecurityAttributes":
		if !p.holds(f.Write...) || !p.hasRole(attributeAdmin) {
			return denied()
		}
		return nil
	case "employeeLeaveDateTime":
		if !p.holds(f.Write...) || !p.hasRole(globalAdmin) {
			return denied()
		}
		return nil
	case "identities":
		if !p.holds(f.Write...) || !p.hasRole(globalAdmin, userAdmin) {
			return denied()
		}
		return nil
	}
	general := slices.Contains(f.Write, "User.ReadWrite.All")
	if !p.holds(f.Write...) && !p.asUser() && !(p.self(u) && general && p.holds("User.ReadWrite")) {
		return denied()
	}
	switch {
	case f.Sensitive:
		if !c.mayTouch(u, deedOf(name)) {
			return denied()
		}
	case name == "usageLocation" && c.hasRoleOver(u, licenseAdmin):
	case !c.hasRoleOver(u, basicWriters...):
		return denied()
	}
	return nil
}

// mayWriteHeld is for the eight properties that SharePoint keeps: only the person's own token writes them. The service answers
// anybody else with a 500 (https://github.com/microsoftgraph/microsoft-graph-docs/issues/22189,
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/3234); documented is a refusal.
func (c *call) mayWriteHeld(u *object, f property.Facts) *graphError {
	if c.p.self(u) {
		if f.Path == "skills" && c.e.opts.Rules == ObservedRules && c.p.holds("User.Read") {
			return nil // https://github.com/microsoftgraph/microsoft-graph-docs/issues/8177
		}
		if c.p.holds(f.WriteOwn...) || c.p.holds("User.ReadWrite.All", "Directory.ReadWrite.All") || c.p.asUser() {
			return nil
		}
		return denied()
	}
	if c.e.opts.Rules == DocumentedRules {
		return denied()
	}
	return failure(http.StatusInternalServerError, "-1, Microsoft.Office.Server.Directory.DirectoryObjectUnauthorizedAccessException",
		"Attempted to perform an unauthorized operation.")
}
