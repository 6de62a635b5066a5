package realtime

import (
	"context"
	"time"

	"guestload/server/api"
)

// Statistics go to everybody at most once in broadcastEvery, and to no more than
// 1,000 sockets a second on average (they are the dearest thing that is sent: 20
// KB each), in shares of broadcastShare sockets with a rest between, and take no
// more than a fifth of the time: a chat message never waits long behind them.
const (
	broadcastEvery = time.Second
	broadcastEach  = time.Millisecond // for each socket
	broadcastShare = 64
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
		began := time.Now()
		if n.changed.Swap(false) {
			n.tellEverybody(ctx)
		}
		sockets := time.Duration(n.counts.sockets.Load())
		rest.Reset(max(broadcastEvery, sockets*broadcastEach, 5*time.Since(began)))
	}
}

func (n *Node) tellEverybody(ctx context.Context) {
	data, err := n.statsData(ctx)
	if err != nil {
		n.log.Warn("no statistics to tell", "error", err)
		n.changed.Store(true)
		return
	}
	frames := [...][]byte{
		api.JSON:     api.AppendEventFrame(nil, api.JSON, api.EventStats, data),
		api.SocketIO: api.AppendEventFrame(nil, api.SocketIO, api.EventStats, data),
	}
	var turn []*Client
	for slot := range wheelSlots {
		turn = n.wheel.clients(turn[:0], slot)
		for i, c := range turn {
			c.sendIfIdle(frames[c.framing])
			if i%broadcastShare == broadcastShare-1 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(broadcastRest):
				}
			}
		}
	}
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
