package sheet_test

import (
	"fmt"
	"strings"
	"testing"

	"nameplate/internal/sheet"
)

// B06, S3.18: what a heading does not say can be said of it, by its words or by its place.
func TestB06_S3_18_HeadingsThatAreSaidOtherwise(t *testing.T) {
	t.Parallel()
	const text = "Anmeldename;Abteilung;Notizen;E-Mail = privat\np1@contoso.example;Export;geheim;a@b.example\n"
	columns := func(named map[string]string, as map[int]string) (string, []string) {
		f, l := gathered([]byte(text), sheet.Options{Named: named, As: as})
		if f == nil {
			return "", l.problems
		}
		var out []string
		for _, c := range f.Columns {
			out = append(out, fmt.Sprintf("%s:%s%s", c.Heading, c.Use, c.Name))
		}
		return strings.Join(out, " "), l.problems
	}
	whole := map[string]string{"anmelde name": "userPrincipalName", "Abteilung": "department", "NOTIZEN": sheet.Unread, "E-Mail = privat": "otherMails"}
	got, problems := columns(whole, nil)
	if want := "Anmeldename:upn Abteilung:setdepartment Notizen:ignored E-Mail = privat:setotherMails"; got != want || len(problems) != 0 {
		t.Errorf("%s %q", got, problems)
	}
	if got, _ := columns(whole, map[int]string{2: "jobTitle"}); !strings.Contains(got, "Abteilung:setjobTitle") { // a place says more than words
		t.Error(got)
	}
	for heading, as := range map[string]string{"Abteilng": "department", "Abteilung": "departmnt", "Notizen": "Abteilung"} {
		named := map[string]string{"Anmeldename": "userPrincipalName", "Abteilung": "department", "Notizen": sheet.Unread, "E-Mail = privat": sheet.Unread}
		named[heading] = as
		_, problems := columns(named, nil)
		want := map[string]string{
			"Abteilng":  `The file has no column "Abteilng". It has: Anmeldename, Abteilung, Notizen, E-Mail = privat.`,
			"Abteilung": `line 1, column B (Abteilung): There is no column "departmnt" here. Did you mean department?`,
			"Notizen":   `line 1, column C (Notizen): There is no column "Abteilung" here. Take it out of the file, or rename it.`,
		}[heading]
		if len(problems) != 1 || problems[0] != want {
			t.Errorf("%s=%s: %q", heading, as, problems)
		}
	}
	if f, l := gathered([]byte("userPrincipalName;-\np1@contoso.example;x\n"), sheet.Options{}); f == nil || len(l.problems) != 1 {
		t.Errorf("a column that is called - is asked about: %q", l.problems)
	}
}
