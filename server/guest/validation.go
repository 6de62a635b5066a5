package guest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"guestload/server/jsonview"
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
func (c *checker) label(field, name string, v jsonview.Value) string {
	if v.IsNull() {
		return ""
	}
	if !v.IsString() {
		c.fail(field, name+" must be a string")
		return ""
	}
	text := strings.TrimSpace(string(v.Text()))
	if units(text) > maxLabel {
		c.fail(field, fmt.Sprintf("%s must be less than %d characters", name, maxLabel))
		return ""
	}
	return text
}

// parseObject returns the values of the named members of a body, which is an object: views
// of it, nil for members that are absent. A body that is absent or blank has none.
func parseObject(body []byte, names ...string) (values jsonview.Found, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return values, nil
	}
	if !utf8.Valid(body) {
		return values, fmt.Errorf("%w: the body is not UTF-8", ErrMalformed)
	}
	w := jsonview.WalkObject(body)
	values = w.Find(names...)
	if err := w.Finish(body); err != nil {
		if v, failed := jsonview.ParseUTF8(body); failed == nil {
			return values, fmt.Errorf("%w: the body must be an object, this is: %s", ErrMalformed, v.Type())
		}
		return values, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return values, nil
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
