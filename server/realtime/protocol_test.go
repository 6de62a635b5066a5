package realtime

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheProtocolPageStatesTheTimeoutsOfTheCode(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, is := range map[string]time.Duration{
		"engagedFor": engagedFor, "handoverWait": handoverWait, "deadAfter": deadAfter, "markWait": markWait, "passOnFor": passOnFor,
	} {
		if row := fmt.Sprintf("(`%s`) | %g s", name, is.Seconds()); !strings.Contains(string(page), row) {
			t.Errorf("PROTOCOL.md has no row with %q", row)
		}
	}
	if row := fmt.Sprintf("(`doubtTries`) | %d × %g s", doubtTries, tendEvery.Seconds()); !strings.Contains(string(page), row) {
		t.Errorf("PROTOCOL.md has no row with %q", row)
	}
	if text := fmt.Sprintf("each at most %d times", maxHops); !strings.Contains(string(page), text) {
		t.Errorf("PROTOCOL.md does not say %q", text)
	}
}
