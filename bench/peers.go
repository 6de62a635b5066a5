package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/figures"
	"guestload/bench/peers"
	"guestload/server/cli"
)

func runPeers(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	fs := cli.Flags("bench peers")
	turns := fs.Int("turns", 5, "how often each peer runs")
	length := fs.Duration("for", 6*time.Second, "how long each run takes, in whole seconds")
	cli.Group(fs, "What to run", "turns", "for")
	markdown := figures.BindFile(fs)
	if err := parse(fs, args, "peers", false, stdout); err != nil {
		return err
	}
	switch {
	case *turns < 1:
		return cli.Usagef("--turns %d: at least 1", *turns)
	case *length < time.Second || *length%time.Second != 0:
		return cli.Usagef("--for %v: whole seconds, 1s at least", *length)
	}
	began := time.Now()
	dir, self, err := ab.BuildPrograms(ctx, "guestload-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := peers.Setup{Dir: dir, Loadgen: filepath.Join(dir, "loadgen"), Self: self, Length: *length}
	if err := s.Open(ctx, filepath.Join(dir, "server")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, missing, err := peers.Compare(ctx, &s, *turns, stderr)
	if err != nil {
		return err
	}
	note := fmt.Sprintf("Runs of %s each, in turns on one server; a ratio is of two runs of the same turn.", *length)
	if len(missing) > 0 {
		note += " Not installed: " + strings.Join(missing, ", ") + "."
	}
	return figures.Report{Command: "bench peers", Note: note, Began: began, Figures: all}.Write(ctx, *markdown, stdout)
}

// runBare is the bare client.
func runBare(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := cli.Flags("bench " + peers.BareCommand)
	if err := parse(fs, args, "bare", true, stdout); err != nil {
		return err
	}
	target, guests, length, err := peers.BareArgs(fs.Args())
	if err != nil {
		return err
	}
	n, err := peers.Bare(ctx, target, guests, length)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d sessions\n", n)
	return err
}
