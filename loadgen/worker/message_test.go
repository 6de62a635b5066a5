package worker

import (
	"bytes"
	"encoding/gob"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"guestload/loadgen/executor"
	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
	"guestload/server/api"
)

func TestASecondArrivesAsItWasSent(t *testing.T) {
	times := series.NewTimes()
	for i, h := range []*series.Histogram{times.Response, times.Service, times.Lag} {
		for v := int64(0); v < 60_000_000; v = 2*v + 1 {
			if err := h.RecordValues(v, v+int64(i)+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	times.Failures["timeout"] = series.Failures{Count: 3, Waited: time.Minute, Longest: time.Second}
	times.Retries = 5
	sent := series.Second{Second: 7, Phase: "p", Warmup: true, Arrived: 1, Done: 2, Live: 3, Messages: 4, Operations: map[string]*series.Times{"ack": times},
		Unrecorded: map[string]*series.Times{"create": times}}

	var line bytes.Buffer
	if err := NewConn(nil, &line).Send(Message{Seconds: []series.Second{sent}, Now: executor.Tally{Arrived: 5}, Until: 9, Calls: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	m := &Process{in: gob.NewDecoder(&line)}
	w, err := m.Next()
	if err != nil || w.Now.Arrived != 5 || w.Until != 9 || string(w.Calls) != "c" || len(w.Seconds) != 1 {
		t.Fatalf("%+v, %v", w, err)
	}
	got := w.Seconds[0]
	if len(got.Unrecorded) != 1 || !same(got.Unrecorded["create"].Service, times.Service) {
		t.Errorf("unrecorded: %+v", got.Unrecorded)
	}
	if got := got.Operations["ack"]; !same(got.Response, times.Response) || !same(got.Service, times.Service) || !same(got.Lag, times.Lag) || !reflect.DeepEqual(got.Failures, times.Failures) || got.Retries != times.Retries {
		t.Errorf("times differ: %+v", got)
	}
	got.Operations, sent.Operations, got.Unrecorded, sent.Unrecorded = nil, nil, nil, nil
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("%+v, sent was %+v", got, sent)
	}
	if _, err := m.Next(); err != io.EOF {
		t.Errorf("after the last word: %v", err)
	}
}

func same(a, b *series.Histogram) bool {
	return a.TotalCount() == b.TotalCount() && slices.Equal(series.Percentiles(a, 0, 1, 10, 50, 90, 99, 100), series.Percentiles(b, 0, 1, 10, 50, 90, 99, 100))
}

func TestAScenarioArrivesAsItWasSent(t *testing.T) {
	all, err := scenarios.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		s, err := scenarios.Load(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		s.Capacity = nil // which is never played together
		var line bytes.Buffer
		sent := Job{Scenario: s, Part: results.Part{Run: "r", Share: 1, Of: 2}, Targets: []string{"http://a", "http://b"}, Transport: api.SocketIO, Conns: 3}
		if err := gob.NewEncoder(&line).Encode(sent); err != nil {
			t.Fatal(err)
		}
		got, err := NewConn(&line, nil).Job()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(normal(got), normal(sent)) {
			t.Errorf("%s: got %+v, sent was %+v", l.Name, got, sent)
		}
	}
}

// normal leaves out what tells nil from empty, which makes no difference here.
func normal(j Job) Job {
	if len(j.Scenario.Feeds) == 0 {
		j.Scenario.Feeds = nil
	}
	if len(j.Scenario.Wire.Paths) == 0 {
		j.Scenario.Wire.Paths = nil
	}
	if len(j.Scenario.Wire.Events) == 0 {
		j.Scenario.Wire.Events = nil
	}
	if len(j.Scenario.Faults) == 0 {
		j.Scenario.Faults = nil
	}
	return j
}
