package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// White space around a secret or a URL is no part of it, wherever it comes from.
func TestWhiteSpaceAroundSecretsAndURLsIsIgnored(t *testing.T) {
	const secretText, url = "correct horse battery staple", "redis://127.0.0.1:6379"
	for _, around := range []string{"", "\n", "\r\n", "\n\n", " ", "\t\r\n "} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(secretText+around), 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(name string) string {
			return map[string]string{"JWT_SECRET": around + secretText + around, "REDIS_URL": around + url + around}[name]
		}
		for _, args := range [][]string{nil, {"--jwt-secret-file", file, "--redis-url", url + around}} {
			o, err := parse(args, env)
			if err != nil || string(o.secret) != secretText || o.redis != url {
				t.Errorf("with %q around, %q: secret %q, Redis %q, %v", around, args, o.secret, o.redis, err)
			}
		}
	}
	blank := filepath.Join(t.TempDir(), "blank")
	if err := os.WriteFile(blank, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{nil, map[string]string{"JWT_SECRET": " \n"}, "JWT_SECRET is empty"},
		{[]string{"--jwt-secret-file", blank}, nil, "--jwt-secret-file " + blank + " is empty"},
		{nil, map[string]string{"REDIS_URL": "\n"}, "REDIS_URL is blank"},
		{[]string{"--redis-url", " "}, nil, "--redis-url is blank"},
	} {
		if _, err := parse(tt.args, func(name string) string { return tt.env[name] }); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: %v, want %q", tt.args, tt.env, err, tt.want)
		}
	}
	if o, err := parse([]string{"--redis-url", ""}, func(string) string { return url }); err != nil || o.redis != "" {
		t.Errorf("--redis-url '' keeps guests in memory: %q, %v", o.redis, err)
	}
}
