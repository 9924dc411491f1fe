package property

// Operation is something that Graph does beside writing a property, and what Microsoft documents of the permissions for it.
type Operation string

const (
	ReadUser      Operation = "read people"
	ReadManager   Operation = "read managers"
	ReadGroups    Operation = "read groups and members"
	ReadRoles     Operation = "read who holds a directory role"
	ReadSKUs      Operation = "read licenses of the organization"
	ReadOrg       Operation = "read the organization"
	ReadPhoto     Operation = "read photos"
	ReadDeleted   Operation = "read deleted people"
	WritePhoto    Operation = "set photos"
	WriteManager  Operation = "set managers"
	WriteMembers  Operation = "add and remove members"
	WriteLicenses Operation = "assign licenses"
	WriteAccount  Operation = "delete and restore people"
	CreatePeople  Operation = "add people"
	WriteSessions Operation = "revoke sign-ins"
)

// permits are the application permissions each of which allows the operation, least first; with a person's own token the same
// names are delegated scopes. From https://learn.microsoft.com/graph/permissions-reference and the page of each operation.
var permits = map[Operation][]string{
	ReadUser:      {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	ReadManager:   {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	ReadGroups:    {"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	ReadRoles:     {"Directory.Read.All", "Directory.ReadWrite.All"}, // by https://learn.microsoft.com/graph/api/user-list-transitivememberof
	ReadSKUs:      {"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All", "Directory.Read.All", "Organization.ReadWrite.All", "Directory.ReadWrite.All"},
	ReadOrg:       {"Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	ReadPhoto:     {"ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", "User.Read.All", "User.ReadWrite.All"},
	ReadDeleted:   {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"},
	WritePhoto:    {"ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"},
	WriteManager:  {"User.ReadWrite.All", "Directory.ReadWrite.All"},
	WriteMembers:  {"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"},
	WriteLicenses: {"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"},
	WriteAccount:  {"User.DeleteRestore.All", "User.ReadWrite.All"},
	CreatePeople:  {"User.Create", "User.ReadWrite.All", "Directory.ReadWrite.All"},
	WriteSessions: {"User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"},
}

// own are the delegated permissions that allow it to a person on themselves beside those of permits.
var own = map[Operation][]string{
	ReadUser:   {"User.Read", "User.ReadWrite"},
	ReadPhoto:  {"User.Read", "User.ReadWrite"},
	WritePhoto: {"User.ReadWrite"},
}

// Permits are the permissions each of which allows the operation, least first; self is a person on themselves with their own token.
func (o Operation) Permits(self bool) []string {
	if self {
		return append(append([]string{}, own[o]...), permits[o]...)
	}
	return permits[o]
}
