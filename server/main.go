// Command server is the reference backend for guest chat; -h explains it.
package main

import (
	"context"
	"os"

	"guestload/server/app"
)

func main() {
	os.Exit(app.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}
