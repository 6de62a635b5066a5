//go:build unix

package truth

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// connections bounds how many requests a stall can catch under way: fewer than one of a
// thousand, so that p99.9 of service time is small. The more there are, the fewer
// wakings it takes to catch up.
const connections = 32

// A server that is stopped for 2 s of 20, at 2,000 guests a second. Who comes x
// before its end waits x at least; a tenth of all come meanwhile, evenly: so p95
// is 1 s, p99 1.8 s and p99.9 1.98 s, within 5 % where the server and the generator
// catch up as fast as that: who came in the middle of the stall waits for half of the
// catching up, too. Only the few requests that were under way took long to be served.
func TestAStallIsReportedInFull(t *testing.T) {
	p := plan{rate: 2000, seconds: 20, spacing: "uniform", flags: []string{"--connections", strconv.Itoa(connections)}}
	s := start(t, p.guests(), 0, 0)
	var from, to time.Time // the server did nothing in between
	p.during = func(*os.Process) {
		<-time.After(9 * time.Second)
		from, to = s.pause(t, 2*time.Second)
	}
	o := p.run(t, s.url)
	create := o.record.Operations["create"]
	if int(create.Count) != p.guests() || len(create.Failures) > 0 {
		t.Fatalf("%d sessions, failures %v\n%s", create.Count, create.Failures, o.output)
	}
	deeds := s.deeds(t)
	least, most := o.bounds(t, p, deeds)
	bounded(t, "response", create.Response, least, most, o.slack())

	var analytic []time.Duration
	catchingUp := time.Duration(0) // until the last who came during the stall was answered
	for i := range p.guests() {
		due := o.record.Started.Add(time.Duration(float64(i) / float64(p.rate) * float64(time.Second)))
		wait := time.Duration(0)
		if due.After(from) && due.Before(to) {
			wait = to.Sub(due)
			catchingUp = max(catchingUp, time.Duration(deeds[i].answered-to.UnixNano()))
		}
		analytic = append(analytic, wait)
	}
	slices.Sort(analytic)
	for i, r := range reported(create.Response) {
		want, service := at(analytic, r.percent, -1), reported(create.Service)[i].value
		if float64(r.value) < float64(want-o.slack())*(1-precision) {
			t.Errorf("p%v is %v: the stall alone makes it %v", r.percent, r.value, want)
		}
		t.Logf("p%v: response %v, of which the stall alone makes %v; service %v", r.percent, r.value, want, service)
		if r.percent < 95 {
			continue
		}
		if r.value > want+max(want/20, catchingUp) {
			t.Errorf("p%v is %v: the stall makes it %v, and to catch up took %v", r.percent, r.value, want, catchingUp)
		}
		if r.percent <= 99 && o.code != invalid && service > r.value/4 {
			t.Errorf("p%v of service is %v, of response %v: only %d requests can have been caught under way", r.percent, service, r.value, connections)
		}
	}
	t.Logf("stalled for %v, caught up within %v; exit code %d, %s %q", to.Sub(from), catchingUp, o.code, o.record.Outcome, o.record.Invalid)
}

// pause stops the server for so long, and returns from when to when it was
// surely stopped, on the wall clock.
func (p process) pause(t *testing.T, long time.Duration) (from, to time.Time) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	for !status.Stopped() {
		if _, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil); err != nil && err != syscall.EINTR {
			t.Fatal(err)
		}
	}
	from = time.Now().Round(0)
	<-time.After(long)
	to = time.Now().Round(0)
	if err := p.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return from, to
}
