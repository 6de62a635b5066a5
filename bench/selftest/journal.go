package selftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guestload/bench/gate"
	"guestload/server/cli"
)

// setup is what all runs of one folder have in common.
type setup struct {
	Base  string          `json:"base"`
	Go    string          `json:"go"`
	CPU   string          `json:"cpu"`
	CPUs  int             `json:"cpus"`
	Qemu  string          `json:"qemu,omitempty"` // "": nothing is counted
	Costs map[string]cost `json:"-"`              // by what runs the handler
}

// String names all that the runs of a folder must have in common.
func (s setup) String() string {
	counter := "nothing counted"
	if s.Qemu != "" {
		counter = "qemu " + s.Qemu
	}
	return fmt.Sprintf("%s on %d × %s, %s, %s", s.Base, s.CPUs, s.CPU, s.Go, counter)
}

// played is one run of the gate, a line of the folder's file.
type played struct {
	Kind    string       `json:"kind"`
	At      time.Time    `json:"at"`
	Verdict gate.Verdict `json:"verdict"`
	Pairs   int          `json:"pairs"` // of the metric that took the most
	Minutes float64      `json:"minutes"`
	Steal   *float64     `json:"steal,omitempty"`  // share of the machine's CPU time that its host took meanwhile
	Load    *float64     `json:"load,omitempty"`   // processes that wanted to run, one-minute average at the end
	Open    []string     `json:"open,omitempty"`   // CPU times left undecided, where counts gave the verdict
	Change  *float64     `json:"change,omitempty"` // estimated, of the first gated metric
	Why     []string     `json:"why,omitempty"`
}

// journal keeps a selftest's runs in a file, one JSON object a line: the setup,
// costs as they are calibrated, runs as they end. Without a folder it keeps nothing.
type journal struct {
	setup setup
	runs  []played
	file  string
}

// entry is one line; one of its parts is there.
type entry struct {
	Setup *setup          `json:"setup,omitempty"`
	Costs map[string]cost `json:"costs,omitempty"`
	Run   *played         `json:"run,omitempty"`
}

// openJournal reads what the folder has, which must be of the same setup, or
// begins it. A last line that was cut off by a crash is dropped.
func openJournal(dir string, s setup) (*journal, error) {
	s.Costs = map[string]cost{}
	j := &journal{setup: s}
	if dir == "" {
		return j, nil
	}
	j.file = filepath.Join(dir, "selftest.jsonl")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(j.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if len(whole) < len(text) {
		if err := os.WriteFile(j.file, whole, 0o644); err != nil {
			return nil, err
		}
	}
	if len(whole) == 0 {
		return j, j.write(entry{Setup: &s})
	}
	n := 0
	for line := range strings.Lines(string(whole)) {
		n++
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", j.file, n, err)
		}
		if err := j.take(e); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// take adds what a line says to what is known.
func (j *journal) take(e entry) error {
	if e.Setup != nil && e.Setup.String() != j.setup.String() {
		return cli.UsageError{Err: fmt.Errorf("%s has runs of %s, this is %s: give --out another folder", j.file, e.Setup, j.setup)}
	}
	for of, c := range e.Costs {
		j.setup.Costs[of] = c
	}
	if e.Run != nil {
		j.runs = append(j.runs, *e.Run)
	}
	return nil
}

// add keeps an entry.
func (j *journal) add(e entry) error {
	if err := j.take(e); err != nil {
		return err
	}
	return j.write(e)
}

func (j *journal) write(e entry) error {
	if j.file == "" {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(j.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// of are the runs of a kind.
func (j *journal) of(k Kind) (runs []played) {
	for _, r := range j.runs {
		if r.Kind == k.name() {
			runs = append(runs, r)
		}
	}
	return runs
}
