package sheet

import (
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Act is what a row asks for.
type Act string

// The acts there are. A row of Ensure creates whom it does not find, and updates whom it finds.
const (
	Update  Act = "update"
	Create  Act = "create"
	Ensure  Act = "ensure"
	Delete  Act = "delete"
	Restore Act = "restore"
	Join    Act = "join"  // put into the group that the import names
	Leave   Act = "leave" // take out of it
)

// Format is a layout that somebody else's program writes or reads. Its headings are in its order, byte for byte.
type Format struct {
	Name     string
	Says     string
	Act      Act
	Headings []string
	Version  bool // a row with version:v1.0 comes first
	Example  string
	Export   bool // is written by an admin center, and some of its columns only tell
	position bool // labels may be in any language, the order says what they are
}

// Own is the name of our own layout: any columns in any order, named as Microsoft Graph does.
const Own = "own"

// Formats are all layouts that are known by their headings.
// Where each was seen: https://learn.microsoft.com/microsoft-365/enterprise/add-several-users-at-the-same-time (m365),
// https://learn.microsoft.com/entra/identity/users/users-bulk-add and its neighbours (entra).
func Formats() []Format { return slices.Clone(formats) }

var m365 = "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Alternate email address,Address,City,State or Province,ZIP or Postal Code,Country or Region"

var formats = []Format{
	{Name: "m365-2024", Says: "Microsoft 365 admin center, add multiple users", Act: Ensure, Headings: split(m365), position: true},
	{Name: "m365-2020", Says: "the same, before the alternate address", Act: Ensure, Headings: without(split(m365), "Alternate email address"), position: true},
	{Name: "m365-nofax", Says: "the same, without fax", Act: Ensure, Headings: without(split(m365), "Alternate email address", "Fax"), position: true},
	{
		Name: "m365-export", Says: "Microsoft 365 admin center, export users", Act: Update, Export: true,
		Headings: split("Display name,DirSyncEnabled,User principal name,Object Id,First name,Last name,When created,Soft deletion time stamp,Title,Department,Preferred data location,City,CountryOrRegion,Office,StateOrProvince,Usage location,Last dirsync time,Block credential,Licenses,Password never expires,Last password change time stamp,Mobile Phone,Phone number,Postal code,Preferred language,Street address,Fax,Proxy addresses"),
	},
	{
		Name: "m365-export-old", Says: "the same, in the order of the alphabet", Act: Update, Export: true,
		Headings: split("Block credential,City,Country/Region,Department,DirSyncEnabled,Display name,Fax,First name,Last dirsync time,Last name,Last password change time stamp,License assignment details,Licenses,Mobile Phone,Oath token meta data,Object Id,Office,Password never expires,Phone number,Postal code,Preferred data location,Preferred language,Proxy addresses,Release track,Soft deletion time stamp,State,Street address,Strong password required,Title,Usage location,User principal name,When created"),
	},
	{
		Name: "entra-create", Says: "Entra admin center, bulk create", Act: Ensure, Version: true,
		Headings: split("Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],State or province [state],Country or region [country],Office [physicalDeliveryOfficeName],City [city],ZIP or postal code [postalCode],Office phone [telephoneNumber],Mobile phone [mobile]"),
	},
	{
		Name: "entra-create-2026", Says: "the same with the three columns that are asked for", Act: Ensure,
		Headings: split("Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required"),
	},
	{
		Name: "entra-delete", Says: "Entra admin center, bulk delete", Act: Delete, Version: true,
		Headings: split("User name [userPrincipalName] Required"), Example: "Example: chris@contoso.com",
	},
	{Name: "entra-restore", Says: "Entra admin center, bulk restore", Act: Restore, Version: true, Headings: split("Object ID [objectId] Required")},
	{
		Name: "entra-members", Says: "Entra admin center, import members of a group", Act: Join, Version: true,
		Headings: split("Member object ID or user principal name [memberObjectIdOrUpn] Required"),
	},
	{
		Name: "entra-members-remove", Says: "the same, to take them out", Act: Leave, Version: true,
		Headings: split("Member object ID or user principal name [memberObjectIdOrUpn] Required"),
	},
	{
		Name: "entra-download", Says: "Entra admin center, download users", Act: Update, Export: true,
		Headings: split("userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,usageLocation,streetAddress,state,country,physicalDeliveryOfficeName,city,postalCode,telephoneNumber,mobile,authenticationPhoneNumber,authenticationAlternativePhoneNumber,authenticationEmail,alternateEmailAddress,ageGroup,consentProvidedForMinor,legalAgeGroupClassification"),
	},
}

func split(s string) []string { return strings.Split(s, ",") }

func without(l []string, drop ...string) []string {
	return slices.DeleteFunc(l, func(s string) bool { return slices.Contains(drop, s) })
}

func formatNamed(name string) *Format {
	for i := range formats {
		if formats[i].Name == name {
			return &formats[i]
		}
	}
	if name == Own {
		return &Format{Name: Own, Act: Update}
	}
	return nil
}

// Use is what a column is for.
type Use string

// The uses there are.
const (
	Ignored  Use = "ignored"
	ID       Use = "id"       // the person's object id
	UPN      Use = "upn"      // the person's sign-in name
	Member   Use = "member"   // either of the two
	Set      Use = "set"      // a property
	Manager  Use = "manager"  // sign-in name, object id or display name
	JoinTo   Use = "join"     // groups to put them into
	LeaveOf  Use = "leave"    // groups to take them out of
	Give     Use = "give"     // products to give
	Take     Use = "take"     // products to take
	Picture  Use = "picture"  // a file name
	Like     Use = "like"     // a colleague whose groups and licenses they are to have
	Doing    Use = "act"      // an Act
	Password Use = "password" // the first one of somebody who is created
)

// Column is one column of a file.
type Column struct {
	Heading  string
	Use      Use
	Name     property.Name // for Set
	Inverted bool          // yes means no: "Block sign in"
}

// column is a Column with its property.
type column struct {
	Column
	def property.Def
}

// special are our own headings that are no properties.
var special = map[string]Use{
	"id": ID, "objectid": ID, "memberobjectidorupn": Member, "manager": Manager, "manageruserprincipalname": Manager,
	"groups:add": JoinTo, "groups:remove": LeaveOf, "licenses:add": Give, "licenses:remove": Take,
	"photo": Picture, "like": Like, "action": Doing, "passwordprofile": Password, "initialpassword": Password,
}

// renaming is the heading of a new sign-in name: userPrincipalName says who it is.
const renaming = "userprincipalname:new"

// telling are columns of the admin centers' exports that are no properties of Graph's, or that nobody writes.
var telling = []string{
	"dirsyncenabled", "whencreated", "softdeletiontimestamp", "lastdirsynctime", "licenses", "licenseassignmentdetails", "passwordneverexpires",
	"lastpasswordchangetimestamp", "oathtokenmetadata", "releasetrack", "strongpasswordrequired", "proxyaddresses", "authenticationphonenumber",
	"authenticationalternativephonenumber", "authenticationemail",
	"problem", // of our own list of rows that did not arrive
}

// plain is a heading without its case, spaces, "Required", and all but the name in brackets.
func plain(heading string) string {
	s := strings.ToLower(strings.Trim(heading, "\ufeff"))
	if i, j := strings.LastIndexByte(s, '['), strings.LastIndexByte(s, ']'); i >= 0 && j > i {
		s = s[i+1 : j]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '*' {
			return -1
		}
		return r
	}, s)
}

// headings reads the row of headings and finds out what each column is.
func (f *File) headings() error {
	src, err := f.open()
	if err != nil {
		return err
	}
	var row []cell
	var line int
	for n := 0; ; n++ {
		row, line, err = src.next()
		if err == io.EOF {
			return refuse("empty", fail.T("The file is empty. A file has a row of headings and a row for each person."))
		}
		if err != nil {
			return err
		}
		if n < f.skip || blank(row) {
			f.skip = max(f.skip, n+1)
			continue
		}
		f.skip = n + 1
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(row[0].text)), "version:v") || !blank(row[1:]) {
			break
		}
	}
	var heads []string
	for _, c := range row {
		heads = append(heads, strings.TrimSpace(strings.Trim(c.text, "\ufeff")))
	}
	for len(heads) > 0 && heads[len(heads)-1] == "" {
		heads = heads[:len(heads)-1]
	}
	if f.format, err = f.which(heads); err != nil {
		return err
	}
	f.Format = f.format.Name
	for i, h := range heads {
		if f.format.position && !fits(f.format.Headings, heads) {
			h = f.format.Headings[i] // the label is in another language, and somebody said so
		}
		known := len(f.known)
		c := f.column(f.read(i, heads[i], h), i, line)
		for j := known; j < len(f.known); j++ {
			f.known[j].Heading = heads[i]
		}
		c.Heading = heads[i]
		f.columns, f.Columns = append(f.columns, c), append(f.Columns, c.Column)
	}
	f.twice(line)
	f.whole(line)
	return f.absent(heads)
}

// read is the heading that is read for column i, which says so, or h.
func (f *File) read(i int, says, h string) string {
	as, said := f.o.As[i+1]
	for _, named := range slices.Sorted(maps.Keys(f.o.Named)) {
		if !said && plain(named) == plain(says) {
			as, said = f.o.Named[named], true
		}
	}
	switch {
	case !said:
		return h
	case as == Unread:
		return ""
	}
	return as
}

// absent refuses what was said of a heading that the file does not have: it was mistyped.
func (f *File) absent(heads []string) error {
	for _, named := range slices.Sorted(maps.Keys(f.o.Named)) {
		if !slices.ContainsFunc(heads, func(h string) bool { return plain(h) == plain(named) }) {
			return refuse("map", fail.T("The file has no column %[1]q. It has: %[2]s.", named, strings.Join(heads, ", ")))
		}
	}
	return nil
}

// fits says whether headings are those of a format, whatever their case and spaces.
func fits(format, heads []string) bool {
	return slices.EqualFunc(format, heads, func(a, b string) bool {
		return plain(a) == plain(b) || plain(a) == "username" && plain(b) == "userprincipalname"
	})
}

// which finds the format.
func (f *File) which(heads []string) (*Format, error) {
	if f.o.Format != "" {
		x := formatNamed(f.o.Format)
		switch {
		case x == nil:
			return nil, refuse("format", fail.T("There is no format %q.", f.o.Format))
		case x.position && len(heads) != len(x.Headings):
			return nil, refuse("format", fail.T("The format %[1]s has %[2]d columns, and the file has %[3]d.", x.Name, len(x.Headings), len(heads)))
		}
		return x, nil
	}
	for i := range formats {
		if fits(formats[i].Headings, heads) {
			return &formats[i], nil
		}
	}
	has := map[string]bool{}
	known, bracket, named := 0, 0, false
	for _, h := range heads {
		p := plain(h)
		has[p] = true
		if strings.ContainsRune(h, '[') {
			bracket++
		}
		c := f.column(h, 0, 0)
		if c.Use != Ignored {
			known++
		}
		named = named || c.Use == ID || c.Use == UPN || c.Use == Member
	}
	f.known = nil // of the columns that were only looked at
	switch {
	case bracket > 0 && has["memberobjectidorupn"]:
		return formatNamed("entra-members"), nil
	case bracket > 0 && has["passwordprofile"]:
		return formatNamed("entra-create"), nil
	case has["blockcredential"] && has["objectid"]:
		return formatNamed("m365-export"), nil
	case !named && known*2 < len(heads) && len(f.o.As)+len(f.o.Named) == 0: // some words are the same in many languages: Fax
		for i := range formats {
			if x := &formats[i]; x.position && len(x.Headings) == len(heads) {
				return nil, byPosition(x)
			}
		}
	}
	return formatNamed(Own), nil
}

// byPosition asks whether a file is a format in another language: the error's Item is its name.
func byPosition(x *Format) error {
	f := fail.New(fail.Invalid, "sheet.open", fail.T("Most of the %[1]d headings are not known. If this is the admin center's template in another language, its order tells what they are: say the format %[2]s.", len(x.Headings), x.Name))
	f.Code, f.Item = "by_position", x.Name
	return f
}

// column finds out what one heading means.
func (f *File) column(h string, i, line int) column {
	p := plain(h)
	c := column{Column: Column{Heading: h, Use: Ignored}}
	use, word := special[p]
	switch {
	case p == "":
		return c
	case word:
		c.Use = use
		return c
	case p == renaming:
		c.Use, c.Name = Set, "userPrincipalName"
		c.def, _ = f.o.Properties.Def(c.Name)
		return c
	case slices.Contains(telling, p):
		return c
	}
	d, ok := f.property(p)
	switch {
	case !ok:
		code, say := "unknown_heading", fail.T("There is no column %q here. Take it out of the file, or rename it.", h)
		if near := f.near(p); near != "" {
			say = fail.T("There is no column %[1]q here. Did you mean %[2]s?", h, near)
		}
		if f.format == nil || f.format.Name == Own {
			f.known = append(f.known, Problem{Line: line, Column: i + 1, Sheet: f.Sheet, Heading: h, Code: code, Say: say})
		}
		return c
	case d.Name == "userPrincipalName":
		c.Use = UPN
		return c
	case d.Graph.Secret || d.Kind == property.KindObject, d.Graph.ReadOnly && f.format != nil && f.format.Export:
		return c
	}
	c.Use, c.Name, c.def = Set, d.Name, d
	c.Inverted = d.Kind == property.KindBool && strings.HasPrefix(strings.ToLower(h), "block")
	return c
}

// property finds a property by its name, its label or another heading that it answers to.
func (f *File) property(p string) (property.Def, bool) {
	for _, d := range f.o.Properties.All() {
		if plain(string(d.Name)) == p || plain(d.House.Label) == p || slices.ContainsFunc(d.House.Columns, func(c string) bool { return plain(c) == p }) {
			return d, true
		}
	}
	return property.Def{}, false
}

// near is the name that somebody probably meant.
func (f *File) near(p string) string {
	best, name := 3, ""
	look := func(candidate, shown string) {
		if n := distance(p, candidate); n < best && n < len(p)/2 {
			best, name = n, shown
		}
	}
	for _, d := range f.o.Properties.All() {
		look(plain(string(d.Name)), string(d.Name))
		look(plain(d.House.Label), string(d.Name))
	}
	for s := range special {
		look(s, s)
	}
	if p == "groups" || p == "group" {
		return "groups:add"
	}
	if p == "license" {
		return "licenses:add"
	}
	return name
}

// distance is how many letters have to be put in, taken out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, last+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// twice refuses two columns for one thing.
func (f *File) twice(line int) {
	first := map[string]int{}
	for i, c := range f.Columns {
		if c.Use == Ignored {
			continue
		}
		key := string(c.Use) + "/" + string(c.Name)
		if j, there := first[key]; there {
			f.known = append(f.known, Problem{
				Line: line, Column: i + 1, Sheet: f.Sheet, Heading: c.Heading, Code: "twice",
				Say: fail.T("Columns %[1]s and %[2]s are for the same. Take one of them out.", letters(j+1), letters(i+1)),
			})
			continue
		}
		first[key] = i
	}
}

// whole asks for a column that says whom each row is about.
func (f *File) whole(line int) {
	if !slices.ContainsFunc(f.Columns, func(c Column) bool { return c.Use == ID || c.Use == UPN || c.Use == Member }) {
		f.known = append(f.known, Problem{
			Line: line, Sheet: f.Sheet, Code: "no_key",
			Say: fail.T("No column says whom a row is about. Add a column userPrincipalName or id."),
		})
	}
}
