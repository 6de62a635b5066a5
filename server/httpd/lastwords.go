package httpd

import (
	"bufio"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// A client that was cut off while it still sends is listened to this long.
const (
	patience    = time.Second
	patientSize = 1 << 20 // bytes
)

// sayLast sends the answer and waits, a little, until the client has stopped
// sending: closing a connection with unread bytes resets it, and the reset
// overtakes the answer. After it the connection takes no more writes, so that
// fasthttp's own attempt at the answer comes to nothing.
func sayLast(ctx *fasthttp.RequestCtx) {
	conn, ok := ctx.Conn().(interface {
		net.Conn
		CloseWrite() error
	})
	if !ok {
		return
	}
	ctx.SetConnectionClose()
	deadline := time.Now().Add(patience)
	if conn.SetDeadline(deadline) != nil {
		return
	}
	w := bufio.NewWriter(conn)
	if ctx.Response.Write(w) != nil || w.Flush() != nil || conn.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, patientSize)
}
