// Package jsonview reads JSON without copying or allocating: strictly by RFC 8259, by
// views of the text, which is never rewritten.
package jsonview

import (
	"bytes"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is one JSON value as it came over the wire: a view of the received
// bytes, checked by Parse or a Walker and never rewritten, so that what is
// relayed arrives byte for byte. nil is no value at all. It is valid for as
// long as the buffer it was decoded from; it is read by any number of
// goroutines. Of members with the same name the last counts, as in JavaScript.
type Value []byte

// Parse checks a whole text: UTF-8, one value, RFC 8259 to the letter, nested at most
// MaxDepth deep. Errors are a *SyntaxError.
func Parse(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		return nil, errNotUTF8
	}
	return ParseUTF8(text)
}

// ParseUTF8 is Parse for text that is known to be UTF-8.
func ParseUTF8(text []byte) (Value, error) {
	start := skipSpace(text, 0)
	end := scanValue(text, start, MaxDepth)
	if err := finish(text, end); err != nil {
		return nil, err
	}
	return Value(text[start:end:end]), nil
}

// finish checks that a scan of text ended well, and that nothing follows.
func finish(text []byte, end int) error {
	if end >= 0 {
		rest := skipSpace(text, end)
		if rest == len(text) {
			return nil
		}
		end = fail(rest)
	}
	return newSyntaxError(text, -1-end)
}

// String is the value as it came.
func (v Value) String() string { return string(v) }

// IsObject reports whether v is an object.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray reports whether v is an array.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// IsString reports whether v is a string.
func (v Value) IsString() bool { return len(v) > 1 && v[0] == '"' }

// IsNumber reports whether v is a number.
func (v Value) IsNumber() bool { return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') }

// IsNull reports whether v is null, or no value at all.
func (v Value) IsNull() bool { return len(v) == 0 || v[0] == 'n' }

// IsTrue reports whether v is true.
func (v Value) IsTrue() bool { return len(v) > 0 && v[0] == 't' }

// Type names what v is: object, array, string, number, true, false or null.
func (v Value) Type() string {
	switch {
	case v.IsObject():
		return "object"
	case v.IsArray():
		return "array"
	case v.IsString():
		return "string"
	case v.IsNumber():
		return "number"
	case v.IsNull():
		return "null"
	}
	return string(v)
}

// Members yields an object's names and values in their order; nothing where v
// is no object. A name is a view, or a copy where it holds escapes.
func (v Value) Members() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) { v.members(yield) }
}

func (v Value) members(yield func([]byte, Value) bool) {
	w := walkObject(v, 0, MaxDepth)
	for w.Next() && yield(w.Name(), w.Value()) {
	}
}

// Elements yields an array's values in their order; nothing where v is no array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) { v.elements(yield) }
}

func (v Value) elements(yield func(Value) bool) {
	w := walkArray(v, 0, MaxDepth)
	for w.Next() && yield(w.Value()) {
	}
}

// Get returns the member that the names lead to, nil where there is none.
func (v Value) Get(names ...string) Value {
	for _, name := range names {
		var found Value
		for key, member := range v.Members() {
			if string(key) == name {
				found = member
			}
		}
		v = found
	}
	return v
}

// Find returns the values of an object's members with the names, as Walker.Find does; none
// where v is no object.
func (v Value) Find(names ...string) Found {
	w := walkObject(v, 0, MaxDepth)
	return w.Find(names...)
}

// Text returns a string's characters as UTF-8: a view where it holds no
// escapes, otherwise a copy; nil where v is no string. Half a surrogate pair,
// which UTF-8 cannot say, becomes U+FFFD.
func (v Value) Text() []byte {
	if !v.IsString() {
		return nil
	}
	raw := v[1 : len(v)-1]
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw
	}
	return unescape(append(make([]byte, 0, len(raw)), raw[:i]...), raw[i:])
}

// HasLoneSurrogate reports whether a string in JSON text holds an escaped half of a
// surrogate pair without its other half, which UTF-8 cannot say.
func HasLoneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		unit, n := escaped(text[i:])
		if text = text[i+n:]; !utf16.IsSurrogate(unit) {
			continue
		}
		if len(text) == 0 || text[0] != '\\' {
			return true
		}
		low, n := escaped(text)
		if utf16.DecodeRune(unit, low) == utf8.RuneError {
			return true
		}
		text = text[n:]
	}
}

// unescape appends what raw, the inside of a string, stands for.
func unescape(dst, raw []byte) []byte {
	for len(raw) > 0 {
		if raw[0] != '\\' {
			dst, raw = append(dst, raw[0]), raw[1:]
			continue
		}
		r, n := escaped(raw)
		if high := r; utf16.IsSurrogate(high) {
			r = utf8.RuneError
			if len(raw) > n && raw[n] == '\\' {
				low, m := escaped(raw[n:])
				if pair := utf16.DecodeRune(high, low); pair != utf8.RuneError {
					r, n = pair, n+m
				}
			}
		}
		dst, raw = utf8.AppendRune(dst, r), raw[n:]
	}
	return dst
}

// escaped reads the escape that raw begins with: the UTF-16 unit that it stands
// for, and its length in bytes.
func escaped(raw []byte) (unit rune, n int) {
	if len(raw) < 2 {
		return utf8.RuneError, len(raw)
	}
	switch c := raw[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if r, ok := hex4(raw, 2); ok {
			return r, 6
		}
		return utf8.RuneError, 2
	default:
		return rune(c), 2
	}
}

// Int returns a whole number that JavaScript can hold exactly; ok is false for
// everything else, 1.5 and "1" included. 1.0 and 1e3 are whole.
func (v Value) Int() (n int64, ok bool) {
	const exact = 1<<53 - 1
	if n, ok := PlainInt(v); ok {
		return n, true
	}
	f, ok := v.Float()
	if !ok || f < -exact || f > exact || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

// PlainInt reads 1 to 15 digits.
func PlainInt(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > 15 {
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// Float returns a number; ok is false where v is none, or one too large.
func (v Value) Float() (f float64, ok bool) {
	if n, ok := PlainInt(v); ok {
		return float64(n), true
	}
	if len(v) == 0 || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}
