package client

import (
	"fmt"
	"io"

	"guestload/loadgen/session"
)

// readHeld reads with a buffer in hand while it waits: for connections that
// cannot be asked whether there is something to read, as with TLS.
func (c *conn) readHeld() error {
	in := c.in
	if in == nil {
		in = c.client.inboxes.get()
	}
	n, err := c.nc.Read(in.room())
	in.w += n
	if in.empty() {
		c.client.inboxes.put(in)
		in = nil
	}
	c.in = in
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		return errEOF
	}
	return err
}

// errEOF: the stream has ended without a word.
var errEOF = fmt.Errorf("%w by the server without a close frame: %w", session.ErrClosed, io.EOF)
