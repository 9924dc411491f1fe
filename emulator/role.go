package emulator

import "strings"

// Template ids of directory roles: https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference
const (
	globalAdmin      = "62e90394-69f5-4237-9190-012177145e10"
	userAdmin        = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	helpdeskAdmin    = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	passwordAdmin    = "966707d0-3269-4727-9be2-8c3a10f19b9d" // #nosec G101 -- a role's public id
	authAdmin        = "c4e39bd9-1100-46d3-8c65-fb160da0071f"
	privAuthAdmin    = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
	privRoleAdmin    = "e8611ab8-c189-46e8-94e1-60213ab1f814"
	groupsAdmin      = "fdd7a751-b60b-444a-984c-02652fe8fa1c"
	directoryReader  = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
	directoryWriter  = "9360feb5-f418-4baa-8175-e2a00bac4301"
	guestInviter     = "95e79109-95c0-4d8e-aee3-d01accf2d47b"
	messageReader    = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b"
	reportsReader    = "4a5d8f65-41da-4de4-8968-e035b65339cf"
	usageReader      = "75934031-6c7e-415a-99d7-48dbd49e875e"
	successManager   = "27460883-1df1-4691-b032-3b79643e5e63"
	exchangeAdmin    = "29232cdf-9323-42fd-ade2-1d097af3e4de"
	sharePointAdmin  = "f28a1f50-f6e7-4571-818b-6a12f2af6b6c"
	teamsAdmin       = "69091246-20e8-4a56-aa4d-066075b2a7a8"
	intuneAdmin      = "3a2c62db-5318-420d-8d74-23affee5d9d5"
	globalReader     = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
	applicationAdmin = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
	cloudAppAdmin    = "158c047a-c907-4556-b7ef-446551a6b5f7"
	securityAdmin    = "194ae4cb-b126-40b2-bd5b-6091b380977d"
	securityReader   = "5d6b6bb7-de71-4623-b4af-96380a352509"
	definitionAdmin  = "8424c6f0-a189-499e-bbd0-26c1753c96d4"
	definitionReader = "1d336d2c-4ae8-42ef-9711-b3604ce3fc2c"
	attributeReader  = "ffd52fa5-98dc-465c-991d-fc073eb59f8f"
	billingAdmin     = "b0f54661-2d74-4c50-afa3-1ec803f12efe"
	attributeAdmin   = "58a13ea3-c632-46ae-9ee0-9c0d43cd7f3d"
)

type roleDef struct{ id, name string }

var directoryRoles = []roleDef{
	{globalAdmin, "Global Administrator"},
	{userAdmin, "User Administrator"},
	{helpdeskAdmin, "Helpdesk Administrator"},
	{passwordAdmin, "Password Administrator"},
	{authAdmin, "Authentication Administrator"},
	{privAuthAdmin, "Privileged Authentication Administrator"},
	{privRoleAdmin, "Privileged Role Administrator"},
	{groupsAdmin, "Groups Administrator"},
	{directoryReader, "Directory Readers"},
	{directoryWriter, "Directory Writers"},
	{guestInviter, "Guest Inviter"},
	{messageReader, "Message Center Reader"},
	{reportsReader, "Reports Reader"},
	{usageReader, "Usage Summary Reports Reader"},
	{successManager, "User Experience Success Manager"},
	{attributeAdmin, "Attribute Assignment Administrator"},
	{attributeReader, "Attribute Assignment Reader"},
	{definitionAdmin, "Attribute Definition Administrator"},
	{definitionReader, "Attribute Definition Reader"},
	{globalReader, "Global Reader"},
	{securityAdmin, "Security Administrator"},
	{securityReader, "Security Reader"},
	{exchangeAdmin, "Exchange Administrator"},
	{sharePointAdmin, "SharePoint Administrator"},
	{teamsAdmin, "Teams Administrator"},
	{"4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator"},
	{applicationAdmin, "Application Administrator"},
	{cloudAppAdmin, "Cloud Application Administrator"},
	{billingAdmin, "Billing Administrator"},
	{"b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator"},
	{"59d46f88-662b-457b-bceb-5c3809e5908f", "Lifecycle Workflows Administrator"},
	{intuneAdmin, "Intune Administrator"},
}

// implicitRoles are those that everybody has who is none of the others: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/2119
var implicitRoles = []roleDef{
	{"a0b1b346-4d3e-4e8b-98f8-753987be4970", "User"},
	{"10dae51f-b6af-4016-8d66-8c2a99b929b3", "Guest User"},
	{"2af84b1e-32c8-42b7-82bc-daa82404023b", "Restricted Guest User"},
}

// roleTemplate finds a role by display name or template id, "" when it is neither.
func roleTemplate(nameOrID string) string {
	for _, r := range directoryRoles {
		if strings.EqualFold(r.name, nameOrID) || strings.EqualFold(r.id, nameOrID) {
			return r.id
		}
	}
	if isGUID(nameOrID) {
		return strings.ToLower(nameOrID)
	}
	return ""
}

// definition is a built-in role by its template id; nil when there is none.
func definition(template string) *roleDef {
	for i := range directoryRoles {
		if directoryRoles[i].id == template {
			return &directoryRoles[i]
		}
	}
	return nil
}

func roleName(template string) string {
	if r := definition(template); r != nil {
		return r.name
	}
	return template
}
