package scenarios

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const threeServers = "server: {instances: 3}\n"

func TestFaultsAreReadInTheOrderOfTheirMoments(t *testing.T) {
	source := strings.Replace(small, "guests: 1, within: 1s", "guests: 10, within: 10s", 1) + threeServers + `faults:
  - {at: 4s, freeze: redis}
  - {at: 1s, kill: instance 3}
  - {at: 5s, thaw: redis}
  - {at: 6s, kill: redis}
  - {at: 10s, start: redis}
`
	s := mustParse(t, source)
	want := []Fault{
		{1 * time.Second, Kill, 3, 8}, {4 * time.Second, Freeze, 0, 7}, {5 * time.Second, Thaw, 0, 9},
		{6 * time.Second, Kill, 0, 10}, {10 * time.Second, Start, 0, 11},
	}
	if len(s.Faults) != len(want) {
		t.Fatalf("faults %+v", s.Faults)
	}
	for i, f := range s.Faults {
		if f != want[i] {
			t.Errorf("fault %d: %+v, want %+v", i, f, want[i])
		}
	}
	if s.Server != (Server{Instances: 3, Storage: StorageRedis}) {
		t.Errorf("server %+v: several instances share Redis", s.Server)
	}
	s.Server.Instances = 2
	if err := s.CheckFaults(); err == nil || !strings.Contains(err.Error(), "line 8: there is no instance 3") {
		t.Errorf("with two instances: %v", err)
	}
}

func TestFaultsThatCannotBeAreProblems(t *testing.T) {
	for faults, want := range map[string]string{
		"[{at: 1s}]":                                               "nothing says what happens",
		"[{kill: redis}]":                                          `a fault needs the key "at"`,
		"[{at: 1s, kil: redis}]":                                   `"kill"`,
		"[{at: 1s, kill: redis, freeze: redis}]":                   "a fault does one thing",
		"[{at: 1s, kill: rdis}]":                                   "it is redis, or instance 1",
		"[{at: 1s, kill: instance 0}]":                             "it is redis, or instance 1",
		"[{at: 1, kill: redis}]":                                   "a time has a unit",
		"[{at: 1s, start: redis}]":                                 "Redis runs: so it cannot start",
		"[{at: 100ms, kill: redis}, {at: 200ms, kill: redis}]":     "Redis has been killed",
		"[{at: 100ms, freeze: redis}, {at: 200ms, start: redis}]":  "Redis is frozen",
		"[{at: 1s, freeze: instance 1}]":                           "an instance can be killed",
		"[{at: 1s, kill: instance 4}]":                             "there is no instance 4",
		"[{at: 1s, kill: instance 1}, {at: 1s, kill: instance 1}]": "killed already",
		"[{at: 2s, kill: redis}]":                                  "the phases are over",
		"[]":                                                       "empty list",
		"[{at: 1s, kill: instance 1}, {at: 1s, kill: instance 2}, {at: 1s, kill: instance 3}]": "one must be left",
	} {
		var invalid *InvalidError
		if _, err := Parse("f.yaml", []byte(small+threeServers+"faults: "+faults+"\n")); !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", faults, err, want)
		}
	}
	for server, want := range map[string]string{
		"":                          "there is no Redis to kill",
		"server: {storage: disk}\n": `found "disk"`,
		"server: {instances: 0}\n":  "at least 1",
		"server: {instances: 65}\n": "at most 64",
		"server: {instances: 2, storage: memory}\n": "cannot share their memory",
	} {
		_, err := Parse("f.yaml", []byte(small+server+"faults: [{at: 1s, kill: redis}]\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", server, err, want)
		}
	}
}
