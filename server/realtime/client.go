package realtime

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// Socket is one accepted WebSocket, as bytes: frames go in ready-made.
type Socket interface {
	// TryWrite writes what the kernel takes at once, without ever waiting, and
	// returns how much that was; 0 and nil where it takes nothing now.
	TryWrite(p []byte) (n int, err error)
	// Write writes all of p, or fails once the deadline has passed.
	Write(p []byte, deadline time.Time) error
	// Finish ends the writing side after a close frame; the reading side ends when
	// the peer answers, or when Close is called.
	Finish() error
	// Close ends the connection at once.
	Close() error
}

// A socket that takes nothing for this long is closed as a slow reader.
const writeTimeout = 15 * time.Second

// A socket that was told to close has this long to answer.
const closeGrace = 2 * time.Second

// Client is one socket of a guest: its bounded queue of frames, and how it
// ends. A newer socket of the same session is another Client of the same member.
//
// Frames are written by whoever sends them, for as long as the kernel takes
// them without waiting: so an idle socket costs no second goroutine and no
// buffer. What the kernel does not take waits here, and a goroutine that lives
// only as long as the backlog writes it.
type Client struct {
	node     *Node
	member   *member
	sock     Socket
	framing  api.Framing
	socketID string
	slot     int          // in the heartbeat wheel
	heard    atomic.Int64 // Unix milliseconds of the last bytes from the peer
	pinged   atomic.Int64 // Unix milliseconds of the last ping sent
	shut     atomic.Bool  // nothing the peer says counts any more

	mu struct {
		sync.Mutex
		backlog  []byte // frames that the kernel has not taken yet
		spare    []byte // the previous backlog's memory while a flush runs
		queued   uint64 // bytes ever given to the socket or the backlog
		receipts []receipt
		idle     chan struct{} // closed at the end of the flush that Leave waits for
		finished time.Time     // when the close frame was taken by the kernel
		// Flags are side by side: apart they would take 16 bytes more of every socket.
		flushing bool
		left     bool // the guest left, and the transport is no longer ours to write to
		closing  bool // a close frame was queued: nothing may follow it
		dead     bool // the socket is closed
	}
}

// receipt is a message whose sender hears of its delivery once the receiver's
// socket has taken all bytes up to end.
type receipt struct {
	end      uint64
	chat     *chat
	to       *member // the sender; nil where it is on another instance
	receiver string  // the receiver's guest id; only where the sender is elsewhere
	id       string  // of the message
}

// Heard notes a sign of life.
func (c *Client) Heard() { c.heard.Store(c.node.now().UnixMilli()) }

// SocketID is the socket's name, unique over all instances.
func (c *Client) SocketID() string { return c.socketID }

// send gives frames to the socket. It never waits. It reports false where the
// socket takes nothing any more.
func (c *Client) send(frames []byte) (open bool) {
	_, open = c.sendMessage(frames, "", receipt{})
	return open
}

// sendMessage is send, and reports whether the socket has taken the frames
// already. Where it has not, and id names a message, r is kept for it and told
// later. id itself is not kept: nearly always it can stay on the caller's stack.
func (c *Client) sendMessage(frames []byte, id string, r receipt) (taken, open bool) {
	c.mu.Lock()
	if c.mu.closing || c.mu.dead {
		c.mu.Unlock()
		return false, false
	}
	over := c.mu.flushing && len(c.mu.backlog)+len(frames) > c.node.queueBytes
	if !over {
		taken = c.put(frames)
	}
	if !taken && !over && id != "" {
		r.end, r.id = c.mu.queued, strings.Clone(id)
		c.mu.receipts = append(c.mu.receipts, r)
	}
	c.mu.Unlock()
	if over {
		c.node.counts.queueDrops.Add(1)
		c.end(frame.SlowReader, textSlowReader)
	}
	return taken, true
}

// sendIfIdle gives frames to the socket only when nothing waits before them:
// what a slow reader misses costs nobody anything.
func (c *Client) sendIfIdle(frames []byte) {
	c.mu.Lock()
	if !c.mu.closing && !c.mu.dead && !c.mu.flushing {
		c.put(frames)
	}
	c.mu.Unlock()
}

// put writes frames as far as the kernel takes them and keeps the rest. The
// caller holds c.mu.
func (c *Client) put(frames []byte) (taken bool) {
	c.mu.queued += uint64(len(frames))
	if !c.mu.flushing {
		n, err := c.sock.TryWrite(frames)
		if err != nil {
			c.kill()
			return false
		}
		if n == len(frames) {
			return true
		}
		frames = frames[n:]
	}
	c.mu.backlog = append(c.mu.backlog, frames...)
	if !c.mu.flushing {
		c.mu.flushing = true
		c.node.work.Go(c.flush)
	}
	return false
}

// flush writes the backlog until there is none, and tells the senders.
func (c *Client) flush() {
	var written uint64
	for {
		c.mu.Lock()
		batch := c.mu.backlog
		if len(batch) == 0 || c.mu.dead {
			c.mu.flushing, c.mu.backlog, c.mu.spare = false, nil, nil
			if c.mu.idle != nil {
				close(c.mu.idle)
				c.mu.idle = nil
			}
			c.finish()
			c.mu.Unlock()
			return
		}
		c.mu.backlog = c.mu.spare[:0]
		written = c.mu.queued
		c.mu.Unlock()

		err := c.sock.Write(batch, time.Now().Add(writeTimeout))

		c.mu.Lock()
		c.mu.spare = batch[:0]
		if err != nil {
			c.kill()
			c.mu.Unlock()
			continue
		}
		due := c.takeReceipts(written)
		c.mu.Unlock()
		c.node.delivered(due)
	}
}

// takeReceipts removes and returns the receipts that are due once written bytes
// have been taken. The caller holds c.mu.
func (c *Client) takeReceipts(written uint64) []receipt {
	n := 0
	for n < len(c.mu.receipts) && c.mu.receipts[n].end <= written {
		n++
	}
	due := c.mu.receipts[:n:n]
	if c.mu.receipts = c.mu.receipts[n:]; len(c.mu.receipts) == 0 {
		c.mu.receipts = nil
	}
	return due
}

// kill closes the socket at once; its reader then calls Closed. The caller holds c.mu.
func (c *Client) kill() {
	if !c.mu.dead {
		c.mu.dead = true
		c.shut.Store(true)
		_ = c.sock.Close()
	}
}

// Cut closes the socket at once, without a word.
func (c *Client) Cut() {
	c.mu.Lock()
	c.kill()
	c.mu.Unlock()
}

// end sends an `error` event with the message, closes the WebSocket with the
// code and ignores all further input. The socket's reader calls Closed when the
// connection has ended.
//
// Only a takeover and a deleted session send a Socket.IO DISCONNECT first: after
// one, the official client never reconnects by itself. After every other end it does.
func (c *Client) end(code frame.Code, message string) {
	c.shut.Store(true)
	buf := takeBuffer()
	defer giveBuffer(buf)
	*buf = api.AppendNoticeFrame(*buf, c.framing, api.EventError, message)
	if c.framing == api.SocketIO && (code == frame.Replaced || code == frame.SessionEnded) {
		*buf = frame.Append(*buf, frame.Text, api.PacketDisconnect)
	}
	*buf = frame.AppendClose(*buf, code, message)

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closing || c.mu.dead {
		return
	}
	c.mu.closing = true
	if c.put(*buf) {
		c.finish()
	}
}

// finish ends the writing side once the close frame is out. The caller holds c.mu.
func (c *Client) finish() {
	if c.mu.closing && !c.mu.dead && !c.mu.left {
		c.mu.finished = c.node.now()
		_ = c.sock.Finish()
	}
}

// Refuse ends the connection because of something its peer did.
func (c *Client) Refuse(code frame.Code, message string) { c.end(code, message) }

// reap closes the socket for good where its peer has not answered a close in time.
func (c *Client) reap(now time.Time) {
	c.mu.Lock()
	if !c.mu.finished.IsZero() && now.Sub(c.mu.finished) > closeGrace {
		c.kill()
	}
	c.mu.Unlock()
}

// buffers hold the frames that are being put together.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

func takeBuffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

func giveBuffer(b *[]byte) {
	if cap(*b) <= 64<<10 {
		buffers.Put(b)
	}
}
