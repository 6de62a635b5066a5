package frame

import (
	"strconv"
	"unicode/utf8"
)

// Code says in a close frame why a connection ends.
type Code uint16

// Codes of RFC 6455, section 7.4.1, that this project sends.
const (
	Normal          Code = 1000 // done
	GoingAway       Code = 1001 // the server drains, or the page is left
	ProtocolError   Code = 1002 // frames or packets that break the protocol
	UnsupportedData Code = 1003 // binary where text is spoken
	InvalidPayload  Code = 1007 // text that is not UTF-8
	PolicyViolation Code = 1008 // not allowed: a token refused, a limit passed
	MessageTooBig   Code = 1009
	InternalError   Code = 1011 // the server's fault
)

// NoStatus stands for a close frame without a code. It is never sent.
const NoStatus Code = 1005

// Codes of this contract, from the range left to applications.
const (
	Replaced      Code = 4001 // a newer connection of the same session took over
	SlowReader    Code = 4002 // the client does not read what it is sent
	TooManyEvents Code = 4003 // more events than the limit allows
	SessionEnded  Code = 4004 // the session was deleted, or has expired
	HeartbeatLost Code = 4005 // nothing was heard for too long
)

// IsValid reports whether the code may stand in a close frame.
func (c Code) IsValid() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	default:
		return false
	}
}

// String gives the number, and the name where there is one: "4002 slow reader".
func (c Code) String() string {
	number := strconv.Itoa(int(c))
	if name := c.name(); name != "" {
		return number + " " + name
	}
	return number
}

func (c Code) name() string {
	switch c {
	case Normal:
		return "normal"
	case GoingAway:
		return "going away"
	case ProtocolError:
		return "protocol error"
	case UnsupportedData:
		return "unsupported data"
	case NoStatus:
		return "no status"
	case InvalidPayload:
		return "invalid payload"
	case PolicyViolation:
		return "policy violation"
	case MessageTooBig:
		return "message too big"
	case InternalError:
		return "internal error"
	case Replaced:
		return "replaced"
	case SlowReader:
		return "slow reader"
	case TooManyEvents:
		return "too many events"
	case SessionEnded:
		return "session ended"
	case HeartbeatLost:
		return "heartbeat lost"
	default:
		return ""
	}
}

// Error is a fault of the peer, with the code that its connection is closed with.
type Error struct {
	Code   Code
	Reason string // fit for the close frame
}

func (e *Error) Error() string { return "websocket: " + e.Reason }

// ErrTooBig: a frame or a message is larger than the limit.
var ErrTooBig error = &Error{MessageTooBig, "message larger than allowed"}

var (
	errReserved          error = &Error{ProtocolError, "reserved bits are set, and no extension was agreed"}
	errOpcode            error = &Error{ProtocolError, "unknown opcode"}
	errFragmentedControl error = &Error{ProtocolError, "control frame is fragmented"}
	errLongControl       error = &Error{ProtocolError, "control frame has more than 125 bytes"}
	errLength            error = &Error{ProtocolError, "length is not in its shortest form"}
	errMasked            error = &Error{ProtocolError, "frame from the server is masked"}
	errUnmasked          error = &Error{ProtocolError, "frame from the client is not masked"}
	errNoMessage         error = &Error{ProtocolError, "continuation without a message"}
	errNotFinished       error = &Error{ProtocolError, "new message before the last was finished"}
	errCloseLength       error = &Error{ProtocolError, "close frame of one byte"}
	errCloseCode         error = &Error{ProtocolError, "close code is not allowed"}
	errText              error = &Error{InvalidPayload, "text is not UTF-8"}
	errCloseReason       error = &Error{InvalidPayload, "close reason is not UTF-8"}
)

// ParseClose reads the payload of a close frame: NoStatus where it is empty.
// The reason is a view of the payload. Errors are *Error.
func ParseClose(payload []byte) (code Code, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return NoStatus, nil, nil
	case 1:
		return 0, nil, errCloseLength
	}
	code = Code(payload[0])<<8 | Code(payload[1])
	reason = payload[2:]
	if !code.IsValid() {
		return 0, nil, errCloseCode
	}
	if !utf8.Valid(reason) {
		return 0, nil, errCloseReason
	}
	return code, reason, nil
}
