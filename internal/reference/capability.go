package reference

import (
	"fmt"
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
)

// Range is a run of acceptance ids: S1.1 to S1.62.
type Range struct {
	Title  string
	Prefix string // "S1.", "S2.P", "A"
	From   int
	To     int
	Digits int            // A01 has two
	Except map[int]string // not shown by a test, and why
	Only   []int          // when set: only these of the run
}

// IDs are the ids of the range, in order, exceptions included.
func (r Range) IDs() []string {
	var out []string
	for i := r.From; i <= r.To; i++ {
		if r.Only == nil || slices.Contains(r.Only, i) {
			out = append(out, r.id(i))
		}
	}
	return out
}

func (r Range) id(i int) string { return fmt.Sprintf("%s%0*d", r.Prefix, r.Digits, i) }

// Reason says why an id of the range has no test; "" when it must have one.
func (r Range) Reason(id string) string {
	for i, why := range r.Except {
		if r.id(i) == id {
			return why
		}
	}
	return ""
}

// Ranges are the ids that what is there has to show; what a later issue brings stands with its reason.
func Ranges() []Range {
	const (
		runs  = "runs of many changes are begun with imports; this is not shown for them yet"
		tasks = "schedules and workflows come later"
		hooks = "outgoing messages come with workflows"
	)
	return []Range{
		{Title: "S1: a self-service portal", Prefix: "S1.", From: 1, To: 62, Except: map[int]string{
			13: "packaging/Containerfile is there; no test builds and runs it",
		}},
		{Title: "S2: Graph's Update user", Prefix: "S2.", From: 1, To: 25},
		{Title: "S2: its properties", Prefix: "S2.P", From: 1, To: 43},
		{Title: "S2: its examples", Prefix: "S2.E", From: 1, To: 5},
		{Title: "S3: pages of the admin center, and Graph by hand", Prefix: "S3.", From: 1, To: 45, Only: spans([2]int{1, 20}, [2]int{22, 22}, [2]int{34, 45}), Except: map[int]string{
			9:  "directory roles are shown and not given: the page leads to Microsoft's own",
			45: "a reason to buy, nothing to show",
		}},
		{Title: "S4: operations on people, groups and licenses", Prefix: "S4.", From: 10, To: 36},
		{Title: "S5: diagnostics and registration", Prefix: "S5.", From: 7, To: 31, Only: spans([2]int{7, 31}), Except: map[int]string{
			7: "no page leads to Graph's list of errors", 9: "the emulator's 500s say generalException; no page explains that word",
		}},
		{Title: "W: weaknesses of S1 that must be absent", Prefix: "W", From: 1, To: 27},
		{Title: "A: attacks", Prefix: "A", Digits: 2, From: 1, To: 62, Except: map[int]string{
			19: "not looked at yet",
			25: "nobody approves anything yet",
			29: tasks, 31: hooks, 32: hooks,
			33: "the product receives no notifications yet", 34: "the product receives no notifications yet",
			41: "no mail and no message is sent yet; what people type is text on every page (A36, A37)",
			49: "comes with the release work",
			59: runs,
		}},
		{Title: "C: complaints about what there is, and what is done about them", Prefix: "C", From: 1, To: 17, Except: map[int]string{
			10: "approvals come later", 12: "a complaint about workflow runs; what an import does stands under F13", 13: tasks,
			15: "buttons and rights are held together by A20 and A23; outbound addresses come with outgoing messages", 16: tasks,
		}},
		{Title: "B: bad inputs", Prefix: "B", Digits: 2, From: 1, To: 60, Only: spans([2]int{1, 30}, [2]int{40, 60}), Except: map[int]string{
			44: tasks, 45: tasks, 46: tasks, 47: hooks,
		}},
		{Title: "F: faults", Prefix: "F", Digits: 2, From: 1, To: 47, Except: map[int]string{
			12: runs, 19: runs, 35: runs, 36: runs, 41: runs, 47: runs,
			26: "the emulator does it; the product receives no notifications yet", 27: "the emulator does it; the product receives no notifications yet",
			34: "networks that fail below HTTP are not made yet", 44: "not tried yet",
			37: tasks, 38: hooks, 39: hooks, 46: "not tried yet",
		}},
		{Title: "V: traps of Graph that people report", Prefix: "V", From: 18, To: 28},
		{Title: "G: figures of trust, as far as there are any", Prefix: "G", From: 1, To: 50, Only: []int{1, 3, 4, 6, 7, 8, 11, 12, 13, 22, 23}, Except: map[int]string{
			23: "form and API; files and workflows come later",
		}},
	}
}

// spans are the numbers of several runs, ends included.
func spans(runs ...[2]int) []int {
	var out []int
	for _, r := range runs {
		for i := r[0]; i <= r[1]; i++ {
			out = append(out, i)
		}
	}
	return out
}

// Shown is where an id is shown.
type Shown struct {
	Test string // "internal/change TestW1_NeverNone"
	File string
}

var (
	inName  = regexp.MustCompile(`(S[1-5])_([PEB]?\d+)(?:to([PEB]?\d+))?|([ABCFGW])(\d+)(?:to(\d+))?(?:_|$)`)
	inText  = regexp.MustCompile(`\b(S[1-5]\.[PEB]?\d+|[ABFGVW]\d{1,2})(?:(?:–|to)(S[1-5]\.[PEB]?\d+|[ABFGVW]?\d{1,2}))?\b`)
	numeral = regexp.MustCompile(`\d+$`)
)

// Tests finds which tests carry which ids: in the name of a test function (TestS1_24_…, TestA21_…, a run as TestS1_35to44_…),
// and in string literals of a test file that begin with an id: names of subtests and rows of tables, and the ids columns of the
// corpus and the matrix under testdata.
func Tests(root string) (map[string][]Shown, error) {
	found := map[string][]Shown{}
	add := func(id string, s Shown) {
		if !slices.Contains(found[id], s) {
			found[id] = append(found[id], s)
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "node_modules", "out", "bin"}, d.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			s := Shown{Test: pkg + " " + fn.Name.Name, File: filepath.ToSlash(rel)}
			if strings.HasPrefix(fn.Name.Name, "Test") {
				for _, id := range namedIDs(fn.Name.Name) {
					add(id, s)
				}
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil || len(text) > 200 {
					return true
				}
				for _, id := range leadingIDs(text) {
					add(id, s)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, corpus(root, add)
}

// corpus adds the ids of the expectations that are data: the vendor files, each with a line "ids:", and the rows of the matrix. A
// file that waits for something the emulator lacks shows nothing yet.
func corpus(root string, add func(string, Shown)) error {
	data := filepath.Join(root, "emulator", "testdata")
	files, err := filepath.Glob(filepath.Join(data, "vendor", "*.txtar"))
	if err != nil {
		return err
	}
	for _, f := range append(files, filepath.Join(data, "matrix.tsv")) {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		matrix := strings.HasSuffix(f, ".tsv")
		s := Shown{Test: "emulator TestVendor", File: "emulator/testdata/vendor"}
		if matrix {
			s = Shown{Test: "emulator TestMatrix", File: "emulator/testdata/matrix.tsv"}
		}
		if head, _, _ := strings.Cut(string(text), "\n-- "); !matrix && strings.Contains(head, "\nwaits: ") {
			continue // not met yet, so it shows nothing
		}
		for line := range strings.Lines(string(text)) {
			ids, ok := strings.CutPrefix(line, "ids:")
			if matrix {
				ids, _, _ = strings.Cut(line, "\t")
				ok = !strings.HasPrefix(line, "#")
			}
			if ok {
				for _, id := range leadingIDs(ids) {
					add(id, s)
				}
			}
			if !matrix && strings.HasPrefix(line, "-- ") {
				break
			}
		}
	}
	return nil
}

// namedIDs reads the ids of a function's name.
func namedIDs(name string) []string {
	var out []string
	for _, m := range inName.FindAllStringSubmatch(name, -1) {
		switch {
		case m[1] != "":
			out = append(out, run(m[1]+".", m[2], m[3])...)
		case m[4] != "":
			out = append(out, run(m[4], m[5], m[6])...)
		}
	}
	return out
}

// leadingIDs reads the ids that a text begins with: "S2.P12 …", "A21", "W1, W2: …".
func leadingIDs(text string) []string {
	var out []string
	for {
		text = strings.TrimLeft(text, " ,;/")
		loc := inText.FindStringSubmatchIndex(text)
		if loc == nil || loc[0] != 0 {
			return out
		}
		m := inText.FindStringSubmatch(text)
		first := m[1]
		digits := numeral.FindString(first)
		out = append(out, run(strings.TrimSuffix(first, digits), digits, numeral.FindString(m[2]))...)
		text = text[loc[1]:]
	}
}

// run spells out a run of ids: ("S2.", "P1", "P3") gives S2.P1, S2.P2, S2.P3.
func run(prefix, from, to string) []string {
	if from != "" && strings.ContainsRune("PEB", rune(from[0])) {
		prefix, from, to = prefix+from[:1], from[1:], strings.TrimLeft(to, "PEB")
	}
	a, err := strconv.Atoi(from)
	if err != nil {
		return nil
	}
	b := a
	if to != "" {
		if b, err = strconv.Atoi(to); err != nil || b < a || b-a > 100 {
			return nil
		}
	}
	var out []string
	for i := a; i <= b; i++ {
		out = append(out, fmt.Sprintf("%s%0*d", prefix, len(from), i))
	}
	return out
}

// Capabilities is the page id → test.
func Capabilities(found map[string][]Shown) string {
	var b strings.Builder
	b.WriteString("# Capabilities and the tests that show them\n\nGenerated by `make docs` from the names of the tests. Where something is not whole yet, the reason stands beside it.\n")
	for _, r := range Ranges() {
		fmt.Fprintf(&b, "\n## %s\n\n| id | test |\n|---|---|\n", r.Title)
		for _, id := range r.IDs() {
			var tests []string
			for _, s := range found[id] {
				tests = append(tests, "`"+s.Test+"`")
			}
			slices.Sort(tests)
			if why := r.Reason(id); why != "" {
				tests = append(tests, "not whole: "+why)
			}
			cell := strings.Join(slices.Compact(tests), "<br>")
			if cell == "" {
				cell = "**no test**"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", id, cell)
		}
	}
	return b.String()
}
