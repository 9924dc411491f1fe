package sheet

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// What Excel does to a cell that was not formatted as text before it was typed.
var (
	scientific = regexp.MustCompile(`^[+-]?\d([.,]\d+)?E\+?\d{1,3}$`)
	dayMonth   = regexp.MustCompile(`(?i)^(\d{1,2}[-./ ]{1,2}(jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)\.?|(jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[-. ]\d{1,2})([-./ ]\d{2,4})?$`)
	dotted     = regexp.MustCompile(`^\d{1,2}[./]\d{1,2}[./]\d{4}$`)
	digits     = regexp.MustCompile(`^\d+$`)
)

// excelErrors are what a formula that failed leaves, in English and in German.
var excelErrors = []string{"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#BEZUG!", "#NV", "#WERT!", "#ZAHL!"}

// yesNo are the words that spreadsheets write for true and false.
var yesNo = map[string]bool{
	"true": true, "yes": true, "1": true, "on": true, "wahr": true, "ja": true, "vrai": true, "oui": true, "verdadero": true, "sí": true, "si": true, "vero": true,
	"false": false, "no": false, "0": false, "off": false, "falsch": false, "nein": false, "faux": false, "non": false, "falso": false,
}

// damage says what Excel has done to a text, for a property that holds text; the zero Text is nothing.
func damage(d property.Def, text string) fail.Text {
	if slices.Contains(excelErrors, text) {
		return fail.T("%s is what a failed formula leaves. Write the value itself.", text)
	}
	if d.Kind == property.KindBool || d.Kind == property.KindInstant || d.Kind == property.KindLongText {
		return fail.Text{}
	}
	switch {
	case scientific.MatchString(text):
		return fail.T("Excel has rewritten this cell: %s was a longer number once, and its digits are lost. Format the column as text and type it again.", text)
	case dayMonth.MatchString(text), dotted.MatchString(text):
		return fail.T("Excel has rewritten this cell: %s looks like a date and was something else, such as 1-2. Format the column as text and type it again.", text)
	case text == "TRUE" || text == "FALSE" || text == "WAHR" || text == "FALSCH":
		return fail.T("Excel has rewritten this cell: %s is a yes or no, and text belongs here. Format the column as text and type it again.", text)
	}
	return fail.Text{}
}

// fiveDigits are countries whose postal codes have five digits, of which the first may be 0.
var fiveDigits = []string{"US", "UNITED STATES", "USA", "DE", "GERMANY", "DEUTSCHLAND", "FR", "FRANCE", "IT", "ITALY", "ITALIA", "ES", "SPAIN", "ESPAÑA", "MX", "MEXICO", "FI", "FINLAND", "TR", "EE"}

// lostZero says whether a postal code has lost its first zero, as far as the row itself tells.
func lostZero(code, country string) bool {
	return len(code) == 4 && digits.MatchString(code) && slices.Contains(fiveDigits, strings.ToUpper(strings.TrimSpace(country)))
}

// Damaged says what Excel has done on the way from what is in the directory to what stands in a cell: zeros or a plus that were in
// front are gone, everything else is the same. The zero Text is nothing.
func Damaged(was, now property.Value) fail.Text {
	one := func(v property.Value) string {
		if l := v.Items(); len(l) == 1 {
			return l[0]
		}
		return v.Str()
	}
	old, text := one(was), one(now)
	if text == "" || old == text || !digits.MatchString(text) {
		return fail.Text{}
	}
	strip := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", "/", "", ".", "")
	switch bare := strip.Replace(old); {
	case digits.MatchString(old) && strings.TrimLeft(old, "0") == text:
		return fail.T("Excel has taken the zeros in front away: %[1]s is in the directory and %[2]s in the file. Format the column as text and type it again.", old, text)
	case strings.HasPrefix(old, "+") && strings.TrimPrefix(bare, "+") == text:
		return fail.T("Excel has taken the + in front away: %[1]s is in the directory and %[2]s in the file. Format the column as text and type it again.", old, text)
	}
	return fail.Text{}
}

// country is the code that somebody meant by a name or by a code that is none; "" is nobody knows.
func country(s string) string {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "UK") {
		return "GB"
	}
	names := []display.Namer{display.English.Regions(), display.German.Regions(), display.French.Regions(), display.Spanish.Regions()}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !r.IsCountry() || r.Canonicalize().String() != string([]rune{a, b}) {
				continue
			}
			for _, n := range names {
				if strings.EqualFold(n.Name(r), s) {
					return r.String()
				}
			}
		}
	}
	return ""
}

// tongue is the tag of a language that is written as a word: "english" is en.
func tongue(s string) string {
	for _, tag := range strings.Fields("en-US de-DE fr-FR es-ES it-IT pt-PT nl-NL pl-PL sv-SE da-DK nb-NO fi-FI cs-CZ hu-HU tr-TR el-GR he-IL ar-SA ru-RU uk-UA ja-JP ko-KR zh-CN") {
		t := language.MustParse(tag)
		base, _ := t.Base()
		if strings.EqualFold(display.English.Languages().Name(base), s) || strings.EqualFold(display.Self.Name(language.MustParse(base.String())), s) {
			return tag
		}
	}
	return ""
}

// integer is a number of a workbook as text, when it is whole and Excel holds all its digits.
func integer(s string) (string, bool) {
	if digits.MatchString(s) && len(s) <= 15 {
		return s, true
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || x != float64(int64(x)) || x >= 1e15 || x <= -1e15 {
		return "", false
	}
	return strconv.FormatInt(int64(x), 10), true
}
