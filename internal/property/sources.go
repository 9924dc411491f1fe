package property

// Where the facts come from. A Def names one of these, or its own.
const (
	fromUpdate   = "https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0 (text of 2026)"
	fromUser     = "https://learn.microsoft.com/en-us/graph/api/resources/user?view=graph-rest-1.0 (property texts as in @microsoft/microsoft-graph-types 2.43.1, 2026)"
	fromCSDL     = "https://github.com/microsoftgraph/msgraph-metadata clean v1.0 CSDL, commit f54f11b6 (2026-08-20)"
	fromDefaults = "https://learn.microsoft.com/en-us/entra/fundamentals/users-default-permissions (March 2025)"
	fromGet      = "https://learn.microsoft.com/en-us/graph/api/user-get?view=graph-rest-1.0 (2026)"
	fromUsers    = "https://learn.microsoft.com/en-us/graph/api/resources/users?view=graph-rest-1.0 (2025), \"Who can perform sensitive actions\""
	fromPerms    = "https://github.com/microsoftgraph/microsoft-graph-devx-content permissions.json (2026-08-07)"
	fromFilter   = "https://learn.microsoft.com/en-us/graph/aad-advanced-queries (2022) and the property texts of @microsoft/microsoft-graph-types 2.43.1 (2026)"
	fromSynced   = "https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301 and others: 400 \"Unable to update the specified properties for on-premises mastered Directory Sync objects\""
	fromCreate   = "https://learn.microsoft.com/en-us/graph/api/user-post-users?view=graph-rest-1.0 (2025)"
)

// Permissions that allow an application to write, least first.
func write(least ...string) []string {
	return append(least, "User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All")
}

func writePhone() []string { return write("User-Phone.ReadWrite.All") }

// self are the permissions by which an ordinary member may write a property on themselves.
func self() []string { return []string{"User.ReadWrite"} }

const (
	wide = "eq ne not ge le in sw n" // every operator, all of them advanced
	some = "eq ge le in sw"
	rest = "ne not n"
)
