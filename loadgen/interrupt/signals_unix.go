//go:build unix

package interrupt

import (
	"os"
	"syscall"
)

// brokenOutput are the signals of outputs that cannot be written.
var brokenOutput = []os.Signal{syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGTTOU}
