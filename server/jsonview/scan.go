package jsonview

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth is how deep arrays and objects may be nested in anything received.
const MaxDepth = 64

// Scanning is strict RFC 8259, nothing more: no NaN, no raw control characters,
// no comments, no trailing commas. Every function takes the index where a
// construct begins and returns the index behind it, or a negative number, -1 - i,
// where byte i is wrong.

func fail(i int) int { return -1 - i }

// scanValue passes one value. b[i] is its first byte; depth says how many
// levels of nesting are left.
func scanValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return fail(i)
	}
	switch c := b[i]; c {
	case '"':
		return scanString(b, i)
	case '{':
		return scanObject(b, i, depth)
	case '[':
		return scanArray(b, i, depth)
	case 't':
		return scanLiteral(b, i, "true")
	case 'f':
		return scanLiteral(b, i, "false")
	case 'n':
		return scanLiteral(b, i, "null")
	default:
		return scanNumber(b, i)
	}
}

func scanObject(b []byte, i, depth int) int {
	w := walkObject(b, i, depth)
	for w.Next() {
	}
	return w.i
}

func scanArray(b []byte, i, depth int) int {
	w := walkArray(b, i, depth)
	for w.Next() {
	}
	return w.i
}

// scanString passes a string; b[i] is its opening quote.
func scanString(b []byte, i int) int {
	i++
	for {
		for {
			if i+8 > len(b) {
				for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
					i++
				}
				break
			}
			if marks := special(binary.LittleEndian.Uint64(b[i:])); marks != 0 {
				i += bits.TrailingZeros64(marks) / 8
				break
			}
			i += 8
		}
		switch {
		case i >= len(b) || b[i] < 0x20:
			return fail(i)
		case b[i] == '"':
			return i + 1
		}
		if i = scanEscape(b, i); i < 0 {
			return i
		}
	}
}

// special marks quotes, backslashes and control characters among eight bytes: the lowest
// bit that is set is the highest of the first such byte.
func special(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
}

// scanEscape passes an escape; b[i] is its backslash. Halves of surrogate pairs
// may stand alone, as they may in JSON: what they mean is up to who reads them.
func scanEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return fail(i)
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return i + 6
		}
	}
	return fail(i)
}

// hex4 reads the four hexadecimal digits at b[i].
func hex4(b []byte, i int) (r rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func scanNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = scanDigits(b, i); i < 0 {
		return i
	}
	if i < len(b) && b[i] == '.' {
		if i = scanDigits(b, i+1); i < 0 {
			return i
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return scanDigits(b, i)
	}
	return i
}

// scanDigits passes one digit or more.
func scanDigits(b []byte, i int) int {
	start := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == start {
		return fail(i)
	}
	return i
}

func scanLiteral(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return fail(i)
	}
	return i + len(word)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}
