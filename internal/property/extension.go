package property

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	directoryExtension = regexp.MustCompile(`^extension_[0-9a-fA-F]{32}_[A-Za-z][A-Za-z0-9_]*$`)
	schemaExtension    = regexp.MustCompile(`^[a-z][a-z0-9]*_[A-Za-z][A-Za-z0-9_]*/[A-Za-z][A-Za-z0-9_]*$`)
	customAttribute    = regexp.MustCompile(`^customSecurityAttributes/[A-Za-z][A-Za-z0-9]*/[A-Za-z][A-Za-z0-9]*$`)
)

// Extension describes a property that only some organizations have; the name says which sort it is:
// "extension_<application id, 32 hexadecimal digits>_badge", "ext55gb1l09_msLearnCourses/courseType" or
// "customSecurityAttributes/Engineering/ProjectDate". Kinds are KindText, KindTextList, KindBool and KindInstant.
func Extension(name Name, kind Kind, label string) (Def, error) {
	d := Def{
		Name: name, Kind: kind, House: House{Label: label, Section: Managed},
		Graph: Facts{Path: string(name), OnSelect: true, Open: true},
	}
	if label == "" {
		return Def{}, fmt.Errorf("property: %s needs a label", name)
	}
	switch kind {
	case KindText, KindTextList, KindBool, KindInstant:
	default:
		return Def{}, fmt.Errorf("property: %s: an extension is a text, a list, a yes or no, or a date", name)
	}
	switch {
	case directoryExtension.MatchString(string(name)):
		d.Graph.Max, d.Graph.Write = 256, write()
		d.Graph.Source = "https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty (2026), dataType"
	case customAttribute.MatchString(string(name)):
		d.Graph.Max, d.Graph.Write = 64, []string{"CustomSecAttributeAssignment.ReadWrite.All"}
		d.Graph.Source = fromUpdate
		d.Graph.Apart = []Note{{"Max", Remembered, "the page of limits of custom security attributes was not at hand"}}
	case schemaExtension.MatchString(string(name)):
		d.Graph.Max, d.Graph.Write = 256, write()
		d.Graph.Source = fromUpdate
		d.Graph.Apart = []Note{{"Max", Remembered, "the table of types on the page about schema extensions was not at hand"}}
	default:
		return Def{}, fmt.Errorf("property: %s is not the name of an extension; write extension_<application id>_name, schemaId/name or customSecurityAttributes/Set/name", name)
	}
	if kind == KindInstant && strings.HasPrefix(string(name), "customSecurityAttributes/") {
		return Def{}, fmt.Errorf("property: %s: a custom security attribute holds no dates, only texts", name)
	}
	if kind == KindTextList && !strings.HasPrefix(string(name), "customSecurityAttributes/") && !directoryExtension.MatchString(string(name)) {
		return Def{}, fmt.Errorf("property: %s: a schema extension holds no lists", name)
	}
	return d, nil
}
