package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
	"guestload/server/api/frame"
)

// maxMessage bounds what a server may send in one message, in bytes.
const maxMessage = 1 << 20

// conn implements session.Conn with a frame loop of its own.
type conn struct {
	stream
	parts  frame.Assembler
	closed bool
}

func newConn(ctx context.Context, client *Client, nc net.Conn) *conn {
	c := &conn{stream: stream{client: client, nc: nc}}
	c.bind()
	client.cancels.join(ctx, &c.stream)
	return c
}

// Send writes one event.
func (c *conn) Send(event string, data []byte) error {
	if own, ok := c.client.outgoing[event]; ok {
		event = own
	}
	out := c.client.buffers.get()
	*out = api.AppendMaskedEventFrame((*out)[:0], c.client.framing, maskKey(), event, data)
	err := c.write(*out)
	c.client.buffers.put(out)
	return err
}

// Inject writes bytes as they are.
func (c *conn) Inject(b []byte) error { return c.write(b) }

// Next returns the next event. It waits in as few calls as possible, below what
// needs more of the stack: each idle guest keeps that much of it.
func (c *conn) Next(deadline time.Time) (ev api.Inbound, err error) {
	for ev.Event == "" && err == nil {
		var found bool
		if found, err = c.event(&ev); !found && err == nil {
			err = c.fill(deadline)
		}
	}
	return ev, err
}

// event takes the next event out of what was read; found is false when nothing
// whole is left.
func (c *conn) event(ev *api.Inbound) (found bool, err error) {
	for {
		p, found, err := c.packet()
		if !found || err != nil {
			return false, err
		}
		if p.Kind != api.Event {
			continue
		}
		if own, ok := c.client.incoming[p.Event]; ok {
			p.Event = own
		}
		if p.Event != "" {
			*ev = p.Inbound
			return true, nil
		}
	}
}

// await returns the next packet, whatever it is about.
func (c *conn) await(deadline time.Time) (api.Packet, error) {
	for {
		p, found, err := c.packet()
		if err == nil && !found {
			err = c.fill(deadline)
		}
		if found || err != nil {
			return p, err
		}
	}
}

// packet takes the next packet that is not about keeping or ending the
// connection out of what was read.
func (c *conn) packet() (p api.Packet, found bool, err error) {
	for {
		m, found, err := c.message()
		if !found || err != nil {
			return api.Packet{}, false, err
		}
		if m.Op != frame.Text {
			return api.Packet{}, false, fmt.Errorf("%w: a message is binary", session.ErrProtocol)
		}
		if p, ok := skim(m.Payload); ok {
			return p, true, nil
		}
		p, err := api.Decode(c.client.framing, m.Payload)
		if err != nil {
			return api.Packet{}, false, fmt.Errorf("%w: %w: %q", session.ErrProtocol, err, shorten(m.Payload))
		}
		switch p.Kind {
		case api.EnginePing:
			if err := c.writeText([]byte{'3'}); err != nil {
				return api.Packet{}, false, err
			}
		case api.EngineClose, api.Disconnect:
			return api.Packet{}, false, c.disconnected()
		case api.EngineNoop, api.EnginePong, api.Ack:
		default:
			return p, true, nil
		}
	}
}

// skim recognises broadcasts of statistics, which come often, are long, and
// hold nothing that a guest looks at: they are not parsed.
func skim(payload []byte) (api.Packet, bool) {
	const ws, socketIO = `{"event":"` + api.EventStats + `"`, `42["` + api.EventStats + `"`
	if len(payload) >= len(ws) && string(payload[:len(ws)]) == ws ||
		len(payload) >= len(socketIO) && string(payload[:len(socketIO)]) == socketIO {
		return api.Packet{Kind: api.Event, Inbound: api.Inbound{Event: api.EventStats, Ack: -1}}, true
	}
	return api.Packet{}, false
}

// message takes the next text or binary message, and answers the control frames
// before it.
func (c *conn) message() (m frame.Message, found bool, err error) {
	for {
		m, found, err := c.parse()
		if err != nil {
			return m, false, fmt.Errorf("%w: %w", session.ErrProtocol, err)
		}
		if !found {
			return m, false, nil
		}
		switch m.Op {
		case frame.Ping:
			err = c.writeControl(frame.Pong, m.Payload)
		case frame.Pong:
		case frame.Close:
			err = c.closedBy(m.Payload)
		default:
			return m, true, nil
		}
		if err != nil {
			return m, false, err
		}
	}
}

// parse takes the next whole message out of the inbox, and gives the inbox back
// when there is nothing more in it.
func (c *conn) parse() (frame.Message, bool, error) {
	for c.in != nil && !c.in.empty() {
		f, n, err := frame.Parse(c.in.unread(), frame.Client, maxMessage)
		if err != nil {
			return frame.Message{}, false, err
		}
		if n == 0 {
			return frame.Message{}, false, nil
		}
		c.in.r += n
		m, ok, err := c.parts.Add(f, maxMessage)
		if ok || err != nil {
			return m, ok, err
		}
	}
	c.rest()
	return frame.Message{}, false, nil
}

// fill waits for bytes until the deadline.
func (c *conn) fill(deadline time.Time) error {
	err := c.stream.fill(deadline)
	switch {
	case err == nil || errors.Is(err, session.ErrTimeout):
		return err
	case errors.Is(err, io.EOF):
		err = errEOF
	}
	return c.client.abandonedOr(err)
}

// lastWord is how long a close frame may take to follow a Socket.IO disconnect.
const lastWord = time.Second

// disconnected waits, a little, for the close frame that tells why Socket.IO was
// left, and returns what there is to tell.
func (c *conn) disconnected() error {
	deadline := time.Now().Add(lastWord)
	for {
		_, found, err := c.message()
		if err == nil && !found {
			err = c.fill(deadline)
		}
		if errors.Is(err, session.ErrTimeout) {
			return fmt.Errorf("%w: socket.io disconnect", session.ErrClosed)
		}
		if err != nil {
			return err
		}
	}
}

// closedBy answers a close frame and tells why it came.
func (c *conn) closedBy(payload []byte) error {
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", session.ErrProtocol, err)
	}
	said := &session.ClosedError{Code: code, Reason: string(reason)}
	c.writeControl(frame.Close, payload[:min(len(payload), 2)]) // it may be gone already
	return said
}

// Close ends the connection. A second call does nothing.
func (c *conn) Close(how session.Ending) error {
	if c.closed {
		return nil
	}
	c.closed = true
	var err error
	if how == session.Clean {
		err = c.closeClean()
	}
	c.client.cancels.leave(&c.stream)
	if how == session.HalfOpen {
		c.client.keepSilent(c.nc)
	} else {
		reset(c.nc)
	}
	c.forget()
	return err
}

// closeClean sends a close frame and reads until the other side's has come, or
// the end of the stream. The reset that follows ends nothing that anybody
// waits for, and leaves no port in TIME_WAIT.
func (c *conn) closeClean() error {
	out := c.client.buffers.get()
	defer c.client.buffers.put(out)
	*out = frame.AppendMaskedClose((*out)[:0], maskKey(), frame.Normal, "")
	if err := c.write(*out); err != nil {
		return err
	}
	deadline := time.Now().Add(c.client.timeout)
	for {
		m, ok, err := c.parse()
		if ok && m.Op == frame.Close {
			return nil
		}
		if ok {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", session.ErrProtocol, err)
		}
		if err := c.fill(deadline); errors.Is(err, session.ErrClosed) {
			return nil
		} else if err != nil {
			return fmt.Errorf("closing: %w", err)
		}
	}
}

// writeText sends one text message.
func (c *conn) writeText(text []byte) error { return c.writeControl(frame.Text, text) }

func (c *conn) writeControl(op frame.Op, payload []byte) error {
	out := c.client.buffers.get()
	*out = frame.AppendMasked((*out)[:0], op, maskKey(), payload)
	err := c.write(*out)
	c.client.buffers.put(out)
	return err
}

// maskKey masks frames against confused proxies, of which there are none here:
// a cheap generator will do.
func maskKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	return key
}
