//go:build !unix

package socket

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func (c *Conn) serveRaw() {}

// tryWrite writes nothing: whether a write would wait is not known here.
func (c *Conn) tryWrite([]byte) (int, error) { return 0, nil }
