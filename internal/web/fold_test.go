package web_test

import (
	"fmt"
	"html/template"
	"strings"
	"testing"
	"testing/fstest"

	"nameplate/internal/lang"
	"nameplate/internal/web"
)

// What is folded into a page reads as if it had been said while the page was made, and is said once.
func TestFixedWordsAreFolded(t *testing.T) {
	t.Parallel()
	catalog, err := lang.New()
	if err != nil {
		t.Fatal(err)
	}
	views := fstest.MapFS{
		"page.html": {Data: []byte(`{{- /* uses: mark row */ -}}
<h1 title="{{say "a \"quote\" & more"}}">{{say "less < more"}}</h1><a href="{{say "/x?a=b&c=d"}}">{{- say " x " -}}</a>
{{template "mark" "star"}}{{template "mark" .Mark}}<input value={{say "two words"}}>
{{if .Yes}}{{say "yes"}}{{else}}{{say "no"}}{{end}}{{with .Mark}}{{say "with"}} {{say .}}{{else}}{{say "none"}}{{end}}{{range .List}}{{say "item"}} {{template "row" .}}{{else}}{{say "empty"}}{{end}}
{{say "%d of them" 3}}{{$x := say "kept"}}{{$x}}{{say "piped" | say}}{{other "not fixed"}}
`)},
		"partial/mark.html": {Data: []byte(`{{mark .}}`)},
		"partial/row.html":  {Data: []byte(`<li>{{say "row"}} {{.}}</li>`)},
	}
	said := 0
	funcs := func(*lang.Printer) template.FuncMap {
		return template.FuncMap{
			"say": func(s string, args ...any) string {
				said++
				return strings.TrimSpace(fmt.Sprintf("[%s]"+strings.Repeat(" %v", len(args)), append([]any{s}, args...)...))
			},
			"mark":  func(s string) (template.HTML, error) { said++; return template.HTML("<b>" + s + "</b>"), nil },
			"other": func(s string) string { said++; return s },
		}
	}
	printers := map[string]*lang.Printer{"en": catalog.Printer(lang.All()[0], nil)}
	show := func(data any, fixed ...string) (string, int) {
		v, err := web.NewViews(views, printers, funcs, fixed...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Render("en", "page", data); err != nil {
			t.Fatal(err)
		}
		said = 0
		page, err := v.Render("en", "page", data)
		if err != nil {
			t.Fatal(err)
		}
		return page.String(), said
	}
	for _, data := range []map[string]any{
		{"Yes": true, "Mark": "<i>", "List": []string{"<1>", "2"}},
		{"Yes": false, "Mark": "", "List": nil},
	} {
		plain, many := show(data)
		folded, few := show(data, "say", "mark")
		if plain != folded {
			t.Errorf("folded:\n%s\notherwise:\n%s", folded, plain)
		}
		if few >= many-5 {
			t.Errorf("a page says %d folded and %d otherwise", few, many)
		}
	}
	v, err := web.NewViews(fstest.MapFS{"page.html": {Data: []byte(`{{mark "x"}}`)}}, printers, func(*lang.Printer) template.FuncMap {
		return template.FuncMap{"mark": func(string) (template.HTML, error) { return "", fmt.Errorf("no such mark") }}
	}, "mark")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Render("en", "page", nil); err == nil || !strings.Contains(err.Error(), "no such mark") {
		t.Errorf("a function that cannot say it: %v", err)
	}
}
