package explain

import "nameplate/internal/fail"

// Cause is the stable word of a cause, for programs.
type Cause string

const (
	Unexplained Cause = "unknown"
	Refused     Cause = "refused" // a right is missing, and which one does not follow

	Permission         Cause = "permission_missing"
	ConsentMissing     Cause = "consent_missing"
	AdminConsent       Cause = "admin_consent_needed"
	Privileged         Cause = "privileged_person"
	RoleNeeded         Cause = "role_needed"
	PersonMayNot       Cause = "person_may_not"
	GuestLimited       Cause = "guest_limited"
	OwnToken           Cause = "own_token_only"
	Synced             Cause = "synced"
	OnceSynced         Cause = "once_synced"
	LicensePlace       Cause = "license_without_place"
	LicenseSeat        Cause = "license_without_seat"
	LicenseInherited   Cause = "license_inherited"
	LicensePlans       Cause = "license_plans"
	LicenseUnknown     Cause = "license_unknown"
	Taken              Cause = "taken"
	Domain             Cause = "domain_unverified"
	Password           Cause = "password_weak"
	WrongPassword      Cause = "password_wrong"
	PasswordExpired    Cause = "password_expired"
	DynamicGroup       Cause = "dynamic_group"
	AssignableGroup    Cause = "role_assignable_group"
	MailGroup          Cause = "mail_group"
	MemberAlready      Cause = "member_already"
	LastOwner          Cause = "last_owner"
	Required           Cause = "value_required"
	Value              Cause = "value_bad"
	ReadOnly           Cause = "read_only"
	Alone              Cause = "needs_own_request"
	Picture            Cause = "picture_bad"
	TooLarge           Cause = "too_large"
	NoPhoto            Cause = "no_photo"
	Gone               Cause = "not_found"
	Query              Cause = "query_unsupported"
	PageExpired        Cause = "page_expired"
	Request            Cause = "request_bad"
	Unsupported        Cause = "unsupported"
	Concurrent         Cause = "concurrent"
	Throttled          Cause = "throttled"
	DirectoryFull      Cause = "directory_full"
	Busy               Cause = "busy"
	Slow               Cause = "timeout"
	Trouble            Cause = "trouble"
	MoreProof          Cause = "more_proof"
	ConditionalAccess  Cause = "conditional_access"
	TokenOld           Cause = "token_expired"
	TokenNone          Cause = "token_missing"
	TokenRefused       Cause = "token_refused"
	Clock              Cause = "clock"
	WrongCloud         Cause = "wrong_cloud"
	WrongTenant        Cause = "wrong_tenant"
	SecretExpired      Cause = "secret_expired"
	SecretWrong        Cause = "secret_wrong"
	CredentialNone     Cause = "credential_missing" // #nosec G101 -- the name of a cause
	CredentialPublic   Cause = "public_client"
	CredentialRefused  Cause = "credential_refused" // #nosec G101 -- the name of a cause
	CertificateUnknown Cause = "certificate_unknown"
	Federation         Cause = "federation"
	AppDisabled        Cause = "app_disabled"
	AppMissing         Cause = "app_missing"
	Redirect           Cause = "redirect_mismatch"
	ScopeWrong         Cause = "scope_wrong"
	Declined           Cause = "declined"
	Unassigned         Cause = "unassigned"
	Disabled           Cause = "account_disabled"
	Stranger           Cause = "other_organization"
	Locked             Cause = "account_locked"
	SignInOld          Cause = "sign_in_old"
	SignInRefused      Cause = "sign_in_refused"
	SignedOut          Cause = "sign_in_revoked"
	CodeSpent          Cause = "code_spent"
	CodeForeign        Cause = "code_foreign"
	NotSignedIn        Cause = "not_signed_in"
	DevicePending      Cause = "device_pending"
	DeviceExpired      Cause = "device_expired"
	Loop               Cause = "loop"
	NotGraph           Cause = "not_microsoft" // something between answered
	Garbled            Cause = "answer_garbled"
	Foreign            Cause = "answer_foreign"
	TLSUnknown         Cause = "tls_untrusted"
	TLSName            Cause = "tls_name"
	TLSExpired         Cause = "tls_expired"
	TLSBroken          Cause = "tls_broken"
	NoName             Cause = "dns"
	NobodyListens      Cause = "connection_refused"
	NoRoute            Cause = "no_route"
	Reset              Cause = "connection_reset"
	Unreachable        Cause = "unreachable"
)

// meaning is what a cause means to people and to operators.
type meaning struct {
	kind  fail.Kind
	team  Team
	say   fail.Text
	wrote fail.Text // instead of say, of a write
	next  string    // {permission}, {properties} and {target} are filled in
}

// What several causes say.
var (
	sayAccess    = fail.T("Microsoft 365 did not accept the sign-in for this. Sign out and in again; if that does not help, tell your administrator.")
	sayGrant     = fail.T("Microsoft 365 does not let this portal see this. An administrator has to grant the missing permission.")
	wroteGrant   = fail.T("Microsoft 365 refused this: with the rights at hand it may not be changed. A person can change only little of their own profile themself; for the rest an administrator has to grant this portal the permission.")
	wroteHigher  = fail.T("Microsoft 365 refused this. If this person is an administrator, phone numbers, other addresses and the sign-in name can only be changed by an administrator with a higher role; otherwise the permission for it is missing.")
	sayTaken     = fail.T("Somebody else has this address or name already. Choose another one.")
	sayRequest   = fail.T("Microsoft 365 did not accept this request.")
	wroteRequest = fail.T("Microsoft 365 did not accept the change, without saying why. Nothing was changed.")
	wroteValue   = fail.T("Microsoft 365 did not accept a value. Nothing was changed; look at the marked field.")
	sayTrouble   = fail.T("Microsoft 365 has trouble at this moment. Try again in a few minutes.")
	wroteTrouble = fail.T("Microsoft 365 had trouble while this was saved, so it is not certain yet whether it was.")
	sayBusy      = fail.T("Microsoft 365 is busy and asked to wait. Try again in a moment.")
	wroteBusy    = fail.T("Microsoft 365 is busy and asked to wait. Nothing was changed; save again in a moment.")
	sayGone      = fail.T("This is not in the directory, or not any more.")
	wroteGone    = fail.T("This person is not in the directory any more. Nothing was changed.")
	sayOdd       = fail.T("The directory's answer could not be understood. Something between this portal and Microsoft 365 may have answered in its place. Try again in a few minutes.")
	sayAway      = fail.T("Microsoft 365 cannot be reached at this moment. Try again in a few minutes.")
	sayOwn       = fail.T("Microsoft did not accept Nameplate's own credential, so nobody can sign in now. Tell your administrator.")
	saySetup     = fail.T("Nameplate is not set up at Microsoft as it has to be, so this works for nobody now. Tell your administrator.")
	sayConsent   = fail.T("An administrator of your organization has to approve Nameplate first.")
	sayOnce      = fail.T("This profile was once kept on-premises, and this part of it stayed locked. An administrator can change it in Exchange Online.")
	saySignIn    = fail.T("Microsoft ended your sign-in. Sign in again to go on.")
	sayAgain     = fail.T("The sign-in could not be finished. Sign in again.")
	sayProof     = fail.T("Your organization asks you to sign in again before this. Sign in, and what you typed is still there.")
	sayGroup     = fail.T("The members of this group cannot be changed here.")
	sayPlace     = fail.T("No usage location is set for this person. Microsoft gives no license without one, because some services are not offered everywhere.")
	saySeat      = fail.T("No seat of this product is free, so it was not given.")
	sayGroupGave = fail.T("This license comes from a group: it goes when the person leaves that group.")
	sayPlans     = fail.T("Services of this license do not go together with those of another one, or need one that is off.")
	sayNoLicense = fail.T("Your organization has no such license, or this person does not have it.")
)

var meanings = map[Cause]meaning{
	Unexplained: {fail.Invalid, Nobody, sayRequest, wroteRequest, "Look the request id up with Microsoft support: this answer is not known to Nameplate."},
	Refused: {
		fail.Denied, Entra, sayGrant, wroteHigher,
		"Check three things: that {permission} is granted and consented for the application; that {target} holds no directory role, or that the application's service principal holds a higher one; that the group, if it is one, may be changed at all.",
	},
	Permission: {fail.Denied, Entra, sayGrant, wroteGrant, "Grant the application {permission} in Entra ID (App registrations, API permissions) and give admin consent. nameplate doctor shows what else is missing."},
	ConsentMissing: {
		fail.Denied, Entra, sayConsent,
		fail.Text{},
		"Give admin consent for the application again: its permissions were declared and not consented, or the consent was withdrawn. Changed permissions need consent again.",
	},
	AdminConsent: {fail.Denied, Entra, sayConsent, fail.Text{}, "An administrator gives consent for the whole organization: Enterprise applications, Nameplate, Permissions, Grant admin consent."},
	Privileged: {
		fail.Denied, Entra, wroteHigher,
		fail.Text{},
		"{target} holds a directory role. Change {properties} as an administrator with a higher role, or give the application's service principal a role that outranks theirs.",
	},
	RoleNeeded:   {fail.Denied, Entra, wroteHigher, fail.Text{}, "Assign the directory role User Administrator (for administrators: Privileged Authentication Administrator) to the application's service principal; a permission alone does not set passwords."},
	PersonMayNot: {fail.Denied, Nobody, wroteGrant, fail.Text{}, "People may not write {properties} of themselves in Entra ID, whatever is consented. Let the application write it, under the policy file: grant it {permission}."},
	GuestLimited: {fail.Denied, Entra, wroteGrant, fail.Text{}, "{target} is a guest: Entra ID lets guests change little. Change it in the account's home organization, or as an administrator."},
	OwnToken: {
		fail.Denied, Nobody, fail.T("Only the person themself can change this, signed in with their own account. Microsoft 365 keeps it in their personal site."),
		fail.Text{},
		"Nothing to grant: SharePoint takes {properties} from the person's own sign-in only.",
	},
	Synced: {
		fail.Denied, OnPremise, fail.T("This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it."),
		fail.Text{},
		"Change {properties} of {target} in Active Directory; the next synchronization brings it to Microsoft 365.",
	},
	OnceSynced: {fail.Denied, Exchange, sayOnce, fail.Text{}, "Change {properties} of {target} in Exchange Online (Set-User or Set-Mailbox): the account was synchronized once, and Graph does not write it any more."},

	LicensePlace:     {fail.Invalid, Nobody, sayPlace, fail.Text{}, "Set the usage location (a country of two letters) of {target} first; then assign the license again."},
	LicenseSeat:      {fail.Invalid, Licensing, saySeat, fail.Text{}, "No seat is free. Buy seats, or take the license from somebody who does not need it, then assign it again."},
	LicenseInherited: {fail.Invalid, Entra, sayGroupGave, fail.Text{}, "The license comes from a group. Take {target} out of that group, or the license from the group."},
	LicensePlans:     {fail.Invalid, Licensing, sayPlans, fail.Text{}, "Service plans of two licenses exclude or need one another. Switch the plan off or on that the answer names."},
	LicenseUnknown:   {fail.Invalid, Licensing, sayNoLicense, fail.Text{}, "The organization has no such license, or {target} does not have it."},
	Taken:            {fail.Exists, Nobody, sayTaken, fail.Text{}, "Another object has that value, perhaps a deleted one or a contact: search it in Entra ID, deleted users too."},
	Domain:           {fail.Invalid, Entra, wroteValue, fail.Text{}, "The domain of the address is not verified in this organization. Use a verified one, or add and verify it in Entra ID."},
	Password:         {fail.Invalid, Nobody, fail.T("This password is too simple. Use at least eight characters of at least three kinds: small and capital letters, digits, signs."), fail.Text{}, "Choose another password: 8 to 256 characters of three kinds, not a banned one."},
	WrongPassword:    {fail.Denied, Nobody, sayAgain, wroteValue, "The password that was given is not the present one."},
	PasswordExpired:  {fail.Denied, Nobody, fail.T("Your password has expired. Sign in again, and Microsoft asks you for a new one."), fail.Text{}, "The person sets a new password at Microsoft's sign-in page."},
	DynamicGroup:     {fail.Unsupported, Entra, sayGroup, fail.Text{}, "The members of {target} follow its rule: change the rule, or the property that it looks at."},
	AssignableGroup:  {fail.Denied, Entra, sayGroup, fail.Text{}, "{target} is role-assignable. Its owners or a Privileged Role Administrator change its members; the application would need RoleManagement.ReadWrite.Directory."},
	MailGroup:        {fail.Unsupported, Exchange, sayGroup, fail.Text{}, "Graph does not write distribution lists and mail-enabled security groups. Change {target} in Exchange Online."},
	MemberAlready:    {fail.Exists, Nobody, sayGroup, fail.Text{}, "Nothing to do: it is there already."},
	LastOwner:        {fail.Invalid, Nobody, sayGroup, fail.Text{}, "Name another owner first: a group keeps at least one."},

	Required:      {fail.Invalid, Nobody, wroteValue, fail.Text{}, "Give a value: it cannot be empty."},
	Value:         {fail.Invalid, Nobody, wroteValue, fail.Text{}, "Correct {properties}: too long, of a wrong form, or not one of the allowed values."},
	ReadOnly:      {fail.Unsupported, Nobody, wroteValue, fail.Text{}, "Graph does not write this property."},
	Alone:         {fail.Invalid, Operator, wroteRequest, fail.Text{}, "A defect of Nameplate: this property needs a request of its own. Report it with the request id."},
	Picture:       {fail.Invalid, Nobody, fail.T("This is too large for Microsoft 365. Choose a smaller picture."), fail.Text{}, "Send a JPEG of less than 4 MB."},
	TooLarge:      {fail.Invalid, Nobody, fail.T("This is too large for Microsoft 365. Choose a smaller picture."), fail.Text{}, "Send less than 4 MB."},
	NoPhoto:       {fail.NotFound, Nobody, sayGone, wroteGone, "Nothing to do: there is no photo."},
	Gone:          {fail.NotFound, Nobody, sayGone, wroteGone, "Check the object id and the tenant; look among the deleted objects. Shortly after a creation, wait and read again."},
	Query:         {fail.Invalid, Operator, sayRequest, fail.Text{}, "Graph does not search or sort in this way. Simplify the filter."},
	PageExpired:   {fail.Conflict, Nobody, sayRequest, fail.Text{}, "The listing took too long. Begin it again."},
	Request:       {fail.Invalid, Operator, sayRequest, wroteRequest, "A defect of Nameplate, or an answer of something in between. Report it with the request id."},
	Unsupported:   {fail.Unsupported, Nobody, fail.T("Microsoft 365 cannot do this for this person."), fail.Text{}, "Nothing to do: the service does not offer it here."},
	Concurrent:    {fail.Throttled, Nobody, fail.T("Somebody else was changing this profile at the same moment. Nothing was changed; save again."), fail.Text{}, "Try again: two writers met."},
	Throttled:     {fail.Throttled, Nobody, sayBusy, wroteBusy, "Wait as long as Retry-After says. If it comes often, find what else uses this application's or this organization's quota."},
	DirectoryFull: {fail.Denied, Entra, fail.T("The organization's directory is full. Tell your administrator."), fail.Text{}, "The directory's object quota is used up. Delete what is not needed, or verify a domain: that raises it."},
	Busy:          {fail.Unavailable, Nobody, sayTrouble, wroteTrouble, "Wait and try again. Look at the service health in the Microsoft 365 admin center if it stays."},
	Slow:          {fail.Unavailable, Nobody, sayTrouble, wroteTrouble, "Try again. If it stays, look at the line between this machine and Microsoft."},
	Trouble:       {fail.Unavailable, Nobody, sayTrouble, wroteTrouble, "Try again. If it stays, open a support case with the request id."},

	MoreProof:          {fail.Denied, Nobody, sayProof, fail.Text{}, "The person signs in again; conditional access asks for more."},
	ConditionalAccess:  {fail.Denied, Entra, fail.T("Your organization does not allow this sign-in from here. Ask your administrator."), fail.Text{}, "A conditional access policy blocks this sign-in. The sign-in log in Entra ID names the policy."},
	TokenOld:           {fail.Denied, Nobody, sayAccess, fail.Text{}, "The token had expired. If it comes again at once, compare this machine's clock with the Date of the answer."},
	TokenNone:          {fail.Denied, Operator, sayAccess, fail.Text{}, "No token reached Graph: something in between may take the Authorization header away."},
	TokenRefused:       {fail.Denied, Operator, sayAccess, fail.Text{}, "Graph did not accept the token. Run nameplate doctor: it compares cloud, tenant and clock."},
	Clock:              {fail.Unavailable, Operator, sayOwn, fail.Text{}, "Set this machine's clock by NTP: it differs from Microsoft's by more than five minutes, or what was signed was kept too long."},
	WrongCloud:         {fail.Denied, Operator, saySetup, fail.Text{}, "The organization lives in another Microsoft cloud, or sign-in and Graph addresses are of two clouds. Check the setting cloud."},
	WrongTenant:        {fail.Unavailable, Operator, saySetup, fail.Text{}, "No such organization at this sign-in address. Check the settings tenant and cloud."},
	SecretExpired:      {fail.Unavailable, Entra, sayOwn, fail.Text{}, "Make a new client secret, or better a certificate, for the application and put it into the configuration (client_secret, client_certificate)."},
	SecretWrong:        {fail.Unavailable, Operator, sayOwn, fail.Text{}, "Copy the secret's Value, not its id, into client_secret, or make a new one: Microsoft shows it once."},
	CredentialNone:     {fail.Unavailable, Operator, sayOwn, fail.Text{}, "Set client_certificate or client_secret: the application is confidential and sent none."},
	CredentialPublic:   {fail.Unavailable, Entra, sayOwn, fail.Text{}, "The registration is a public client. Under Authentication register the redirect address as Web, not as a mobile or desktop application."},
	CredentialRefused:  {fail.Unavailable, Entra, sayOwn, fail.Text{}, "Check client id, secret or certificate, and that the application is enabled. nameplate doctor tries each."},
	CertificateUnknown: {fail.Unavailable, Entra, sayOwn, fail.Text{}, "Upload the public half of the configured certificate to the app registration (Certificates & secrets)."},
	Federation:         {fail.Unavailable, Entra, sayOwn, fail.Text{}, "The federated credential of the application does not fit the identity that runs Nameplate: compare issuer, subject and audience."},
	AppDisabled:        {fail.Unavailable, Entra, saySetup, fail.Text{}, "Enable the application: Enterprise applications, Nameplate, Properties, Enabled for users to sign in."},
	AppMissing:         {fail.Unavailable, Operator, saySetup, fail.Text{}, "The organization has no application with this id. Check client_id and tenant, or register it as docs/start.md says."},
	Redirect:           {fail.Unavailable, Entra, saySetup, fail.Text{}, "Register exactly the redirect address that nameplate config check shows, as type Web."},
	ScopeWrong:         {fail.Unavailable, Operator, saySetup, fail.Text{}, "A defect of Nameplate, or a Graph address that is not Microsoft's. Check the setting graph."},
	Declined:           {fail.Denied, Nobody, fail.T("You did not give permission, so you were not signed in. Nothing was changed."), fail.Text{}, "The person declined, or the organization does not let people consent."},
	Unassigned:         {fail.Denied, Entra, fail.T("Your organization has not opened Nameplate for your account. Ask your administrator."), fail.Text{}, "Assign the person or their group to the application, or switch Assignment required off."},
	Disabled:           {fail.Denied, Entra, fail.T("Your account is disabled. Ask your administrator."), fail.Text{}, "Enable the account, if it should be."},
	Stranger:           {fail.Denied, Entra, fail.T("Your account belongs to an organization that is not served here. Sign in with the account that this organization gave you."), fail.Text{}, "The account is not of this organization. Invite it as a guest, if it should come in."},
	Locked:             {fail.Denied, Entra, fail.T("Your account is locked for a while after too many wrong passwords. Wait a few minutes, then sign in again."), fail.Text{}, "Too many wrong passwords: wait, or let an administrator look at the sign-in log."},
	SignInOld:          {fail.Denied, Nobody, saySignIn, fail.Text{}, "The person signs in again: the sign-in became too old."},
	SignInRefused:      {fail.Denied, Nobody, saySignIn, fail.Text{}, "The person signs in again. If it comes at once again, the sign-in log in Entra ID says why."},
	SignedOut:          {fail.Denied, Nobody, saySignIn, fail.Text{}, "The person signs in again: password changed or sign-ins revoked."},
	CodeSpent:          {fail.Denied, Nobody, sayAgain, fail.Text{}, "Begin the sign-in again: the code was used or had expired."},
	CodeForeign:        {fail.Denied, Nobody, sayAgain, fail.Text{}, "Begin the sign-in again: the code belongs to another attempt, application or organization."},
	NotSignedIn:        {fail.Denied, Nobody, saySignIn, fail.Text{}, "The person signs in."},
	DevicePending:      {fail.Throttled, Nobody, sayAgain, fail.Text{}, "Enter the code on the page that was named; waiting for it."},
	DeviceExpired:      {fail.Denied, Nobody, sayAgain, fail.Text{}, "Begin again: the code on the other device has expired."},
	Loop:               {fail.Throttled, Operator, sayBusy, fail.Text{}, "Entra ID saw the same request in a loop. Stop other programs that use this application's id."},

	NotGraph:      {fail.Unavailable, Network, sayOdd, sayOdd, "The answer is not Microsoft's: let this machine reach the sign-in and Graph addresses without a proxy that answers in their place."},
	Garbled:       {fail.Unavailable, Network, sayOdd, sayOdd, "The answer came empty, cut or changed: look at proxies and content filters between this machine and Microsoft."},
	Foreign:       {fail.Unavailable, Network, fail.T("The directory's answer pointed to another place and was refused. Tell your administrator."), fail.Text{}, "Something in between sends requests elsewhere. Nothing was followed, no token left."},
	TLSUnknown:    {fail.Unavailable, Network, sayAway, fail.Text{}, "The certificate is of an authority that this machine does not believe: a proxy of your company that opens TLS (name its authority in ca_file), or an attack."},
	TLSName:       {fail.Unavailable, Network, sayAway, fail.Text{}, "The certificate is of another name: a proxy, a wrong name server, or a wrong address in the settings."},
	TLSExpired:    {fail.Unavailable, Network, sayAway, fail.Text{}, "The certificate is out of its time: compare this machine's clock first, then look at the proxy's certificate."},
	TLSBroken:     {fail.Unavailable, Network, sayAway, fail.Text{}, "What answers does not speak TLS as it should: a port of plain http, or a proxy in between."},
	NoName:        {fail.Unavailable, Network, sayAway, fail.Text{}, "The name is not found: check the name server of this machine and the addresses in the settings."},
	NobodyListens: {fail.Unavailable, Network, sayAway, fail.Text{}, "Nobody listens at that address: check the addresses in the settings, and the firewall."},
	NoRoute:       {fail.Unavailable, Network, sayAway, fail.Text{}, "There is no way to that network: check routes and firewall."},
	Reset:         {fail.Unavailable, Network, sayAway, fail.Text{}, "The connection was cut. If it comes often, look at firewalls and proxies in between."},
	Unreachable:   {fail.Unavailable, Network, sayAway, fail.Text{}, "No answer came. Try again, and run nameplate doctor."},
}
