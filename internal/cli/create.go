package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nameplate/internal/sheet"
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

func (r *remote) importPasswords() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "passwords PLAN", Short: "write the first passwords of those whom a plan has added to a new file, once",
		Long: `The file is CSV and only yours to read (mode 0600). Each password is told once, to whoever applied the plan, and forgotten then; one that nobody
takes is forgotten after seven days. They have to be changed at the first sign-in.`,
		Args: args("the id of a plan"),
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not be there yet")
	cmd.RunE = r.over(func(ctx context.Context, a []string) error {
		if out == "" || out == "-" {
			return usageError{errors.New("say where to: --out FILE. Passwords are not written to a terminal")}
		}
		var l []map[string]any
		err := r.into(out, func(w io.Writer) error { // before they are taken, or they would be lost
			g, err := r.ask(ctx, http.MethodPost, planPath(a[0], "/passwords"), nil, nil)
			if err != nil {
				return err
			}
			o, err := g.object()
			if err != nil {
				return err
			}
			if l = members(o, "passwords"); len(l) == 0 {
				return errors.New("no password waits: nobody was added yet, or they were taken already")
			}
			s := sheet.NewCSV(w)
			rows := [][]string{{"line", "userPrincipalName", "password"}}
			for _, p := range l {
				rows = append(rows, []string{text(p["line"]), text(p["userPrincipalName"]), text(p["password"])})
			}
			for _, row := range rows {
				if err := s.Row(row); err != nil {
					return err
				}
			}
			return s.Close()
		})
		var taken usageError
		if err != nil && len(l) == 0 && !errors.As(err, &taken) { // the file is ours, and holds nothing
			_ = os.Remove(out)
		}
		if err == nil {
			fmt.Fprintf(r.Err, "%d passwords were written to %s. They are told nowhere again.\n", len(l), plain(out))
		}
		return err
	})
	return cmd
}
