package emulator

import (
	"cmp"
	"strings"
)

// activity is what the log calls a kind of change: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-audit-activities
type activity struct {
	name, category, service, operation string
	of                                 string // the type of the entry's object
	link                               string // the relationship that it changes, "" for none
}

// activities are those that do not follow from the type of the object and what was done. "-" is none: other services keep it.
var activities = map[string]string{
	"user.photo.set": "-", "user.photo.remove": "-", "group.photo.set": "-", "group.photo.remove": "-", "user.extension.set": "-", "user.extension.remove": "-", "group.license.processed": "-",
	"user.invite": "Invite external user", "user.redeem": "Redeem external user invite", "user.manager.set": "Set user manager", "user.manager.remove": "Set user manager",
	"user.password.change": "Change user password", "user.sessions.revoke": "Update StsRefreshTokenValidFrom Timestamp", "user.license": "Change user license",
	"organization.update": "Set Company Information", "group.license": "Set group license", "group.renew": "Renew group", "app.consent": "Consent to application",
	"oAuth2PermissionGrant.create": "Add delegated permission grant", "oAuth2PermissionGrant.update": "Add delegated permission grant",
	"oAuth2PermissionGrant.delete": "Remove delegated permission grant", "servicePrincipal.delete": "Remove service principal",
	"servicePrincipal.addPassword": "Add service principal credentials", "servicePrincipal.removePassword": "Remove service principal credentials",
	"servicePrincipal.addKey": "Add service principal credentials", "servicePrincipal.removeKey": "Remove service principal credentials",
	"application.addPassword": keysChanged, "application.removePassword": keysChanged, "application.addKey": keysChanged, "application.removeKey": keysChanged,
	"directoryRole.member.add": "Add member to role", "directoryRole.member.remove": "Remove member from role",
}

const keysChanged = "Update application – Certificates and secrets management "

// categories are those of the types; others are of applications.
var categories = map[string]string{
	"user": "UserManagement", "group": "GroupManagement", "directoryRole": "RoleManagement", "unifiedRoleDefinition": "RoleManagement",
	"unifiedRoleAssignment": "RoleManagement", "administrativeUnit": "AdministrativeUnit", "device": "Device", "organization": "DirectoryManagement",
}

// spoken are types as the log says them, where that is not the name of the type in words.
var spoken = map[string]string{
	"appRoleAssignment": "app role assignment grant", "directoryRole": "role", "unifiedRoleDefinition": "role definition", "unifiedRoleAssignment": "role assignment",
	"organization": "company information",
}

// activity says what an entry of the ledger is; its name is "" for what the log does not have.
func (c *call) activity(e Entry) activity {
	parts := strings.Split(e.Op, ".")
	w := activity{of: parts[0], service: "Core Directory"}
	if o := c.t.dir.anywhere(e.Object); o != nil {
		w.of = o.in.name // "application.owner.add" is said of service principals too
	}
	what, done := cmp.Or(spoken[w.of], words(w.of)), parts[len(parts)-1]
	linked := len(parts) == 3 && (parts[1] == "member" || parts[1] == "owner")
	switch {
	case linked && done == "add":
		w.name, w.operation, w.link = "Add "+parts[1]+" to "+what, "Assign", parts[1]+"s"
	case linked && done == "remove":
		w.name, w.operation, w.link = "Remove "+parts[1]+" from "+what, "Unassign", parts[1]+"s"
	case done == "create":
		w.name, w.operation = "Add "+what, "Add"
	case done == "delete":
		w.name, w.operation = "Delete "+what, "Delete"
	case done == "purge", done == "expire":
		w.name, w.operation = "Hard Delete "+what, "Delete"
	case done == "restore":
		w.name, w.operation = "Restore "+what, "Update"
	default:
		w.name, w.operation = "Update "+what, "Update"
	}
	if name, ok := activities[e.Op]; ok {
		w.name = name
	}
	if _, reset := e.After["passwordProfile"]; reset && e.Op == "user.update" {
		w.name = "Reset user password"
	}
	if e.Op == "user.invite" || e.Op == "user.redeem" {
		w.service = "Invited Users"
	}
	if strings.HasPrefix(e.Op, "user.invite") {
		w.operation = "Add"
	}
	if w.name == "-" {
		w.name = ""
	}
	w.category = cmp.Or(categories[w.of], "ApplicationManagement")
	return w
}

// words are the words of a name: "service principal".
func words(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
