package lang

import "maps"

// With is the catalog together with an installation's own sentences: language code → English sentence → sentence. They win
// over the built-in ones.
func (c *Catalog) With(words map[string]map[string]string) *Catalog {
	d := &Catalog{sentences: maps.Clone(c.sentences)}
	for code, own := range words {
		m := maps.Clone(d.sentences[code])
		if m == nil {
			m = map[string]forms{}
		}
		for key, s := range own {
			m[key] = forms{other: s}
		}
		d.sentences[code] = m
	}
	return d
}
