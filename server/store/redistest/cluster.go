package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"guestload/server/redisproc"
)

// slots is the number of hash slots of every Redis Cluster.
const slots = 16384

// patience is how long servers may take until they know each other.
const patience = 20 * time.Second

// Shards is a Redis Cluster of masters without replicas.
type Shards struct {
	Nodes    []*redisproc.Server
	password string
	bus      []string // the nodes' ports for each other
}

// startCluster starts n masters that share the slots, and returns once each of
// them calls the cluster's state ok.
func startCluster(ctx context.Context, n int, config redisproc.Config) (*Shards, error) {
	if n < 1 {
		return nil, fmt.Errorf("start redis cluster: %d nodes, need at least 1", n)
	}
	c := &Shards{password: config.Password}
	for range n {
		if err := c.add(ctx, config); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := c.join(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start redis cluster: %w", err), c.Close())
	}
	return c, nil
}

// add starts one more node.
func (c *Shards) add(ctx context.Context, config redisproc.Config) error {
	var failed error
	for range 5 { // somebody else may take the port between the choice and its use
		bus, err := freePort()
		if err != nil {
			return err
		}
		one := config
		one.Args = append([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "yes",
		}, config.Args...)
		var node *redisproc.Server
		if node, failed = redisproc.Start(ctx, one); failed == nil {
			c.Nodes, c.bus = append(c.Nodes, node), append(c.bus, bus)
			return nil
		}
		if errors.Is(failed, redisproc.ErrMissing) || ctx.Err() != nil {
			break
		}
	}
	return failed
}

// freePort is a port of 127.0.0.1 that nobody used a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return port(l.Addr().String()), nil
}

// port is that of an address.
func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// URL is the redis-cluster:// address with every node.
func (c *Shards) URL() string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return "redis-cluster://" + userinfo(c.password) + strings.Join(addrs, ",")
}

// userinfo is what stands before the host of an address.
func userinfo(password string) string {
	if password == "" {
		return ""
	}
	return ":" + password + "@"
}

// Close ends all nodes.
func (c *Shards) Close() error {
	var errs []error
	for _, node := range c.Nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// join gives each node its share of the slots and introduces it to the first.
func (c *Shards) join(ctx context.Context) error {
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
		_, err := node.Do("CLUSTER", "MEET", "127.0.0.1", port(first.Addr()), c.bus[0])
		if err != nil {
			return err
		}
	}
	return c.AwaitOK(ctx)
}

// AwaitOK waits until every node knows all others and calls the state ok.
func (c *Shards) AwaitOK(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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

func (c *Shards) ok() bool {
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
