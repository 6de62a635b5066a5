package jsonview

import "bytes"

// Compact returns v without white space, its strings and numbers as they were written: v
// itself where it has none.
func (v Value) Compact() Value {
	if bytes.IndexByte(v, ' ') < 0 && bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\t') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return v // as almost always
	}
	from := 0
	var kept Value
	for i := 0; i < len(v); {
		switch v[i] {
		case '"':
			i = scanString(v, i)
		case ' ', '\n', '\t', '\r':
			kept = append(kept, v[from:i]...)
			i = skipSpace(v, i)
			from = i
		default:
			i++
		}
	}
	if from == 0 {
		return v
	}
	return append(kept, v[from:]...)
}
