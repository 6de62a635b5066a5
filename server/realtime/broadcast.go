package realtime

import (
	"context"
	"slices"
	"time"

	"guestload/server/api"
)

// Statistics go to everybody at most once in broadcastEvery, and to no more than
// 1,000 sockets a second on average (they are the dearest thing that is sent: 20
// KB each), in shares of broadcastShare sockets with a rest between, and take no
// more than a sixth of the time: a chat message never waits long behind them.
const (
	broadcastEvery = time.Second
	broadcastEach  = time.Millisecond // for each socket
	broadcastShare = 16
	broadcastRest  = 2 * time.Millisecond
)

// broadcast tells everybody the statistics when they have changed, until ctx ends.
func (n *Node) broadcast(ctx context.Context) {
	rest := time.NewTimer(broadcastEvery)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		var sending time.Duration
		if n.changed.Swap(false) {
			sending = n.tellEverybody(ctx)
		}
		rest.Reset(broadcastPause(n.counts.sockets.Load(), sending))
	}
}

// broadcastPause is how long nobody is told after so many sockets took so long
// to tell.
func broadcastPause(sockets int64, sending time.Duration) time.Duration {
	return max(broadcastEvery, time.Duration(sockets)*broadcastEach, 5*sending)
}

// tellEverybody returns how long the sending took, without the rests between:
// a timer that is late on a busy machine is no reason to tell less often.
func (n *Node) tellEverybody(ctx context.Context) (sending time.Duration) {
	data, err := n.statsData(ctx)
	if err != nil {
		n.log.Warn("no statistics to tell", "error", err)
		n.changed.Store(true)
		return 0
	}
	frames := [...][]byte{
		api.JSON:     api.AppendEventFrame(nil, api.JSON, api.EventStats, data),
		api.SocketIO: api.AppendEventFrame(nil, api.SocketIO, api.EventStats, data),
	}
	var turn []*Client
	for slot := range wheelSlots {
		turn = n.wheel.clients(turn[:0], slot)
		for share := range slices.Chunk(turn, broadcastShare) {
			began := time.Now()
			for _, c := range share {
				c.sendIfIdle(frames[c.framing])
			}
			sending += time.Since(began)
			if len(share) < broadcastShare {
				continue
			}
			select {
			case <-ctx.Done():
				return sending
			case <-time.After(broadcastRest):
			}
		}
	}
	return sending
}

// tellStats answers get:stats.
func (n *Node) tellStats(c *Client) (refusal string) {
	data, err := n.statsData(n.ctx)
	if err != nil {
		n.log.Warn("no statistics to tell", "error", err)
		return n.chatError(c.member, "Statistics are not available right now")
	}
	c.send(api.AppendEventFrame(nil, c.framing, api.EventStats, data))
	return ""
}

func (n *Node) statsData(ctx context.Context) ([]byte, error) {
	stats, err := n.Stats(ctx)
	if err != nil {
		return nil, err
	}
	users, _, err := n.Online(ctx, "", api.StatsUsers)
	if err != nil {
		return nil, err
	}
	return api.AppendRealtimeStats(nil, stats, users, n.stamp()), nil
}
