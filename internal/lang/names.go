package lang

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Choice is one line of a list: what is stored and what a person reads.
type Choice struct{ Value, Label string }

// countries are the 249 officially assigned codes of ISO 3166-1.
var countries = strings.Fields(`AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
	CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL
	GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR
	LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK
	PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR
	TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`)

// Countries are the countries of ISO 3166-1 by their names in the printer's language, in its order; Value is the two letters. The
// list is shared by all who ask: it is only read.
func (p *Printer) Countries() []Choice { return p.countries() }

// named are codes by their names, in the order of the names.
func (p *Printer) named(codes []string, name func(string) string) []Choice {
	all := make([]Choice, 0, len(codes))
	for _, code := range codes {
		all = append(all, Choice{code, name(code)})
	}
	Sort(p, all, func(c Choice) string { return c.Label })
	return all
}

// Country is a country's name in the printer's language, or the code itself.
func (p *Printer) Country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.Regions(p.Language.tag).Name(region); name != "" {
		return name
	}
	return code
}

// offered are the languages of Microsoft 365's own language list.
var offered = strings.Fields(`ar-SA bg-BG ca-ES cs-CZ cy-GB da-DK de-AT de-CH de-DE el-GR en-AU en-CA en-GB en-IE en-IN en-US es-ES es-MX
	et-EE eu-ES fa-IR fi-FI fr-BE fr-CA fr-CH fr-FR ga-IE gl-ES he-IL hi-IN hr-HR hu-HU id-ID is-IS it-IT ja-JP kk-KZ ko-KR lt-LT lv-LV ms-MY nb-NO
	nl-BE nl-NL pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI sr-Latn-RS sv-SE th-TH tr-TR uk-UA ur-PK vi-VN zh-CN zh-TW`)

// Languages are languages that a person may prefer, by their names in the printer's language, in its order; Value is the tag. The list
// is shared like that of Countries.
func (p *Printer) Languages() []Choice { return p.languages() }

// LanguageName is the name of a language tag in the printer's language with its country: "German (Austria)", or the tag itself.
func (p *Printer) LanguageName(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	base, script, region := t.Raw()
	name := display.Languages(p.Language.tag).Name(language.Make(base.String()))
	if name == "" {
		return tag
	}
	var more []string
	if s := script.String(); s != "Zzzz" {
		if n := display.Scripts(p.Language.tag).Name(script); n != "" {
			more = append(more, n)
		}
	}
	if region.String() != "ZZ" {
		more = append(more, p.Country(region.String()))
	}
	if len(more) == 0 {
		return name
	}
	comma := ", "
	if p.Language.Code == "ar" {
		comma = "، "
	}
	return name + " (" + strings.Join(more, comma) + ")"
}
