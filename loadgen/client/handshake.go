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

// Dial opens a guest's connection: TCP, WebSocket, Socket.IO where that is the
// framing, and then whatever comes until connection:established.
func (c *Client) Dial(ctx context.Context, token string, welcome func(api.Value) error) (conn session.Conn, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Abandoned() {
		return nil, session.ErrInstanceGone
	}
	aside(func() { conn, err = c.open(ctx, token, welcome) })
	return conn, c.abandonedOr(err)
}

func (c *Client) open(ctx context.Context, token string, welcome func(api.Value) error) (session.Conn, error) {
	deadline := c.deadline(ctx, time.Now())
	nc, err := c.dialer.dial(ctx, deadline)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn := newConn(ctx, c, nc)
	if err := conn.establish(token, deadline, welcome); err != nil {
		conn.Close(session.Abrupt)
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func (c *conn) establish(token string, deadline time.Time, welcome func(api.Value) error) error {
	if err := c.upgrade(token, deadline); err != nil {
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
func (c *conn) upgrade(token string, deadline time.Time) error {
	out := c.client.buffers.get()
	defer c.client.buffers.put(out)
	b := append((*out)[:0], c.client.upgrade...)
	b = append(append(b, "Authorization: Bearer "...), token...)
	b = append(b, "\r\n\r\n"...)
	*out = b
	if err := c.write(b); err != nil {
		return err
	}
	for {
		if c.in != nil {
			if head, rest, whole := bytes.Cut(c.in.unread(), []byte("\r\n\r\n")); whole {
				if err := c.checkUpgrade(head, deadline); err != nil {
					return err
				}
				c.in.r = c.in.w - len(rest)
				return nil
			}
			if len(c.in.unread()) > maxHead {
				return fmt.Errorf("%w: the handshake's answer has more than %d bytes of headers", session.ErrProtocol, maxHead)
			}
		}
		if err := c.fill(deadline); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
	}
}

const maxHead = 16 << 10

// checkUpgrade reads the status line and the headers.
func (c *conn) checkUpgrade(head []byte, deadline time.Time) error {
	line, headers, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 101")) {
		return c.refusal(deadline)
	}
	for len(headers) > 0 {
		line, headers, _ = bytes.Cut(headers, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("Sec-WebSocket-Accept")) {
			continue
		}
		if string(bytes.TrimSpace(value)) != c.client.accept {
			return fmt.Errorf("%w: the handshake's answer has another Sec-WebSocket-Accept than asked for", session.ErrProtocol)
		}
		return nil
	}
	return fmt.Errorf("%w: the handshake's answer has no Sec-WebSocket-Accept", session.ErrProtocol)
}

// refusal reads an answer that is no upgrade.
func (c *conn) refusal(deadline time.Time) error {
	c.nc.SetReadDeadline(deadline)
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(c.in.unread()), c.nc)), nil)
	if err != nil {
		return fmt.Errorf("%w: the handshake's answer is not HTTP: %w", session.ErrProtocol, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came of it will do
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
