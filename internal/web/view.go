package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"nameplate/internal/lang"
)

// Views are page templates. A page's file says on its first line which partials it uses:
//
//	{{- /* uses: layout icon banner */ -}}
//
// and gets exactly those, and what they use in turn; so a reader of a page sees all that it is made of. A page is put together when it is
// first shown in a language: most never are, and all of them in all languages would be most of the memory of a portal at rest.
type Views struct {
	pages map[string]map[string]func() (*template.Template, error) // language → page
	sizes map[string]*atomic.Int64                                 // how long a page has been, so that its buffer is made once
}

// NewViews takes every *.html in the root of fsys as a page and every one in partial/ as a partial, and parses each once to see that it
// can be. funcs makes the functions of one language; they have the same names in all. The functions named fixed say the same of the same
// words for as long as the views are used.
func NewViews(fsys fs.FS, printers map[string]*lang.Printer, funcs func(*lang.Printer) template.FuncMap, fixed ...string) (*Views, error) {
	pages, err := texts(fsys, "*.html")
	if err != nil {
		return nil, err
	}
	partials, err := texts(fsys, "partial/*.html")
	if err != nil {
		return nil, err
	}
	v := &Views{pages: map[string]map[string]func() (*template.Template, error){}, sizes: map[string]*atomic.Int64{}}
	for name := range pages {
		v.sizes[name] = &atomic.Int64{}
	}
	var names template.FuncMap
	for code, printer := range printers {
		names = funcs(printer)
		own := names
		v.pages[code] = map[string]func() (*template.Template, error){}
		for name := range pages {
			v.pages[code][name] = sync.OnceValues(func() (*template.Template, error) {
				t := template.New(name).Funcs(own).Option("missingkey=error")
				if err := assemble(t, pages[name], partials); err != nil {
					return nil, err
				}
				return t, fold(t, own, fixed)
			})
		}
	}
	for _, files := range []map[string]string{pages, partials} {
		for name, text := range files {
			if _, err := template.New(name).Funcs(names).Parse(text); err != nil {
				return nil, fmt.Errorf("web: view %s: %w", name, err)
			}
			for _, use := range Uses(text) {
				if _, ok := partials[use]; !ok {
					return nil, fmt.Errorf("web: view %s uses %q, which is not in partial/", name, use)
				}
			}
		}
	}
	return v, nil
}

// texts are files by their names without folder and ending.
func texts(fsys fs.FS, glob string) (map[string]string, error) {
	names, err := fs.Glob(fsys, glob)
	if err != nil {
		return nil, fmt.Errorf("web: views: %w", err)
	}
	all := map[string]string{}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("web: views: %w", err)
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = string(b)
	}
	return all, nil
}

// assemble reads a template, and beside it the partials that it uses, each once.
func assemble(t *template.Template, text string, partials map[string]string) error {
	if _, err := t.Parse(text); err != nil {
		return fmt.Errorf("web: view %s: %w", t.Name(), err)
	}
	for _, use := range Uses(text) {
		if t.Lookup(use) != nil {
			continue
		}
		if err := assemble(t.New(use), partials[use], partials); err != nil {
			return err
		}
	}
	return nil
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

// maxKnown is how long a page may be for the next one's buffer to begin as long.
const maxKnown = 128 << 10

// Render makes a page in a language.
func (v *Views) Render(language, name string, data any) (*bytes.Buffer, error) {
	page, ok := v.pages[language][name]
	if !ok {
		return nil, fmt.Errorf("web: no view %q in %q", name, language)
	}
	t, err := page()
	if err != nil {
		return nil, err
	}
	size := v.sizes[name]
	b := bytes.NewBuffer(make([]byte, 0, size.Load()))
	if err := t.ExecuteTemplate(b, name, data); err != nil {
		return nil, fmt.Errorf("web: view %s: %w", name, err)
	}
	if n := int64(b.Len()); n > size.Load() && n <= maxKnown {
		size.Store(n)
	}
	return b, nil
}
