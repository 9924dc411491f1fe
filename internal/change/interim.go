package change

import (
	"strings"
	"unicode/utf8"

	"nameplate/internal/property"
)

func clean(d property.Def, v property.Value) property.Value {
	if s, ok := v.Any().(string); ok {
		s = strings.TrimSpace(s)
		if s == "" {
			return property.Null()
		}
		return property.Text(s)
	}
	return v
}

func check(d property.Def, v property.Value) []property.Problem {
	if d.Graph.NoNull && v.IsNull() {
		return []property.Problem{{Code: "required", Key: "This cannot be empty."}}
	}
	if d.Graph.Max > 0 && utf8.RuneCountInString(v.Str()) > d.Graph.Max {
		return []property.Problem{{Code: "too_long", Key: "This is too long; at most %d characters fit.", Args: []any{d.Graph.Max}}}
	}
	return nil
}
