package sheet_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nameplate/internal/fail"
	"nameplate/internal/sheet"
)

// said is the sentence for people of an error that is one of ours.
func said(err error) string {
	var f *fail.Error
	if !errors.As(err, &f) || f.Kind != fail.Invalid || f.Say.Zero() || f.Code == "" {
		return "NO SENTENCE: " + err.Error()
	}
	return f.Say.String()
}

const upn = "userPrincipalName,"

var long = strings.Repeat("x", 65)

// mistakes are files with one thing wrong, or strange, each with everything that is said of them.
var mistakes = []struct {
	id, file string
	o        sheet.Options
	problems string
	notes    string
}{
	{id: "B01 empty", file: "", problems: "The file is empty. A file has a row of headings and a row for each person."},
	{id: "B01 only a mark", file: "\xef\xbb\xbf", problems: "The file is empty. A file has a row of headings and a row for each person."},
	{id: "B01 only line ends", file: "\r\n\r\n", problems: "The file is empty. A file has a row of headings and a row for each person."},
	{id: "B01 only headings", file: upn + "jobTitle\r\n"},
	{
		id: "B02 Windows-1252", file: upn + "city\na@x.com,Bonn\nb@x.com,K\xf6ln\n",
		problems: "Line 3, about byte 46: 0xF6 is not UTF-8. Save the file as CSV UTF-8, or say its encoding, for example windows-1252.",
	},
	{id: "B02 Windows-1252, said", file: upn + "city\nb@x.com,K\xf6ln\n", o: sheet.Options{Encoding: "windows-1252"}},
	{
		id: "B02 UTF-8 said of UTF-16", file: "\xff\xfeu\x00", o: sheet.Options{Encoding: "utf-8"},
		problems: "The file begins with the mark of utf-16le, and utf-8 was said.",
	},
	{
		id: "B02 UTF-16 without its mark", file: "u\x00s\x00e\x00r\x00",
		problems: "The file looks like UTF-16 without its mark. Say the encoding: utf-16le or utf-16be.",
	},
	{
		id: "B02 B12 half a character of UTF-16", file: "\xff\xfei\x00d\x00\n\x00\x3d\xd8a\x00",
		problems: "Line 2, byte 12: half a character of UTF-16 stands there. Save the file again as CSV UTF-8.",
	},
	{id: "B02 UTF-32", file: "\xff\xfe\x00\x00i\x00\x00\x00", problems: "The file is UTF-32. Save it as CSV UTF-8 and take that."},
	{id: "B02 no such encoding", file: "id\n", o: sheet.Options{Encoding: "latin"}, problems: `There is no encoding "latin" here. It is utf-8, utf-16le, utf-16be or windows-1252.`},
	{id: "B03 no such delimiter", file: "id\n", o: sheet.Options{Delimiter: "||"}, problems: "A delimiter is one character: a comma, a semicolon or a tab."},
	{
		id: "B04 a quotation mark without an end", file: upn + "city\na@x.com,Bonn\nb@x.com,\"Köln\nc@x.com,Ulm\n",
		problems: "Line 3: a quotation mark begins a cell there and nothing ends it. Write two of them for one that belongs to the text.",
	},
	{
		id: "B04 text behind a quotation mark", file: upn + "city\na@x.com,\"Bonn\"am Rhein\n",
		problems: "Line 2: something stands behind the quotation mark that ends a cell. Write two of them for one that belongs to the text.",
	},
	{id: "B04 a quotation mark in the middle, line ends in quotes", file: upn + "streetAddress\na@x.com,\"Rue \"\"de\nla\"\" Paix\"\nb@x.com,5\" main\n"},
	{
		id: "B05 too few and too many", file: upn + "city,state\na@x.com,Bonn\nb@x.com,Köln,NW,DE\nc@x.com,Ulm,BW,,\n",
		problems: "line 2: The row has 2 cells and the headings are 3. A comma or a quotation mark may be missing or too many.\n" +
			"line 3: The row has 4 cells and the headings are 3. A comma or a quotation mark may be missing or too many.",
	},
	{
		id: "B06 one letter missing, one heading unknown", file: upn + "departmnt,shoe size\na@x.com,Sales,42\n",
		problems: "line 1, column B (departmnt): There is no column \"departmnt\" here. Did you mean department?\n" +
			"line 1, column C (shoe size): There is no column \"shoe size\" here. Take it out of the file, or rename it.",
	},
	{
		id: "B06 twice", file: upn + "jobTitle,Job Title\n",
		problems: "line 1, column C (Job Title): Columns B and C are for the same. Take one of them out.",
	},
	{id: "B06 S3.18 in other letters, with spaces", file: " USER PRINCIPAL NAME ;First  name\na@x.com;Anna\n"},
	{
		id: "B06 labels in another language", file: "用户名,名字,姓氏,显示名称,职务,部门,办公室编号,办公室电话,移动电话,传真,备用电子邮件地址,地址,城市,省/自治区/直辖市,邮政编码,国家或地区\n",
		problems: "Most of the 16 headings are not known. If this is the admin center's template in another language, its order tells what they are: say the format m365-2024.",
	},
	{
		id: "B06 the wrong number for a format", file: "用户名,名字\n", o: sheet.Options{Format: "m365-2024"},
		problems: "The format m365-2024 has 16 columns, and the file has 2.",
	},
	{id: "B06 no such format", file: "id\n", o: sheet.Options{Format: "m365"}, problems: `There is no format "m365".`},
	{id: "B07 no key column", file: "displayName,jobTitle\nAnna,Chief\n", problems: "line 1: No column says whom a row is about. Add a column userPrincipalName or id.\nline 2: The row does not say whom it is about: userPrincipalName and id are empty."},
	{
		id: "B07 no key in the row, or none that can be", file: "id,userPrincipalName,city\n,,Bonn\n17,,Bonn\n,anna,Bonn\n",
		problems: "line 2: The row does not say whom it is about: userPrincipalName and id are empty.\n" +
			"line 3, column A (id): \"17\" is no object id. One looks like 87d349ed-44d7-43e1-9a83-5f2406dee5bd.\n" +
			"line 4, column B (userPrincipalName): \"anna\" is no sign-in name. One looks like anna@contoso.com.",
	},
	{
		id: "B10 what cannot be cleared", file: upn + "displayName,city\na@x.com,<clear>,<CLEAR>\nb@x.com,,\n",
		problems: "line 2, column B (displayName): This cannot be left empty in Microsoft 365. Write a value.",
	},
	{
		id: "B11 texts that look like formulas", file: upn + "mobilePhone,jobTitle,department\na@x.com,'+1 425 555,=1+1,@home\nb@x.com,+1 425 555,'=SUM(A1),-5\n",
		notes: "line 2, column C (jobTitle): \"=1+1\" looks like a formula. It is taken as text, as it stands.\n" +
			"line 2, column D (department): \"@home\" looks like a formula. It is taken as text, as it stands.\n" +
			"line 3, column C (jobTitle): \"=SUM(A1)\" looks like a formula. It is taken as text, as it stands.",
	},
	{
		id: "B12 characters that do not belong", file: upn + "displayName,city\na@x.com,A\x00nna,B\u202eonn\nb@x.com, Anna ,\u00a0Bonn\n",
		problems: "line 2, column B (displayName): This contains an invisible control character (U+0000). Type it again instead of pasting.\n" +
			"line 2, column C (city): This contains an invisible character that turns the direction of the text around it (U+202E). Type it again instead of pasting.",
		notes: "line 3, column B (displayName): Spaces before or behind the value are left away.\n" +
			"line 3, column C (city): Spaces before or behind the value are left away.",
	},
	{
		id: "B12 the wrong encoding once", file: upn + "city\na@x.com,KÃ¶ln\n",
		notes: "line 2, column B (city): \"KÃ¶ln\" looks like text that was read in the wrong encoding once. Look at it.",
	},
	{
		id:   "B13 what Excel has done",
		file: upn + "mobilePhone,officeLocation,postalCode,country,employeeId,jobTitle\na@x.com,\"4,25556E+11\",02. Jan,1067,Germany,#REF!,TRUE\nb@x.com,4.2E+10,1-Feb,1067,,01.02.2026,#BEZUG!\n",
		problems: "line 2, column B (mobilePhone): Excel has rewritten this cell: 4,25556E+11 was a longer number once, and its digits are lost. Format the column as text and type it again.\n" +
			"line 2, column C (officeLocation): Excel has rewritten this cell: 02. Jan looks like a date and was something else, such as 1-2. Format the column as text and type it again.\n" +
			"line 2, column D (postalCode): Excel has probably taken a zero in front away: postal codes of Germany have five digits, and this has 4. Format the column as text and type it again.\n" +
			"line 2, column F (employeeId): #REF! is what a failed formula leaves. Write the value itself.\n" +
			"line 2, column G (jobTitle): Excel has rewritten this cell: TRUE is a yes or no, and text belongs here. Format the column as text and type it again.\n" +
			"line 3, column B (mobilePhone): Excel has rewritten this cell: 4.2E+10 was a longer number once, and its digits are lost. Format the column as text and type it again.\n" +
			"line 3, column C (officeLocation): Excel has rewritten this cell: 1-Feb looks like a date and was something else, such as 1-2. Format the column as text and type it again.\n" +
			"line 3, column F (employeeId): Excel has rewritten this cell: 01.02.2026 looks like a date and was something else, such as 1-2. Format the column as text and type it again.\n" +
			"line 3, column G (jobTitle): #BEZUG! is what a failed formula leaves. Write the value itself.",
	},
	{id: "B13 taken as it stands", file: upn + "officeLocation,postalCode,country\na@x.com,1-Feb,1067,DE\n", o: sheet.Options{AsTyped: true}},
	{id: "B14 a long cell", file: upn + "city\na@x.com," + strings.Repeat("x", 32<<10+1) + "\n", problems: "Line 2: a cell is longer than 32768 bytes."},
	{id: "B14 many columns", file: upn + strings.Repeat("a,", 5000) + "\n", problems: "Line 1 has more than 512 columns."},
	{
		id: "B15 too long", file: upn + "companyName,employeeId,department\na@x.com," + long + ",12345678901234567," + long + "\n",
		problems: "line 2, column B (companyName): Use at most 64 characters. This has 65.\n" +
			"line 2, column C (employeeId): Use at most 16 characters. This has 17.\n" +
			"line 2, column D (department): Use at most 64 characters. This has 65.",
	},
	{
		id: "B16 countries and languages", file: upn + "usageLocation,preferredLanguage\na@x.com,UK,english\nb@x.com,Germany,de_de\nc@x.com,de,en-us\nd@x.com,Atlantis,de-DE\n",
		problems: "line 2, column B (usageLocation): Write the country as its two letters of ISO 3166, for example US, GB or DE. Did you mean GB?\n" +
			"line 2, column C (preferredLanguage): Write a language as a tag, for example en-US or de-DE. Did you mean en-US?\n" +
			"line 3, column B (usageLocation): Use at most 2 characters. This has 7. Did you mean DE?\n" +
			"line 5, column B (usageLocation): Use at most 2 characters. This has 8.",
	},
	{
		id: "B17 sign-in names", file: upn + "userPrincipalName:new\na@x.com,änna@x.com\nb@x.com,an na@x.com\nc@x.com,a@b@x.com\nd@x.com," + strings.Repeat("a", 100) + "@contoso.com\n",
		problems: "line 2, column B (userPrincipalName:new): Use only letters A to Z, digits and ' . - _ ! # ^ ~ before the @.\n" +
			"line 3, column B (userPrincipalName:new): Use only letters A to Z, digits and ' . - _ ! # ^ ~ before the @.\n" +
			"line 4, column B (userPrincipalName:new): Write one e-mail address with one @, for example anna@example.com.\n" +
			"line 5, column B (userPrincipalName:new): Use at most 64 characters before the @ and 48 after it.",
	},
	{
		id: "B18 telephones", file: upn + "mobilePhone,businessPhones\na@x.com,call me,+1 425 555 0100; +1 425 555 0101\nb@x.com," + strings.Repeat("1", 200) + ",ask\n",
		problems: "line 2, column B (mobilePhone): \"call me\" is no telephone number. Write for example +49 30 1234567.\n" +
			"line 2, column C (businessPhones): Microsoft 365 holds one number here. Keep one of them.\n" +
			"line 3, column B (mobilePhone): Use at most 64 characters. This has 200.\n" +
			"line 3, column C (businessPhones): \"ask\" is no telephone number. Write for example +49 30 1234567.",
	},
	{id: "an action that there is not", file: upn + "action\na@x.com,purge\n", problems: "line 2, column B (action): \"purge\" is no action. It is update, create, delete or restore."},
	{
		id: "a password in a file", file: "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required\nAnna,a@x.com,Hunter2!\n",
	},
	{id: "B23 .xls", file: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), problems: "This is a workbook of the old kind (.xls). Save it as .xlsx or as CSV UTF-8 and take that."},
	{
		id: "B23 a workbook with a password", file: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600) + "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00",
		problems: "This workbook is locked by a password. Take the password away in Excel (File, Info, Protect Workbook) and save it again.",
	},
	{id: "B23 HTML", file: "\r\n<HTML><table>", problems: "This is not a spreadsheet but: HTML. Save the table as CSV UTF-8 or as .xlsx and take that."},
	{id: "B23 PDF", file: "%PDF-1.7\n", problems: "This is not a spreadsheet but: PDF. Save the table as CSV UTF-8 or as .xlsx and take that."},
	{id: "B23 gzip", file: "\x1f\x8b\x08", problems: "This is not a spreadsheet but: gzip. Save the table as CSV UTF-8 or as .xlsx and take that."},
}

func TestB01to20_WhatIsSaidOfAText(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		t.Run(m.id, func(t *testing.T) {
			t.Parallel()
			_, l := gathered([]byte(m.file), m.o)
			if got := strings.Join(l.problems, "\n"); got != m.problems {
				t.Errorf("problems\n got %s\nwant %s", got, m.problems)
			}
			if got := strings.Join(l.notes, "\n"); got != m.notes {
				t.Errorf("notes\n got %s\nwant %s", got, m.notes)
			}
		})
	}
}

// B03: the same two rows in every writing that there is.
func TestB02_B03_EveryWriting(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"userPrincipalName", "city", "streetAddress"}, {"zoë@x.com", "Köln", "a,b;c\td"}, {"b@x.com", "東京 😀", "1"}}
	for _, d := range []string{",", ";", "\t"} {
		for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r", "LFCR": "\n\r"} {
			var text string
			for _, r := range rows {
				text += r[0] + d + r[1] + d + `"` + r[2] + `"` + end
			}
			for code, b := range map[string][]byte{"utf-8": []byte(text), "utf-8 with its mark": []byte("\ufeff" + text), "utf-16le": utf16(text, false), "utf-16be": utf16(text, true)} {
				f, l := gathered(b, sheet.Options{})
				if f == nil || len(l.problems)+len(l.notes) > 0 || len(l.records) != 2 {
					t.Fatalf("%q %s %s: %+v", d, name, code, l)
				}
				if want, _, _ := strings.Cut(code, " "); f.Encoding != want || f.Delimiter != d || f.LineEnds != name {
					t.Errorf("%q %s %s is told as %+v", d, name, code, f.About)
				}
				for i, r := range l.records {
					if want := rows[i+1]; r.UPN != want[0] || r.Line != i+2 || r.Cells[0].Value.Str() != want[1] || r.Cells[1].Text != want[2] {
						t.Errorf("%q %s %s: %+v", d, name, code, r)
					}
				}
			}
		}
	}
	f, l := gathered([]byte("sep=;\r\nid;userPrincipalName\n;a@x.com\r"), sheet.Options{})
	if f == nil || f.Delimiter != ";" || f.LineEnds != "mixed" || len(l.records) != 1 || l.records[0].UPN != "a@x.com" || l.records[0].Line != 3 {
		t.Errorf("%+v %+v", f, l)
	}
}

func utf16(s string, big bool) []byte {
	out := []byte{0xff, 0xfe}
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			hi, lo := 0xd800+r>>10, 0xdc00+r&0x3ff
			out = append(out, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
			continue
		}
		out = append(out, byte(r), byte(r>>8))
	}
	if big {
		for i := 0; i < len(out); i += 2 {
			out[i], out[i+1] = out[i+1], out[i]
		}
	}
	return out
}

// B10, B18: what cells say, one by one.
func TestB10_B18_S3_16_WhatCellsSay(t *testing.T) {
	t.Parallel()
	_, l := gathered([]byte("User name [userPrincipalName] Required,Block sign in (Yes/No) [accountEnabled],Name [displayName],Initial password [passwordProfile],Office phone [telephoneNumber],City [city]\n"+
		"a@x.com,No,Anna,,'+49 30 1, \nb@x.com,Ja,Ben,,<clear>,'<clear>\n"), sheet.Options{})
	if len(l.problems) > 0 || len(l.records) != 2 {
		t.Fatalf("%+v", l)
	}
	a, b := l.records[0], l.records[1]
	if len(a.Cells) != 3 || !a.Cells[0].Value.True() || a.Cells[1].Value.Str() != "Anna" || a.Cells[2].Value.Items()[0] != "+49 30 1" {
		t.Errorf("a space leaves the field as it is, No lets sign in: %+v", a.Cells)
	}
	if len(b.Cells) != 4 || b.Cells[0].Value.True() || len(b.Cells[2].Value.Items()) != 0 || b.Cells[2].Value.IsNull() || b.Cells[3].Value.Str() != "<clear>" {
		t.Errorf("%+v", b.Cells)
	}
	_, l = gathered([]byte("userPrincipalName,manager,groups:add,licenses:remove,photo,like,city\na@x.com,<clear>,Sales; \"All\" ;,ENTERPRISEPACK,a.jpg,like:b@x.com,nil\n"), sheet.Options{Clear: "nil"})
	r := l.records[0]
	if r.Manager == nil || *r.Manager != "<clear>" || strings.Join(r.Join, "|") != `Sales|"All"` || r.Take[0] != "ENTERPRISEPACK" || r.Picture == nil || *r.Picture != "a.jpg" || r.Like != "b@x.com" || !r.Cells[0].Value.IsNull() {
		t.Errorf("%+v", r)
	}
}

// Files that other programs have written come in. testdata/README.md says which.
func TestForeignWorkbooks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.xlsx")
	if err != nil || len(files) == 0 {
		t.Fatal("there are none", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, l := gathered(b, sheet.Options{})
		if f == nil || len(l.problems) > 0 || len(l.records) != 2 {
			t.Errorf("%s: %+v", path, l)
			continue
		}
		r := l.records[0]
		if r.UPN != "zoë@x.com" || r.Cells[0].Value.Str() != "Köln 😀" || r.Cells[1].Value.Str() != "01067" || r.Cells[2].Value.String() != "2026-03-01T00:00:00Z" || !r.Cells[3].Value.True() || l.records[1].Line != 4 {
			t.Errorf("%s: %+v", path, l.records)
		}
	}
}
