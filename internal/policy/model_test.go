package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"nameplate/internal/directory"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

// A20: for any file and anybody, what may be written is what the file says, less what Microsoft closes. The model knows only
// the words that were written into the file, the facts as the pages state them, and that later rules win.
func TestA20_AnyFileForAnybody(t *testing.T) {
	t.Parallel()
	names := []property.Name{"city", "jobTitle", "mobilePhone", "otherMails", "aboutMe", "skills", "preferredLanguage", "extensionAttribute4", "usageLocation"}
	held := []property.Name{"aboutMe", "skills"}                                                            // own token only
	local := []property.Name{"city", "jobTitle", "mobilePhone", "preferredLanguage", "extensionAttribute4"} // mastered on-premises
	guarded := []property.Name{"mobilePhone", "otherMails"}                                                 // protected on administrators
	const group = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
	who := []string{"self", "Nameplate.Admin", "Nameplate.Editor", "Nameplate.Auditor", "group:" + group}
	rapid.Check(t, func(r *rapid.T) {
		words := func(n property.Name, label string) []string {
			if slices.Contains(held, n) {
				return rapid.SampledFrom([][]string{{"self"}, {"nobody"}}).Draw(r, label)
			}
			l := rapid.SliceOfNDistinct(rapid.SampledFrom(who), 0, 3, rapid.ID[string]).Draw(r, label)
			if len(l) == 0 {
				return []string{"nobody"}
			}
			return l
		}
		says := map[property.Name][]string{}
		var file strings.Builder
		part := func(indent string, of []property.Name, label string, to map[property.Name][]string) {
			for _, n := range of {
				w := words(n, label+string(n))
				to[n] = w
				fmt.Fprintf(&file, "%s%s: {edit: [%s]}\n", indent, n, strings.Join(w, ", "))
			}
		}
		some := func(label string) []property.Name {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID[property.Name]).Draw(r, label)
		}
		file.WriteString("version: 1\nproperties:\n")
		part("  ", some("base"), "base ", says)
		department := rapid.SampledFrom([]string{"Sales", "Research"}).Draw(r, "department")
		file.WriteString("rules:\n")
		for i, d := range []string{"Sales", "Research", "Sales"} {
			fmt.Fprintf(&file, "  - when: department eq '%s'\n", d)
			over := map[property.Name][]string{}
			if rapid.Bool().Draw(r, fmt.Sprint("closes ", i)) {
				file.WriteString("    default: {edit: nobody}\n")
				for _, n := range names {
					over[n] = []string{"nobody"}
				}
			}
			file.WriteString("    properties:\n")
			part("      ", some(fmt.Sprint("rule ", i)), fmt.Sprint("rule ", i, " "), over)
			if d != department {
				continue
			}
			for n, w := range over {
				says[n] = w
			}
		}
		p, mistakes := policy.Parse("p.yaml", []byte(file.String()))
		if len(mistakes) > 0 {
			r.Fatalf("%s\n%s", policy.Report("p.yaml", mistakes), file.String())
		}
		on := user(property.Values{"department": property.Text(department)})
		synced, admin, own := rapid.Bool().Draw(r, "synced"), rapid.Bool().Draw(r, "admin"), rapid.Bool().Draw(r, "own tokens only")
		if synced {
			on.Sync = directory.Synced
		}
		if admin {
			on.Roles = []string{"62e90394-69f5-4237-9190-012177145e10"} // Global Administrator
		}
		p = p.Delegated(own)
		by := person(rapid.SampledFrom([]directory.Ref{anna, other}).Draw(r, "who"),
			rapid.SliceOfDistinct(rapid.SampledFrom([]directory.Role{directory.Admin, directory.Editor, directory.Approver, directory.Auditor}), rapid.ID[directory.Role]).Draw(r, "roles")...)
		if rapid.Bool().Draw(r, "in the group") {
			by.Groups = []string{group}
		}
		self := by.Ref == anna
		form := map[property.Name]bool{}
		for _, f := range p.Form(by, on) {
			form[f.Def.Name] = f.Write
		}
		for _, d := range property.Catalog().All() {
			n := d.Name
			want := false
			for _, w := range says[n] {
				g, isGroup := strings.CutPrefix(w, "group:")
				want = want || w == "self" && self || slices.Contains(by.Roles, directory.Role(w)) || isGroup && slices.Contains(by.Groups, g)
			}
			switch {
			case admin && !self, synced && slices.Contains(local, n), admin && !own && slices.Contains(guarded, n), !self && slices.Contains(held, n),
				own && !(self && (n == "mobilePhone" || slices.Contains(held, n))):
				want = false
			}
			if code := may(p, by, on, n, example(d)); (code == "") != want {
				r.Fatalf("%s: may says %q, the model %v\n%s", n, code, want, file.String())
			}
			if form[n] != want {
				r.Fatalf("%s: the form says %v, the model %v\n%s", n, form[n], want, file.String())
			}
		}
	})
}
