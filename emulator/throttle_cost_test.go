package emulator

import "testing"

// A property that SharePoint keeps stands alone in a change, however the JSON around its name is written.
func TestFirstName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"skills":["a"]}`:            "skills",
		" \n{ \t\"AboutMe\" : \"x\"}": "AboutMe",
		`{}`:                          "",
		`["skills"]`:                  "",
		`"skills"`:                    "",
		`{skills:1}`:                  "",
		``:                            "",
	} {
		if got := firstName([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if !sharePoint()["skills"] || sharePoint()["mobilephone"] {
		t.Error("skills stands alone, mobilePhone does not")
	}
}
