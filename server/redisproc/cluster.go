package redisproc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// slots is the number of hash slots of every Redis Cluster.
const slots = 16384

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts n masters that share the slots, and returns once each of
// them calls the cluster's state ok.
func StartCluster(ctx context.Context, n int, config Config) (*Cluster, error) {
	if n < 1 {
		return nil, fmt.Errorf("start redis cluster: %d nodes, need at least 1", n)
	}
	config.cluster = true
	c := &Cluster{}
	for range n {
		node, err := Start(ctx, config)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.Nodes = append(c.Nodes, node)
	}
	if err := c.join(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start redis cluster: %w", err), c.Close())
	}
	return c, nil
}

// URL is the redis-cluster:// address with every node.
func (c *Cluster) URL() string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return "redis-cluster://" + c.Nodes[0].userinfo() + strings.Join(addrs, ",")
}

// Close ends all nodes.
func (c *Cluster) Close() error {
	var errs []error
	for _, node := range c.Nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// join gives each node its share of the slots and introduces it to the first.
func (c *Cluster) join(ctx context.Context) error {
	first := c.Nodes[0]
	for i, node := range c.Nodes {
		from, to := i*slots/len(c.Nodes), (i+1)*slots/len(c.Nodes)-1
		if _, err := node.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if _, err := node.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		_, err := node.Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(first.port), strconv.Itoa(first.busPort))
		if err != nil {
			return err
		}
	}
	return c.AwaitOK(ctx)
}

// AwaitOK waits until every node knows all others and calls the state ok.
func (c *Cluster) AwaitOK(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*startPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c.ok() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("its state does not become ok: %w", ctx.Err())
		}
	}
}

func (c *Cluster) ok() bool {
	known := fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Nodes))
	for _, node := range c.Nodes {
		reply, err := node.Do("CLUSTER", "INFO")
		info, _ := reply.(string)
		if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, known) {
			return false
		}
		// Masters without replicas: each must serve its slots in everybody's view.
		reply, err = node.Do("CLUSTER", "SLOTS")
		if shards, _ := reply.([]any); err != nil || len(shards) != len(c.Nodes) {
			return false
		}
	}
	return true
}
