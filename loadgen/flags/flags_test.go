package flags

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guestload/results"
	"guestload/server/api"
	"guestload/server/cli"
)

func TestAccessFlags(t *testing.T) {
	folder := t.TempDir()
	notPEM := filepath.Join(folder, "not.pem")
	if err := os.WriteFile(notPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	https := []string{"--target", "https://chat.example"}
	for _, tt := range []struct {
		args []string
		want string // part of the error, "" for none
	}{
		{[]string{"--timeout", "2s", "--header", "X-Api-Key: abc", "--header", "Cookie: a=b", "--header", "host: chat.example:8080"}, ""},
		{append([]string{"--insecure"}, https...), ""},
		{[]string{"--timeout", "0s"}, "--timeout 0s: from 10ms to 1h"},
		{[]string{"--timeout=-1s"}, "from 10ms"},
		{[]string{"--timeout", "5"}, "invalid argument"},
		{[]string{"--header", "X-Api-Key"}, "want NAME: VALUE"},
		{[]string{"--header", "X Api: a"}, "no name of a header"},
		{[]string{"--header", ": a"}, "no name of a header"},
		{[]string{"--header", "X: a\r\nHost: b"}, "line break"},
		{[]string{"--header", "Authorization: Basic x"}, "each guest's own token"},
		{[]string{"--header", "content-length: 3"}, "follows from the body"},
		{[]string{"--header", "Sec-WebSocket-Protocol: chat"}, "part of the WebSocket handshake"},
		{[]string{"--header", "Host: a b"}, "want a host name"},
		{[]string{"--header", "Host:"}, "want a host name"},
		{[]string{"--insecure"}, "for an https target"},
		{[]string{"--ca", notPEM, "--target", "http://chat.example"}, "for an https target"},
		{append([]string{"--ca", notPEM}, https...), "no certificate in PEM"},
		{append([]string{"--ca", filepath.Join(folder, "absent")}, https...), "--ca: open"},
		{append([]string{"--ca", notPEM, "--insecure"}, https...), "one of them"},
	} {
		_, err := Parse(append([]string{"--scenario", "smoke"}, tt.args...), nil)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
}

func TestAProxyOfTheEnvironmentIsNotPassedByInSilence(t *testing.T) {
	for _, tt := range []struct {
		target string
		env    map[string]string
		want   string // part of the error, "" for none
	}{
		{"http://chat.example", nil, ""},
		{"", map[string]string{"HTTP_PROXY": "http://proxy:3128"}, ""},
		{"http://127.0.0.1:3000", map[string]string{"HTTP_PROXY": "http://proxy:3128"}, ""},
		{"http://chat.example", map[string]string{"HTTPS_PROXY": "http://proxy:3128"}, ""},
		{"http://chat.example", map[string]string{"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": ".example"}, ""},
		{"http://chat.example", map[string]string{"HTTP_PROXY": "http://proxy:3128"}, "unset HTTP_PROXY, or add chat.example to NO_PROXY"},
		{"http://chat.example", map[string]string{"http_proxy": "proxy:3128"}, "http_proxy names the proxy http://proxy:3128,"},
		{"https://chat.example", map[string]string{"https_proxy": "http://u:hidden@proxy:3128"}, "add chat.example to NO_PROXY"},
		{"http://chat.example", map[string]string{"HTTP_PROXY": "http://u:hidden@[proxy"}, "HTTP_PROXY is no URL"},
	} {
		err := RefuseProxy(tt.target, func(name string) string { return tt.env[name] })
		_, usage := errors.AsType[cli.UsageError](err)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.want)) || strings.Contains(err.Error(), "hidden") || !usage) {
			t.Errorf("%s with %q: %v, want %q", tt.target, tt.env, err, tt.want)
		}
	}
}

func TestFlagsTakeOneDashOrTwo(t *testing.T) {
	want, err := Parse([]string{"--scenario", "x", "--seed", "5", "--transport=socketio", "--quiet"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse([]string{"-scenario", "x", "-seed=5", "-transport", "socketio", "-quiet"}, nil)
	if err != nil || got.Scenario != want.Scenario || got.Seed != 5 || !got.Seeded || got.Transport != api.SocketIO || !got.Quiet {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestPartsAreReadStrictly(t *testing.T) {
	const url = "http://127.0.0.1:3000"
	if p, err := parsePart("evening", "2/3", url); err != nil || *p != (results.Part{Run: "evening", Share: 2, Of: 3}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range [][4]string{
		{"evening", "", url, "go together"}, {"", "1/2", url, "go together"}, {"a b", "1/2", url, "letters, digits"},
		{"x", "1", url, "want K/N"}, {"x", "0/2", url, "want K/N"}, {"x", "3/2", url, "want K/N"}, {"x", "1/1", url, "want K/N"}, {"x", "a/b", url, "want K/N"},
		{"x", "1/2", "", "--share without --target"},
	} {
		if p, err := parsePart(bad[0], bad[1], bad[2]); err == nil || !strings.Contains(err.Error(), bad[3]) {
			t.Errorf("%q: %+v, %v", bad, p, err)
		}
	}
}

func TestWhereToWatch(t *testing.T) {
	for given, want := range map[string]string{":8090": ":8090", "8090": ":8090", "0.0.0.0:80": "0.0.0.0:80", "[::1]:0": "[::1]:0", "": ""} {
		if got, err := parseWatch(given); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", given, got, err, want)
		}
	}
	for _, bad := range []string{"x", ":x", ":65536", ":-1", "localhost", "a:b:c", ":"} {
		if got, err := parseWatch(bad); err == nil || !strings.Contains(err.Error(), "such as :8090") {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// Each flag has a place in the help, and an example that names it and can be parsed.
func TestEveryFlagIsExplained(t *testing.T) {
	help := Help()
	for _, f := range declared(new(Options), new(raw)) {
		if f.group == "" || f.about == "" || !strings.Contains(f.example, "--"+f.name) || !strings.Contains(help, "  "+strings.TrimSpace("--"+f.name+" "+f.value)+"\n        "+f.about+"\n") {
			t.Errorf("--%s: %+v", f.name, f)
		}
	}
}

// A real bash completes what the declarations say.
func TestBashCompletes(t *testing.T) {
	script, err := Completion([]string{"bash"})
	if err != nil {
		t.Fatal(err)
	}
	script += `COMP_WORDS=(loadgen "$@"); COMP_CWORD=$#; _loadgen; printf '%s\n' "${COMPREPLY[@]}"`
	for _, tt := range []struct {
		words     []string
		want, not string
	}{
		{[]string{"--sc"}, "--scenario", "--seed"},
		{[]string{"--sc"}, "--scale", "--out"},
		{[]string{"co"}, "compare", "merge"},
		{[]string{"--transport", "s"}, "socketio", "ws"},
		{[]string{"--scenario", "bu"}, "burst", "smoke"},
		{[]string{"--quiet", "--ver"}, "--version", "--watch"},
		{[]string{"completion", "f"}, "fish", "bash"},
	} {
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-c", script, "bash"}, tt.words...)...)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Contains(got, tt.want) || slices.Contains(got, tt.not) {
			t.Errorf("%q: %v, %q, want %s and not %s", tt.words, err, got, tt.want, tt.not)
		}
	}
}

func TestCompletionsNameEveryFlag(t *testing.T) {
	for _, shell := range shells {
		script, err := Completion([]string{shell})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range declared(new(Options), new(raw)) {
			if !strings.Contains(script, f.name) {
				t.Errorf("%s: no --%s", shell, f.name)
			}
		}
	}
	for _, bad := range [][]string{nil, {"bahs"}, {"bash", "zsh"}, {""}} {
		_, err := Completion(bad)
		if _, usage := errors.AsType[cli.UsageError](err); !usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
