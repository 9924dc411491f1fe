package sheet_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// layouts are the rows of headings that the admin centers write and take, byte for byte as their pages and the files that people have
// published show them, and what each column is. Sources, beside each: microsoft-365-docs add-several-users-at-the-same-time.md
// (2024-11-26; commit 00fff532 of 2020; its translation zh-cn), exports in public repositories, entra-docs users-bulk-add.md,
// users-bulk-delete.md, users-bulk-restore.md, groups-bulk-import-members.md and users-bulk-download.md.
var layouts = []struct {
	name, version, headings, format, act string
	columns                              string // name of the property, or use in brackets; ! is inverted, - is not read
}{
	{
		"m365-2024", "", "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Alternate email address,Address,City,State or Province,ZIP or Postal Code,Country or Region",
		"m365-2024", "ensure", "[upn] givenName surname displayName jobTitle department officeLocation businessPhones mobilePhone faxNumber otherMails streetAddress city state postalCode country",
	},
	{
		"m365-2020", "", "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Address,City,State or Province,ZIP or Postal Code,Country or Region",
		"m365-2020", "ensure", "[upn] givenName surname displayName jobTitle department officeLocation businessPhones mobilePhone faxNumber streetAddress city state postalCode country",
	},
	{
		"m365-nofax", "", "User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Address,City,State or Province,ZIP or Postal Code,Country or Region",
		"m365-nofax", "ensure", "[upn] givenName surname displayName jobTitle department officeLocation businessPhones mobilePhone streetAddress city state postalCode country",
	},
	{
		"m365-lower", "", "Username,First name,Last name,Display name,Job title,Department,Office number,Office phone,Mobile phone,Fax,Alternate email address,Address,City,State or province,ZIP or postal code,Country or region",
		"m365-2024", "ensure", "[upn] givenName surname displayName jobTitle department officeLocation businessPhones mobilePhone faxNumber otherMails streetAddress city state postalCode country",
	},
	{
		"m365-export", "", "Display name,DirSyncEnabled,User principal name,Object Id,First name,Last name,When created,Soft deletion time stamp,Title,Department,Preferred data location,City,CountryOrRegion,Office,StateOrProvince,Usage location,Last dirsync time,Block credential,Licenses,Password never expires,Last password change time stamp,Mobile Phone,Phone number,Postal code,Preferred language,Street address,Fax,Proxy addresses",
		"m365-export", "update", "displayName - [upn] [id] givenName surname - - jobTitle department - city country officeLocation state usageLocation - !accountEnabled - - - mobilePhone businessPhones postalCode preferredLanguage streetAddress faxNumber -",
	},
	{
		"m365-export with an age group", "", "Display name,DirSyncEnabled,User principal name,Object Id,First name,Last name,When created,Soft deletion time stamp,Title,Department,Preferred data location,City,CountryOrRegion,Office,StateOrProvince,Usage location,Last dirsync time,Block credential,Licenses,Password never expires,Last password change time stamp,Mobile Phone,Phone number,Postal code,Preferred language,Street address,Fax,Proxy addresses,AgeGroup",
		"m365-export", "update", "displayName - [upn] [id] givenName surname - - jobTitle department - city country officeLocation state usageLocation - !accountEnabled - - - mobilePhone businessPhones postalCode preferredLanguage streetAddress faxNumber - ageGroup",
	},
	{
		"m365-export-old", "", "Block credential,City,Country/Region,Department,DirSyncEnabled,Display name,Fax,First name,Last dirsync time,Last name,Last password change time stamp,License assignment details,Licenses,Mobile Phone,Oath token meta data,Object Id,Office,Password never expires,Phone number,Postal code,Preferred data location,Preferred language,Proxy addresses,Release track,Soft deletion time stamp,State,Street address,Strong password required,Title,Usage location,User principal name,When created",
		"m365-export-old", "update", "!accountEnabled city country department - displayName faxNumber givenName - surname - - - mobilePhone - [id] officeLocation - businessPhones postalCode - preferredLanguage - - - state streetAddress - jobTitle usageLocation [upn] -",
	},
	{
		"entra-create with a version row", "version:v1.0", "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],State or province [state],Country or region [country],Office [physicalDeliveryOfficeName],City [city],ZIP or postal code [postalCode],Office phone [telephoneNumber],Mobile phone [mobile]",
		"entra-create", "ensure", "displayName [upn] [password] !accountEnabled givenName surname jobTitle department usageLocation streetAddress state country officeLocation city postalCode businessPhones mobilePhone",
	},
	{
		"entra-create saved by a spreadsheet", "version:v1.0,,,,,,,,,,,,,,,,", "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],State or province [state],Country or region [country],Office [physicalDeliveryOfficeName],City [city],ZIP or postal code [postalCode],Office phone [telephoneNumber],Mobile phone [mobile]",
		"entra-create", "ensure", "displayName [upn] [password] !accountEnabled givenName surname jobTitle department usageLocation streetAddress state country officeLocation city postalCode businessPhones mobilePhone",
	},
	{
		"entra-create of 2026", "", "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required",
		"entra-create-2026", "ensure", "displayName [upn] [password]",
	},
	{
		"entra-create with other labels", "version:v1.0", "Name [displayName] Required,User principal name [userPrincipalName] Required,Initial password [passwordProfile] Required,Employee ID [employeeId],Office location [physicalDeliveryOfficeName],Cubicle",
		"entra-create", "ensure", "displayName [upn] [password] employeeId officeLocation -",
	},
	{"entra-delete", "version:v1.0", "User name [userPrincipalName] Required", "entra-delete", "delete", "[upn]"},
	{"entra-restore", "version:v1.0", "Object ID [objectId] Required", "entra-restore", "restore", "[id]"},
	{"entra-members", "version:v1.0", "Member object ID or user principal name [memberObjectIdOrUpn] Required", "entra-members", "join", "[member]"},
	{
		"entra-download", "", "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,usageLocation,streetAddress,state,country,physicalDeliveryOfficeName,city,postalCode,telephoneNumber,mobile,authenticationPhoneNumber,authenticationAlternativePhoneNumber,authenticationEmail,alternateEmailAddress,ageGroup,consentProvidedForMinor,legalAgeGroupClassification",
		"entra-download", "update", "[upn] displayName surname mail givenName [id] userType jobTitle department accountEnabled usageLocation streetAddress state country officeLocation city postalCode businessPhones mobilePhone - - - otherMails ageGroup consentProvidedForMinor -",
	},
	{
		"ours", "", "id,userPrincipalName,userPrincipalName:new,jobTitle,employeeOrgData/costCenter,extensionAttribute7,manager,groups:add,groups:remove,licenses:add,licenses:remove,photo,like,action",
		"own", "update", "[id] [upn] userPrincipalName jobTitle employeeOrgData/costCenter extensionAttribute7 [manager] [join] [leave] [give] [take] [picture] [like] [act]",
	},
	{"ours by label", "", "SIGN-IN NAME, job  title ,Cost center,CustomAttribute7", "own", "update", "[upn] jobTitle employeeOrgData/costCenter extensionAttribute7"},
}

func TestS3_18_EveryLayoutOfTheAdminCenters(t *testing.T) {
	t.Parallel()
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			text := l.headings + "\r\n"
			if l.version != "" {
				text = l.version + "\r\n" + text
			}
			f, probs := opened(t, []byte(text), sheet.Options{})
			if len(probs) > 0 || f == nil {
				t.Fatal(probs)
			}
			var got []string
			for _, c := range f.Columns {
				s := "-"
				switch {
				case c.Use == sheet.Set && c.Inverted:
					s = "!" + string(c.Name)
				case c.Use == sheet.Set:
					s = string(c.Name)
				case c.Use != sheet.Ignored:
					s = "[" + string(c.Use) + "]"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, " "); s != l.columns || f.Format != l.format {
				t.Errorf("%s\n got %s\nwant %s", f.Format, s, l.columns)
			}
			for _, x := range sheet.Formats() {
				if x.Name == l.format && string(x.Act) != l.act {
					t.Errorf("a row is to %s", x.Act)
				}
			}
		})
	}
}

// opened reads a file to its end; problems of file, headings, rows and cells in their order.
func opened(t *testing.T, b []byte, o sheet.Options) (*sheet.File, []string) {
	t.Helper()
	f, l := gathered(b, o)
	return f, l.problems
}

type told struct {
	problems, notes []string
	records         []sheet.Record
}

func gathered(b []byte, o sheet.Options) (*sheet.File, told) {
	o.Properties = property.Catalog()
	var l told
	f, err := sheet.Open(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		l.problems = []string{said(err)}
		return nil, l
	}
	for _, p := range f.Problems() {
		l.problems = append(l.problems, p.String())
	}
	err = f.Each(func(r sheet.Record) error {
		l.records = append(l.records, r)
		for _, p := range r.Problems {
			l.problems = append(l.problems, p.String())
		}
		for _, p := range r.Notes {
			l.notes = append(l.notes, p.String())
		}
		for _, c := range r.Cells {
			for _, p := range c.Problems {
				l.problems = append(l.problems, p.String())
			}
			for _, p := range c.Notes {
				l.notes = append(l.notes, p.String())
			}
		}
		return nil
	})
	if err != nil {
		l.problems = append(l.problems, said(err))
	}
	for _, p := range f.Notes() {
		l.notes = append(l.notes, p.String())
	}
	return f, l
}

// S3.15: a template is read by what made it: the headings are known and there is nobody in it.
func TestS3_15_TemplatesAreReadByWhatMadeThem(t *testing.T) {
	t.Parallel()
	names := []string{sheet.Own}
	for _, f := range sheet.Formats() {
		if _, ok := sheet.Template(f.Name, property.Catalog()); ok == f.Export {
			t.Errorf("%s: a template %v", f.Name, ok)
		}
		if !f.Export {
			names = append(names, f.Name)
		}
	}
	for _, name := range names {
		rows, _ := sheet.Template(name, property.Catalog())
		for _, kind := range []string{"csv", "xlsx"} {
			var b bytes.Buffer
			w := sheet.NewCSV(&b)
			if kind == "xlsx" {
				var err error
				if w, err = sheet.NewXLSX(&b, "People"); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range rows {
				if err := w.Row(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, l := gathered(b.Bytes(), sheet.Options{})
			want := name
			if name == "entra-members-remove" {
				want = "entra-members" // the same headings: which of the two has to be said
			}
			if f == nil || f.Format != want || f.Kind != kind || len(l.problems) > 0 || len(l.records) > 0 {
				t.Errorf("%s as %s: %+v %+v", name, kind, f, l)
			}
		}
	}
	if got := fmt.Sprint(sheet.Template("m365-2020", property.Catalog())); got != "[["+strings.Join(strings.Split(layouts[1].headings, ","), " ")+"]] true" {
		t.Error(got)
	}
}
