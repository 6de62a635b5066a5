package api

import (
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
