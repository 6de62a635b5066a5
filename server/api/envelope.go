package api

import (
	"fmt"
	"strconv"
	"time"

	"guestload/server/guest"
)

// ContentType is that of every body.
const ContentType = "application/json"

// AppendSuccess appends {"success":true,"message"?,"data"?}; message may be "",
// data is JSON, or empty for none.
func AppendSuccess(dst []byte, message string, data []byte) []byte {
	dst = append(dst, `{"success":true`...)
	if message != "" {
		dst = appendField(dst, `,"message":`, message)
	}
	if len(data) > 0 {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, '}')
}

// AppendFailure appends {"success":false,"message","errors"?:[{"field","message"}]}.
func AppendFailure(dst []byte, message string, fields []guest.FieldError) []byte {
	dst = appendField(dst, `{"success":false,"message":`, message)
	for i, f := range fields {
		open := `,{"field":`
		if i == 0 {
			open = `,"errors":[{"field":`
		}
		dst = appendField(dst, open, f.Field)
		dst = append(appendField(dst, `,"message":`, f.Message), '}')
	}
	if len(fields) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// appendSeconds writes a duration in seconds, to the millisecond.
func appendSeconds(dst []byte, name string, d time.Duration) []byte {
	seconds := d.Round(time.Millisecond).Seconds()
	return strconv.AppendFloat(append(dst, name...), seconds, 'f', -1, 64)
}

// Envelope is an answer of the HTTP side, as a client sees it. All are views.
type Envelope struct {
	Success bool
	Message []byte
	Data    Value // nil for none
	Errors  Value // an array of {field,message}, or nil
}

// ParseEnvelope reads the body of an answer. Errors wrap ErrMalformed.
func ParseEnvelope(body []byte) (Envelope, error) {
	v, err := ParseJSON(body)
	if err != nil {
		return Envelope{}, fmt.Errorf("answer %s: %w", excerpt(body), err)
	}
	var e Envelope
	told := false
	for name, member := range v.Members() {
		switch string(name) {
		case "success":
			e.Success, told = member.IsTrue(), string(member) == "true" || string(member) == "false"
		case "message":
			e.Message = member.Text()
		case "data":
			e.Data = argument(member)
		case "errors":
			e.Errors = argument(member)
		}
	}
	if !told {
		return Envelope{}, fmt.Errorf("%w: answer %s: want success, true or false", ErrMalformed, excerpt(body))
	}
	return e, nil
}
