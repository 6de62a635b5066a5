package main

import (
	"context"
	"io"

	"guestload/server/app"
)

// serve is the embedded server: ours, on a free port, with no limits, since all
// guests come from one address. It ends with stdin: so it does with its parent,
// however that went.
func serve(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	args = append([]string{"--listen", "127.0.0.1:0", "--limits", "off", "--exit-with-stdin"}, args...)
	return app.Run(ctx, args, getenv, stdin, stdout, stderr)
}
