package crew

import (
	"bytes"
	"encoding/gob"
	"io"
	"reflect"
	"testing"
	"time"

	"guestload/loadgen/executor"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

func TestASecondIsHeardAsItWasSaid(t *testing.T) {
	times := results.NewTimes()
	for i, h := range []*results.Histogram{times.Response, times.Service, times.Lag} {
		for v := int64(0); v < 60_000_000; v = 2*v + 1 {
			if err := h.RecordValues(v, v+int64(i)+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	times.Failures["timeout"] = results.Failures{Count: 3, Waited: time.Minute, Longest: time.Second}
	times.Retries = 5
	said := results.Second{Second: 7, Phase: "p", Warmup: true, Arrived: 1, Done: 2, Live: 3, Messages: 4, Operations: map[string]*results.Times{"ack": times},
		Unrecorded: map[string]*results.Times{"create": times}}

	var line bytes.Buffer
	if err := NewLine(nil, &line).Say(Word{Seconds: []Second{Say(said)}, Now: executor.Tally{Arrived: 5}, Until: 9, Calls: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	m := &Member{in: gob.NewDecoder(&line)}
	w, err := m.Next()
	if err != nil || w.Now.Arrived != 5 || w.Until != 9 || string(w.Calls) != "c" || len(w.Seconds) != 1 {
		t.Fatalf("%+v, %v", w, err)
	}
	heard, err := w.Seconds[0].Heard()
	if err != nil {
		t.Fatal(err)
	}
	if len(heard.Unrecorded) != 1 || !same(heard.Unrecorded["create"].Service, times.Service) {
		t.Errorf("unrecorded: %+v", heard.Unrecorded)
	}
	if got := heard.Operations["ack"]; !same(got.Response, times.Response) || !same(got.Service, times.Service) || !same(got.Lag, times.Lag) || !reflect.DeepEqual(got.Failures, times.Failures) || got.Retries != times.Retries {
		t.Errorf("times differ: %+v", got)
	}
	heard.Operations, said.Operations, heard.Unrecorded, said.Unrecorded = nil, nil, nil, nil
	if !reflect.DeepEqual(heard, said) {
		t.Errorf("%+v, said was %+v", heard, said)
	}
	if _, err := m.Next(); err != io.EOF {
		t.Errorf("after the last word: %v", err)
	}
}

func same(a, b *results.Histogram) bool {
	return bytes.Equal(counts(a), counts(b)) && a.TotalCount() == b.TotalCount() && a.Max() == b.Max()
}

func TestAScenarioIsHeardAsItWasSaid(t *testing.T) {
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
		said := Job{Scenario: s, Part: results.Part{Run: "r", Share: 1, Of: 2}, Targets: []string{"http://a", "http://b"}, Transport: api.SocketIO, Conns: 3}
		if err := gob.NewEncoder(&line).Encode(said); err != nil {
			t.Fatal(err)
		}
		heard, err := NewLine(&line, nil).Job()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(normal(heard), normal(said)) {
			t.Errorf("%s: heard %+v, said was %+v", l.Name, heard, said)
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

func FuzzHistogramsAreReadAsTheyAre(f *testing.F) {
	f.Add([]byte{0x80})
	f.Add([]byte{5, 1, 0xe8, 7, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		read := results.NewHistogram()
		if count(read, b) != nil {
			return
		}
		again := results.NewHistogram()
		if err := count(again, counts(read)); err != nil || !same(read, again) {
			t.Errorf("%x: %v", b, err)
		}
	})
}
