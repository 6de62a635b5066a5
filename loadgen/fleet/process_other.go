//go:build !unix

package fleet

import (
	"os"
	"os/exec"

	"guestload/results"
)

func detach(*exec.Cmd) {}

func usageOf(state *os.ProcessState) *results.Usage {
	if state == nil {
		return nil
	}
	return &results.Usage{CPUSec: (state.UserTime() + state.SystemTime()).Seconds()}
}
