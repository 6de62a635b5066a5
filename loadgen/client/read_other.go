//go:build !unix

package client

func (c *conn) bind() {}

func (c *conn) read() error { return c.readHeld() }

func (c *conn) send(b []byte) error {
	_, err := c.nc.Write(b)
	return err
}
