package app

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/server/httpd"
	"guestload/server/httpd/limit"
)

const patience = 15 * time.Second

func noEnv(string) string { return "" }

// quick runs the program for what ends by itself.
func quick(t *testing.T, env func(string) string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code = Run(ctx, args, env, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestBadCommandLinesAreExplained(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--port", "1"}, "unknown flag: --port"},
		{[]string{"-listn=1"}, "unknown flag: --listn"},
		{[]string{"serve"}, `unexpected argument "serve"`},
		{[]string{"--listen", "localhost:99999999"}, "--listen"},
		{[]string{"--listen", ""}, "--listen"},
		{[]string{"--pprof", "nonsense"}, "--pprof"},
		{[]string{"--limits", "maybe"}, `--limits "maybe": on or off`},
		{[]string{"--limit-requests", "100"}, "100/15m"},
		{[]string{"--limit-address-sockets", "-1"}, "--limit-address-sockets -1: 0 or more"},
		{[]string{"--limits", "off", "--limit-address-connections", "-1"}, "--limit-address-connections -1: 0 or more"},
		{[]string{"--max-sockets", "-1"}, "0 or more"},
		{[]string{"--max-sockets", "many"}, "max-sockets"},
		{[]string{"--cors", "chat.example"}, "https://chat.example"},
		{[]string{"--trusted-proxies", "proxy"}, "10.0.0.0/8"},
		{[]string{"--token-ttl", "0s"}, "at least 1s"},
		{[]string{"--token-ttl", "1500ms"}, "whole seconds"},
		{[]string{"--drain-timeout", "1m"}, "from 0s to 9s"},
		{[]string{"--log", "xml"}, "text or json"},
		{[]string{"--log-level", "loud"}, "debug, info, warn or error"},
		{[]string{"--jwt-secret-file", empty}, "is empty"},
		{[]string{"--jwt-secret-file", empty + "-absent"}, "no such file"},
	} {
		code, out, errs := quick(t, noEnv, c.args...)
		if code != 2 || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
}

func TestAFaultThatIsNotTheCommandLinesExitsWithOne(t *testing.T) {
	for name, args := range map[string][]string{
		"no such address": {"--listen", "192.0.2.1:1"},
		"pprof":           {"--listen", "127.0.0.1:0", "--pprof", "192.0.2.1:1"},
	} {
		if code, _, errs := quick(t, noEnv, args...); code != 1 || !strings.Contains(errs, "192.0.2.1:1") {
			t.Errorf("%s: exit %d, %s", name, code, errs)
		}
	}
	short := func(string) string { return "short" }
	if code, _, errs := quick(t, short, "--listen", "127.0.0.1:0"); code != 1 || !strings.Contains(errs, "at least") || strings.Contains(errs, "short\"") {
		t.Errorf("a short secret: exit %d, %s", code, errs)
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	for _, flag := range []string{"-h", "--help", "-help"} {
		code, out, errs := quick(t, noEnv, flag)
		if code != 0 || errs != "" {
			t.Errorf("%s: exit %d, %s", flag, code, errs)
		}
		for _, name := range []string{"--listen", "--limits", "--limit-events", "--cors", "--trusted-proxies", "--jwt-secret-file", "--log", "--pprof", "--drain-timeout", "JWT_SECRET"} {
			if !strings.Contains(out, name) {
				t.Errorf("%s does not name %s", flag, name)
			}
		}
	}
}

func TestFlagsTakeOneDashOrTwo(t *testing.T) {
	for _, args := range [][]string{
		{"-listen", "127.0.0.1:0", "-limits=off", "-token-ttl", "1h"},
		{"--listen=127.0.0.1:0", "--limits", "off", "--token-ttl=1h"},
	} {
		o, err := parse(args, noEnv)
		if err != nil || o.listen != "127.0.0.1:0" || o.tokens != time.Hour || !o.limits.Requests.Unlimited() || o.limits.SocketsByAddress != 0 {
			t.Errorf("%v: %+v, %v", args, o, err)
		}
	}
}

func TestALimitThatIsGivenHoldsThoughTheOthersAreOff(t *testing.T) {
	perSecond := limit.Rule{Max: 20, Per: time.Second}
	for args, want := range map[string]httpd.Limits{
		"--limits off":                                                       {},
		"--limits off --limit-events 20/1s":                                  {Events: perSecond},
		"--limit-requests 20/1s --limits off":                                {Requests: perSecond},
		"--limits off --limit-address-sockets 7":                             {SocketsByAddress: 7},
		"--limits=off -limit-address-connections=8 --limit-creations off":    {ConnectionsByAddress: 8},
		"--limits off --limit-renewals 20/1s --limit-address-renewals 20/1s": {SessionRenewals: perSecond, AddressRenewals: perSecond},
		"--limits on": httpd.DefaultLimits(),
		"":            httpd.DefaultLimits(),
	} {
		if o, err := parse(strings.Fields(args), noEnv); err != nil || o.limits != want {
			t.Errorf("%s: %+v, %v", args, o.limits, err)
		}
	}
}

func TestSecretsComeFromTheFileBeforeTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("the secret of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		return map[string]string{"JWT_SECRET": "the secret of the environment"}[name]
	}
	for want, args := range map[string][]string{
		"the secret of the file": {"--jwt-secret-file", file}, "the secret of the environment": nil,
	} {
		if o, err := parse(args, env); err != nil || string(o.secret) != want {
			t.Errorf("%v: %q, %v", args, o.secret, err)
		}
	}
}

// running is a server that was started as from a command line.
type running struct {
	url    string
	leash  *io.PipeWriter // its stdin
	stop   context.CancelFunc
	exited chan int
	log    *bytes.Buffer // to be read when it has exited
}

func launch(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdin, leash := io.Pipe()
	out, stdout := io.Pipe()
	r := &running{leash: leash, stop: cancel, exited: make(chan int, 1), log: new(bytes.Buffer)}
	go func() {
		code := Run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), noEnv, stdin, stdout, r.log)
		_ = stdout.Close()
		r.exited <- code
	}()
	t.Cleanup(cancel)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "listening on http://127.0.0.1:") {
		t.Fatalf("the first line is %q", lines.Text())
	}
	r.url = strings.TrimPrefix(lines.Text(), "listening on ")
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return r
}

func (r *running) wait(t *testing.T) int {
	t.Helper()
	select {
	case code := <-r.exited:
		return code
	case <-time.After(patience):
		t.Fatal("it does not stop")
		return -1
	}
}

func TestAServerRunsUntilItIsStopped(t *testing.T) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for name, end := range map[string]func(*running){
		"by its context": func(r *running) { r.stop() },
		"by its stdin":   func(r *running) { _ = r.leash.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := launch(t, "--exit-with-stdin", "--log", "json", "--pprof", "127.0.0.1:0")
			for path, want := range map[string]int{"/health": 200, "/ready": 200, "/metrics": 200, "/debug/pprof/": 404} {
				resp, err := client.Get(r.url + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s: %d", path, resp.StatusCode)
				}
			}
			end(r)
			if code := r.wait(t); code != 0 {
				t.Errorf("exit %d", code)
			}
			for _, said := range []string{"random secret", `"msg":"listening"`, `"msg":"draining"`, `"msg":"stopped"`} {
				if !strings.Contains(r.log.String(), said) {
					t.Errorf("the log does not say %s:\n%s", said, r.log)
				}
			}
		})
	}
}
