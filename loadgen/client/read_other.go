//go:build !unix

package client

func (c *conn) bind() {}

func (c *conn) read() error { return c.readHeld() }
