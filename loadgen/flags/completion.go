package flags

import (
	"fmt"
	"strings"

	"guestload/loadgen/records"
	"guestload/server/cli"
)

// CompletionCommand is the command that prints a shell's completion.
const CompletionCommand = "completion"

// shells are those that have a completion.
var shells = []string{"bash", "zsh", "fish"}

// Completion returns the script that completes loadgen's command lines in a shell.
func Completion(args []string) (string, error) {
	if len(args) != 1 {
		return "", cli.Usagef("loadgen completion %s: one shell; for example: loadgen completion bash", strings.Join(shells, "|"))
	}
	switch args[0] {
	case "bash":
		return bash(), nil
	case "zsh":
		return "#compdef loadgen\nautoload -U +X bashcompinit && bashcompinit\n" + bash(), nil
	case "fish":
		return fish(), nil
	}
	return "", cli.Usagef("loadgen completion %q: %s%s", args[0], strings.Join(shells, ", "), cli.Guess(args[0], shells))
}

// words are the commands and flags of the first place.
func words() (all []string) {
	for _, c := range records.Commands() {
		all = append(all, c.Name)
	}
	all = append(all, CompletionCommand)
	for _, f := range declared(new(Options), new(raw)) {
		all = append(all, "--"+f.name)
	}
	return append(all, "--help")
}

func bash() string {
	var b strings.Builder
	b.WriteString("_loadgen() {\n\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n\tcase $before in\n")
	for _, f := range declared(new(Options), new(raw)) {
		if len(f.values) > 0 {
			fmt.Fprintf(&b, "\t--%s) COMPREPLY=($(compgen -f -W '%s' -- \"$current\")); return ;;\n", f.name, strings.Join(f.values, " "))
		} else if f.value != "" {
			fmt.Fprintf(&b, "\t--%s) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", f.name)
		}
	}
	fmt.Fprintf(&b, "\t%s) COMPREPLY=($(compgen -W '%s' -- \"$current\")); return ;;\n", CompletionCommand, strings.Join(shells, " "))
	fmt.Fprintf(&b, "\tesac\n\tif [[ $current == -* || $COMP_CWORD == 1 ]]; then\n\t\tCOMPREPLY=($(compgen -W '%s' -- \"$current\"))\n\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$current\"))\n\tfi\n}\ncomplete -F _loadgen loadgen\n",
		strings.Join(words(), " "))
	return b.String()
}

func fish() string {
	var b strings.Builder
	quote := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
	}
	for _, c := range records.Commands() {
		fmt.Fprintf(&b, "complete -c loadgen -n __fish_use_subcommand -a %s -d %s\n", c.Name, quote(c.About))
	}
	fmt.Fprintf(&b, "complete -c loadgen -n __fish_use_subcommand -a %s -d %s\n", CompletionCommand, quote("print the completion of a shell"))
	fmt.Fprintf(&b, "complete -c loadgen -n '__fish_seen_subcommand_from %s' -f -a %s\n", CompletionCommand, quote(strings.Join(shells, " ")))
	for _, f := range declared(new(Options), new(raw)) {
		line := fmt.Sprintf("complete -c loadgen -l %s -d %s", f.name, quote(f.about))
		if f.value != "" {
			line += " -r"
		}
		if len(f.values) > 0 {
			line += " -a " + quote(strings.Join(f.values, " "))
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
