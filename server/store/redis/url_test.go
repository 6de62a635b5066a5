package redis

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestURLForms(t *testing.T) {
	tests := []struct {
		url  string
		want address
	}{
		{"redis://localhost", address{hosts: []string{"localhost:6379"}}},
		{"redis://localhost:7000/3", address{hosts: []string{"localhost:7000"}, database: 3}},
		{"rediss://:secret@r.example.org/", address{tls: true, hosts: []string{"r.example.org:6379"}, password: "secret"}},
		{"redis://app:p%40ss%3Aw%2F@[::1]:7", address{hosts: []string{"[::1]:7"}, username: "app", password: "p@ss:w/"}},
		{"redis://:a@b@h", address{hosts: []string{"h:6379"}, password: "a@b"}},
		{"redis://a:1,b", address{kind: cluster, hosts: []string{"a:1", "b:6379"}}},
		{"redis-cluster://:s@a:1,b:2,c", address{kind: cluster, hosts: []string{"a:1", "b:2", "c:6379"}, password: "s"}},
		{"rediss-cluster://a", address{kind: cluster, tls: true, hosts: []string{"a:6379"}}},
		{"redis-sentinel://:s@a,b:9/2?master=main", address{kind: sentinel, hosts: []string{"a:26379", "b:9"}, password: "s", database: 2, masterSet: "main"}},
		{"redis-sentinel://a:1?master=m&sentinel_password=p%26%40", address{kind: sentinel, hosts: []string{"a:1"}, masterSet: "m", sentinels: "p&@"}},
		{"rediss://a?ca=/etc/ca.pem&cert=c&key=k", address{tls: true, hosts: []string{"a:6379"}, files: files{ca: "/etc/ca.pem", cert: "c", key: "k"}}},
	}
	for _, tt := range tests {
		got, err := parseURL(tt.url)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("parseURL(%q) = %+v, %v, want %+v", tt.url, got, err, tt.want)
		}
	}
}

func TestURLThatCannotWorkIsRefusedWithoutThePassword(t *testing.T) {
	tests := []struct{ url, says string }{
		{"", "begin with"},
		{"localhost:6379", "begin with"},
		{"http://:hunter2@h", "scheme"},
		{"redis://", "host"},
		{"redis://:hunter2@", "host"},
		{"redis://:hunter2@h:0", "1..65535"},
		{"redis://:hunter2@h:99999", "1..65535"},
		{"redis://:hunter2@h:x", "host"},
		{"redis://:hunter2@a,,b", "host"},
		{"redis://:hunter2%zz@h", "%25"},
		{"redis://hunter2@h", "no password"},
		{"redis://:hunter2@h/x", "database"},
		{"redis://:hunter2@h/-1", "database"},
		{"redis://:hunter2@h/1/2", "database"},
		{"redis://:hunter2@h?timeout=1", "timeout"},
		{"redis://:hunter2@h?master=x", "master"},
		{"redis://h?sentinel_password=hunter2", "redis-sentinel://"},
		{"redis-sentinel://h?sentinel_password=hunter2", "?master=NAME"},
		{"redis://:hunter2@h?ca=x", "rediss"},
		{"rediss://:hunter2@h?cafile=x", "ca=FILE"},
		{"redis://:hunter2@h#x", "%23"},
		{"redis://:hunter2/x@h", "%2F"},
		{"redis://:x/hunter2@h", "%2F"},
		{"redis://:x?hunter2@h", "%3F"},
		{"redis://:x@y/hunter2@h", "%2F"},
		{"redis://:hunter2", "host"},
		{"redis-cluster://:hunter2@a,b/1", "database 0"},
		{"redis-sentinel://:hunter2@a", "?master=NAME"},
	}
	for _, tt := range tests {
		_, err := parseURL(tt.url)
		switch {
		case !errors.Is(err, ErrMisconfigured):
			t.Errorf("parseURL(%q) = %v, want ErrMisconfigured", tt.url, err)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("parseURL(%q) tells the password: %v", tt.url, err)
		case !strings.Contains(err.Error(), tt.says):
			t.Errorf("parseURL(%q) = %v, want it to mention %q", tt.url, err, tt.says)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis://u:p@h:1/2")
	f.Add("redis-sentinel://:p@h:1,[::1]/2?master=m")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseURL(raw)
		if err == nil && len(a.hosts) == 0 {
			t.Errorf("parseURL(%q) found no host", raw)
		}
	})
}
