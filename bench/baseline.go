package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"guestload/bench/ab"
	"guestload/bench/baseline"
	"guestload/bench/policy"
	"guestload/bench/trial"
	"guestload/server/cli"
)

func runBaseline(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	verb := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	fs := cli.Flags("bench baseline")
	why := fs.String("why", "", "why the values may change, which is stored with them (update)")
	file := fs.String("policy", "", "policy `FILE` (default the shipped one)")
	cli.Group(fs, "What to compare", "policy")
	cli.Group(fs, "Update", "why")
	if err := parse(fs, args, "baseline", false, stdout); err != nil {
		return err
	}
	switch {
	case verb != "check" && verb != "update":
		return cli.Usagef("%q: check or update%s", verb, cli.Guess(verb, []string{"check", "update"}))
	case verb == "update" && strings.TrimSpace(*why) == "":
		return cli.Usagef(`no --why: say why the values may change, such as --why "Redis 8 needs a second command"`)
	}
	p, err := policy.Load(*file)
	if err != nil {
		return err
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	stored, err := baseline.Read(w.Repo())
	if err != nil {
		return err
	}
	head, err := w.Make(ctx, "", "head", nil, stderr)
	if err != nil {
		return err
	}
	if verb == "update" {
		return stored.Update(ctx, head, p.Hard, *why, w.Repo(), stdout)
	}
	if same, err := stored.Check(ctx, head, p.Hard, stdout); err != nil || same {
		return err
	}
	return cli.ExitError(trial.ExitRegressed)
}
