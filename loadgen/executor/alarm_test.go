package executor

import (
	"context"
	"testing"
	"time"
)

func TestAlarmsAreNeverEarlyAndEndWithTheirContext(t *testing.T) {
	for name, alarm := range map[string]func(context.Context) alarm{"go": newGoTimer, "precise": newPreciseAlarm} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			bell := alarm(ctx)
			defer bell.close()
			for _, d := range []time.Duration{1, time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
				begin := time.Now()
				if ok, took := bell.sleep(d), time.Since(begin); !ok || took < d {
					t.Errorf("slept %v of %v", took, d)
				}
			}
			time.AfterFunc(10*time.Millisecond, cancel)
			if bell.sleep(time.Hour) || ctx.Err() == nil {
				t.Error("the context's end did not end the sleep")
			}
			if bell.sleep(time.Hour) {
				t.Error("slept though the context had ended")
			}
		})
	}
}

func TestPreciseRunsStartEverybodyAndNobodyEarly(t *testing.T) {
	th := &theatre{stay: always(0)}
	p := th.plan(burst(200, 200*time.Millisecond))
	p.Precise = true
	if tally := mustRun(t, t.Context(), p); tally.Completed != 200 {
		t.Errorf("%+v, want 200 completed", tally)
	}
	for _, s := range th.starts {
		if s.at < s.intended {
			t.Errorf("guest %d came at %v, before it was due at %v", s.index, s.at, s.intended)
		}
	}
}
