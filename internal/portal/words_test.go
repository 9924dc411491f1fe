package portal_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"nameplate/internal/property"
)

// Operators and programmers read these packages' sentences, on a console, in the log or in an answer, in English; all others reach a page.
var consoles = []string{"api", "app", "cli", "config", "doctor", "reference", "setup", "store"}

// sentences are all the English that a page can show, each with where it stands.
func sentences(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	set := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && slices.Contains(consoles, d.Name()) {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/storetest/") || strings.Contains(path, "/directorytest/") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.CompositeLit); ok { // property.Problem, whose second field is a sentence
				for _, e := range problems(l) {
					if text, ok := literal(e); ok && text != "" {
						found[text] = set.Position(l.Pos()).String()
					}
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !(f.Sel.Name == "S" || f.Sel.Name == "T" && named(f.X, "fail")) {
				return true
			}
			if text, ok := literal(call.Args[0]); ok && text != "" {
				found[text] = set.Position(call.Pos()).String()
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range property.Catalog().All() {
		found[d.House.Label] = "catalog, label of " + string(d.Name)
		if d.House.Help != "" {
			found[d.House.Help] = "catalog, help of " + string(d.Name)
		}
	}
	views, _ := filepath.Glob("view/*.html")
	partials, _ := filepath.Glob("view/partial/*.html")
	for _, path := range append(views, partials...) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tree := parse.New(path)
		tree.Mode = parse.SkipFuncCheck
		trees := map[string]*parse.Tree{}
		if _, err := tree.Parse(string(b), "", "", trees); err != nil {
			t.Fatal(err)
		}
		for _, tr := range trees {
			walk(tr.Root, func(text string) { found[text] = path })
		}
	}
	return found
}

// problems are the sentences of Problem{code, sentence, arguments} and []Problem{{…}}.
func problems(l *ast.CompositeLit) []ast.Expr {
	one := func(l *ast.CompositeLit) []ast.Expr {
		if len(l.Elts) != 3 {
			return nil
		}
		return l.Elts[1:2]
	}
	switch x := l.Type.(type) {
	case *ast.Ident:
		if x.Name == "Problem" {
			return one(l)
		}
	case *ast.ArrayType:
		var all []ast.Expr
		for _, e := range l.Elts {
			if c, ok := e.(*ast.CompositeLit); ok && named(x.Elt, "Problem") {
				all = append(all, one(c)...)
			}
		}
		return all
	}
	return nil
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func literal(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, ok1 := literal(x.X)
		b, ok2 := literal(x.Y)
		return a + b, ok1 && ok2
	}
	return "", false
}

// walk calls do with the first argument of every {{t "…"}}.
func walk(n parse.Node, do func(string)) {
	switch x := n.(type) {
	case *parse.ListNode:
		if x != nil {
			for _, c := range x.Nodes {
				walk(c, do)
			}
		}
	case *parse.ActionNode:
		walk(x.Pipe, do)
	case *parse.IfNode:
		walk(x.Pipe, do)
		walk(x.List, do)
		walk(x.ElseList, do)
	case *parse.RangeNode:
		walk(x.Pipe, do)
		walk(x.List, do)
		walk(x.ElseList, do)
	case *parse.WithNode:
		walk(x.Pipe, do)
		walk(x.List, do)
		walk(x.ElseList, do)
	case *parse.TemplateNode:
		if x.Pipe != nil {
			walk(x.Pipe, do)
		}
	case *parse.PipeNode:
		if x != nil {
			for _, c := range x.Cmds {
				walk(c, do)
			}
		}
	case *parse.CommandNode:
		if id, ok := x.Args[0].(*parse.IdentifierNode); ok && id.Ident == "t" && len(x.Args) > 1 {
			if s, ok := x.Args[1].(*parse.StringNode); ok {
				do(s.Text)
			}
		}
		for _, a := range x.Args {
			walk(a, do)
		}
	}
}

func dictionary(t *testing.T, code string) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile("../lang/" + code + ".json")
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	out := map[string]map[string]string{}
	for key, r := range raw {
		var one string
		if json.Unmarshal(r, &one) == nil {
			out[key] = map[string]string{"other": one}
			continue
		}
		many := map[string]string{}
		if err := json.Unmarshal(r, &many); err != nil {
			t.Fatalf("%s: %q: %v", code, key, err)
		}
		out[key] = many
	}
	return out
}

var verb = regexp.MustCompile(`%(\[\d+\])?[sdvqx%]`)

// places are the fmt verbs of a sentence with their numbers, in order of number.
func places(s string) []string {
	var out []string
	next := 1
	for _, v := range verb.FindAllString(s, -1) {
		if v == "%%" {
			continue
		}
		if strings.HasPrefix(v, "%[") {
			n, _ := strconv.Atoi(v[2:strings.Index(v, "]")])
			next = n
			v = "%" + v[strings.Index(v, "]")+1:]
		}
		out = append(out, strconv.Itoa(next)+v[1:])
		next++
	}
	slices.Sort(out)
	return out
}

// Plural forms by CLDR: https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
var pluralForms = map[string][]string{
	"en": {"one", "other"},
	"de": {"one", "other"},
	"ar": {"few", "many", "one", "other", "two", "zero"},
}

func TestWords_EverySentenceInEveryLanguage(t *testing.T) {
	t.Parallel()
	all := sentences(t)
	if len(all) < 150 {
		t.Fatalf("only %d sentences were found; the search is broken", len(all))
	}
	english := dictionary(t, "en")
	for _, code := range []string{"en", "de", "ar"} {
		words := dictionary(t, code)
		for key, where := range all {
			forms, ok := words[key]
			_, isPlural := english[key]
			if !ok {
				if code != "en" {
					t.Errorf("%s lacks %q (%s)", code, key, where)
				}
				continue
			}
			var names []string
			for form, sentence := range forms {
				names = append(names, form)
				want := places(key)
				got := places(sentence)
				if isPlural && (form == "zero" || form == "one" || form == "two") && len(got) < len(want) {
					continue // "one thing" needs no figure
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %q has the places %v, its English %v", code, sentence, got, want)
				}
			}
			slices.Sort(names)
			if isPlural && !slices.Equal(names, pluralForms[code]) {
				t.Errorf("%s: %q has the forms %v, the language needs %v", code, key, names, pluralForms[code])
			}
			if !isPlural && len(forms) > 1 {
				t.Errorf("%s: %q has plural forms, but not in English", code, key)
			}
		}
		for key := range words {
			if _, used := all[key]; !used {
				t.Errorf("%s: nobody says %q any more", code, key)
			}
		}
	}
}

// The tone of interface.md: no exclamation, no blame, no "Oops", no "Submit", no code in a sentence.
func TestWords_Tone(t *testing.T) {
	t.Parallel()
	bad := regexp.MustCompile(`(?i)!|\boops\b|\bsubmit\b|\bplease try\b|\berror code\b|\binvalid\b|\bforbidden\b`)
	for key, where := range sentences(t) {
		if bad.MatchString(strings.ReplaceAll(key, "' . - _ ! # ^ ~", "")) {
			t.Errorf("%s: %q", where, key)
		}
	}
}
