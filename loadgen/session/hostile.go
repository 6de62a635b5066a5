package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// attack is one thing that a server must refuse, and how.
type attack struct {
	what string
	want refusal
	// request is an HTTP request, dial the token that a socket is opened with,
	// inject bytes that are written to the guest's socket as they are, and event an
	// event that is sent so many times. Each attack has one of them.
	request func(p *player) Request
	dial    *string
	inject  []byte
	event   string
	data    func(p *player, k int) []byte // of the k-th event, from 1; nil: the event has none
	times   int
	lacks   scenarios.Kind // is left out with backends that do not know this step
}

// attacks are all of one of scenarios.Attacks.
func attacks(kind string) []attack {
	switch kind {
	case "names":
		return hostileNames()
	case "bodies":
		return hostileBodies()
	case "tokens":
		return hostileTokens()
	case "frames":
		return hostileFrames()
	}
	return floods()
}

// drawAttack draws one of those that the step names.
func (p *player) drawAttack(s *scenarios.Step) (kind string, a attack) {
	kind = p.random.pick(s.With)
	all := slices.DeleteFunc(attacks(kind), func(a attack) bool { return a.lacks != "" && p.world.Without[a.lacks] })
	return kind, all[p.random.IntN(len(all))]
}

// hostile does what must be refused. Anything else is a failure, which the guest
// survives. Who lost its socket by it opens another.
func (p *player) hostile(ctx context.Context, s *scenarios.Step, intended time.Duration) error {
	kind, a := p.drawAttack(s)
	return p.tryAttack(ctx, kind, a, intended)
}

func (p *player) tryAttack(ctx context.Context, kind string, a attack, intended time.Duration) error {
	connected := p.conn != nil
	p.provoked = provoked{on: true}
	sent := p.now()
	err := p.attack(ctx, a)
	done := p.now()
	p.provoked.on = false
	if wrong := a.want.judge(err); wrong != nil {
		wrong = fmt.Errorf("%s (%s): %w; expected: %v", a.what, kind, wrong, a.want)
		if err := p.failure(ctx, operation.Refusal, sent, wrong); !errors.Is(err, errGivenUp) {
			return err
		}
		p.cause = p.now()
	} else {
		p.success(operation.Refusal, intended, sent, done)
	}
	if connected && p.conn == nil {
		return p.connect(ctx, operation.Reconnect, 0, p.cause)
	}
	return nil
}

// attack does it, and returns what the server says to it; nil where it is content.
func (p *player) attack(ctx context.Context, a attack) error {
	switch {
	case a.request != nil:
		r := a.request(p)
		r.Cookies, r.Sending = &p.cookies, &p.sending
		defer p.countRetries(operation.Refusal)
		return p.world.Backend.Call(ctx, r, nil)
	case a.dial != nil:
		conn, err := p.world.Backend.Dial(ctx, Handshake{Token: *a.dial, Cookies: &p.cookies}, nil)
		if err == nil {
			conn.Close(Abrupt)
		}
		return err
	}
	return p.provoke(a)
}

// provoke sends over the guest's socket what must be answered with a complaint,
// or with the end.
func (p *player) provoke(a attack) error {
	var err error
	if a.inject != nil {
		err = p.conn.Inject(a.inject)
	}
	for k := 1; k <= a.times && err == nil; k++ {
		var data []byte
		if a.data != nil {
			data = a.data(p, k)
		}
		err = p.conn.Send(a.event, data)
	}
	if err != nil && !a.want.closing { // where it is closed, why can still be read
		return p.unsent(err)
	}
	deadline := p.now() + p.world.Timeout
	for {
		err := p.hear(deadline)
		switch {
		case errors.Is(err, ErrTimeout) && a.want.closing:
			return nil // nobody minds
		case err != nil:
			return err
		case p.provoked.complaint != "" && !a.want.closing:
			return &RefusedError{Message: p.provoked.complaint}
		case p.provoked.taken && !a.want.closing:
			return nil
		}
	}
}

// asking is a request whose body is JSON, with the guest's own token.
func asking(method, path, body string) func(*player) Request {
	return func(p *player) Request {
		r := Request{Method: method, Path: p.world.path(path), Token: p.self.Token}
		if body != "" {
			r.Body = []byte(body)
		}
		return r
	}
}

func hostileNames() []attack {
	const length, letters = "Username must be between 3 and 20 characters", "Username can only contain letters, numbers, and underscores"
	var all []attack
	for _, name := range []struct{ what, name, reason string }{
		{"a name of two letters", "ab", length},
		{"a name of 21 letters", strings.Repeat("n", 21), length},
		{"a name of 10,000 letters", strings.Repeat("n", 10_000), length},
		{"a name in two words", "two words", letters},
		{"a name with an accent", "Ren\u00e9e", letters},
		{"a name that is a tag", "<b>bold</b>", letters},
		{"a name with a quote", "o'hara", letters},
	} {
		body := append(api.AppendString([]byte(`{"username":`), name.name), '}')
		all = append(all, attack{what: name.what, request: asking("POST", "/api/guest", string(body)),
			want: refusal{status: 400, messages: []string{api.TextValidationFailed}, reason: name.reason}})
	}
	return all
}

func hostileBodies() []attack {
	long := strings.Repeat("x", 51)
	invalid := func(what, path, body, reason string, lacks scenarios.Kind) attack {
		return attack{what: what, request: asking("POST", path, body), lacks: lacks,
			want: refusal{status: 400, messages: []string{api.TextValidationFailed}, reason: reason}}
	}
	return []attack{
		invalid("a country of 51 letters", "/api/guest", `{"location":{"country":"`+long+`"}}`, "Country must be less than 50 characters", ""),
		invalid("a region of 51 letters", "/api/guest", `{"location":{"region":"`+long+`"}}`, "Region must be less than 50 characters", ""),
		invalid("a city of 51 letters", "/api/guest", `{"location":{"city":"`+long+`"}}`, "City must be less than 50 characters", ""),
		invalid("a location that is text", "/api/guest", `{"location":"here"}`, "Location must be an object", ""),
		invalid("a place off the map", "/api/guest/location", `{"location":{"coordinates":{"lat":91,"lon":0}}}`, "", scenarios.Locate),
		invalid("a time zone that is none", "/api/guest/location", `{"location":{"timezone":"Mars/Olympus"}}`, "", scenarios.Locate),
		invalid("an address that is none", "/api/users/device", `{"ip":"999.1.2.3"}`, "Invalid IP address format", "device"),
		invalid("a device id of 101 letters", "/api/users/device", `{"deviceId":"`+long+long[1:]+`"}`, "Device ID must be between 1 and 100 characters", "device"),
		{what: "half of a body", request: asking("POST", "/api/guest", `{"username":"Ann`), want: refusal{status: 400}},
		{what: "a body of 128 KiB", request: asking("POST", "/api/guest", `{"x":"`+strings.Repeat("x", 128<<10)+`"}`), want: refusal{status: 413}},
		{what: "a body that is no JSON", want: refusal{status: 415}, request: func(p *player) Request {
			return Request{Method: "POST", Path: p.world.path("/api/guest"), Body: []byte("username=Anna"), ContentType: "text/plain"}
		}},
		{what: "a method that is not there", request: asking("DELETE", "/api/guest/username", ""), want: refusal{status: 405}},
		{what: "a path that is not there", request: asking("GET", "/api/nothing/here", ""), want: refusal{status: 404, messages: []string{api.TextNoEndpoint}}},
	}
}
