package ab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redisInfo asks a Redis for a section of INFO, in the protocol's simplest form.
func redisInfo(address, section string) (map[string]string, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "INFO %s\r\n", section); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	if err != nil || size < 0 {
		return nil, fmt.Errorf("redis answered %q to INFO", head)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[key] = value
		}
	}
	return info, nil
}

// commands is how many commands a Redis has run, those called by scripts
// included, without what keeps connections alive or looks at it.
func commands(address string) (n float64, err error) {
	info, err := redisInfo(address, "commandstats")
	if err != nil {
		return 0, fmt.Errorf("count the commands of redis: %w", err)
	}
	for key, value := range info {
		switch strings.TrimPrefix(key, "cmdstat_") {
		case "ping", "info", "hello":
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		c, err := strconv.ParseFloat(calls, 64)
		if err != nil {
			return 0, fmt.Errorf("count the commands of redis: %s is %q", key, value)
		}
		n += c
	}
	return n, nil
}
