package main

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guestload/results"
	"guestload/server/api"
)

// endTime is how long a program may take to end after an interrupt: 1 s, and as much
// again for a machine that is busy with other tests.
const endTime = 2 * time.Second

// mute is a target that accepts every connection and answers few requests. Waiting receives each request that is left unanswered.
type mute struct {
	address string
	waiting chan string
}

// newMute starts a target that answers requests of these methods and paths with a
// body, and no others. Each guest that it creates has an id of its own.
func newMute(t *testing.T, answers map[string]string) *mute {
	t.Helper()
	m := &mute{waiting: make(chan string, 1<<12)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var guests atomic.Int64
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if greeting, ok := answers["SOCKET "+r.URL.Path]; ok {
			_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			m.greet(t, w, r, strings.ReplaceAll(greeting, guestID, token))
			<-over
			return
		}
		if body, ok := answers[r.Method+" "+r.URL.Path]; ok {
			io.WriteString(w, strings.ReplaceAll(body, guestID, fmt.Sprintf("%08x", guests.Add(1))))
			return
		}
		select {
		case m.waiting <- r.Method + " " + r.URL.Path:
		default:
		}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})}
	go server.Serve(l)
	t.Cleanup(func() { close(over); server.Close() })
	m.address = "http://" + l.Addr().String()
	return m
}

// greet opens a WebSocket and sends one text frame over it. Nobody reads it, and nothing follows.
func (m *mute) greet(t *testing.T, w http.ResponseWriter, r *http.Request, greeting string) {
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { nc.Close() })
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81%c%s",
		base64.StdEncoding.EncodeToString(accept[:]), rune(len(greeting)), greeting)
	m.waiting <- "SOCKET " + r.URL.Path
}

// await waits until a request was left unanswered that contains this.
func (m *mute) await(t *testing.T, path string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case got := <-m.waiting:
			if strings.Contains(got, path) {
				return
			}
		case <-late:
			t.Fatalf("nobody asked for %s", path)
		}
	}
}

const (
	guestID = "7f5ac9a8" // stands for the id of each guest, which is its token, too
	refusal = `{"success":false,"message":"no token"}`
	greeted = `{"event":"connection:established","data":{"userId":"7f5ac9a8"}}`
	created = `{"success":true,"data":{"token":"7f5ac9a8","user":{"id":"7f5ac9a8","sessionId":"7f5ac9a8","username":"Ann"}}}`
)

// wasted is a scenario whose guests create themselves, connect, and stay.
const wasted = `scenario: wasted
about: guests of a silent target.
seed: 3
phases:
  - {name: meet, guests: 40, within: 20s}
guests:
  - script: talker
    steps: [create, connect, {idle: {for: 20s}}, drop]
thresholds:
  - failures == 0
`

var wastedSearch = strings.Replace(wasted, "phases:\n  - {name: meet, guests: 40, within: 20s}\n", "capacity: {from: 2/s, to: 8/s, settle: 1s, hold: 20s, precision: 20%, repeats: 3}\n", 1)

// A real Ctrl-C ends the program whatever the target keeps waiting.
func TestAnInterruptEndsTheProgramThoughTheTargetIsSilent(t *testing.T) {
	health := map[string]string{"GET /health": `{"storage":"memory"}`}
	creates := map[string]string{"GET /health": `{"storage":"memory"}`, "POST /api/guest": created}
	greets := map[string]string{"GET /health": `{"storage":"memory"}`, "POST /api/guest": created, "SOCKET " + api.PathJSON: greeted}
	for _, tt := range []struct {
		name    string
		answers map[string]string
		reached string // the request that is not answered
		early   bool   // before the first guest
	}{
		{"says nothing at all", nil, "GET /health", true},
		{"knows health alone", health, "POST /api/guest", false},
		{"creates guests alone", creates, "GET " + api.PathJSON, false},
		{"opens sockets and reads none", greets, "SOCKET " + api.PathJSON, false},
	} {
		for mode, args := range map[string][]string{"one process": nil, "two processes": {"--processes", "2"}, "search": nil} {
			t.Run(tt.name+", "+mode, func(t *testing.T) {
				t.Parallel()
				text := wasted
				if mode == "search" {
					text = wastedSearch
				}
				m := newMute(t, tt.answers)
				args := append([]string{"--scenario", scenarioFile(t, text), "--target", m.address, "--quiet"}, args...)
				end := interrupted(t, args, func(int, string) {
					if m.await(t, tt.reached); mode == "two processes" && tt.reached == "POST /api/guest" {
						m.await(t, tt.reached) // the first is for the target's counts
					}
				}, syscall.SIGINT)
				if tt.early {
					if !strings.Contains(end.stderr, "interrupted before the first guest") || end.stdout != "" || end.hasRecord {
						t.Errorf("%+v", end)
					}
					return
				}
				if !strings.Contains(end.stdout, "INVALID  interrupted") || !end.hasRecord || !end.record.Interrupted {
					t.Errorf("%+v", end)
				}
			})
		}
	}
}

// clean is a scenario whose guests leave cleanly after a moment.
var clean = strings.Replace(wasted, "{idle: {for: 20s}}", "{idle: {for: 1ms}}", 1)

// A guest who waits for the answer to its close frame does not keep the program either.
func TestAnInterruptEndsTheProgramWhileSocketsClose(t *testing.T) {
	m := newMute(t, map[string]string{"GET /health": `{"storage":"memory"}`, "POST /api/guest": created, "SOCKET " + api.PathJSON: greeted})
	end := interrupted(t, []string{"--scenario", scenarioFile(t, clean), "--target", m.address, "--quiet"}, func(int, string) {
		for range 3 {
			m.await(t, "SOCKET "+api.PathJSON)
		}
	}, syscall.SIGINT)
	if !end.hasRecord || !end.record.Interrupted {
		t.Errorf("%+v", end)
	}
}

// ending is how a program ended that was interrupted.
type ending struct {
	took           time.Duration
	stdout, stderr string
	hasRecord      bool
	record         results.Record
}

// interrupted starts the program, sends it signals once it is where it should be, and
// checks that it ends soon with the exit code of an interrupted run.
func interrupted(t *testing.T, args []string, there func(pid int, dir string), signals ...os.Signal) ending {
	t.Helper()
	folder := t.TempDir()
	dir := filepath.Join(folder, "r")
	var files []*os.File
	for _, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	cmd := start(t, files[0], files[1], append(args, "--out", dir)...)
	there(cmd.Process.Pid, dir)
	at := time.Now()
	for _, s := range signals {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait()
	end := ending{took: time.Since(at)}
	read := func(i int) string {
		b, err := os.ReadFile(files[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	end.stdout, end.stderr = read(0), read(1)
	if r, err := results.Read(dir); err == nil {
		end.hasRecord, end.record = true, r.Record
	}
	t.Logf("ended %v after the signal", end.took.Round(time.Millisecond))
	if code := cmd.ProcessState.ExitCode(); code != results.ExitInvalid || end.took > endTime {
		t.Errorf("%v after %v, want exit code %d within %v\n%s%s", cmd.ProcessState, end.took, results.ExitInvalid, endTime, end.stdout, end.stderr)
	}
	return end
}

// A second Ctrl-C waits for nothing, and still leaves a record.
func TestASecondInterruptLeavesTheRecord(t *testing.T) {
	m := newMute(t, map[string]string{"GET /health": `{"storage":"memory"}`, "POST /api/guest": created})
	end := interrupted(t, []string{"--scenario", scenarioFile(t, wasted), "--target", m.address, "--quiet"},
		func(int, string) { m.await(t, "GET "+api.PathJSON) }, syscall.SIGINT, syscall.SIGINT)
	if !end.hasRecord || !end.record.Interrupted {
		t.Errorf("%+v", end)
	}
}

// Statistics that never come prolong a run by little, and the record says what is missing.
func TestSilentStatisticsProlongNoRun(t *testing.T) {
	brief := `scenario: brief
about: one second.
phases:
  - {name: meet, guests: 4, within: 1s}
guests:
  - script: maker
    steps: [create]
`
	all := map[string]string{
		"GET /health": `{"storage":"memory"}`, "POST /api/guest": created, "GET /api/guest/me": refusal,
		"GET /metrics":         "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 1\n",
		"GET /api/users/stats": `{"success":true,"data":{"statistics":{"onlineUsers":0}}}`, "GET /api/socket/stats": `{"success":true,"data":{"connectedSockets":0}}`,
	}
	for _, silent := range []string{"/health", "/metrics", "/api/users/stats", "/api/socket/stats"} {
		t.Run(silent, func(t *testing.T) {
			t.Parallel()
			answers := map[string]string{}
			for path, body := range all {
				if path != "GET "+silent {
					answers[path] = body
				}
			}
			m := newMute(t, answers)
			begin := time.Now()
			_, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, brief), "--target", m.address, "--quiet", "--out", filepath.Join(t.TempDir(), "r"))
			took := time.Since(begin)
			t.Logf("took %v", took.Round(time.Millisecond))
			if took > 6*time.Second || !strings.Contains(out, "4 completed") {
				t.Errorf("after %v\n%s%s", took, out, errs)
			}
			want := fmt.Sprintf("GET %s was not answered within", silent)
			if silent == "/api/users/stats" { // in so short a run the question ends with it
				want = "whether anything was left behind at the end is not known"
			}
			if !strings.Contains(out, want) {
				t.Errorf("want %q in\n%s%s", want, out, errs)
			}
		})
	}
}
