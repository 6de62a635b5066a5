package redis

import (
	"context"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// countedClient is a client that counts what it sends. Cached reads are counted by
// their cache.
type countedClient struct {
	rueidis.Client
	sent *atomic.Int64
}

// Do sends a command.
func (c *countedClient) Do(ctx context.Context, command rueidis.Completed) rueidis.RedisResult {
	c.sent.Add(1)
	return c.Client.Do(ctx, command)
}

// DoMulti sends commands together.
func (c *countedClient) DoMulti(ctx context.Context, commands ...rueidis.Completed) []rueidis.RedisResult {
	c.sent.Add(int64(len(commands)))
	return c.Client.DoMulti(ctx, commands...)
}

// Nodes are the clients of single nodes, counted together.
func (c *countedClient) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = &countedClient{Client: node, sent: c.sent}
	}
	return nodes
}
