package api

import (
	"testing"

	"guestload/server/guest"
)

func TestEnvelopes(t *testing.T) {
	fields := []guest.FieldError{{Field: "username", Message: `too "short"`}, {Field: "location.city", Message: "too long"}}
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{AppendSuccess(nil, "", nil), `{"success":true}`},
		{AppendSuccess(nil, TextCreated, nil), `{"success":true,"message":"Guest session created successfully"}`},
		{AppendSuccess(nil, "", []byte(`{"username":"A_1"}`)), `{"success":true,"data":{"username":"A_1"}}`},
		{AppendSuccess(nil, TextCreated, []byte(`{"a":1}`)), `{"success":true,"message":"Guest session created successfully","data":{"a":1}}`},
		{AppendFailure(nil, TextNoEndpoint, nil), `{"success":false,"message":"API endpoint not found"}`},
		{AppendFailure(nil, TextValidationFailed, fields[:1]), `{"success":false,"message":"Validation failed","errors":[{"field":"username","message":"too \"short\""}]}`},
		{AppendFailure(nil, TextValidationFailed, fields), `{"success":false,"message":"Validation failed","errors":[{"field":"username","message":"too \"short\""},{"field":"location.city","message":"too long"}]}`},
	} {
		if string(c.got) != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
