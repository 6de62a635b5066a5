package api

import (
	"errors"
	"fmt"

	"guestload/server/jsonview"
)

// Errors of Decode and of everything that parses, wrapped with what is wrong.
var (
	// ErrMalformed: not a packet of the framing, or not JSON, or JSON nested too deep.
	ErrMalformed = errors.New("malformed")
	// ErrBinary: a Socket.IO packet with binary attachments; text only is spoken here.
	ErrBinary = errors.New("binary packets are not supported")
	// ErrNamespace: a packet of a namespace other than "/". Only a Connect to one is
	// no error, since it is answered.
	ErrNamespace = errors.New("only the default namespace is supported")
)

var errNoEvent = fmt.Errorf("%w: the event's name must be a string", ErrMalformed)

// MaxDepth is how deep arrays and objects may be nested in anything received.
const MaxDepth = jsonview.MaxDepth

// Value is one JSON value as it came over the wire.
type Value = jsonview.Value

// ParseJSON checks a whole text. Errors wrap ErrMalformed and a *jsonview.SyntaxError.
func ParseJSON(text []byte) (Value, error) {
	v, err := jsonview.Parse(text)
	return v, malformed(err)
}

// parseValue is ParseJSON for text that is known to be UTF-8.
func parseValue(text []byte) (Value, error) {
	v, err := jsonview.ParseUTF8(text)
	return v, malformed(err)
}

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// HasLoneSurrogate reports whether a string in JSON text holds an escaped half of a
// surrogate pair without its other half, which UTF-8 cannot say.
func HasLoneSurrogate(text []byte) bool { return jsonview.HasLoneSurrogate(text) }

// Kind says what a packet is.
type Kind uint8

// The kinds of packets. The JSON framing has only events.
const (
	Event        Kind = iota
	EngineOpen        // Engine.IO open; Data is the handshake, see ParseOpen
	EngineClose       // Engine.IO close
	EnginePing        // Engine.IO ping, which servers send
	EnginePong        // Engine.IO pong, which clients answer
	EngineNoop        // Engine.IO noop, to be ignored
	Connect           // Socket.IO connect; Data is the client's auth, or the server's {sid}
	Disconnect        // Socket.IO disconnect
	Ack               // Socket.IO ack; Inbound.Ack is its id, Data its first argument
	ConnectError      // Socket.IO connect error; Data as ParseRefusal takes it
)

// Packet is one decoded text message.
type Packet struct {
	Kind Kind
	Inbound
	Namespace string // of a Connect to another namespace than "/"; otherwise ""
}

// Decode reads one text message, which is UTF-8, as frame.Assembler makes sure.
// Nothing is copied, and nothing allocated unless an event's name is unknown or
// something is wrong. Errors wrap ErrMalformed, ErrBinary or ErrNamespace.
func Decode(f Framing, payload []byte) (Packet, error) {
	if f == SocketIO {
		return decodeEngine(payload)
	}
	return decodeJSON(payload)
}

// decodeJSON reads {"event":"…","data":…}; other members are ignored.
func decodeJSON(payload []byte) (Packet, error) {
	p := Packet{Kind: Event, Inbound: Inbound{Ack: -1}}
	var event Value
	w := jsonview.WalkObject(payload)
	for w.Next() {
		switch string(w.Name()) {
		case "event":
			event = w.Value()
		case "data":
			p.Data = argument(w.Value())
		}
	}
	if err := w.Finish(payload); err != nil {
		return Packet{}, malformed(err)
	}
	if !event.IsString() {
		return Packet{}, errNoEvent
	}
	p.Event = intern(event.Text())
	return p, nil
}

// argument is v, or nil where it is null: JSON.stringify makes undefined null.
func argument(v Value) Value {
	if v.IsNull() {
		return nil
	}
	return v
}

// decodeEngine reads an Engine.IO packet.
func decodeEngine(payload []byte) (Packet, error) {
	if len(payload) == 0 {
		return Packet{}, fmt.Errorf("%w: empty packet", ErrMalformed)
	}
	p := Packet{Inbound: Inbound{Ack: -1}}
	rest := payload[1:]
	switch payload[0] {
	case '0':
		handshake, err := parseValue(rest)
		if err != nil {
			return Packet{}, err
		}
		p.Kind, p.Data = EngineOpen, handshake
		return p, nil
	case '4':
		return decodeSocket(rest)
	case 'b':
		return Packet{}, ErrBinary
	case '1':
		p.Kind = EngineClose
	case '2':
		p.Kind = EnginePing
	case '3':
		p.Kind = EnginePong
	case '6':
		p.Kind = EngineNoop
	default:
		return Packet{}, fmt.Errorf("%w: unknown Engine.IO packet type %q", ErrMalformed, payload[0])
	}
	if len(rest) > 0 {
		return Packet{}, fmt.Errorf("%w: Engine.IO packet of type %q with data", ErrMalformed, payload[0])
	}
	return p, nil
}

// decodeSocket reads a Socket.IO packet: its type, "/namespace," where it is not
// the default one, the ack id, and the data.
func decodeSocket(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, fmt.Errorf("%w: empty Socket.IO packet", ErrMalformed)
	}
	kind := b[0]
	if kind == '5' || kind == '6' {
		return Packet{}, ErrBinary
	}
	namespace, b := splitNamespace(b[1:])
	if namespace != "" && kind != '0' {
		return Packet{}, fmt.Errorf("%w: %q", ErrNamespace, namespace)
	}
	id, b, err := splitID(b)
	if err != nil {
		return Packet{}, err
	}
	p := Packet{Inbound: Inbound{Ack: id}, Namespace: namespace}
	switch {
	case kind == '2':
		return decodeEvent(p, b)
	case kind == '3':
		return decodeAck(p, b)
	case id >= 0:
		return Packet{}, fmt.Errorf("%w: ack id in a packet that is no event", ErrMalformed)
	}
	if len(b) > 0 {
		if p.Data, err = parseValue(b); err != nil {
			return Packet{}, err
		}
	}
	switch {
	case kind == '0' && (p.Data == nil || p.Data.IsObject()):
		p.Kind = Connect
	case kind == '1' && p.Data == nil:
		p.Kind = Disconnect
	case kind == '4' && (p.Data.IsObject() || p.Data.IsString()):
		p.Kind = ConnectError
	default:
		return Packet{}, fmt.Errorf("%w: unknown Socket.IO packet type %q, or wrong data for it", ErrMalformed, kind)
	}
	return p, nil
}

// splitNamespace takes "/namespace," from the start of a packet; "" for the
// default one. A query behind the name counts as part of it.
func splitNamespace(b []byte) (namespace string, rest []byte) {
	if len(b) == 0 || b[0] != '/' {
		return "", b
	}
	end := 0
	for end < len(b) && b[end] != ',' {
		end++
	}
	if end > 1 {
		namespace = string(b[:end])
	}
	return namespace, b[min(end+1, len(b)):]
}

// splitID takes an ack id from the start of a packet; -1 where there is none.
func splitID(b []byte) (id int64, rest []byte, err error) {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n == 0 {
		return -1, b, nil
	}
	id, ok := jsonview.PlainInt(b[:n])
	if !ok {
		return 0, nil, fmt.Errorf("%w: ack id longer than 15 digits", ErrMalformed)
	}
	return id, b[n:], nil
}

// decodeEvent reads ["event",data]; further arguments are ignored.
func decodeEvent(p Packet, args []byte) (Packet, error) {
	var event Value
	w := jsonview.WalkArray(args)
	for n := 0; w.Next(); n++ {
		switch n {
		case 0:
			event = w.Value()
		case 1:
			p.Data = argument(w.Value())
		}
	}
	if err := w.Finish(args); err != nil {
		return Packet{}, malformed(err)
	}
	switch {
	case event.IsString():
		p.Kind, p.Event = Event, intern(event.Text())
	case event.IsNumber(): // which Socket.IO allows; the contract names none
		p.Kind, p.Event = Event, event.String()
	default:
		return Packet{}, errNoEvent
	}
	if isReserved(p.Event) {
		return Packet{}, fmt.Errorf("%w: event name %q is reserved", ErrMalformed, p.Event)
	}
	return p, nil
}

// isReserved reports whether Socket.IO keeps the name for itself.
func isReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// decodeAck reads [data].
func decodeAck(p Packet, args []byte) (Packet, error) {
	if p.Ack < 0 {
		return Packet{}, fmt.Errorf("%w: ack without an id", ErrMalformed)
	}
	w := jsonview.WalkArray(args)
	for n := 0; w.Next(); n++ {
		if n == 0 {
			p.Data = argument(w.Value())
		}
	}
	if err := w.Finish(args); err != nil {
		return Packet{}, malformed(err)
	}
	p.Kind = Ack
	return p, nil
}
