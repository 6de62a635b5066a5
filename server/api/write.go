package api

import (
	"strconv"
	"time"
	"unicode/utf8"

	"guestload/server/guest"
)

// AppendString appends s as a JSON string; see guest.AppendString.
func AppendString(dst []byte, s string) []byte { return guest.AppendString(dst, s) }

// stringSize is how many bytes AppendString appends.
func stringSize(s string) int {
	size := len(`""`)
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			size += escapedSize(s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		size += utf8.RuneLen(r)
		i += n
	}
	return size
}

// escapedSize is the length of an ASCII character in a JSON string, in bytes.
func escapedSize(c byte) int {
	switch c {
	case '"', '\\', '\b', '\f', '\n', '\r', '\t':
		return 2
	}
	if c < 0x20 {
		return 6
	}
	return 1
}

// The functions below append `name` and a value; name is a literal that ends in
// a colon, with whatever stands before it: `,"username":`.

func appendField(dst []byte, name, s string) []byte {
	return AppendString(append(dst, name...), s)
}

// appendNullable writes null for "".
func appendNullable(dst []byte, name, s string) []byte {
	if s == "" {
		return append(append(dst, name...), "null"...)
	}
	return appendField(dst, name, s)
}

func appendBool(dst []byte, name string, b bool) []byte {
	return strconv.AppendBool(append(dst, name...), b)
}

func appendInt(dst []byte, name string, n int) []byte {
	return strconv.AppendInt(append(dst, name...), int64(n), 10)
}

// appendTime writes ISO 8601 in UTC with milliseconds; null for the zero time.
func appendTime(dst []byte, name string, t time.Time) []byte {
	dst = append(dst, name...)
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return append(guest.AppendTime(append(dst, '"'), t), '"')
}

func appendLocation(dst []byte, name string, l guest.Location) []byte {
	dst = append(dst, name...)
	if l == nil {
		return append(dst, "null"...)
	}
	return append(dst, l...)
}
