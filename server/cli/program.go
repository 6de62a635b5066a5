package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Exit codes that all programs share.
const (
	ExitOK          = 0
	ExitCouldNotRun = 1
	ExitUsage       = 2
)

// ExitError ends the program with this code; the message is out already.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Command is one subcommand of a program.
type Command struct {
	Name, About string
	Run         func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// Program is a program that consists of subcommands.
type Program struct {
	Name     string
	About    string // first line of -h
	Notes    string // last paragraph of -h
	Commands []Command
}

// Run runs a command line and returns the exit code. A usage error exits with ExitUsage,
// an ExitError with its code, any other error with ExitCouldNotRun.
func (p Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintf(stderr, "%s: no command\n\n%s", p.Name, p.usage())
		return ExitUsage
	}
	switch strings.TrimLeft(args[0], "-") {
	case "h", "help":
		fmt.Fprint(stdout, p.usage())
		return ExitOK
	case "version":
		fmt.Fprintln(stdout, Version(p.Name))
		return ExitOK
	}
	var names []string
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return p.exitCode(ctx, c.Run(ctx, args[1:], stdout, stderr), c.Name, stderr)
		}
		names = append(names, c.Name)
	}
	fmt.Fprintf(stderr, "%s: unknown command %q%s; %s -h lists them\n", p.Name, args[0], Guess(args[0], names), p.Name)
	return ExitUsage
}

func (p Program) exitCode(ctx context.Context, err error, command string, stderr io.Writer) int {
	var exit ExitError
	var usage UsageError
	name := p.Name + " " + command
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return ExitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %s; %s -h explains all\n", name, strings.TrimSuffix(err.Error(), "; -h explains all"), name)
		return ExitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "%s: interrupted; temporary files and processes are gone\n", name)
		return ExitCouldNotRun
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return ExitCouldNotRun
}

func (p Program) usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.About)
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "  %s %-9s %s\n", p.Name, c.Name, c.About)
	}
	fmt.Fprintf(&b, "\n%s COMMAND -h explains a command, %s --version prints the version. Long flags may be\nwritten with one dash or two.\n\n%s\n", p.Name, p.Name, p.Notes)
	return b.String()
}

// Flags returns a command's flags, with --version among them.
func Flags(command string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(command, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	fs.Bool("version", false, "print the version and exit")
	return fs
}

// Parse reads a command line into flags made by Flags. It prints help and version where
// they are asked for, and then returns pflag.ErrHelp. Arguments that are not flags are
// errors unless operands allows them.
func Parse(fs *pflag.FlagSet, args []string, explanation string, operands bool, stdout io.Writer) error {
	err := fs.Parse(LongDashes(args))
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(stdout, "%s\n\n%s", strings.TrimSpace(explanation), GroupedUsages(fs))
		return err
	}
	if err != nil {
		return UsageError{Explain(fs, err)}
	}
	if asked, _ := fs.GetBool("version"); asked {
		program, _, _ := strings.Cut(fs.Name(), " ")
		fmt.Fprintln(stdout, Version(program))
		return pflag.ErrHelp
	}
	if !operands && fs.NArg() > 0 {
		return Usagef("unexpected argument %q: everything is a flag", fs.Arg(0))
	}
	return nil
}
