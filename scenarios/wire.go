package scenarios

import (
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// paths returns the paths of the wire contract that can be mapped.
func paths() []string {
	return []string{
		"/api/guest", "/api/guest/username", "/api/guest/me", "/api/guest/{sessionId}", "/api/guest/location", "/api/guest/token",
		"/api/users/online", "/api/users/available", "/api/users/connected/{userId}", "/api/users/stats", "/api/users/device",
		"/api/stats", "/api/stats/online-users", "/api/socket/stats", "/health", "/ready", "/metrics", "/ws", "/socket.io/",
	}
}

// events returns the events of the wire contract, of both directions.
func events() []string {
	return []string{
		"user:match", "user:match:cancel", "chat:message", "chat:typing:start", "chat:typing:stop",
		"chat:clear", "leave-room", "close-room", "get:stats",
		"webrtc:offer", "webrtc:answer", "webrtc:ice-candidate", "webrtc:call-end", "webrtc:call-reject", "webrtc:call-timeout",
		"connection:established", "user:match:searching", "user:match:no_users", "user:matched", "room:user_joined",
		"user:match:cancelled", "user:match:error", "chat:message:sent", "chat:message:delivered",
		"room:user_left", "chat:cleared", "chat:clear:confirmed", "room:closed", "chat:error", "realtime:stats", "error",
	}
}

func wireKeys() []string { return []string{"paths", "events"} }

func (r *reading) wire(n *yaml.Node) Wire {
	e, ok := r.mapping(n, "wire", wireKeys())
	if !ok {
		return Wire{}
	}
	return Wire{
		Paths:  r.mapped(e.get("paths"), "a path of the contract", paths()),
		Events: r.mapped(e.get("events"), "an event of the contract", events()),
	}
}

var placeholder = regexp.MustCompile(`\{[A-Za-z]+\}`)

// mapped reads a section from names of the contract to the backend's own. Two
// names may not become one, or events could not be told apart.
func (r *reading) mapped(n *yaml.Node, what string, valid []string) map[string]string {
	if n == nil {
		return nil
	}
	e, ok := r.mapping(n, what, valid)
	if !ok {
		return nil
	}
	all, taken := map[string]string{}, map[string]string{}
	for _, key := range e.keys {
		v := e.get(key.Value)
		own, ok := r.text(v, "the backend's own name")
		if !ok {
			continue
		}
		want := placeholder.FindAllString(key.Value, -1)
		switch {
		case strings.HasPrefix(key.Value, "/") && !strings.HasPrefix(own, "/"):
			r.problem(v, "found the path %q: a path begins with /", shorten(own))
		case strings.HasPrefix(key.Value, "/") && strings.ContainsAny(own, " ?#"):
			r.problem(v, "found the path %q: a path has no spaces, ? or #", shorten(own))
		case !slices.Equal(want, placeholder.FindAllString(own, -1)):
			r.problem(v, "found %q for %q: the same placeholders stand in both", shorten(own), key.Value)
		case taken[own] != "" && what != "a path of the contract":
			r.problem(v, "%q stands for %q already: each event has its own name", shorten(own), taken[own])
		}
		all[key.Value], taken[own] = own, key.Value
	}
	return all
}
