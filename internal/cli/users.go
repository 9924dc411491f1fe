package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nameplate/internal/property"
)

// anyPerson is how a verb's help names people.
const anyPerson = "PERSON is an object id or a user principal name."

func (c *command) users() *cobra.Command {
	r := &remote{command: c}
	g := group("users", "people: list, look at, change, delete, restore",
		r.usersList(), r.usersFind(), r.usersGet(), r.usersCreate(), r.usersSet(), r.usersClear(), r.usersUpdate(), r.usersManager(), r.usersGroups(), r.usersLicenses(),
		r.enabled("enable", "let a person sign in", true), r.enabled("disable", "keep a person from signing in", false),
		r.usersDelete(), r.usersRestore(), r.usersPassword(), r.usersSessions(), r.usersPhoto(), r.usersHistory())
	return r.flags(g)
}

// person is the address of one.
func person(id string, more ...string) string {
	return "/people/" + url.PathEscape(id) + strings.Join(more, "")
}

// between asks for that many arguments.
func between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		if len(got) < least || len(got) > most {
			return usageError{fmt.Errorf("%s takes %s. See: %s --help", cmd.CommandPath(), what, cmd.CommandPath())}
		}
		return nil
	}
}

// checkFlag says whether a change is only to be looked at.
func checkFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("check", false, "show old and new, write nothing")
}

func query(check *bool) url.Values {
	if *check {
		return url.Values{"check": {"true"}}
	}
	return nil
}

// send makes a change and prints what became of it.
func (r *remote) send(ctx context.Context, method, path string, check *bool, body any, header ...string) error {
	g, err := r.ask(ctx, method, path, query(check), body, header...)
	if err != nil {
		return err
	}
	return r.changed(g)
}

func (r *remote) usersList() *cobra.Command {
	var filter, search, selected, order string
	var top int
	var deleted, count bool
	cmd := &cobra.Command{Use: "list", Short: "list people, to the end of the list", Args: noArgs}
	f := cmd.Flags()
	f.StringVar(&filter, "filter", "", "only those that fit, as Microsoft Graph writes it: \"department eq 'Sales'\"")
	f.StringVar(&search, "search", "", "words in names and addresses")
	f.StringVar(&selected, "select", "", "properties, separated by commas")
	f.StringVar(&order, "order", "", "a property to sort by; \"department desc\" for the other direction")
	f.IntVar(&top, "top", 0, "at most so many; 0 is all")
	f.BoolVar(&deleted, "deleted", false, "those who were deleted and can be restored")
	f.BoolVar(&count, "count", false, "print only how many there are")
	_ = cmd.RegisterFlagCompletionFunc("select", propertyNames) // it is there
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		q := url.Values{}
		for name, v := range map[string]string{"filter": filter, "search": search, "select": selected, "order": order} {
			if v != "" {
				q.Set(name, v)
			}
		}
		if deleted {
			q.Set("deleted", "true")
		}
		all, err := r.every(ctx, "/people", "people", q, top)
		if err != nil {
			return err
		}
		if count {
			return r.show(len(all), []string{"count"}, [][]string{{fmt.Sprint(len(all))}})
		}
		columns := []string{"id", "userPrincipalName", "displayName", "jobTitle", "department"}
		if selected != "" {
			columns = append([]string{"id"}, strings.Split(selected, ",")...)
		}
		return r.list(all, columns...)
	})
	return cmd
}

func (r *remote) usersGet() *cobra.Command {
	var selected string
	cmd := &cobra.Command{Use: "get PERSON", Short: "show one person, as far as the key may see; also shows whether the way to Microsoft 365 works", Long: anyPerson, Args: args("a person")}
	cmd.Flags().StringVar(&selected, "select", "", "properties, separated by commas")
	_ = cmd.RegisterFlagCompletionFunc("select", propertyNames) // it is there
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		q := url.Values{}
		if selected != "" {
			q.Set("select", selected)
		}
		g, err := r.ask(ctx, http.MethodGet, person(a[0]), q, nil)
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.object(o, "id", "displayName", "userPrincipalName")
	})
	return cmd
}

// patch changes properties, holding the server to what was just read.
func (r *remote) patch(ctx context.Context, who string, set map[string]any, check *bool) error {
	g, err := r.ask(ctx, http.MethodGet, person(who), url.Values{"select": {"displayName"}}, nil)
	if err != nil {
		return err
	}
	return r.send(ctx, http.MethodPatch, person(who), check, set, "If-Match", g.etag)
}

func (r *remote) usersSet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "set PERSON PROPERTY=VALUE ...", Short: "set properties of a person; what is not named stays",
		Long: anyPerson + `
A list is written with ; between its items. To take a value away: nameplate users clear.`,
		Example: `  nameplate users set anna@contoso.com department=Sales "jobTitle=Head of Sales"
  nameplate users set anna@contoso.com "businessPhones=+49 30 1234567" --check`,
		Args: between(2, 200, "a person and at least one PROPERTY=VALUE"), ValidArgsFunction: propertyArgs("="),
	}
	check := checkFlag(cmd)
	var yes string
	cmd.Flags().StringVar(&yes, "yes", "", "the person's user principal name, where somebody is blocked or renamed and no terminal is there to type it")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		set, err := pairs(cmd, a)
		if err != nil {
			return err
		}
		return r.over(func(ctx context.Context, a []string) error {
			if !*check {
				if err := r.sureOf(ctx, a[0], set, yes); err != nil {
					return err
				}
			}
			return r.patch(ctx, a[0], set, check)
		})(cmd, a)
	}
	return cmd
}

// sureOf asks before a change that the server calls dangerous: what follows from a value by the policy is known only there.
func (r *remote) sureOf(ctx context.Context, who string, set map[string]any, yes string) error {
	look := true
	g, err := r.ask(ctx, http.MethodPatch, person(who), query(&look), set, "If-Match", "*")
	if told := (*apiError)(nil); errors.As(err, &told) && (told.exit() == exitUsage || told.exit() == exitRefused) {
		return nil // the change itself is refused as well, with an entry in the history
	}
	if err != nil {
		return err
	}
	o, err := g.object()
	if err != nil || o["dangerous"] != true {
		return err
	}
	return r.sure(ctx, "This locks out, or changes the sign-in of,", who, yes)
}

// typed reads a value as its property has it. What the catalog does not know goes as text, and the server says.
func typed(who, name, value string) (any, error) {
	if strings.TrimSpace(value) == "" {
		return nil, usageError{fmt.Errorf("%s= has no value. To take the value away: nameplate users clear %s %s", name, who, name)}
	}
	d, ok := property.Catalog().Def(property.Name(name))
	if !ok {
		return value, nil
	}
	v, p := d.Parse(value)
	if p != nil {
		return nil, usageError{fmt.Errorf("%s: %s", name, p.String())}
	}
	if b, yes := v.Any().(bool); yes {
		return b, nil
	}
	return v, nil
}

func (r *remote) usersClear() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clear PERSON PROPERTY ...", Short: "take values away from a person", Long: anyPerson,
		Args: between(2, 200, "a person and at least one property"), ValidArgsFunction: propertyArgs(""),
	}
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		set := map[string]any{}
		for _, n := range a[1:] {
			set[n] = nil
		}
		return r.patch(ctx, a[0], set, check)
	})
	return cmd
}

func (r *remote) usersManager() *cobra.Command {
	var none bool
	cmd := &cobra.Command{Use: "manager PERSON [MANAGER]", Short: "show, give or with --none take a manager", Long: anyPerson, Args: between(1, 2, "a person and at most one manager")}
	cmd.Flags().BoolVar(&none, "none", false, "take the manager away")
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		switch {
		case none && len(a) == 2:
			return usageError{fmt.Errorf("--none and a manager do not go together")}
		case none:
			return r.send(ctx, http.MethodDelete, person(a[0], "/manager"), check, nil)
		case len(a) == 2:
			return r.send(ctx, http.MethodPost, person(a[0], "/manager"), check, map[string]string{"manager": a[1]})
		}
		o, err := r.read(ctx, a[0])
		if err != nil {
			return err
		}
		var l []map[string]any
		if m, ok := o["manager"].(map[string]any); ok {
			l = append(l, m)
		}
		return r.list(l, "id", "name", "userPrincipalName")
	})
	return cmd
}

func (r *remote) read(ctx context.Context, who string) (map[string]any, error) {
	g, err := r.ask(ctx, http.MethodGet, person(who), nil, nil)
	if err != nil {
		return nil, err
	}
	return g.object()
}

// members are the objects of a list inside an object.
func members(o map[string]any, name string) (l []map[string]any) {
	items, _ := o[name].([]any)
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			l = append(l, m)
		}
	}
	return l
}

func (r *remote) usersGroups() *cobra.Command {
	var add, remove []string
	cmd := &cobra.Command{Use: "groups PERSON", Short: "show a person's groups, or put them in and take them out", Long: anyPerson + " GROUP is an object id or a name.", Args: args("a person")}
	cmd.Flags().StringArrayVar(&add, "add", nil, "a group to put them into; may come more than once")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "a group to take them out of; may come more than once")
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if len(add)+len(remove) == 0 {
			o, err := r.read(ctx, a[0])
			if err != nil {
				return err
			}
			return r.list(members(o, "groups"), "id", "name")
		}
		body := map[string][]string{}
		for key, names := range map[string][]string{"add": add, "remove": remove} {
			for _, n := range names {
				id, err := r.groupID(ctx, n)
				if err != nil {
					return err
				}
				body[key] = append(body[key], id)
			}
		}
		return r.send(ctx, http.MethodPost, person(a[0], "/groups"), check, body)
	})
	return cmd
}

func (r *remote) usersLicenses() *cobra.Command {
	var assign, without, remove []string
	cmd := &cobra.Command{
		Use: "licenses PERSON", Short: "show a person's licenses, or give and take them",
		Long: anyPerson + " LICENSE is a skuId or a part number such as ENTERPRISEPACK.", Args: args("a person"),
	}
	cmd.Flags().StringArrayVar(&assign, "assign", nil, "a license to give; may come more than once")
	cmd.Flags().StringArrayVar(&without, "without", nil, "a service (id or name) of the license to give that stays off; may come more than once")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "a license to take; may come more than once")
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if len(assign)+len(remove) == 0 {
			o, err := r.read(ctx, a[0])
			if err != nil {
				return err
			}
			return r.list(members(o, "licenses"), "sku", "direct", "groups", "disabledPlans", "problem")
		}
		if len(without) > 0 && len(assign) != 1 {
			return usageError{fmt.Errorf("--without goes with exactly one --assign")}
		}
		skus, err := r.whole(ctx, "/licenses", "licenses")
		if err != nil {
			return err
		}
		body := map[string]any{}
		var give []map[string]any
		var take []string
		for _, n := range assign {
			s, err := named(skus, n, "license", "sku")
			if err != nil {
				return err
			}
			g := map[string]any{"sku": s["sku"]}
			var off []string
			for _, p := range without {
				plan, err := named(members(s, "plans"), p, "service", "id")
				if err != nil {
					return err
				}
				off = append(off, text(plan["id"]))
			}
			if off != nil {
				g["disabledPlans"] = off
			}
			give = append(give, g)
		}
		for _, n := range remove {
			s, err := named(skus, n, "license", "sku")
			if err != nil {
				return err
			}
			take = append(take, text(s["sku"]))
		}
		if give != nil {
			body["assign"] = give
		}
		if take != nil {
			body["remove"] = take
		}
		return r.send(ctx, http.MethodPost, person(a[0], "/licenses"), check, body)
	})
	return cmd
}

// named finds something by its id or its name.
func named(all []map[string]any, want, what, id string) (map[string]any, error) {
	var near []string
	for _, o := range all {
		if strings.EqualFold(text(o[id]), want) || strings.EqualFold(text(o["name"]), want) {
			return o, nil
		}
		near = append(near, text(o["name"]))
	}
	return nil, usageError{fmt.Errorf("there is no %s %q. There are: %s", what, want, plain(strings.Join(near, ", ")))}
}

func (r *remote) enabled(verb, short string, on bool) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " PERSON", Short: short, Long: anyPerson, Args: args("a person")}
	check := checkFlag(cmd)
	var yes string
	if !on {
		cmd.Flags().StringVar(&yes, "yes", "", "the person's user principal name, where no terminal is there to type it")
	}
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if !on && !*check {
			if err := r.sure(ctx, "This keeps from signing in:", a[0], yes); err != nil {
				return err
			}
		}
		return r.patch(ctx, a[0], map[string]any{"accountEnabled": on}, check)
	})
	return cmd
}

// dangerous is a verb that asks for the name first.
func (r *remote) dangerous(verb, short, warning, method, path string, body any) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " PERSON", Short: short, Long: anyPerson, Args: args("a person")}
	check := checkFlag(cmd)
	var yes string
	cmd.Flags().StringVar(&yes, "yes", "", "the person's user principal name, where no terminal is there to type it")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if !*check {
			if err := r.sure(ctx, warning, a[0], yes); err != nil {
				return err
			}
		}
		return r.send(ctx, method, person(a[0], path), check, body)
	})
	return cmd
}

func (r *remote) usersDelete() *cobra.Command {
	return r.dangerous("delete", "delete a person; for 30 days they can be restored", "This deletes", http.MethodDelete, "", nil)
}

func (r *remote) usersPassword() *cobra.Command {
	return r.dangerous("password", "set a new password, which is made here, shown once and has to be changed at the next sign-in", "This takes the password away from", http.MethodPost, "/password", map[string]string{})
}

func (r *remote) usersRestore() *cobra.Command {
	cmd := &cobra.Command{Use: "restore PERSON", Short: "restore a person who was deleted", Long: "PERSON is an object id, or the user principal name or the name that they had; see: nameplate users list --deleted", Args: args("a person")}
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		return r.send(ctx, http.MethodPost, person(a[0], "/restore"), check, nil)
	})
	return cmd
}

func (r *remote) usersSessions() *cobra.Command {
	cmd := &cobra.Command{Use: "sessions PERSON", Short: "end all sign-ins of a person", Long: anyPerson, Args: args("a person")}
	check := checkFlag(cmd)
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		return r.send(ctx, http.MethodDelete, person(a[0], "/sessions"), check, nil)
	})
	return cmd
}

func (r *remote) usersPhoto() *cobra.Command {
	var save string
	var remove bool
	cmd := &cobra.Command{Use: "photo PERSON [FILE]", Short: "set a person's picture from a file, --save it, or --remove it", Long: anyPerson, Args: between(1, 2, "a person and at most one file")}
	cmd.Flags().StringVar(&save, "save", "", "file to write the picture to; it must not be there yet")
	cmd.Flags().BoolVar(&remove, "remove", false, "take the picture away")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		no := false
		switch {
		case len(a) == 2 && !remove && save == "":
			b, err := readFile(a[1])
			if err != nil {
				return err
			}
			return r.send(ctx, http.MethodPut, person(a[0], "/photo"), &no, b, "Content-Type", http.DetectContentType(b))
		case len(a) == 1 && remove && save == "":
			return r.send(ctx, http.MethodDelete, person(a[0], "/photo"), &no, nil)
		case len(a) == 1 && !remove && save != "":
			g, err := r.ask(ctx, http.MethodGet, person(a[0], "/photo"), nil, nil)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(save, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return usageError{fmt.Errorf("%s cannot be made (%w). Name a file that is not there yet", save, err)}
			}
			_, err = f.Write(g.body)
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			return err
		}
		return usageError{fmt.Errorf("say one thing: a FILE to set, --save FILE or --remove")}
	})
	return cmd
}

func (r *remote) usersFind() *cobra.Command {
	var top int
	cmd := &cobra.Command{
		Use: "find TEXT", Short: "find people by the beginnings of words", Args: args("what to look for"),
		Long: "TEXT is looked for in names, addresses, work and telephone numbers, in any script, with or without accents. That takes\na copy of the directory that is less than a day old: sync_every in the configuration, or nameplate sync. Without one the directory\nis asked, which looks through names and addresses.",
	}
	cmd.Flags().IntVar(&top, "top", 20, "at most so many, 1 to 999")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		found, err := r.every(ctx, "/find", "people", url.Values{"text": {a[0]}}, top)
		if err != nil {
			return err
		}
		return r.list(found, "id", "userPrincipalName", "displayName", "jobTitle", "department")
	})
	return cmd
}

func (r *remote) usersHistory() *cobra.Command {
	var top int
	cmd := &cobra.Command{Use: "history PERSON", Short: "what was changed of a person, the newest first", Long: anyPerson, Args: args("a person")}
	cmd.Flags().IntVar(&top, "top", 50, "at most so many; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		all, err := r.every(ctx, person(a[0], "/history"), "entries", nil, top)
		if err != nil {
			return err
		}
		return r.entries(all)
	})
	return cmd
}

func propertyNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var l []string
	for _, d := range property.Catalog().All() {
		if !d.Graph.Secret {
			l = append(l, string(d.Name)+"\t"+d.House.Label)
		}
	}
	return l, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// propertyArgs completes the names of properties behind the person.
func propertyArgs(behind string) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(given) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var l []string
		for _, d := range property.Catalog().All() {
			if !d.Graph.ReadOnly && !d.Graph.Secret {
				l = append(l, string(d.Name)+behind+"\t"+d.House.Label)
			}
		}
		return l, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
