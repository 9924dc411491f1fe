package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// patient is how long reading or writing a large file may take.
const patient = 15 * time.Minute

func (c *command) imports() *cobra.Command {
	r := &remote{command: c}
	g := group("import", "spreadsheets: what one would change, and to change it", r.importPlan(), r.importShow(), r.importApply(), r.importList(),
		r.importOrder("pause", "stop a plan between two rows", false), r.importOrder("resume", "let a paused plan go on", true),
		r.importOrder("cancel", "end a plan; rows that were not reached stay as they are", false), r.importUndo(), r.importRejects(), r.importPasswords(), c.importTemplate())
	return r.flags(g)
}

func (r *remote) importPlan() *cobra.Command {
	var format, of, sheetName, encoding, delimiter, clearing string
	var asTyped bool
	var mapped []string
	var photos string
	var top int
	cmd := &cobra.Command{
		Use: "plan FILE", Short: "read a spreadsheet and show what it would change; nothing is written",
		Long: `FILE is CSV or .xlsx, - is standard input. All layouts of the admin centers are known by their headings; our own has any columns,
named as Microsoft Graph names properties, in any order. An empty cell leaves, the word ` + sheet.Clear + ` clears.
It ends with 0 when every row can be applied, 3 when some cannot, 2 when none can.`,
		Example: `  nameplate import plan people.csv
  nameplate import plan new-departments.xlsx --sheet Sales
  nameplate import plan members.csv --group "All of Sales"
  nameplate import plan hr.csv --map "Kostenstelle=employeeOrgData/costCenter" --map "Notes=-"`,
		Args: args("a file"),
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "", "the layout, where its headings do not tell: "+strings.Join(formatNames(), ", "))
	f.StringVar(&of, "group", "", "the group, for lists of members: a name or an object id")
	f.StringVar(&sheetName, "sheet", "", "the sheet of a workbook (default the first that is not hidden)")
	f.StringVar(&encoding, "encoding", "", "of a text without a mark: utf-8, utf-16le, utf-16be or windows-1252")
	f.StringVar(&delimiter, "delimiter", "", "of a text: \",\", \";\" or tab")
	f.StringVar(&clearing, "clear", "", "the word that takes a value away (default "+sheet.Clear+")")
	f.StringArrayVar(&mapped, "map", nil, "HEADING=PROPERTY: what a column is read as; HEADING=- leaves it out; may come several times")
	f.StringVar(&photos, "photos", "", "the folder, or the zip file, with the pictures that a column photo names")
	f.BoolVar(&asTyped, "as-typed", false, "take cells that look as if Excel had rewritten them")
	f.IntVar(&top, "top", 20, "show at most so many rows that would change; 0 is all")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp)) // it is there
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		b, name, err := r.spreadsheet(a[0])
		if err != nil {
			return err
		}
		if delimiter == "tab" || delimiter == `\t` {
			delimiter = "\t"
		}
		q := url.Values{}
		for k, v := range map[string]string{"name": name, "format": format, "group": of, "sheet": sheetName, "encoding": encoding, "delimiter": delimiter, "clear": clearing} {
			if v != "" {
				q.Set(k, v)
			}
		}
		if asTyped {
			q.Set("astyped", "true")
		}
		if err := mapping(q, mapped); err != nil {
			return err
		}
		kind := "application/octet-stream"
		if photos != "" {
			if b, kind, err = withPhotos(b, photos); err != nil {
				return err
			}
		}
		r.client.Timeout = patient
		g, err := r.ask(ctx, http.MethodPost, "/plans", q, b, "Content-Type", kind)
		if err != nil {
			return err
		}
		p, err := g.object()
		if err != nil {
			return err
		}
		return r.plan(ctx, p, rowsAsked{top: top})
	})
	return cmd
}

// mapping says in a query what headings are read as.
func mapping(q url.Values, said []string) error {
	named := map[string]string{}
	for _, s := range said {
		i := strings.LastIndexByte(s, '=') // a heading may hold one
		if i < 1 || i == len(s)-1 {
			return usageError{fmt.Errorf("--map takes HEADING=PROPERTY, or HEADING=- to leave a column out, and %q was given", plain(s))}
		}
		if _, twice := named[s[:i]]; twice {
			return usageError{fmt.Errorf("--map says two things of the heading %q", plain(s[:i]))}
		}
		named[s[:i]] = s[i+1:]
	}
	if len(named) == 0 {
		return nil
	}
	b, err := json.Marshal(named)
	q.Set("map", string(b))
	return err
}

// planKinds are what the steps of a plan do, in their order.
var planKinds = []string{"restore", "create", "update", "photo", "manager", "member", "license", "delete"}

func formatNames() []string {
	l := []string{sheet.Own}
	for _, f := range sheet.Formats() {
		l = append(l, f.Name)
	}
	return l
}

// maxFile is as much as a server takes.
const maxFile = 64 << 20

// spreadsheet reads a file, or standard input, and gives the name to tell.
func (c *command) spreadsheet(path string) ([]byte, string, error) {
	wrong := func(format string, a ...any) ([]byte, string, error) {
		return nil, "", usageError{fmt.Errorf(format, a...)}
	}
	var in io.Reader = c.In
	name := "standard input"
	if path != "-" {
		name = plain(filepath.Base(path))
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			return wrong("%s is a folder. Name a file", plain(path))
		case err == nil && !info.Mode().IsRegular():
			return wrong("%s is not a file but a pipe or a device. Copy it into a file, or send it to standard input: nameplate import plan -", plain(path))
		}
		f, err := os.Open(path)
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return wrong("%s cannot be read (%w). Check the path", plain(path), err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return wrong("%s cannot be read (%w)", name, err)
	case len(b) > maxFile:
		return wrong("%s is larger than %d MB. Split it", name, maxFile>>20)
	}
	return b, name, nil
}

// rowsAsked says which rows of a plan to show.
type rowsAsked struct {
	state, kind, search string
	top                 int
}

// plan prints a plan with its rows and says with which number to end.
func (r *remote) plan(ctx context.Context, p map[string]any, q rowsAsked) error {
	rows, err := r.planRows(ctx, text(p["id"]), q)
	if err != nil {
		return err
	}
	n, _ := p["rows"].(map[string]any)
	number := func(name string) int { x, _ := n[name].(float64); return int(x) }
	if r.as == "table" {
		r.told(p, number)
		r.rows(p, rows)
	} else {
		var l [][]string
		for _, x := range rows {
			l = append(l, flat(x)...)
		}
		p["list"] = rows
		if err := r.show(p, []string{"line", "userPrincipalName", "state", "kind", "name", "old", "new", "problem"}, l); err != nil {
			return err
		}
	}
	whole, _ := p["problems"].([]any)
	switch {
	case len(whole) > 0, number("refused") > 0 && number("ready")+number("unchanged") == 0:
		return exitError{exitUsage}
	case number("refused") > 0:
		return exitError{exitPartly}
	}
	return nil
}

// planRows reads the rows: what would change, and all that is wrong.
func (r *remote) planRows(ctx context.Context, id string, q rowsAsked) ([]map[string]any, error) {
	v := url.Values{}
	for name, x := range map[string]string{"state": q.state, "kind": q.kind, "search": q.search} {
		if x != "" {
			v.Set(name, x)
		}
	}
	if len(v) > 0 {
		return r.every(ctx, "/plans/"+url.PathEscape(id)+"/rows", "rows", v, q.top)
	}
	bad, err := r.every(ctx, "/plans/"+url.PathEscape(id)+"/rows", "rows", url.Values{"state": {"refused"}}, 0)
	if err != nil {
		return nil, err
	}
	good, err := r.every(ctx, "/plans/"+url.PathEscape(id)+"/rows", "rows", url.Values{"state": {"ready"}}, q.top)
	return slices.Concat(bad, good), err
}

// told prints what a plan is about.
func (r *remote) told(p map[string]any, number func(string) int) {
	if of := text(p["undoes"]); of != "" {
		fmt.Fprintf(r.Out, "Undo of plan %s (%s)\n", of, plain(text(p["file"])))
	} else {
		r.source(p)
	}
	fmt.Fprintf(r.Out, "%d rows: %d would change something, %d are so already, %d are refused\n", number("all"), number("ready"), number("unchanged"), number("refused"))
	changes, _ := p["changes"].(map[string]any)
	var l []string
	for _, k := range planKinds {
		if changes[k] != nil {
			l = append(l, fmt.Sprintf("%s %s", k, text(changes[k])))
		}
	}
	if len(l) > 0 {
		fmt.Fprintf(r.Out, "Changes: %s\n", strings.Join(l, ", "))
	}
	if n := number("privileged"); n > 0 {
		fmt.Fprintf(r.Out, "About administrators of Microsoft 365: %d\n", n)
	}
	r.placed(p, "problems", "Problem", text(p["file"]))
	r.placed(p, "notes", "Note", text(p["file"]))
}

// source prints what the file is.
func (r *remote) source(p map[string]any) {
	var about []string
	for _, s := range []string{text(p["kind"]), text(p["encoding"]), text(p["lineEnds"]), text(p["sheet"])} {
		if s != "" {
			about = append(about, plain(s))
		}
	}
	if d := text(p["delimiter"]); d != "" {
		about = append(about, strconv.Quote(d))
	}
	fmt.Fprintf(r.Out, "%s: %s, format %s\n", plain(text(p["file"])), strings.Join(about, ", "), text(p["format"]))
	for _, x := range members(p, "columns") {
		if x["use"] == "ignored" {
			fmt.Fprintf(r.Out, "  not read: column %s\n", plain(text(x["heading"])))
		}
	}
}

// placed prints problems or notes, each with file and place.
func (r *remote) placed(o map[string]any, name, word, file string) {
	for _, x := range members(o, name) {
		where := plain(file)
		if w := text(x["where"]); w != "" {
			where += ", " + plain(w)
		}
		fmt.Fprintf(r.Out, "%s: %s: %s\n", word, where, plain(text(x["detail"])))
	}
}

// rows prints rows, old → new.
func (r *remote) rows(p map[string]any, rows []map[string]any) {
	for _, x := range rows {
		file := text(p["file"])
		r.placed(x, "problems", "Problem", file)
		if x["state"] == "refused" {
			continue
		}
		fmt.Fprintf(r.Out, "line %s  %s (%s)\n", text(x["line"]), plain(text(x["name"])), plain(text(x["userPrincipalName"])))
		for _, s := range members(x, "steps") {
			for _, c := range members(s, "changes") {
				fmt.Fprintf(r.Out, "  %s  %s: %s → %s\n", text(s["kind"]), labelled(c, "name"), orNone(text(c["old"])), labelled(c, "new"))
			}
		}
		for _, s := range members(x, "steps") {
			if d := text(s["detail"]); d != "" {
				fmt.Fprintf(r.Out, "  %s  %s: %s\n", text(s["kind"]), text(s["fate"]), plain(d))
			}
		}
		r.placed(x, "notes", "Note", file)
	}
	fmt.Fprintf(r.Out, "Plan %s, digest %s. %s.\nMore of it: nameplate import show %[1]s --state ready --top 0\n", text(p["id"]), text(p["digest"]), stateOf(p))
}

// stateOf says in words how far a plan has come.
func stateOf(p map[string]any) string {
	if p["state"] == "planned" {
		return "Nothing was written"
	}
	fates, _ := p["fates"].(map[string]any)
	return fmt.Sprintf("It is %s: %s", text(p["state"]), fateLine(fates))
}

// labelled is a name or a value with what an id in it is called.
func labelled(c map[string]any, of string) string {
	label, name := text(c["label"]), text(c["name"])
	s := text(c[of])
	if of == "new" {
		if label != "" && name == "manager" && s != "" {
			return plain(label) + " (" + plain(s) + ")"
		}
		return orNone(s)
	}
	if label != "" && name != "manager" {
		return strings.SplitN(name, "/", 2)[0] + " " + plain(label)
	}
	return plain(s)
}

// flat is a row for a table of values.
func flat(x map[string]any) (out [][]string) {
	line, upn, state := text(x["line"]), text(x["userPrincipalName"]), text(x["state"])
	for _, s := range members(x, "steps") {
		for _, c := range members(s, "changes") {
			out = append(out, []string{line, upn, state, text(s["kind"]), text(c["name"]), text(c["old"]), text(c["new"]), ""})
		}
	}
	for _, p := range members(x, "problems") {
		out = append(out, []string{line, upn, state, "", text(p["heading"]), "", "", text(p["detail"])})
	}
	if len(out) == 0 {
		out = append(out, []string{line, upn, state, "", "", "", "", ""})
	}
	return out
}

func (r *remote) importShow() *cobra.Command {
	var q rowsAsked
	cmd := &cobra.Command{Use: "show PLAN", Short: "show a plan and its rows, old and new", Args: args("the id of a plan")}
	f := cmd.Flags()
	f.StringVar(&q.state, "state", "", "only rows that are ready, unchanged or refused")
	f.StringVar(&q.kind, "kind", "", "only rows with such a change: "+strings.Join(planKinds, ", "))
	f.StringVar(&q.search, "search", "", "only people with this in their name or sign-in name")
	f.IntVar(&q.top, "top", 20, "at most so many rows; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		g, err := r.ask(ctx, http.MethodGet, "/plans/"+url.PathEscape(a[0]), nil, nil)
		if err != nil {
			return err
		}
		p, err := g.object()
		if err != nil {
			return err
		}
		return r.plan(ctx, p, q)
	})
	return cmd
}

func (r *remote) importList() *cobra.Command {
	var top int
	cmd := &cobra.Command{Use: "list", Short: "list plans, the newest first", Args: noArgs}
	cmd.Flags().IntVar(&top, "top", 20, "at most so many; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		all, err := r.every(ctx, "/plans", "plans", nil, top)
		if err != nil {
			return err
		}
		return r.list(all, "id", "made", "by", "file", "format", "rows.all", "rows.ready", "rows.unchanged", "rows.refused")
	})
	return cmd
}

func (c *command) importTemplate() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "template [FORMAT]", Short: "write an empty file with the headings of a format, ours when none is named",
		Long: "FORMAT is one of: " + strings.Join(formatNames(), ", ") + ". Without --out it goes to standard output as CSV.", Args: between(0, 1, "at most one format"),
		ValidArgs: formatNames(),
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write, .csv or .xlsx; it must not be there yet")
	cmd.RunE = func(_ *cobra.Command, a []string) error {
		name := sheet.Own
		if len(a) > 0 {
			name = a[0]
		}
		rows, ok := sheet.Template(name, property.Catalog())
		if !ok {
			return usageError{fmt.Errorf("there is no template %q. There are: %s", name, strings.Join(formatNames(), ", "))}
		}
		return c.into(out, func(w io.Writer) error {
			s := sheet.NewCSV(w)
			if strings.EqualFold(filepath.Ext(out), ".xlsx") {
				var err error
				if s, err = sheet.NewXLSX(w, "People"); err != nil {
					return err
				}
			}
			for _, row := range rows {
				if err := s.Row(row); err != nil {
					return err
				}
			}
			return s.Close()
		})
	}
	return cmd
}

// into writes a new file, or standard output.
func (c *command) into(path string, write func(io.Writer) error) error {
	if path == "" || path == "-" {
		return write(c.Out)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usageError{fmt.Errorf("%s cannot be made (%w). Name a file that is not there yet", plain(path), err)}
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (c *command) exports() *cobra.Command {
	r := &remote{command: c}
	var format, filter, out, why string
	users := &cobra.Command{
		Use: "users", Short: "write people as a spreadsheet that comes back in without a change", Args: noArgs,
		Example: `  nameplate export users --why "census of the works council" --out people.xlsx
  nameplate export users --format m365-2024 --filter "department eq 'Sales'" --why "offices move" --out sales.csv`,
	}
	asked := func() error {
		if strings.TrimSpace(why) == "" {
			return usageError{errors.New("--why is missing: say what for, for whoever looks through the history")}
		}
		return nil
	}
	users.Flags().StringVar(&format, "format", sheet.Own, "ours, or an admin center's layout: "+strings.Join(formatNames(), ", "))
	users.Flags().StringVar(&filter, "filter", "", "only those that fit, as Microsoft Graph writes it")
	users.RunE = r.over(func(ctx context.Context, _ []string) error {
		if err := asked(); err != nil {
			return err
		}
		q := url.Values{"format": {format}, "why": {why}}
		if filter != "" {
			q.Set("filter", filter)
		}
		return r.export(ctx, "/export/people", q, out)
	})
	var of string
	groups := &cobra.Command{Use: "groups", Short: "write all groups, or with --members the members of one, as a spreadsheet", Args: noArgs}
	groups.Flags().StringVar(&of, "members", "", "a group: its members, as Entra's list of members has them")
	groups.RunE = r.over(func(ctx context.Context, _ []string) error {
		if err := asked(); err != nil {
			return err
		}
		q := url.Values{"why": {why}}
		if of != "" {
			id, err := r.groupID(ctx, of)
			if err != nil {
				return err
			}
			q.Set("members", id)
		}
		return r.export(ctx, "/export/groups", q, out)
	})
	for _, cmd := range []*cobra.Command{users, groups} {
		cmd.Flags().StringVar(&out, "out", "", "file to write, .csv or .xlsx; it must not be there yet (default standard output, CSV)")
		cmd.Flags().StringVar(&why, "why", "", "what for; it stands in the history (needed)")
	}
	return r.flags(group("export", "people and groups as spreadsheets, in our layout and in Microsoft's", users, groups))
}

func (r *remote) export(ctx context.Context, path string, q url.Values, out string) error {
	if strings.EqualFold(filepath.Ext(out), ".xlsx") {
		q.Set("as", "xlsx")
	}
	r.client.Timeout = patient
	g, err := r.ask(ctx, http.MethodGet, path, q, nil)
	if err != nil {
		return err
	}
	return r.into(out, func(w io.Writer) error { _, err := w.Write(g.body); return err })
}
