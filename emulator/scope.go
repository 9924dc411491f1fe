package emulator

import (
	"slices"
	"strings"
)

// userConsentable are the delegated permissions of Graph that a person may grant for themself; all others need an administrator.
// https://learn.microsoft.com/en-us/graph/permissions-reference (column AdminConsentRequired)
var userConsentable = []string{
	"openid", "profile", "email", "offline_access", "User.Read", "User.ReadWrite", "User.ReadBasic.All", "LicenseAssignment.Read.All",
	"Mail.Send", "Mail.Read", "Mail.ReadWrite", "Calendars.Read", "Calendars.ReadWrite", "Contacts.Read", "Contacts.ReadWrite",
	"Files.Read", "Files.ReadWrite", "Files.Read.All", "Files.ReadWrite.All", "Notes.Read", "Notes.ReadWrite", "People.Read",
	"Tasks.Read", "Tasks.ReadWrite", "Presence.Read", "Team.ReadBasic.All", "Channel.ReadBasic.All", "Chat.Read", "Chat.ReadWrite",
	"MailboxSettings.Read", "MailboxSettings.ReadWrite", "Sites.Read.All", "UserActivity.ReadWrite.CreatedByApp", "Agreement.Read.All",
	"Bookings.Read.All", "OnlineMeetings.ReadWrite", "OnlineMeetings.Read",
}

// administratorScopes are delegated permissions of Graph that need an administrator's consent, as far as their spelling must be known.
var administratorScopes = []string{
	"User.Read.All", "User.ReadWrite.All", "User.ReadUpdate.All", "User.Create", "User.ManageIdentities.All", "User.EnableDisableAccount.All",
	"User.RevokeSessions.All", "User.DeleteRestore.All", "User.Invite.All", "User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All",
	"User-Phone.ReadWrite.All", "User-Mail.ReadWrite.All", "User-PasswordProfile.ReadWrite.All", "ProfilePhoto.Read.All",
	"ProfilePhoto.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All", "Group.Read.All",
	"Group.ReadWrite.All", "Group.ReadBasic.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Organization.Read.All",
	"Organization.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Application.Read.All", "Application.ReadWrite.All",
	"AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All", "Domain.Read.All", "RoleManagement.Read.Directory",
	"RoleManagement.ReadWrite.Directory", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All",
	"CustomSecAttributeAssignment.ReadWrite.All",
}

// spelled is a scope as the service writes it: scopes are asked for in any case, and client samples write user.read.
func spelled(name string, more ...string) string {
	for _, list := range [][]string{userConsentable, administratorScopes, more} {
		if i := slices.IndexFunc(list, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
			return list[i]
		}
	}
	return name
}
