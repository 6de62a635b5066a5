package session

import (
	"bytes"
	"strings"

	"guestload/server/api"
)

// hostileTokens are tokens that let nobody in. Those of HTTP ask for /api/guest/me.
func hostileTokens() []attack {
	const garbage = "not.a.token"
	none := ""
	bad := garbage
	with := func(what, message string, token func(own string) string) attack {
		return attack{what: what, want: refusal{status: 401, messages: []string{message}}, request: func(p *player) Request {
			return Request{Method: "GET", Path: p.world.path("/api/guest/me"), Token: token(p.self.Token)}
		}}
	}
	return []attack{
		with("no token", api.TextTokenRequired, func(string) string { return "" }),
		with("a token that is none", api.TextInvalidToken, func(string) string { return garbage }),
		with("a token with another signature", api.TextInvalidToken, func(own string) string { return altered(own, 2) }),
		with("a token with other claims", api.TextInvalidToken, func(own string) string { return altered(own, 1) }),
		with("a token that nobody signed", api.TextInvalidToken, unsigned),
		{what: "a socket with a token that is none", dial: &bad, want: refusal{status: 401, messages: []string{api.TextInvalidToken}}},
		{what: "a socket without a token", dial: &none, want: refusal{status: 401, messages: []string{api.TextTokenRequired, api.TextAuthRequired}}},
	}
}

// altered changes one character in the middle of a part of a token.
func altered(token string, part int) string {
	parts := strings.Split(token, ".")
	if part >= len(parts) || parts[part] == "" {
		return token + "x" // no JWT: any change will do
	}
	b := []byte(parts[part])
	if at := len(b) / 2; b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	parts[part] = string(b)
	return strings.Join(parts, ".")
}

// unsigned is the token with the claim that it needs no signature.
func unsigned(token string) string {
	const header = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0" // {"alg":"none","typ":"JWT"}
	_, rest, _ := strings.Cut(token, ".")
	claims, _, _ := bytes.Cut([]byte(rest), []byte("."))
	return header + "." + string(claims) + "."
}
