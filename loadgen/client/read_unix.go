//go:build unix

package client

import (
	"net"
	"syscall"
)

// bind makes the connection readable without a buffer in hand.
func (c *conn) bind() {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		c.raw, c.ready = raw, c.readable
	}
}

// read waits until there is something to read, and reads it.
func (c *conn) read() error {
	if c.raw == nil {
		return c.readHeld()
	}
	if err := c.raw.Read(c.ready); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return c.err
	case c.n == 0:
		return errEOF
	}
	return nil
}

// readable tries to read: false where there is nothing yet. A buffer is taken
// for as long as it takes to try, and kept only with something in it.
func (c *conn) readable(fd uintptr) bool {
	in := c.in
	if in == nil {
		in = c.client.inboxes.get()
	}
	for {
		c.n, c.err = syscall.Read(int(fd), in.room())
		if c.err != syscall.EINTR {
			break
		}
	}
	if c.n > 0 {
		in.w += c.n
	}
	if in.empty() {
		c.client.inboxes.put(in)
		in = nil
	}
	c.in = in
	return c.err != syscall.EAGAIN
}
