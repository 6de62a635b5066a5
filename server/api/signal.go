package api

import "fmt"

// Signal is a valid webrtc:… event as a client sent it, to be relayed.
type Signal struct {
	event string
	data  Value
	main  Value // offer, answer or candidate
	kind  Value // of an offer's call; nil where the client left it out
}

// IsSignal reports whether an event is one of those that are relayed for calls.
func IsSignal(event string) bool {
	switch event {
	case EventOffer, EventAnswer, EventICECandidate, EventCallEnd, EventCallReject, EventCallTimeout:
		return true
	}
	return false
}

// ParseSignal checks the data of a client's webrtc:… event: offer {offer,type},
// answer {answer}, both objects, and ice-candidate {candidate}, an object, a
// string, or null for the last one. The others may hold anything. Errors wrap
// ErrInvalid.
func ParseSignal(event string, v Value) (Signal, error) {
	s := Signal{event: event, data: v}
	switch event {
	case EventOffer:
		s.main, s.kind = v.Get("offer"), v.Get("type")
		if !s.main.IsObject() || s.kind != nil && !s.kind.IsString() {
			return Signal{}, errOffer
		}
	case EventAnswer:
		if s.main = v.Get("answer"); !s.main.IsObject() {
			return Signal{}, errAnswer
		}
	case EventICECandidate:
		s.main = v.Get("candidate")
		if s.main == nil || !s.main.IsObject() && !s.main.IsString() && !s.main.IsNull() {
			return Signal{}, errCandidate
		}
	case EventCallEnd, EventCallReject, EventCallTimeout:
		if v != nil && !v.IsObject() {
			return Signal{}, errCall
		}
	default:
		return Signal{}, fmt.Errorf("%w: %q is no event of a call", ErrInvalid, event)
	}
	return s, nil
}

var (
	errOffer     = fmt.Errorf("%w: want {offer,type}, an object and a string", ErrInvalid)
	errAnswer    = fmt.Errorf("%w: want {answer}, an object", ErrInvalid)
	errCandidate = fmt.Errorf("%w: want {candidate}, an object, a string or null", ErrInvalid)
	errCall      = fmt.Errorf("%w: want an object, or nothing", ErrInvalid)
)

// AppendSignal appends what the partner gets: the members that the event is
// made of, byte for byte, then from and, but for candidates, fromUsername.
// Nothing that the client itself calls from or fromUsername is passed on.
func AppendSignal(dst []byte, s Signal, from, fromUsername string) []byte {
	dst = append(dst, '{')
	switch s.event {
	case EventOffer:
		dst = append(append(dst, `"offer":`...), s.main...)
		if s.kind != nil {
			dst = append(append(dst, `,"type":`...), s.kind...)
		}
		dst = append(dst, ',')
	case EventAnswer:
		dst = append(append(append(dst, `"answer":`...), s.main...), ',')
	case EventICECandidate:
		dst = append(append(append(dst, `"candidate":`...), s.main...), ',')
	default:
		dst = appendMembers(dst, s.data)
	}
	dst = appendField(dst, `"from":`, from)
	if s.event != EventICECandidate {
		dst = appendField(dst, `,"fromUsername":`, fromUsername)
	}
	return append(dst, '}')
}

// appendMembers appends an object's members, each with a comma behind it, but
// those that say who sent it.
func appendMembers(dst []byte, v Value) []byte {
	for name, member := range v.Members() {
		if string(name) == "from" || string(name) == "fromUsername" {
			continue
		}
		dst = append(AppendString(dst, string(name)), ':')
		dst = append(append(dst, member...), ',')
	}
	return dst
}
