package httpd

import (
	"testing"
	"time"
)

func TestALineIsDueOnceAMinute(t *testing.T) {
	var r rarely
	now := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		after time.Duration
		due   bool
	}{{0, true}, {0, false}, {59 * time.Second, false}, {time.Minute, true}, {119 * time.Second, false}, {2 * time.Minute, true}} {
		if got := r.due(now.Add(step.after)); got != step.due {
			t.Errorf("after %v: %v", step.after, got)
		}
	}
}
