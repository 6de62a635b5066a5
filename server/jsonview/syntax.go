package jsonview

import "fmt"

var errNotUTF8 error = &SyntaxError{Offset: -1, message: "the text is not UTF-8"}

// SyntaxError says where and why a text is not JSON that this package reads.
type SyntaxError struct {
	Offset  int // of the first byte that is wrong, or the text's length; -1 where it is not UTF-8
	message string
}

func (e *SyntaxError) Error() string { return e.message }

// newSyntaxError says what is wrong with byte at of text.
func newSyntaxError(text []byte, at int) error {
	e := &SyntaxError{Offset: at}
	switch {
	case at >= len(text):
		e.message = fmt.Sprintf("unexpected end of JSON at byte %d", at)
	case tooDeep(text, at):
		e.message = fmt.Sprintf("JSON is nested deeper than %d at byte %d", MaxDepth, at)
	default:
		e.message = fmt.Sprintf("unexpected %q in JSON at byte %d", text[at], at)
	}
	return e
}

// tooDeep reports whether depth alone makes byte at of text wrong.
func tooDeep(text []byte, at int) bool {
	if text[at] != '{' && text[at] != '[' {
		return false
	}
	end := scanValue(text, skipSpace(text, 0), MaxDepth+1)
	return end > at || end < 0 && end != fail(at)
}
