package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// usersUpdate changes many people at once: it makes a plan, which is looked at and applied like that of a spreadsheet.
func (r *remote) usersUpdate() *cobra.Command {
	var filter, search, manager string
	var all bool
	var ids, set, gone, join, leave, give, take []string
	var top int
	cmd := &cobra.Command{
		Use: "update", Short: "change many people at once: shows what would change as a plan; nothing is written",
		Long: `Everybody whom --filter or --search finds, whom --id names, or --all. It makes a plan that import show, apply, rejects and undo know.
It ends with 0 when every row can be applied, 3 when some cannot, 2 when none can.`,
		Example: `  nameplate users update --filter "department eq 'Sales'" --set department=Revenue --clear faxNumber
  nameplate users update --filter "startsWith(city,'Kiel')" --manager ruth@contoso.com --join "All of Kiel"`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVar(&filter, "filter", "", "people that fit, as Microsoft Graph writes it")
	f.StringVar(&search, "search", "", "people with these words in names and addresses")
	f.BoolVar(&all, "all", false, "everybody")
	f.StringArrayVar(&ids, "id", nil, "object id of a person; can come several times")
	f.StringArrayVar(&set, "set", nil, "PROPERTY=VALUE; can come several times")
	f.StringArrayVar(&gone, "clear", nil, "property whose value is taken away; can come several times")
	f.StringVar(&manager, "manager", "", "sign-in name or object id of the new manager; \"none\" takes the manager away")
	f.StringArrayVar(&join, "join", nil, "group to put them into; can come several times")
	f.StringArrayVar(&leave, "leave", nil, "group to take them out of; can come several times")
	f.StringArrayVar(&give, "give", nil, "license to give; can come several times")
	f.StringArrayVar(&take, "take", nil, "license to take away; can come several times")
	f.IntVar(&top, "top", 20, "show at most so many rows that would change; 0 is all")
	cmd.RunE = r.over(func(ctx context.Context, _ []string) error {
		listed := all || filter != "" || search != ""
		if listed == (len(ids) > 0) {
			return usageError{fmt.Errorf("say who is meant: --filter, --search or --all, or else --id")}
		}
		body := map[string]any{"all": listed, "filter": filter, "search": search}
		for name, l := range map[string][]string{"ids": ids, "groupsAdd": join, "groupsRemove": leave, "licensesAdd": give, "licensesRemove": take} {
			if len(l) > 0 {
				body[name] = l
			}
		}
		values := map[string]any{}
		for _, kv := range set {
			name, value, ok := strings.Cut(kv, "=")
			if _, twice := values[name]; twice || !ok || name == "" {
				return usageError{fmt.Errorf("%q is not PROPERTY=VALUE, or comes twice", plain(kv))}
			}
			v, err := typed("PERSON", name, value)
			if err != nil {
				return err
			}
			values[name] = v
		}
		for _, name := range gone {
			if _, twice := values[name]; twice {
				return usageError{fmt.Errorf("%q is set and cleared", plain(name))}
			}
			values[name] = nil
		}
		body["set"] = values
		switch manager {
		case "":
		case "none":
			body["manager"] = ""
		default:
			body["manager"] = manager
		}
		r.client.Timeout = patient
		g, err := r.ask(ctx, http.MethodPost, "/selections", nil, body)
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
