package cli_test

import (
	"encoding/json"
	"slices"
	"testing"
)

// People are found in the copy by the beginnings of their words; without a copy the directory is asked. Names and numbers are those
// of the sample organization.
func TestFindOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.says("Lena Hoffmann", "users", "find", "Lena") // by the directory itself
	s.json("sync")
	for text, want := range map[string][]string{
		"zolkiew":        {"Łukasz Żółkiewski"},
		"weissenfels":    {"Jürgen Weißenfels"},
		"juergen":        {"Jürgen Weißenfels"},
		"siobhan o'rour": {"Siobhán O'Rourke"},
		"明轩":             {"李 明轩"},
		"서연":             {"김서연"},
		"nguyen huong":   {"Nguyễn Thị Thu Hương"},
		"المنصور":        {"أحمد المنصوري"},
		"+49 89 5550104": {"Jürgen Weißenfels"},
		"089 5550108":    {"Lena Hoffmann"},
		"nobody at all":  nil,
		"<script>":       nil,
	} {
		out, _ := s.do(0, "users", "find", text, "--as", "json")
		var people []struct{ DisplayName string }
		if err := json.Unmarshal([]byte(out), &people); err != nil {
			t.Fatalf("%s: %v in %s", text, err, out)
		}
		var names []string
		for _, p := range people {
			names = append(names, p.DisplayName)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", text, names, want)
		}
	}
	s.says("lena.hoffmann@", "users", "find", "lena ho", "--top", "1")
}
