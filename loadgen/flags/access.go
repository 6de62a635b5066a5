package flags

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpproxy"

	"guestload/loadgen/client"
	"guestload/server/cli"
)

const (
	minTimeout = 10 * time.Millisecond
	maxTimeout = time.Hour
)

// access reads what the flags name; target is "" for embedded servers.
func (a raw) access(fs *pflag.FlagSet, target string) (client.Access, error) {
	access := client.Access{Timeout: a.timeout, Insecure: a.insecure, UserAgent: userAgent()}
	if a.timeout < minTimeout || a.timeout > maxTimeout {
		return access, fmt.Errorf("--timeout %v: from %v to %v", a.timeout, minTimeout, maxTimeout)
	}
	for _, s := range a.headers {
		h, err := client.ParseHeader(s)
		if err != nil {
			return access, fmt.Errorf("--header: %w", err)
		}
		access.Headers = append(access.Headers, h)
	}
	switch secure := strings.HasPrefix(strings.ToLower(target), "https://"); {
	case (fs.Changed("ca") || a.insecure) && !secure:
		return access, fmt.Errorf("--ca and --insecure are for an https target: name one with --target https://…, or leave them out")
	case fs.Changed("ca") && a.insecure:
		return access, fmt.Errorf("--ca and --insecure: one of them: with --insecure no certificate is checked")
	case fs.Changed("ca"):
		var err error
		if access.CA, err = os.ReadFile(a.ca); err != nil {
			return access, fmt.Errorf("--ca: %w", err)
		}
		if _, err = access.TLS(&url.URL{Scheme: "https"}); err != nil {
			return access, fmt.Errorf("--ca %s: %w", a.ca, err)
		}
	}
	return access, nil
}

// userAgent names the program and its version.
func userAgent() string {
	words := strings.Fields(cli.Version("loadgen"))
	switch {
	case len(words) > 2 && words[1] == "commit":
		return "loadgen/" + words[2][:min(len(words[2]), 12)]
	case len(words) > 1 && strings.HasPrefix(words[1], "v"):
		return "loadgen/" + strings.TrimSuffix(words[1], ",")
	}
	return "loadgen/devel"
}

// RefuseProxy says that a proxy of the environment would be passed by: guests
// connect to the target itself, so that the proxy's limits and delays are not
// measured in place of the target's.
func RefuseProxy(target string, getenv func(string) string) error {
	u, err := url.Parse(target)
	if target == "" || err != nil {
		return nil
	}
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return name, value
			}
		}
		return names[0], ""
	}
	plain, plainURL := first("HTTP_PROXY", "http_proxy")
	secure, secureURL := first("HTTPS_PROXY", "https_proxy")
	_, except := first("NO_PROXY", "no_proxy")
	config := httpproxy.Config{HTTPProxy: plainURL, HTTPSProxy: secureURL, NoProxy: except}
	via, err := config.ProxyFunc()(u)
	name := plain
	if u.Scheme == "https" {
		name = secure
	}
	switch {
	case err != nil || via != nil && strings.Contains(via.Host+via.Path, "@"):
		return cli.Usagef("%s is no URL of a proxy, and loadgen uses no proxy: unset %s, or add %s to NO_PROXY", name, name, u.Hostname())
	case via != nil:
		return cli.Usagef("%s names the proxy %s, and loadgen uses no proxy: it connects to the target itself, or it would measure the proxy. Unset %s, or add %s to NO_PROXY",
			name, via.Redacted(), name, u.Hostname())
	}
	return nil
}
