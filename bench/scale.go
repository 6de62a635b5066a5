package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/figures"
	"guestload/bench/scale"
	"guestload/server/cli"
)

func runScale(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	fs := cli.Flags("bench scale")
	only := fs.StringSlice("only", scale.Points(), "points to measure")
	times := fs.Int("times", 5, "how often the short points are measured")
	cli.Group(fs, "What to measure", "only", "times")
	markdown := figures.BindFile(fs)
	if err := parse(fs, args, "scale", false, stdout); err != nil {
		return err
	}
	if err := scale.CheckPoints(*only); err != nil {
		return err
	}
	if *times < 1 {
		return cli.Usagef("--times %d: at least 1", *times)
	}
	began := time.Now()
	dir, self, err := ab.BuildPrograms(ctx, "guestload-scale-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := scale.Scaling{
		Setup:    scale.Setup{Dir: dir, Server: filepath.Join(dir, "server"), Loadgen: filepath.Join(dir, "loadgen"), Self: self},
		Progress: stderr,
	}
	all, err := s.Measure(ctx, *only, *times)
	if err != nil {
		return err
	}
	return figures.Report{Command: "bench scale", Note: "Both sides of a ratio are of the same run.", Began: began, Figures: all}.Write(ctx, *markdown, stdout)
}

// runHold is a process whose memory is measured.
func runHold(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := cli.Flags("bench " + scale.HoldCommand)
	if err := parse(fs, args, "hold", true, stdout); err != nil {
		return err
	}
	kind := fs.Arg(0)
	if fs.NArg() != 1 || kind != scale.Ours && kind != scale.Bare && !strings.HasPrefix(kind, scale.Guests+"=") {
		return cli.Usagef("want %s or %s or %s=http://host:port", scale.Ours, scale.Bare, scale.Guests)
	}
	return scale.Hold(ctx, kind, os.Stdin, stdout)
}
