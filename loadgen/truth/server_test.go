package truth

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"gonum.org/v1/gonum/stat/distuv"

	"guestload/server/api"
)

// serve is the first argument with which the test's binary is the server.
const serve = "serve-truth"

// TestMain lets the test's binary be the server of known behaviour, and a
// process that does nothing but use a core.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == serve:
		err = serveUntilOrphaned(os.Args[2:])
	case len(os.Args) > 1 && os.Args[1] == burn:
		burnUntilOrphaned()
	default:
		code := m.Run()
		os.Remove(program) // if it was built
		os.Exit(code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lognormal are n service times whose percentiles are exactly those of a
// log-normal distribution, in an order that says nothing; a median of 0 is no
// service time at all.
func lognormal(n int, median time.Duration, sigma float64) []time.Duration {
	all := make([]time.Duration, n)
	if median == 0 {
		return all
	}
	d := distuv.LogNormal{Mu: math.Log(median.Seconds()), Sigma: sigma}
	for i, place := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		all[i] = time.Duration(d.Quantile((float64(place)+0.5)/float64(n)) * float64(time.Second))
	}
	return all
}

// deed is what the server did for one guest, in nanoseconds of Unix time; 0 is never.
type deed struct {
	began    int64 // to create the session
	answered int64 // just before it was
	followed int64 // by the guest's next request
}

// server creates sessions for guests who are named guest0, guest1, …, each in
// a time that is known, and notes what it did.
type server struct {
	base   time.Time
	delays []time.Duration
	deeds  []struct{ began, answered, followed atomic.Int64 }
}

// now is monotonic: the wall clock is read once.
func (s *server) now() int64 { return s.base.UnixNano() + int64(time.Since(s.base)) }

func (s *server) route(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	session, isSession := strings.CutPrefix(path, "/api/guest/")
	switch {
	case ctx.IsPost() && path == "/api/guest":
		s.create(ctx)
	case isSession:
		if i, err := strconv.Atoi(session); err == nil && i >= 0 && i < len(s.deeds) {
			s.deeds[i].followed.CompareAndSwap(0, s.now())
		}
		fmt.Fprintf(ctx, `{"success":true,"data":{"user":{"id":"guest_%s"}}}`, session)
	case path == "/deeds":
		for i := range s.deeds {
			d := &s.deeds[i]
			fmt.Fprintln(ctx, d.began.Load(), d.answered.Load(), d.followed.Load())
		}
	default:
		ctx.SetStatusCode(404)
		fmt.Fprintf(ctx, `{"success":false,"message":%q}`, api.TextNoEndpoint)
	}
}

func (s *server) create(ctx *fasthttp.RequestCtx) {
	began := s.now()
	session := "nobody"
	body, err := api.ParseJSON(ctx.PostBody())
	if name, ok := strings.CutPrefix(string(body.Get("username").Text()), "guest"); ok && err == nil {
		session = name
	}
	i, err := strconv.Atoi(session)
	known := err == nil && i >= 0 && i < len(s.deeds)
	if known && s.delays[i] > 0 {
		<-time.After(s.delays[i])
	}
	fmt.Fprintf(ctx, `{"success":true,"data":{"token":"t","user":{"id":"guest_%s","sessionId":%q,"username":"guest%s"}}}`, session, session, session)
	if known {
		s.deeds[i].began.Store(began)
		s.deeds[i].answered.Store(s.now())
	}
}

// serveUntilOrphaned is the server's process: it tells its address, and ends
// when its standard input does. The arguments are the number of guests, and
// median and sigma of the service times.
func serveUntilOrphaned(args []string) error {
	n, e1 := strconv.Atoi(args[0])
	median, e2 := time.ParseDuration(args[1])
	sigma, e3 := strconv.ParseFloat(args[2], 64)
	ln, e4 := net.Listen("tcp4", "127.0.0.1:0")
	if err := errors.Join(e1, e2, e3, e4); err != nil {
		return err
	}
	s := &server{base: time.Now(), delays: lognormal(n, median, sigma)}
	s.deeds = make([]struct{ began, answered, followed atomic.Int64 }, n)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("http://" + ln.Addr().String())
	return fasthttp.Serve(ln, s.route)
}

// process is the server's, as the test has it.
type process struct {
	*os.Process
	url string
}

// start starts a server for n guests. It ends with the test.
func start(t *testing.T, n int, median time.Duration, sigma float64) process {
	t.Helper()
	cmd := exec.Command(os.Args[0], serve, fmt.Sprint(n), median.String(), fmt.Sprint(sigma))
	cmd.Stderr = os.Stderr
	leash, e1 := cmd.StdinPipe()
	out, e2 := cmd.StdoutPipe()
	if err := errors.Join(e1, e2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGCONT) // wherever the test ended
		leash.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return process{cmd.Process, strings.TrimSpace(line)}
}

// deeds asks the server what it has done.
func (p process) deeds(t *testing.T) (all []deed) {
	t.Helper()
	status, body, err := fasthttp.Get(nil, p.url+"/deeds")
	if err != nil || status != 200 {
		t.Fatalf("status %d, %v", status, err)
	}
	for line := range bytes.Lines(body) {
		var d deed
		if _, err := fmt.Sscan(string(line), &d.began, &d.answered, &d.followed); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}
