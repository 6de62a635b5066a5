//go:build unix

package client

import "syscall"

// bind lets the connection try to read and write without waiting.
func (c *conn) bind() {
	plain, ok := c.nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := plain.SyscallConn(); err == nil {
		c.raw, c.readable, c.writable = raw, c.tryRead, c.tryWrite
	}
}

// read waits until there is something to read, and reads it.
func (c *conn) read() error {
	if c.raw == nil {
		return c.readHeld()
	}
	if err := c.raw.Read(c.readable); err != nil {
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

// tryRead returns false where there is nothing yet. A buffer is taken for as
// long as it takes to try, and kept only with something in it.
func (c *conn) tryRead(fd uintptr) bool {
	in := c.in
	if in == nil {
		in = c.client.inboxes.get()
	}
	c.n, c.err = readNow(int(fd), in.room())
	in.w += c.n
	if in.empty() {
		c.client.inboxes.put(in)
		in = nil
	}
	c.in = in
	return c.err != syscall.EAGAIN
}

// send writes all of b.
func (c *conn) send(b []byte) error {
	if c.raw == nil {
		_, err := c.nc.Write(b)
		return err
	}
	c.out = b
	err := c.raw.Write(c.writable)
	c.out = nil
	if err != nil {
		return err
	}
	return c.err
}

// tryWrite returns false where there is no room yet.
func (c *conn) tryWrite(fd uintptr) bool {
	c.out, c.err = writeMost(int(fd), c.out)
	return c.err != syscall.EAGAIN
}

// writeMost writes as much as there is room for, and returns the rest.
func writeMost(fd int, b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		n, err := writeNow(fd, b)
		if err != nil {
			return b, err
		}
		b = b[n:]
	}
	return nil, nil
}
