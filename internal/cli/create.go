package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func (r *remote) usersCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create NAME PROPERTY=VALUE ...", Short: "add a person; the first password is shown once and has to be changed at the first sign-in",
		Long: `NAME is the user principal name, of a domain of the organization. displayName is needed; the mail nickname is the name before the @, if it is not said.
The password is made by the server, or read with --password-file, from a file or with - from standard input: never from the command line,
which other programs on the machine can see. Manager, groups and licenses are given afterwards.`,
		Example: `  nameplate users create cleo@contoso.com "displayName=Cleo Park" usageLocation=DE
  nameplate users create cleo@contoso.com "displayName=Cleo Park" --check`,
		Args: between(2, 200, "a user principal name and at least displayName=NAME"), ValidArgsFunction: propertyArgs("="),
	}
	check := checkFlag(cmd)
	var from string
	cmd.Flags().StringVar(&from, "password-file", "", "a file with the first password, - for standard input; one is made when it is left out")
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		set, err := pairs(cmd, a)
		if err != nil {
			return err
		}
		set["userPrincipalName"] = a[0]
		body := map[string]any{"properties": set}
		if from != "" {
			var b []byte
			if from == "-" {
				b, err = io.ReadAll(io.LimitReader(r.In, 1000))
			} else {
				b, err = readFile(from)
			}
			if b = bytes.TrimRight(b, "\r\n"); err == nil && len(b) == 0 {
				err = usageError{fmt.Errorf("%s holds no password", from)}
			}
			if err != nil {
				return err
			}
			body["password"] = string(b)
		}
		return r.over(func(ctx context.Context, _ []string) error {
			return r.send(ctx, http.MethodPost, "/people", check, body)
		})(cmd, a)
	}
	return cmd
}

// pairs are the properties behind the first argument.
func pairs(cmd *cobra.Command, a []string) (map[string]any, error) {
	set := map[string]any{}
	for _, kv := range a[1:] {
		name, value, ok := strings.Cut(kv, "=")
		if _, twice := set[name]; twice || !ok || name == "" {
			return nil, usageError{fmt.Errorf("%q is not PROPERTY=VALUE, or comes twice. See: %s --help", kv, cmd.CommandPath())}
		}
		v, err := typed(a[0], name, value)
		if err != nil {
			return nil, err
		}
		set[name] = v
	}
	return set, nil
}
