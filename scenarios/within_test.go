package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

func TestNoStepWaitsForLongerThanIsMeasured(t *testing.T) {
	for within, ok := range map[string]bool{"2m": true, "1h": true, "1h1ms": false, "90m": false} {
		text := fmt.Sprintf("scenario: wait\nabout: a guest waits.\nphases: [{guests: 2, within: 1s}]\nguests:\n  - script: waiter\n    steps: [create, connect, {search: {within: %s}}, drop]\n", within)
		_, err := Parse("wait.yaml", []byte(text))
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), fmt.Sprintf("within: found %q: at most 1h", within)) {
			t.Errorf("%s: %v", within, err)
		}
	}
}
