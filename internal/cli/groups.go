package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nameplate/internal/app"
	"nameplate/internal/directory"
)

func (c *command) groups() *cobra.Command {
	r := &remote{command: c}
	var filter, search string
	var top int
	list := &cobra.Command{Use: "list", Short: "list groups, to the end of the list", Args: noArgs}
	list.Flags().StringVar(&filter, "filter", "", "only those that fit, as Microsoft Graph writes it")
	list.Flags().StringVar(&search, "search", "", "words in names and addresses")
	list.Flags().IntVar(&top, "top", 0, "at most so many; 0 is all")
	list.RunE = r.over(func(ctx context.Context, _ []string) error {
		q := url.Values{}
		for name, v := range map[string]string{"filter": filter, "search": search} {
			if v != "" {
				q.Set(name, v)
			}
		}
		all, err := r.every(ctx, "/groups", "groups", q, top)
		if err != nil {
			return err
		}
		return r.list(all, "id", "name", "kind", "mail", "rule")
	})
	get := &cobra.Command{Use: "get GROUP", Short: "show one group", Args: args("a group")}
	get.RunE = r.over(func(ctx context.Context, a []string) error {
		id, err := r.groupID(ctx, a[0])
		if err != nil {
			return err
		}
		g, err := r.ask(ctx, http.MethodGet, "/groups/"+id, nil, nil)
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.object(o, "id", "name")
	})
	of := &cobra.Command{Use: "members GROUP", Short: "list the people who are direct members", Args: args("a group")}
	of.RunE = r.over(func(ctx context.Context, a []string) error {
		id, err := r.groupID(ctx, a[0])
		if err != nil {
			return err
		}
		all, err := r.every(ctx, "/groups/"+id+"/members", "people", nil, 0)
		if err != nil {
			return err
		}
		return r.list(all, "id", "userPrincipalName", "displayName", "jobTitle", "department")
	})
	member := func(verb, short string, in bool) *cobra.Command {
		cmd := &cobra.Command{Use: verb + " GROUP PERSON", Short: short, Args: args("a group", "a person")}
		check := checkFlag(cmd)
		cmd.RunE = r.over(func(ctx context.Context, a []string) error {
			id, err := r.groupID(ctx, a[0])
			if err != nil {
				return err
			}
			if in {
				return r.send(ctx, http.MethodPost, "/groups/"+id+"/members", check, map[string]string{"person": a[1]})
			}
			return r.send(ctx, http.MethodDelete, "/groups/"+id+"/members/"+url.PathEscape(a[1]), check, nil)
		})
		return cmd
	}
	return r.flags(group("groups", "groups: list, look at, members", list, get, of, member("add", "put a person into a group", true), member("remove", "take a person out of a group", false)))
}

// groupID is the object id of a group that is named by it or by its name.
func (r *remote) groupID(ctx context.Context, name string) (string, error) {
	if len(name) == 36 && strings.Count(name, "-") == 4 {
		return strings.ToLower(name), nil
	}
	found, err := r.every(ctx, "/groups", "groups", url.Values{"filter": {"displayName eq '" + strings.ReplaceAll(name, "'", "''") + "'"}}, 2)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", usageError{fmt.Errorf("there is no group called %q. See: nameplate groups list", name)}
	case len(found) > 1:
		return "", usageError{fmt.Errorf("more than one group is called %q. Name it by its object id; see: nameplate groups list", name)}
	}
	return text(found[0]["id"]), nil
}

func (c *command) licenses() *cobra.Command {
	r := &remote{command: c}
	list := &cobra.Command{Use: "list", Short: "list the organization's licenses with their seats", Args: noArgs}
	list.RunE = r.over(func(ctx context.Context, _ []string) error {
		all, err := r.whole(ctx, "/licenses", "licenses")
		if err != nil {
			return err
		}
		return r.list(all, "sku", "name", "status", "seats", "used", "free")
	})
	return r.flags(group("licenses", "the organization's licenses: list", list))
}

func (c *command) keys() *cobra.Command {
	r := &remote{command: c}
	scopes := make([]string, 0, len(directory.Scopes()))
	for _, s := range directory.Scopes() {
		scopes = append(scopes, string(s))
	}
	var role string
	var give []string
	var days int
	var why string
	create := &cobra.Command{
		Use: "create NAME", Short: "make an API key and print its secret, once",
		Long: `The key acts with one role, within its scopes, until it expires.
The first key is made on the server itself with --local while the server is stopped (with PostgreSQL it may run).
Scopes: ` + strings.Join(scopes, ", ") + ".",
		Args: args("a name"),
	}
	create.Flags().StringVar(&role, "role", string(directory.Auditor), "Nameplate.Admin, Nameplate.Editor or Nameplate.Auditor")
	create.Flags().StringSliceVar(&give, "scope", []string{string(directory.PeopleRead)}, "what it may do; may come more than once")
	create.Flags().StringVar(&why, "why", "", "what the key is for; it stands in the history (needed)")
	create.Flags().IntVar(&days, "days", 90, "in how many days it expires, at most 365")
	_ = create.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(scopes, cobra.ShellCompDirectiveNoFileComp))
	_ = create.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{string(directory.Admin), string(directory.Editor), string(directory.Auditor)}, cobra.ShellCompDirectiveNoFileComp))
	create.RunE = r.over(func(ctx context.Context, a []string) error {
		if days < 1 || days > 365 {
			return usageError{fmt.Errorf("--days takes a number from 1 to 365")}
		}
		if strings.TrimSpace(why) == "" {
			return usageError{errors.New("--why is missing: say what the key is for, for whoever looks through the history")}
		}
		// A minute less, because the server's clock may be behind.
		expires := app.Clock().Add(time.Duration(days)*24*time.Hour - time.Minute).UTC().Truncate(time.Second)
		g, err := r.ask(ctx, http.MethodPost, "/keys", nil, map[string]any{"name": a[0], "role": role, "scopes": give, "expires": expires, "why": why})
		if err != nil {
			return err
		}
		o, err := g.object()
		if err != nil {
			return err
		}
		return r.object(o, "id", "name", "role", "scopes", "expires", "secret")
	})
	list := &cobra.Command{Use: "list", Short: "list API keys, the newest first", Args: noArgs}
	list.RunE = r.over(func(ctx context.Context, _ []string) error {
		all, err := r.whole(ctx, "/keys", "keys")
		if err != nil {
			return err
		}
		return r.list(all, "id", "name", "role", "scopes", "expires", "used", "revoked", "by")
	})
	var ended string
	revoke := &cobra.Command{Use: "revoke ID", Short: "end an API key for good", Args: args("the id of a key")}
	revoke.Flags().StringVar(&ended, "why", "", "the reason; it stands in the history")
	revoke.RunE = r.over(func(ctx context.Context, a []string) error {
		var q url.Values
		if ended != "" {
			q = url.Values{"why": {ended}}
		}
		_, err := r.ask(ctx, http.MethodDelete, "/keys/"+url.PathEscape(a[0]), q, nil)
		return err
	})
	return r.flags(group("keys", "API keys: create, list, revoke", create, list, revoke))
}
