// Package nameplate_test holds the architecture: which package may import which, and what may stand only where.
// docs/architecture.md explains the table; when the design changes, both change together.
package nameplate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "nameplate/"

// arrows: left may import right. A package that is not here fails the test.
var arrows = map[string]string{
	"internal/fail":                    "",
	"internal/property":                "",
	"odata":                            "",
	"graph":                            "",
	"internal/guard":                   "",
	"internal/lang":                    "internal/fail",
	"internal/photo":                   "internal/fail",
	"internal/sheet":                   "internal/property internal/fail",
	"emulator":                         "odata internal/property",
	"emulator/sample":                  "emulator",
	"emulator/schematest":              "",
	"internal/config":                  "graph",
	"internal/directory":               "internal/property odata internal/fail",
	"internal/directory/directorytest": "internal/directory internal/property internal/fail",
	"internal/change":                  "internal/directory internal/property odata internal/fail internal/photo",
	"internal/policy":                  "internal/change internal/directory internal/property odata internal/fail",
	"internal/admin":                   "internal/keep internal/mirror internal/change internal/policy internal/directory internal/property odata internal/fail",
	"internal/bulk":                    "internal/sheet internal/photo internal/admin internal/change internal/directory internal/pace internal/property internal/fail",
	"internal/pace":                    "",
	"internal/keep":                    "internal/access internal/change internal/directory internal/property internal/fail",
	"internal/explain":                 "graph internal/property internal/fail",
	"internal/access":                  "internal/guard internal/directory internal/explain internal/fail",
	"internal/mirror":                  "internal/fail",
	"internal/entra":                   "graph internal/mirror internal/explain internal/directory internal/property odata internal/fail",
	"internal/store":                   "internal/mirror internal/access internal/bulk internal/keep internal/pace internal/sheet internal/change internal/directory internal/explain internal/property odata internal/fail",
	"internal/store/storetest":         "internal/store internal/mirror internal/access internal/explain internal/bulk internal/keep internal/sheet internal/change internal/directory internal/property internal/fail",
	"internal/web":                     "internal/guard internal/explain internal/directory internal/fail internal/lang",
	"internal/portal":                  "internal/guard internal/explain internal/web internal/access internal/admin internal/bulk internal/sheet internal/keep internal/doctor internal/change internal/policy internal/lang internal/photo internal/directory internal/property odata internal/fail",
	"internal/api":                     "internal/mirror internal/guard internal/explain internal/web internal/access internal/bulk internal/sheet internal/admin internal/keep internal/change internal/policy internal/photo internal/directory internal/property internal/fail",
	"internal/doctor":                  "graph internal/setup internal/explain internal/property internal/fail",
	"internal/setup":                   "graph internal/explain internal/fail",
	"internal/reference":               "internal/api internal/policy internal/config internal/property",
	"internal/bench":                   "internal/app internal/entra internal/mirror internal/store graph emulator emulator/sample",
	"internal/cli":                     "internal/bench internal/sheet internal/reference internal/setup internal/directory/directorytest internal/app internal/config internal/doctor internal/explain internal/change internal/policy internal/directory internal/property odata internal/fail internal/lang emulator emulator/sample",
	"internal/app":                     "*",
	"cmd/nameplate":                    "internal/cli",
	"test/journey":                     "*",
	"test/clients":                     "*",
	"test/clients/go":                  "*", // a module of its own: none of what it drives is a dependency of the product
	"test/clients/go/bulk":             "*",
	"test/bench":                       "*",
	"test/release":                     "",
	"scripts/contents":                 "",
	"test/bench/table":                 "",
	".":                                "",
}

// source is one parsed file.
type source struct {
	pkg  string // folder
	path string
	test bool
	file *ast.File
	fset *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "node_modules", "out", "bin"}, d.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{pkg: filepath.ToSlash(filepath.Dir(path)), path: filepath.ToSlash(path), test: strings.HasSuffix(path, "_test.go"), file: f, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d Go files were found: the test does not see the tree", len(out))
	}
	return out
}

func TestImportTable(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		allowed, known := arrows[s.pkg]
		if !known {
			t.Errorf("%s: package %s is not in the import table (arch_test.go, docs/architecture.md)", s.path, s.pkg)
			continue
		}
		if allowed == "*" || s.test {
			continue // a test may stand a package up with its neighbours; what ships may not
		}
		for _, imp := range s.file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if p != strings.TrimSuffix(module, "/") && !strings.HasPrefix(p, module) {
				continue
			}
			p = strings.TrimPrefix(p, module)
			if p != s.pkg && !slices.Contains(strings.Fields(allowed), p) {
				t.Errorf("%s imports %s: no arrow goes there (arch_test.go, docs/architecture.md)", s.path, p)
			}
		}
	}
}

// TestOnlyFactsInEmulator: the emulator reads Microsoft's half of a property, never the house's: a shared bug would hide.
func TestOnlyFactsInEmulator(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.pkg != "emulator" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "House" {
				t.Errorf("%s: the emulator reads a property's House; it may read Facts only", s.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

var sqlText = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index)\s|alter\s+table\s|pragma\s)`)

// TestOnlyWhereAllowed holds the syntax rules of docs/architecture.md §3.
func TestOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	in := func(pkg string, allowed ...string) bool {
		return slices.ContainsFunc(allowed, func(a string) bool { return pkg == a || strings.HasPrefix(pkg, a+"/") })
	}
	for _, s := range sources(t) {
		if s.test || s.pkg == "." {
			continue
		}
		at := func(n ast.Node) token.Position { return s.fset.Position(n.Pos()) }
		for _, imp := range s.file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if p == "database/sql" && !in(s.pkg, "internal/store") {
				t.Errorf("%s: database/sql outside internal/store", at(imp))
			}
			if (p == "math/rand" || p == "math/rand/v2" || p == "crypto/rand") && !in(s.pkg, "internal/app", "internal/bench", "cmd", "emulator", "test") {
				t.Errorf("%s: randomness outside internal/app: take a source in the constructor", at(imp))
			}
		}
		writer := writerMethods(t)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.BasicLit:
				if x.Kind == token.STRING && !in(s.pkg, "internal/store") {
					if text, err := strconv.Unquote(x.Value); err == nil && sqlText.MatchString(text) {
						t.Errorf("%s: SQL outside internal/store", at(x))
					}
				}
			case *ast.SelectorExpr:
				id, ok := x.X.(*ast.Ident)
				if ok && id.Name == "os" && slices.Contains([]string{"Getenv", "LookupEnv", "Environ"}, x.Sel.Name) && !in(s.pkg, "internal/config", "cmd", "internal/store/storetest", "emulator/schematest") {
					t.Errorf("%s: os.%s outside cmd and internal/config", at(x), x.Sel.Name)
				}
				if ok && id.Name == "time" && x.Sel.Name == "Now" && !in(s.pkg, "internal/app", "cmd", "emulator", "test") {
					t.Errorf("%s: time.Now outside internal/app: take a clock in the constructor", at(x))
				}
				if ok && id.Name == "directory" && x.Sel.Name == "Writer" && !in(s.pkg, "internal/change", "internal/directory", "internal/app", "internal/entra") {
					t.Errorf("%s: a directory.Writer outside the change engine", at(x))
				}
			case *ast.CallExpr:
				sel, ok := x.Fun.(*ast.SelectorExpr)
				if ok && writer[sel.Sel.Name] && !in(s.pkg, "internal/change", "internal/directory", "internal/entra", "graph", "emulator") {
					t.Errorf("%s: a call of %s, a method of directory.Writer, outside the change engine", at(x), sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestOnlySetupAndEntraWriteToGraph: who holds a graph.Client may read with it; docs/decisions/0016 says who may send anything else.
func TestOnlySetupAndEntraWriteToGraph(t *testing.T) {
	t.Parallel()
	writes := []string{"Post", "Patch", "Put", "Delete"}
	found := 0
	for _, s := range sources(t) {
		if s.test || !slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"nameplate/graph"` }) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(writes, sel.Sel.Name) || len(call.Args) < 2 {
				return true
			}
			if s.pkg == "internal/entra" || s.pkg == "internal/setup" {
				found++
				return true
			}
			t.Errorf("%s: %s to Graph outside internal/entra and internal/setup", s.fset.Position(call.Pos()), sel.Sel.Name)
			return true
		})
	}
	if found < 5 {
		t.Errorf("only %d writes were found: the test does not see them", found)
	}
}

// writerMethods are the names of directory.Writer's methods, read from its declaration.
func writerMethods(t *testing.T) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "internal/directory/directory.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Writer" {
			return true
		}
		for _, m := range spec.Type.(*ast.InterfaceType).Methods.List {
			for _, id := range m.Names {
				names[id.Name] = true
			}
		}
		return false
	})
	if !names["Update"] || !names["SetPhoto"] {
		t.Fatalf("directory.Writer was not found: %v", names)
	}
	return names
}

// TestFileLength: one subject a file, at most about 600 lines.
func TestFileLength(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if n := s.fset.File(s.file.Pos()).LineCount(); n > 650 {
			t.Errorf("%s has %d lines; a file has one subject and about 600 lines at most", s.path, n)
		}
	}
}
