// Package directory owns the words for what a Microsoft 365 directory holds (User, Group, SKU, Ref, Actor, Photo) and the ports
// through which the product reaches it: Reader for one person, Lister for many, Writer.
//
// Whoever holds a Writer can rewrite a company's directory, so only package change may call one (arch_test.go holds that).
// Errors of both ports are *fail.Error: NotFound, Denied, Invalid, Conflict, Exists, Unsupported are definite refusals, nothing was
// applied; Throttled means nothing was applied, come again; after a Writer call, Unavailable and Internal are ambiguous, the write
// may have been applied and only reading back can tell, except Unavailable with Code "not_sent": nothing left this machine.
package directory

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"nameplate/internal/property"
)

// Ref names an object for ever: tenant id + immutable object id, both lower-case GUIDs. Never a name taken from a request.
type Ref struct {
	Tenant string
	ID     string
}

// Newcomer names somebody who is to be created in a tenant, before they have an object id: a GUID (version 8) that follows from the sign-in
// name and is no object's.
func Newcomer(tenant, upn string) Ref {
	h := sha256.Sum256([]byte("newcomer\x00" + tenant + "\x00" + strings.ToLower(upn)))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return Ref{tenant, fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])}
}

func (r Ref) String() string { return r.Tenant + "/" + r.ID }

// Sync says where a person's directory properties are mastered.
type Sync int

const (
	CloudOnly  Sync = iota // never synced
	Synced                 // mastered on-premises now
	OnceSynced             // was synced; some attributes stay locked
)

// Person is a short mention of somebody: a manager, a report.
type Person struct {
	Ref   Ref
	UPN   string
	Name  string
	Title string
	Mail  string
}

// User is what the directory says of a person, as far as it was asked and the asker may know.
type User struct {
	Ref      Ref
	Values   property.Values // the properties that were asked for; absent means not known, null means nothing there
	Sync     Sync
	Guest    bool
	Enabled  bool
	Roles    []string  // template ids of the directory roles that the person holds, nil when not known
	Manager  *Person   // nil when there is none or it was not asked for
	Reports  []Person  // at most the first hundred
	Photo    PhotoInfo // zero when there is none
	Groups   []Group   // direct memberships, nil when not asked for
	Licenses []License // nil when not asked for
	Missing  []Missing // what could not be read, and why; the page says it instead of showing an empty field
	At       time.Time // when the directory was asked
}

// Missing says that a part of a User could not be read: "manager", "photo", or a property name.
type Missing struct {
	What string
	Err  error // *fail.Error
}

// PhotoInfo describes a photo without its bytes.
type PhotoInfo struct {
	ETag          string
	Width, Height int // pixels
}

// Photo is a picture's bytes and type ("image/jpeg").
type Photo struct {
	Info PhotoInfo
	Type string
	Data []byte
}

// Ask says what of a person to read. Everything asked for arrives by one HTTP request.
type Ask struct {
	Names    []property.Name // properties and facets
	Manager  bool
	Reports  bool
	Roles    bool
	Photo    bool // PhotoInfo only
	Groups   bool
	Licenses bool
}

// Authority says whose right a request uses: the application's own (zero value), or a signed-in person's.
type Authority struct {
	Session string // names a session of package access; the adapter asks for that session's token, it never travels
}

// Own is the authority of the person of that session.
func Own(session string) Authority { return Authority{Session: session} }

// Delegated says whether the authority is a person's.
func (a Authority) Delegated() bool { return a.Session != "" }

// Organization is the tenant as the directory describes it.
type Organization struct {
	Tenant  string
	Name    string
	Domains []string // verified ones
}

// Challenge is the cause of a Denied error with Code "claims": Microsoft wants the person to sign in again and meet Claims (JSON,
// to be handed to the authorize request as it is). https://learn.microsoft.com/entra/identity-platform/claims-challenge
type Challenge struct{ Claims string }

func (c *Challenge) Error() string {
	return "the person has to sign in again and meet a claims challenge"
}

// Reader reads a directory.
type Reader interface {
	// User reads one person by one request. NotFound when there is no such person; a deleted one is found when FacetAccount is
	// asked for, by one request more.
	User(ctx context.Context, as Authority, on Ref, ask Ask) (User, error)
	// ByName finds a person by user principal name; for operators and previews, never for a write.
	ByName(ctx context.Context, tenant, upn string, ask Ask) (User, error)
	// Photo reads the picture in the size nearest to px (48 … 648); px 0 is the largest. NotFound when there is none.
	Photo(ctx context.Context, as Authority, on Ref, px int) (Photo, error)
	// Organization reads the tenant's own name and verified domains.
	Organization(ctx context.Context, tenant string) (Organization, error)
}

// Writer writes a directory. Each call is one write request, never repeated after an ambiguous answer. Only a 429 of at most
// 250 ms is waited for and repeated inside; a longer one is Throttled with its Retry, for while one waits somebody else may write.
type Writer interface {
	// Update sends one PATCH with exactly these properties and, in the same round trip, reads those names back. The caller has
	// already split what must stand alone. After holds the values read back; it is nil when the write was taken but the
	// read-back did not come.
	Update(ctx context.Context, as Authority, on Ref, set property.Values) (after property.Values, err error)
	// CreatePerson makes a person with exactly these properties and a password that has to be changed at the first sign-in, and says the
	// object id. on is their Newcomer. Exists when the sign-in name or an address is somebody's.
	CreatePerson(ctx context.Context, as Authority, on Ref, set property.Values, password string) (id string, err error)
	// SetPhoto stores a JPEG. RemovePhoto removes it; NotFound when there is none.
	SetPhoto(ctx context.Context, as Authority, on Ref, jpeg []byte) error
	RemovePhoto(ctx context.Context, as Authority, on Ref) error
	// SetManager gives a person a manager, by object id; "" takes it away. What is so already is no error.
	SetManager(ctx context.Context, as Authority, on Ref, manager string) error
	// SetMember puts a person into a group or takes them out. What is so already is no error.
	SetMember(ctx context.Context, as Authority, on Ref, group string, in bool) error
	// SetLicenses gives and takes products by one request that is taken as a whole: license facets with the values that they are
	// to have.
	SetLicenses(ctx context.Context, as Authority, on Ref, set property.Values) error
	// SetAccount deletes a person, or restores one who was deleted.
	SetAccount(ctx context.Context, as Authority, on Ref, state string) error
	// ResetPassword gives a new password, which has to be changed at the next sign-in.
	ResetPassword(ctx context.Context, as Authority, on Ref, password string) error
	// RevokeSessions ends all sign-ins.
	RevokeSessions(ctx context.Context, as Authority, on Ref) error
}

// Read is one person to be read among many.
type Read struct {
	On  Ref
	Ask Ask
}

// Found is what became of a Read.
type Found struct {
	User
	Err error
}

// Write is one write among many, by the application's own right. Set holds properties, or facets that one method of Writer sets.
type Write struct {
	On  Ref
	Set property.Values
}

// Many is a Reader and Writer of many people at once, with as few requests as the service takes. Each answer is what Reader and Writer
// give for that one alone, in the order in which it was asked; the writes are not read back.
type Many interface {
	Users(ctx context.Context, reads []Read) []Found
	Writes(ctx context.Context, writes []Write) []error
}

// Role is a right inside Nameplate, from the app roles of the sign-in token.
type Role string

const (
	Admin    Role = "Nameplate.Admin"
	Editor   Role = "Nameplate.Editor"
	Approver Role = "Nameplate.Approver"
	Auditor  Role = "Nameplate.Auditor"
)

// ActorKind says what sort of actor it is.
type ActorKind string

const (
	PersonActor ActorKind = "person" // signed in through the portal
	HostActor   ActorKind = "host"   // the command line with --local: the operating system's user
	SelfActor   ActorKind = "nameplate"
	KeyActor    ActorKind = "key"       // a program with an API key
	OtherActor  ActorKind = "elsewhere" // somebody or something outside Nameplate
)

// Scope is something that an API key may do, within the rights of its role.
type Scope string

// The scopes there are.
const (
	PeopleRead     Scope = "people:read"     // people, groups, products, the rendered policy
	PeopleWrite    Scope = "people:write"    // properties, picture, manager
	PeopleCreate   Scope = "people:create"   // add people
	PeopleDelete   Scope = "people:delete"   // delete, restore, block, change a sign-in name
	GroupsWrite    Scope = "groups:write"    // members
	LicensesWrite  Scope = "licenses:write"  // products and their services
	PasswordsWrite Scope = "passwords:write" // new passwords, ending sign-ins
	HistoryRead    Scope = "history:read"
	KeysManage     Scope = "keys:manage"
)

// Scopes are all of them.
func Scopes() []Scope {
	return []Scope{PeopleRead, PeopleWrite, PeopleCreate, PeopleDelete, GroupsWrite, LicensesWrite, PasswordsWrite, HistoryRead, KeysManage}
}

// Actor is who makes a change. It names a session and never carries a token.
type Actor struct {
	Kind    ActorKind
	Ref     Ref    // the person's own directory object; of a key its tenant and its own id; zero for host and nameplate
	Name    string // display name at the time
	Session string // hashed session id, "" when there is none
	Roles   []Role
	Groups  []string // object ids (lower case) of the groups it is a member of, as far as the policy file names them
	From    string   // network address, as far as it can be believed
	Scopes  []Scope  `json:",omitempty"` // of a key; everybody else is not bound by scopes
}

// Can says whether a scope stands in the actor's way: only keys are bound by them.
func (a Actor) Can(s Scope) bool { return a.Kind != KeyActor || slices.Contains(a.Scopes, s) }

// Self says whether the actor is the person that ref names.
func (a Actor) Self(ref Ref) bool {
	return a.Kind == PersonActor && a.Ref == ref && ref.ID != "" && ref.Tenant != ""
}
