package truth

import (
	"slices"
	"testing"
	"time"
)

// A server whose service times follow a log-normal distribution, 2,000 guests a second.
func TestPercentilesOfALogNormalServer(t *testing.T) {
	p := plan{rate: 2000, seconds: 5, spacing: "uniform"}
	s := start(t, p.guests(), 20*time.Millisecond, 0.6)
	o := p.run(t, s.url)
	create := o.record.Operations["create"]
	if int(create.Count) != p.guests() || len(create.Failures) > 0 {
		t.Fatalf("%d sessions, failures %v\n%s", create.Count, create.Failures, o.output)
	}
	deeds := s.deeds(t)
	least, most := o.bounds(t, p, deeds)
	bounded(t, "response", create.Response, least, most, o.slack())

	var served []time.Duration
	for _, d := range deeds[:p.guests()] {
		served = append(served, time.Duration(d.answered-d.began))
	}
	slices.Sort(served)
	bounded(t, "service", create.Service, served, most, o.slack())
	t.Logf("exit code %d, %s %q", o.code, o.record.Outcome, o.record.Invalid)
}
