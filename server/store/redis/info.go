package redis

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

// Info asks for INFO, everything that Redis tells of itself: one text of a
// single Redis, one of each master of a cluster. Errors are those of Connect.
func (r *Client) Info(ctx context.Context) ([]string, error) {
	if err := r.Connect(ctx); err != nil {
		return nil, err
	}
	l := r.link.Load()
	nodes := []rueidis.Client{l.Client}
	if l.Cluster {
		nodes = l.Masters()
	}
	texts := make([]string, len(nodes))
	ctx, cancel := l.Within(ctx, ReplyTimeout)
	defer cancel()
	for i, node := range nodes {
		text, err := node.Do(ctx, node.B().Info().Section("everything").Build()).ToString()
		if err != nil {
			return nil, fmt.Errorf("ask redis about itself: %w", r.classify(err))
		}
		texts[i] = text
	}
	return texts, nil
}
