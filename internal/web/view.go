package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"nameplate/internal/lang"
)

// Views are page templates, parsed once for each language. A page's file says on its first line which partials it uses:
//
//	{{- /* uses: layout icon banner */ -}}
//
// and gets exactly those, and what they use in turn; so a reader of a page sees all that it is made of.
type Views struct {
	pages map[string]map[string]*template.Template // language → page
}

// NewViews parses every *.html in the root of fsys as a page and every one in partial/ as a partial. funcs makes the functions
// of one language.
func NewViews(fsys fs.FS, printers map[string]*lang.Printer, funcs func(*lang.Printer) template.FuncMap) (*Views, error) {
	partials := map[string]string{}
	pages := map[string]string{}
	for _, where := range []struct {
		glob string
		into map[string]string
	}{{"*.html", pages}, {"partial/*.html", partials}} {
		names, err := fs.Glob(fsys, where.glob)
		if err != nil {
			return nil, fmt.Errorf("web: views: %w", err)
		}
		for _, name := range names {
			b, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("web: views: %w", err)
			}
			where.into[strings.TrimSuffix(path.Base(name), ".html")] = string(b)
		}
	}
	v := &Views{pages: map[string]map[string]*template.Template{}}
	for code, printer := range printers {
		v.pages[code] = map[string]*template.Template{}
		for name, text := range pages {
			t := template.New(name).Funcs(funcs(printer)).Option("missingkey=error")
			seen := map[string]bool{}
			var add func(string) error
			add = func(text string) error {
				for _, use := range Uses(text) {
					if seen[use] {
						continue
					}
					seen[use] = true
					partial, ok := partials[use]
					if !ok {
						return fmt.Errorf("web: view %s uses %q, which is not in partial/", name, use)
					}
					if _, err := t.New(use).Parse(partial); err != nil {
						return fmt.Errorf("web: partial %s: %w", use, err)
					}
					if err := add(partial); err != nil {
						return err
					}
				}
				return nil
			}
			if err := add(text); err != nil {
				return nil, err
			}
			if _, err := t.Parse(text); err != nil {
				return nil, fmt.Errorf("web: view %s: %w", name, err)
			}
			v.pages[code][name] = t
		}
	}
	return v, nil
}

// Uses are the partials that a template's first line declares.
func Uses(text string) []string {
	first, _, _ := strings.Cut(text, "\n")
	_, rest, ok := strings.Cut(first, "uses:")
	if !ok {
		return nil
	}
	rest, _, _ = strings.Cut(rest, "*/")
	return strings.Fields(rest)
}

// Render makes a page in a language.
func (v *Views) Render(language, name string, data any) (*bytes.Buffer, error) {
	t, ok := v.pages[language][name]
	if !ok {
		return nil, fmt.Errorf("web: no view %q in %q", name, language)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("web: view %s: %w", name, err)
	}
	return &b, nil
}
