package jsonview

import (
	"unicode"
	"unicode/utf8"
)

// Units counts a string's UTF-16 units, as JavaScript's length does; -1
// where v is no string. An escaped half of a surrogate pair is the unit that it is.
func (v Value) Units() (units int) {
	if !v.IsString() {
		return -1
	}
	raw := v[1 : len(v)-1]
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '\\':
			_, size := escaped(raw[i:])
			i += size
			units++
			continue
		case c >= 0xF0: // four bytes: a pair of units
			units += 2
		case c&0xC0 != 0x80: // no continuation byte
			units++
		}
		i++
	}
	return units
}

// IsBlank reports whether a string is empty or nothing but white space; what is
// no string is blank.
func (v Value) IsBlank() bool {
	if !v.IsString() {
		return true
	}
	for raw := v[1 : len(v)-1]; len(raw) > 0; {
		r, size := utf8.DecodeRune(raw)
		if r == '\\' {
			r, size = escaped(raw)
		}
		if !isSpace(r) {
			return false
		}
		raw = raw[size:]
	}
	return true
}

// isSpace is what JavaScript's trim takes for white space.
func isSpace(r rune) bool {
	return r == '\uFEFF' || r != '\u0085' && unicode.IsSpace(r)
}
