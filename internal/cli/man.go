package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manual writes a page of section 1 for every verb that is shown, in the language of man(7).
func (c *command) manual(root *cobra.Command, folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	var write func(cmd *cobra.Command) error
	write = func(cmd *cobra.Command) error {
		if cmd.Hidden || cmd.IsAdditionalHelpTopicCommand() || cmd.Name() == "help" || cmd.Name() == "completion" {
			return nil
		}
		name := filepath.Join(folder, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		if err := os.WriteFile(name, []byte(manPage(cmd, c.Version)), 0o600); err != nil {
			return err
		}
		fmt.Fprintln(c.Out, name)
		for _, sub := range cmd.Commands() {
			if err := write(sub); err != nil {
				return err
			}
		}
		return nil
	}
	return write(root)
}

// roff keeps text from being read as requests of man(7).
func roff(s string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimSpace(s)), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n.br\n")
}

func manPage(cmd *cobra.Command, version string) string {
	var b strings.Builder
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n%s\n", strings.ToUpper(name), "Nameplate "+version, roff(name), roff(cmd.Short), roff(cmd.UseLine()))
	long := cmd.Long
	if long == "" {
		long = cmd.Short
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(long))
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", strings.ReplaceAll(roff(cmd.Example), "\n.br\n", "\n"))
	}
	begun := false
	option := func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if !begun {
			b.WriteString(".SH OPTIONS\n")
			begun = true
		}
		kind, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fP %s\n%s\n", roff("--"+f.Name), roff(kind), roff(usage))
	}
	cmd.NonInheritedFlags().VisitAll(option)
	cmd.InheritedFlags().VisitAll(option)
	var also []string
	if cmd.HasParent() {
		also = append(also, strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-"))
	}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
			also = append(also, strings.ReplaceAll(sub.CommandPath(), " ", "-"))
		}
	}
	b.WriteString(".SH EXIT STATUS\n0 done, 1 failed, 2 asked wrongly, 3 partly done, 4 refused, 5 try later.\n")
	if len(also) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		for i, a := range also {
			if i > 0 {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, "\\fB%s\\fP(1)", roff(a))
		}
		b.WriteString("\n")
	}
	return b.String()
}
