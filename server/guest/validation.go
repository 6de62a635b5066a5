package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// ErrMalformed: a body is not a JSON object. What it wraps says where.
var ErrMalformed = errors.New("malformed JSON")

// FieldError is one broken rule. Field is the path of the member in the body,
// like "location.country"; Message is a sentence of the contract.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// ValidationError is every broken rule of one body, one item a field, in the
// order of the contract.
type ValidationError []FieldError

func (e ValidationError) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Message
	}
	return "validation failed: " + strings.Join(parts, "; ")
}

// maxLabel is how long a country, region, city, gender or language may be, in
// characters, as maxDevice is for a device id.
const (
	maxLabel  = 50
	maxDevice = 100
)

// checker collects the broken rules of one body.
type checker struct{ errs ValidationError }

func (c *checker) fail(field, message string) {
	c.errs = append(c.errs, FieldError{Field: field, Message: message})
}

// err is nil, not an empty ValidationError, where every rule was kept.
func (c *checker) err() error {
	if len(c.errs) == 0 {
		return nil
	}
	return c.errs
}

// label reads a trimmed text of at most maxLabel characters. It is "" where v
// is null or blank, and where a rule is broken. name is how messages call the
// field.
func (c *checker) label(field, name string, v *fastjson.Value) string {
	if v == nil || v.Type() == fastjson.TypeNull {
		return ""
	}
	raw, err := v.StringBytes()
	if err != nil {
		c.fail(field, name+" must be a string")
		return ""
	}
	text := strings.TrimSpace(string(raw))
	if units(text) > maxLabel {
		c.fail(field, fmt.Sprintf("%s must be less than %d characters", name, maxLabel))
		return ""
	}
	return text
}

// withObject parses body and calls read with its members. An absent or empty
// body has none, and read is not called. The values are good until read returns.
func withObject(body []byte, read func(*fastjson.Object)) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: the body is not UTF-8", ErrMalformed)
	}
	if !json.Valid(body) {
		return malformed(body)
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(body)
	if err != nil { // valid, but nested deeper than the parser goes
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	object, err := root.Object()
	if err != nil {
		return fmt.Errorf("%w: the body must be an object, this is: %s", ErrMalformed, root.Type())
	}
	read(object)
	return nil
}

// malformed says where body stops being JSON.
func malformed(body []byte) error {
	var ignored any
	err := json.Unmarshal(body, &ignored)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w: %w, at byte %d", ErrMalformed, err, syntax.Offset)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// member returns the last member of that name, as JavaScript would take it, or
// nil where there is none.
func member(object *fastjson.Object, name string) (found *fastjson.Value) {
	object.Visit(func(key []byte, v *fastjson.Value) {
		if string(key) == name {
			found = v
		}
	})
	return found
}

// units is the length of s in UTF-16 units, which is what clients count in.
func units(s string) (n int) {
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}
