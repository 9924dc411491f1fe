package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// memberRule is the rule of a dynamic group: comparisons of a person's properties joined by -and, -or and -not.
// https://learn.microsoft.com/en-us/entra/identity/users/groups-dynamic-membership
type memberRule struct {
	names []string // properties that it asks for, as in user.NAME
	props []int    // their numbers, once resolved
	test  func(u *object) bool
}

func (r *memberRule) holds(u *object) bool { return r.test(u) }

// resolve finds the properties of the rule. What the type does not have is never set.
func (r *memberRule) resolve(users *table) {
	for _, name := range r.names {
		if i := users.prop(ruleProperty(name)); i >= 0 && !slices.Contains(r.props, i) {
			r.props = append(r.props, i)
		}
	}
}

// ruleNames are properties that rules spell in the older way.
var ruleNames = map[string]string{
	"objectid": "id", "mobile": "mobilePhone", "physicaldeliveryofficename": "officeLocation", "telephonenumber": "businessPhones",
	"facsimiletelephonenumber": "faxNumber", "dirsyncenabled": "onPremisesSyncEnabled", "immutableid": "onPremisesImmutableId",
}

func ruleProperty(name string) string {
	low := strings.ToLower(name)
	if strings.HasPrefix(low, "extensionattribute") {
		return "onPremisesExtensionAttributes"
	}
	if known, ok := ruleNames[low]; ok {
		return known
	}
	return name
}

// notEvaluated are forms of rules that are taken and never evaluated here.
var notEvaluated = regexp.MustCompile(`(?i)\s-?(any|all)\s*\(|^\s*direct\s+reports\s+for|\bdevice\.|\buser\.memberof\b`)

// parseRule reads a rule; its test is nil when the form is known and not evaluated here.
func parseRule(s string) (*memberRule, error) {
	if notEvaluated.MatchString(s) {
		return &memberRule{}, nil
	}
	p := &ruleParser{rest: s, rule: &memberRule{}}
	test, err := p.or(0)
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("'%s' is not expected", p.peek())
	}
	p.rule.test = test
	return p.rule, err
}

type ruleParser struct {
	rest string
	rule *memberRule
}

var ruleToken = regexp.MustCompile("^\\s*([()\\[\\],]|\"(?:[^\"`]|`.)*\"|'[^']*'|[^\\s()\\[\\],\"']+)")

func (p *ruleParser) peek() string {
	m := ruleToken.FindStringSubmatch(p.rest)
	if m == nil {
		return strings.TrimSpace(p.rest)
	}
	return m[1]
}

func (p *ruleParser) next() string {
	m := ruleToken.FindStringSubmatch(p.rest)
	if m == nil {
		t := strings.TrimSpace(p.rest)
		p.rest = ""
		return t
	}
	p.rest = p.rest[len(m[0]):]
	return m[1]
}

// word says whether the next token is an operator, with or without its hyphen.
func (p *ruleParser) word(w string) bool {
	if strings.EqualFold(strings.TrimPrefix(p.peek(), "-"), w) {
		p.next()
		return true
	}
	return false
}

func (p *ruleParser) or(depth int) (func(*object) bool, error) {
	left, err := p.and(depth)
	for err == nil && p.word("or") {
		a := left
		var b func(*object) bool
		b, err = p.and(depth)
		left = func(u *object) bool { return a(u) || b(u) }
	}
	return left, err
}

func (p *ruleParser) and(depth int) (func(*object) bool, error) {
	left, err := p.not(depth)
	for err == nil && p.word("and") {
		a := left
		var b func(*object) bool
		b, err = p.not(depth)
		left = func(u *object) bool { return a(u) && b(u) }
	}
	return left, err
}

func (p *ruleParser) not(depth int) (func(*object) bool, error) {
	if depth > 60 {
		return nil, errors.New("the rule is nested too deeply")
	}
	if p.word("not") {
		of, err := p.not(depth + 1)
		return func(u *object) bool { return !of(u) }, err
	}
	if p.peek() == "(" {
		p.next()
		of, err := p.or(depth + 1)
		if err == nil && p.next() != ")" {
			err = errors.New("a parenthesis is not closed")
		}
		return of, err
	}
	return p.comparison()
}

func (p *ruleParser) comparison() (func(*object) bool, error) {
	subject := p.next()
	name, ok := strings.CutPrefix(strings.ToLower(subject), "user.")
	if !ok || name == "" {
		return nil, fmt.Errorf("'%s' is not a property of a user", subject)
	}
	p.rule.names = append(p.rule.names, name)
	op := strings.TrimPrefix(strings.ToLower(p.next()), "-")
	if op == "in" || op == "notin" {
		want, err := p.list()
		return func(u *object) bool {
			return slices.ContainsFunc(want, func(w string) bool { return ruleEqual(u, name, w) }) == (op == "in")
		}, err
	}
	value := p.next()
	want, quoted := ruleText(value)
	if !quoted && !slices.Contains([]string{"null", "$null", "true", "false"}, strings.ToLower(value)) {
		return nil, fmt.Errorf("'%s' is not a value", value)
	}
	if !quoted {
		want = strings.ToLower(strings.TrimPrefix(value, "$"))
	}
	positive, negated := strings.CutPrefix(op, "not")
	var test func(string) bool
	switch low := strings.ToLower(want); positive {
	case "eq", "ne":
		if !quoted && want == "null" {
			return func(u *object) bool { return (len(ruleValues(u, name)) == 0) == (op == "eq") }, nil
		}
		return func(u *object) bool { return ruleEqual(u, name, want) == (op == "eq") }, nil
	case "startswith":
		test = func(s string) bool { return strings.HasPrefix(strings.ToLower(s), low) }
	case "contains":
		test = func(s string) bool { return strings.Contains(strings.ToLower(s), low) }
	case "match":
		re, err := regexp.Compile("(?i)" + want)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a regular expression", want)
		}
		test = re.MatchString
	default:
		return nil, fmt.Errorf("'%s' is not an operator", op)
	}
	return func(u *object) bool { return slices.ContainsFunc(ruleValues(u, name), test) != negated }, nil
}

func (p *ruleParser) list() ([]string, error) {
	if p.next() != "[" {
		return nil, errors.New("a list in square brackets is expected")
	}
	var out []string
	for {
		s, ok := ruleText(p.next())
		if !ok {
			return nil, errors.New("a list has texts in quotes")
		}
		out = append(out, s)
		switch p.next() {
		case "]":
			return out, nil
		case ",":
		default:
			return nil, errors.New("a list is not closed")
		}
	}
}

// ruleText is a text without its quotes; a backtick protects the next character.
func ruleText(token string) (string, bool) {
	if len(token) < 2 || token[0] != '"' && token[0] != '\'' || token[len(token)-1] != token[0] {
		return "", false
	}
	return strings.ReplaceAll(token[1:len(token)-1], "`", ""), true
}

func ruleEqual(u *object, name, want string) bool {
	return slices.ContainsFunc(ruleValues(u, name), func(s string) bool { return strings.EqualFold(s, want) })
}

// ruleValues are the values of a property as texts; none when it is not set.
func ruleValues(u *object, name string) []string {
	i := u.in.prop(ruleProperty(name))
	if i < 0 {
		return nil
	}
	switch j := u.json(i); {
	case j == "null" || j == "[]":
		return nil
	case j[0] == '"':
		return []string{unquote(j)}
	case j[0] == '[':
		return texts(j)
	case j[0] == '{':
		var members map[string]any
		_ = json.Unmarshal([]byte(j), &members) // encoded here
		for member, v := range members {
			if s, ok := v.(string); ok && strings.EqualFold(member, name) {
				return []string{s}
			}
		}
		return nil
	default:
		return []string{j}
	}
}
