package results

import (
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"guestload/results/series"
)

// Records of before had histograms up to 60 s.
func TestALogOfShorterHistogramsIsRead(t *testing.T) {
	old := hdrhistogram.NewPacked(1, 60_000_000, 3)
	for _, us := range []int64{1, 1_234, 59_999_999} {
		if err := old.RecordValue(us); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := old.EncodeV2()
	if err != nil {
		t.Fatal(err)
	}
	seconds := []series.Second{{Operations: map[string]*series.Times{}}}
	if err := readLog(strings.NewReader("Tag=match.response,0.000,1.000,59999.999,"+string(encoded)+"\n"), seconds, false); err != nil {
		t.Fatal(err)
	}
	got := seconds[0].Operations["match"].Response
	if got.TotalCount() != 3 || got.Max() != old.Max() || got.Min() != old.Min() {
		t.Errorf("%d samples from %d to %d", got.TotalCount(), got.Min(), got.Max())
	}
	if err := got.RecordValue(63_000_000); err != nil {
		t.Errorf("a match after 63 s: %v", err)
	}
}
