package redis

import (
	"errors"
	"strings"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// Refusal is an error of a Redis that replies but refuses: it is full or read-only, the
// user lacks a right, or a key has the wrong type. It wraps guest.ErrUnavailable.
type Refusal struct {
	// Code is the first word of Redis's error: READONLY, OOM, MISCONF,
	// NOPERM, WRONGTYPE and so on.
	Code  string
	cause error
}

func (r *Refusal) Error() string { return r.cause.Error() }

// Unwrap makes it guest.ErrUnavailable.
func (r *Refusal) Unwrap() []error { return []error{guest.ErrUnavailable, r.cause} }

// The codes that last until somebody changes a right or a key.
const (
	CodeRights = "NOPERM"
	CodeType   = "WRONGTYPE"
)

// refusalCode returns the code of an error reply that lasts, "" for others. In scripts,
// Redis 7.0 reports missing rights without a code.
func refusalCode(text string) string {
	for _, words := range []string{"no permissions to", "can't run this command", "can't access at least one of the"} {
		if strings.Contains(text, words) {
			return CodeRights
		}
	}
	for _, code := range []string{CodeRights, CodeType, "READONLY", "OOM", "MISCONF", "NOREPLICAS", "LOADING", "MASTERDOWN", "CLUSTERDOWN"} {
		if strings.HasPrefix(text, code+" ") || strings.Contains(text, "-"+code+" ") {
			return code
		}
	}
	return ""
}

// CodeOf returns the code of an error with which Redis refuses, "" for another.
func CodeOf(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	var reply *rueidis.RedisError
	if errors.As(err, &reply) {
		return refusalCode(reply.Error())
	}
	return ""
}

// advice is the remedy for a refusal.
func advice(code string) string {
	switch code {
	case "READONLY":
		return "it is a replica: give the address of the master"
	case "OOM":
		return "it is full: raise its maxmemory"
	case "MISCONF":
		return "it cannot save to disk: see its own log"
	}
	return ""
}

// Refuse makes a Refusal of what Redis refuses and its message.
func Refuse(code, what, words string) *Refusal {
	text := what + ": " + strings.TrimSpace(words)
	if !strings.Contains(words, code) {
		text = what + ": " + code + " " + strings.TrimSpace(words)
	}
	if a := advice(code); a != "" {
		text += " (" + a + ")"
	}
	return &Refusal{Code: code, cause: errors.New(text)}
}
