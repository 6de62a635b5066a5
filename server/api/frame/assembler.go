package frame

import "unicode/utf8"

// Message is what one or more frames say: a whole text or binary message, or a
// close, ping or pong.
type Message struct {
	Op      Op
	Payload []byte
}

// Assembler joins the fragments of messages. The zero value is ready. It holds
// no memory between messages, so an idle connection pays nothing for it.
type Assembler struct {
	op   Op     // of the message under way; Continuation for none
	part []byte // what has come of it
}

// Add takes the next frame. ok is true when it completes a message, or is a
// control frame, which may stand between fragments. A message of one frame is a
// view of the frame's payload; a joined one is the caller's to keep. limit
// bounds the whole message, in bytes. Text is checked to be UTF-8. Errors are
// *Error; the connection is to be closed with their code.
func (a *Assembler) Add(f Frame, limit int) (m Message, ok bool, err error) {
	switch {
	case f.Op.IsControl():
		return Message{f.Op, f.Payload}, true, nil
	case f.Op == Continuation && a.op == Continuation:
		return Message{}, false, errNoMessage
	case f.Op != Continuation && a.op != Continuation:
		return Message{}, false, errNotFinished
	case len(f.Payload) > limit-len(a.part):
		return Message{}, false, ErrTooBig
	}
	if f.Op != Continuation {
		if f.Fin {
			return whole(f.Op, f.Payload)
		}
		a.op = f.Op
	}
	a.part = append(a.part, f.Payload...)
	if !f.Fin {
		return Message{}, false, nil
	}
	op, payload := a.op, a.part
	a.op, a.part = Continuation, nil
	return whole(op, payload)
}

func whole(op Op, payload []byte) (Message, bool, error) {
	if op == Text && !utf8.Valid(payload) {
		return Message{}, false, errText
	}
	return Message{op, payload}, true, nil
}
