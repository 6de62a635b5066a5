package page

import (
	"strings"
	"testing"
	"time"

	"guestload/results"
)

// searchedPage is the sample as the answer of a search: p99 stays level to 400/s
// and leaves the line there.
func searchedPage(t *testing.T) Page {
	t.Helper()
	p := sample(t)
	high := 470.0
	c := results.Capacity{
		Rate: 400, Above: 450, LimitedBy: "server", Low: 396, High: &high, Confidence: 0.95, Method: "a method",
		Resource: "within server", Why: "neither CPU nor memory, files or ports ran out (the server 0.40 cores): a lock, a queue or a limit of the server's own",
		Started: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC), DurationSec: 123.4,
	}
	for _, r := range []struct {
		rate, create, delivery float64
		verdict                string
	}{{50, 2.1, 2.2, "held"}, {100, 2.0, 2.4, "held"}, {200, 2.3, 2.5, "held"}, {400, 6.1, 3.1, "held"}, {800, 4100, 210, "broke"},
		{800, 4300, 190, "broke"}, {566, 1900, 22, "invalid"}, {476, 900, 8.1, "broke"}, {476, 870, 7.7, "broke"}, {437, 7.3, 3.3, "held"}, {450, 420, 4.1, "broke"}, {400, 6.3, 3.0, "held"}} {
		trial := results.Trial{Rate: r.rate, Verdict: r.verdict, Folder: "runs/x", Cores: map[string]float64{"server": r.rate / 1000, "loadgen": r.rate / 1200, "machine": r.rate / 500},
			Response: map[string]results.Summary{"create": {P99: r.create, Max: r.create}, "delivery": {P99: r.delivery, Max: r.delivery}}}
		if r.verdict != "held" {
			trial.Reasons = []string{"response(create) p99 < 200ms: 4.1s"}
		}
		c.Runs = append(c.Runs, trial)
	}
	p.Run.Record.Searched(c, []results.Record{p.Run.Record})
	return p
}

func TestThePageOfASearchTellsWhatItFound(t *testing.T) {
	p := searchedPage(t)
	var b strings.Builder
	if err := Render(&b, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Capacity: 400/s held, 450/s did not", "with 95 % probability the limit lies from 396/s to 470/s", "within server: neither CPU",
		"12 runs in 2m3s", "All that follows is of the last run that held at 400/s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	k := p.data().Capacity
	if k == nil || len(k.Rates) != 12 || k.Rates[3] != 400 || k.Rates[11] != 800 || k.Said[5] != "held" || k.P99["create"][11] != 4300 {
		t.Errorf("the knee: %+v", k)
	}
	if sample(t).data().Capacity != nil || newSearched(nil) != nil {
		t.Error("a run of its own has a knee")
	}
}

func TestThresholdsAreDrawnWhereTheyBelong(t *testing.T) {
	got := newBounds([]string{"response(create) p99 < 200ms", "service(match) p999 < 1s", "response(ack) max < 2s", "server memory < 500MB", "failures < 1%", "gibberish"})
	if len(got) != 4 || got[0].X < 99.99 || got[0].X > 100.01 || got[0].At != 200 || got[1].Metric != "service" || got[2].X != 0 || got[3].Process != "server" || got[3].At != 500 {
		t.Errorf("got %+v", got)
	}
}
