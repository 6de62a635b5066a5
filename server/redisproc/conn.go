package redisproc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is a plain RESP2 connection: a second client, such as redis-cli would be.
// It is for one goroutine at a time.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
}

// Error is an error reply of the server.
type Error string

func (e Error) Error() string { return string(e) }

// Dial connects to addr, and with a password also authenticates.
func Dial(addr, password string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil, fmt.Errorf("connect to redis: %w", err)
	}
	c := &Conn{conn: conn, in: bufio.NewReader(conn)}
	if password != "" {
		if _, err := c.Do("AUTH", password); err != nil {
			c.Close()
			return nil, fmt.Errorf("authenticate with redis: %w", err)
		}
	}
	return c, nil
}

// Close ends the connection; a Read in progress fails.
func (c *Conn) Close() { c.conn.Close() }

// Do sends one command and returns its reply: string, int64, []any or nil. It
// gives up after 5 s. An error reply is an Error.
func (c *Conn) Do(args ...string) (any, error) {
	if err := c.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if err := c.send(args...); err != nil {
		return nil, err
	}
	return c.read()
}

func (c *Conn) send(args ...string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	_, err := io.WriteString(c.conn, b.String())
	return err
}

func (c *Conn) read() (any, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, errors.New("empty reply from redis")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, Error(rest)
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reply of redis: %w", err)
	}
	switch {
	case kind == ':':
		return n, nil
	case n < 0:
		return nil, nil
	case kind == '$':
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(c.in, buf); err != nil {
			return nil, err
		}
		return string(buf[:n]), nil
	case kind == '*':
		items := make([]any, n)
		for i := range items {
			item, err := c.read()
			var reply Error
			switch {
			case errors.As(err, &reply):
				item = reply // an error inside an array is a value of it
			case err != nil:
				return nil, err
			}
			items[i] = item
		}
		return items, nil
	}
	return nil, fmt.Errorf("reply of redis has unknown type %q", kind)
}
