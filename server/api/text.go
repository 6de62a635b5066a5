package api

import (
	"unicode"
	"unicode/utf8"
)

// measureText counts a string's UTF-16 units, as JavaScript's length does, and
// tells whether it is nothing but white space. What is no string has -1 units.
// An escaped half of a surrogate pair counts as the unit that it is.
func measureText(v Value) (units int, blank bool) {
	if !v.IsString() {
		return -1, true
	}
	blank = true
	for raw := v[1 : len(v)-1]; len(raw) > 0; units++ {
		var r rune
		size := 1
		switch c := raw[0]; {
		case c == '\\':
			r, size = escaped(raw)
		case c < utf8.RuneSelf:
			r = rune(c)
		default:
			if r, size = utf8.DecodeRune(raw); size == 4 {
				units++
			}
		}
		blank = blank && isSpace(r)
		raw = raw[size:]
	}
	return units, blank
}

// isSpace is what JavaScript's trim takes for white space.
func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	return r == '\uFEFF' || r != '\u0085' && unicode.IsSpace(r)
}
