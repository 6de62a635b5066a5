//go:build !unix

package proc

import "os/exec"

// Detach does nothing here.
func Detach(*exec.Cmd) {}
