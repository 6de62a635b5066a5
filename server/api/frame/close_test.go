package frame

import (
	"errors"
	"strings"
	"testing"
)

func TestCloseRoundTrip(t *testing.T) {
	for _, c := range []struct {
		code         Code
		reason, want string
	}{
		{Normal, "", ""},
		{Replaced, "Replaced by a newer connection", "Replaced by a newer connection"},
		{SlowReader, strings.Repeat("x", 200), strings.Repeat("x", 123)},
		{InternalError, strings.Repeat("€", 50), strings.Repeat("€", 41)},
		{NoStatus, "never told", ""},
	} {
		for _, side := range []Side{Server, Client} {
			wire := AppendClose(nil, c.code, c.reason)
			if side == Server {
				wire = AppendMaskedClose(nil, key, c.code, c.reason)
			}
			f, n, err := Parse(wire, side, 0)
			if err != nil || n != len(wire) || f.Op != Close {
				t.Fatalf("%s: took %d of %d bytes, error %v", c.code, n, len(wire), err)
			}
			code, reason, err := ParseClose(f.Payload)
			if err != nil || code != c.code || string(reason) != c.want {
				t.Errorf("%s %q: got %s %q, error %v", c.code, c.reason, code, reason, err)
			}
		}
	}
}

func TestParseCloseRefuses(t *testing.T) {
	for _, c := range []struct {
		payload string
		code    Code
	}{
		{"\x03", ProtocolError},
		{"\x00\x00", ProtocolError},
		{"\x03\xe7", ProtocolError}, // 999
		{"\x03\xec", ProtocolError}, // 1004
		{"\x03\xed", ProtocolError}, // 1005
		{"\x03\xee", ProtocolError}, // 1006
		{"\x03\xf7", ProtocolError}, // 1015
		{"\x07\xd0", ProtocolError}, // 2000
		{"\x13\x88", ProtocolError}, // 5000
		{"\x03\xe8\xff", InvalidPayload},
	} {
		_, _, err := ParseClose([]byte(c.payload))
		var fault *Error
		if !errors.As(err, &fault) || fault.Code != c.code {
			t.Errorf("%x: got %v, want code %s", c.payload, err, c.code)
		}
	}
}

func TestCodesHaveNames(t *testing.T) {
	for code, want := range map[Code]string{
		Normal: "1000 normal", GoingAway: "1001 going away", ProtocolError: "1002 protocol error",
		UnsupportedData: "1003 unsupported data", NoStatus: "1005 no status", InvalidPayload: "1007 invalid payload",
		PolicyViolation: "1008 policy violation", MessageTooBig: "1009 message too big", InternalError: "1011 internal error",
		Replaced: "4001 replaced", SlowReader: "4002 slow reader", TooManyEvents: "4003 too many events",
		SessionEnded: "4004 session ended", HeartbeatLost: "4005 heartbeat lost", 4999: "4999",
	} {
		if got := code.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if code.IsValid() != (code != NoStatus) {
			t.Errorf("%s: valid is %t", code, code.IsValid())
		}
	}
}
