package limits

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"guestload/scenarios"
)

func TestTheMachineIsComparedWithThePeak(t *testing.T) {
	phase := scenarios.Phase{Shape: scenarios.Burst, Guests: 1000, For: 10 * time.Second}
	idle := scenarios.Step{Kind: scenarios.Idle, For: scenarios.Draw{A: 4}}
	s := scenarios.Scenario{Phases: []scenarios.Phase{phase}, Scripts: []scenarios.Script{{Weight: 1, Steps: []scenarios.Step{idle}}}}
	if got := PeakLive(s); got < 499 || got > 502 { // 100 a second, each for 4 s and a second of work
		t.Errorf("a peak of %d guests, want 500", got)
	}
}

func TestWhatTheMachineIsShortOfIsToldWithWhatHelps(t *testing.T) {
	enough := Machine{Live: 600, Conns: 10, Files: 700, Ports: 28_232, Free: 1 << 30}
	run := Demand{Peak: 500, Planned: 1000, Sources: 1, Servers: 1}
	once := func(share float64) string { return fmt.Sprintf("--scale %.2g", share) }
	if got := enough.Shortages(run, once); len(got) > 0 {
		t.Errorf("told %q", got)
	}
	if got := (Machine{Live: 600, Conns: 10}).Shortages(Demand{Peak: 500, Planned: 1 << 30, Sources: 1}, once); len(got) > 0 {
		t.Errorf("of what is not known it told %q", got)
	}
	few := enough
	few.Live, few.Files = 100, 200
	scarce := Machine{Live: 100_000, Conns: 1024, Files: 200_000, Ports: 28_232}
	small := enough
	small.Free = 50 << 20
	for _, tt := range []struct {
		machine Machine
		demand  Demand
		want    []string
	}{
		{few, run, []string{"about 500 guests", "ulimit -n 1024", "--nofile=1024", "--scale 0.18"}},
		{scarce, Demand{Peak: 30_000, Sources: 1}, []string{"about 31024 connections", "28232 ports", `ip_local_port_range="1024 65535"`, "makes 64512"}},
		{small, run, []string{"about 78 MB", "52 MB are free", "--scale 0.6"}},
	} {
		got := tt.machine.Shortages(tt.demand, once)
		if len(got) != 1 {
			t.Errorf("told %q, want one", got)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(got[0], want) {
				t.Errorf("told %q, want %q", got[0], want)
			}
		}
	}
	several := Demand{Peak: 30_000, Sources: 8}
	if got := scarce.Shortages(several, once); len(got) > 0 {
		t.Errorf("from eight addresses: %q", got)
	}
}

// Open files are raised, and this machine is known.
func TestThisMachineIsMeasured(t *testing.T) {
	m, err := Measure(1, 0)
	if err != nil || m.Live < 1 || m.Files < m.Live+m.Conns {
		t.Fatalf("%+v, %v", m, err)
	}
	if runtime.GOOS == "linux" && (m.Free <= 0 || m.Ports <= 0) {
		t.Errorf("%+v: memory and ports are told on Linux", m)
	}
	if beyond, err := Measure(m.Files+1, 0); err != nil || beyond.Files < m.Files {
		t.Errorf("wanting more took away: %+v, %v", beyond, err)
	}
}
