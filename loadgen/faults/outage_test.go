package faults

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

// states is a server that changes its state every second.
type states struct {
	began string
	each  []string
	clock session.Clock
}

func (s states) URLs() []string      { return []string{"x"} }
func (s states) Storage() string     { return s.began }
func (s states) Instance(int) string { return "x" }
func (s states) Stored(context.Context, string) string {
	return s.each[int(s.clock.Now()/time.Second)]
}

// Which states count, and in which seconds they are told, by a clock that is not real.
func TestTheWatchNamesTheSecondsWithoutRedis(t *testing.T) {
	for _, c := range []struct {
		name, began string
		states      []string // one every second, from second 0
		want        string
	}{
		{"all well", "redis", []string{"redis", "redis", "redis"}, ""},
		{"memory throughout", "memory", []string{"memory", "memory"}, ""},
		{"silence says nothing", "redis", []string{"redis", "", "redis"}, ""},
		{"once", "redis", []string{"redis", "fallback", "redis"}, "in seconds 1 to 2"},
		{"until the end", "redis", []string{"redis", "fallback", "fallback"}, "in seconds 1 to 2"},
		{"recovery counts", "redis", []string{"fallback", "recovering", "redis"}, "in seconds 0 to 2"},
		{"silence within", "redis", []string{"fallback", "", "fallback", "redis"}, "in seconds 0 to 3"},
		{"twice", "redis", []string{"redis", "fallback", "redis", "redis", "fallback"}, "in seconds 1 to 2 and in second 4"},
		{"restarted without Redis", "redis", []string{"redis", "memory"}, "in second 1"},
		{"a target that did not tell at first", results.Unknown, []string{"", "fallback"}, "in second 1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			clock := session.Clock{Epoch: time.Now()}
			ctx, stop := context.WithTimeout(t.Context(), time.Duration(len(c.states))*time.Second-storageEvery/2)
			defer stop()
			o := NewOutages(states{c.began, c.states, clock}, clock, nil)
			o.Watch(ctx)
			if got := strings.Join(o.Reasons(), "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		})
	}
}

func TestAPlannedOutageIsNotWatched(t *testing.T) {
	redis, instance := scenarios.Fault{Action: scenarios.Kill}, scenarios.Fault{Action: scenarios.Kill, Instance: 2}
	for _, c := range []struct {
		faults []scenarios.Fault
		want   bool
	}{{nil, false}, {[]scenarios.Fault{instance}, false}, {[]scenarios.Fault{instance, redis}, true}} {
		if got := redisIsPlanned(c.faults); got != c.want {
			t.Errorf("%v: %v", c.faults, got)
		}
	}
}
