//go:build !unix

package interrupt

import "os"

var brokenOutput []os.Signal
