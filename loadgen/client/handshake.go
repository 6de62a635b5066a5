package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// Dial opens a guest's connection: TCP, TLS for https, WebSocket, with Socket.IO
// framing Engine.IO and the default namespace, and then waits for
// connection:established.
func (c *Client) Dial(ctx context.Context, h session.Handshake, welcome func(api.Value) error) (conn session.Conn, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Abandoned() {
		return nil, session.ErrInstanceGone
	}
	aside(func() { conn, err = c.open(ctx, h, welcome) })
	return conn, c.abandonedOr(err)
}

func (c *Client) open(ctx context.Context, h session.Handshake, welcome func(api.Value) error) (session.Conn, error) {
	deadline := c.deadline(ctx, h.Within, time.Now())
	nc, err := c.dial(ctx, deadline, &c.dialer.sockets)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", c.overdue(ctx, h.Within, err))
	}
	conn := newConn(ctx, c, nc)
	if err := conn.establish(h.Token, h.Cookies, deadline, welcome); err != nil {
		conn.Close(session.Abrupt)
		return nil, fmt.Errorf("connect: %w", c.overdue(ctx, h.Within, err))
	}
	return conn, nil
}

func (c *conn) establish(token string, cookies *session.Cookies, deadline time.Time, welcome func(api.Value) error) error {
	if err := c.upgrade(token, cookies, deadline); err != nil {
		return err
	}
	if c.client.framing == api.SocketIO {
		if err := c.join(token, deadline); err != nil {
			return err
		}
	}
	for {
		ev, err := c.Next(deadline)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", api.EventEstablished, err)
		case ev.Event == api.EventEstablished && welcome != nil:
			return welcome(ev.Data)
		case ev.Event == api.EventEstablished:
			return nil
		case ev.Event == api.EventError:
			return &session.RefusedError{Message: string(shorten(ev.Data.Get("message").Text()))}
		}
	}
}

// upgrade does the WebSocket handshake.
func (c *conn) upgrade(token string, cookies *session.Cookies, deadline time.Time) error {
	out := c.client.buffers.get()
	defer c.client.buffers.put(out)
	b := append((*out)[:0], c.client.upgrade...)
	b = append(append(b, "Authorization: Bearer "...), token...)
	b = c.client.appendCookies(append(b, "\r\n"...), cookies, c.client.path)
	b = append(b, "\r\n"...)
	*out = b
	if err := c.write(b); err != nil {
		return err
	}
	for {
		head := c.unread()
		n, err := headEnd(head)
		switch {
		case err != nil:
			return c.client.foreign(head, fmt.Errorf("the handshake: %w", err))
		case n == 0:
			if err := c.fill(deadline); err != nil {
				return fmt.Errorf("handshake: %w", err)
			}
		case bytes.HasPrefix(head, []byte("HTTP/1.1 101")):
			err := c.checkUpgrade(head[:n-2], cookies)
			c.in.r += n
			return err
		default:
			var h httpHead
			if err := h.parse(head[:n]); err != nil {
				return fmt.Errorf("%w: the handshake: %w", session.ErrProtocol, err)
			}
			if h.status >= 200 {
				return c.refusal(h, deadline)
			}
			c.in.r += n // it announces the response
		}
	}
}

// checkUpgrade reads the headers of a response that switches protocols, each line
// with its CR LF.
func (c *conn) checkUpgrade(head []byte, cookies *session.Cookies) error {
	_, headers, _ := bytes.Cut(head, []byte("\r\n"))
	var accepted, websocket bool
	var set []string
	for len(headers) > 0 {
		var line []byte
		line, headers, _ = bytes.Cut(headers, []byte("\r\n"))
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			return fmt.Errorf("%w: the handshake's response has a header without a colon: %q", session.ErrProtocol, shorten(line))
		}
		name := line[:colon]
		is := func(want string) bool { return bytes.EqualFold(name, []byte(want)) }
		switch len(name) {
		case len("Sec-WebSocket-Accept"):
			if is("Sec-WebSocket-Accept") {
				if string(value(line, colon)) != c.client.accept {
					return fmt.Errorf("%w: the handshake's response has another Sec-WebSocket-Accept than asked for", session.ErrProtocol)
				}
				accepted = true
			}
		case len("Upgrade"):
			if is("Upgrade") {
				websocket = bytes.EqualFold(value(line, colon), []byte("websocket"))
			}
		case len("Sec-WebSocket-Extensions"):
			if is("Sec-WebSocket-Extensions") {
				return unasked(line)
			}
		case len("Sec-WebSocket-Protocol"):
			if is("Sec-WebSocket-Protocol") {
				return unasked(line)
			}
		case len("Set-Cookie"):
			if is("Set-Cookie") {
				set = append(set, string(value(line, colon)))
			}
		}
	}
	switch {
	case !accepted:
		return fmt.Errorf("%w: the handshake's response has no Sec-WebSocket-Accept", session.ErrProtocol)
	case !websocket:
		return fmt.Errorf("%w: the handshake's response does not say Upgrade: websocket", session.ErrProtocol)
	}
	if set != nil && cookies != nil {
		cookies.Set(set)
	}
	return nil
}

// unasked complains of an extension or a subprotocol that was not offered.
func unasked(line []byte) error {
	return fmt.Errorf("%w: the handshake selects what was not offered: %q; both sides would take the frames for something else", session.ErrProtocol, shorten(line))
}

// refusal reads a response that is no upgrade; h is its head.
func (c *conn) refusal(h httpHead, deadline time.Time) error {
	if h.location != "" {
		return c.client.redirected(h.status, h.location, c.client.base+c.client.path)
	}
	c.nc.SetReadDeadline(deadline)
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(c.in.unread()), c.nc)), nil)
	if err != nil {
		return fmt.Errorf("%w: the handshake's answer is not HTTP: %w", session.ErrProtocol, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came of it will do
	if plain, err := decode(h.encoding, body); err == nil {
		body = plain
	}
	if c.client.dialer.tls == nil && wantsTLS(h.status, body) {
		return c.client.speaksTLS()
	}
	message := shorten(body)
	if v, err := api.ParseJSON(body); err == nil {
		if text := v.Get("message").Text(); text != nil {
			message = shorten(text)
		}
	}
	return &session.RefusedError{Status: resp.StatusCode, Message: string(message)}
}

// join opens Engine.IO and connects to the default namespace.
func (c *conn) join(token string, deadline time.Time) error {
	p, err := c.await(deadline)
	if err == nil && p.Kind != api.EngineOpen {
		err = fmt.Errorf("%w: the first packet is no Engine.IO open", session.ErrProtocol)
	}
	if err != nil {
		return fmt.Errorf("socket.io open: %w", err)
	}
	text := api.AppendString([]byte(`40{"token":`), token)
	if err := c.writeText(append(text, '}')); err != nil {
		return err
	}
	for {
		p, err := c.await(deadline)
		switch {
		case err != nil:
			return fmt.Errorf("socket.io connect: %w", err)
		case p.Kind == api.Connect:
			return nil
		case p.Kind == api.ConnectError:
			return &session.RefusedError{Message: string(shorten(api.ParseRefusal(p.Data)))}
		}
	}
}

// acceptFor is what RFC 6455, section 4.2.2, makes of a key.
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
