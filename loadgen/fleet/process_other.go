//go:build !unix

package fleet

import (
	"os"

	"guestload/results"
)

func usageOf(state *os.ProcessState) *results.Usage {
	if state == nil {
		return nil
	}
	return &results.Usage{CPUSec: (state.UserTime() + state.SystemTime()).Seconds()}
}
