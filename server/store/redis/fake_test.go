package redis

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// oldRedis serves what a Redis before 6 answers: it does not know HELLO, and
// repeats the words that it does not understand.
func oldRedis(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerAsOld(conn)
		}
	}()
	return l.Addr().String()
}

func answerAsOld(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
			return
		}
		words := make([]string, n)
		for i := range words {
			var size int
			if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
				return
			}
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			words[i] = strings.TrimSuffix(line, "\r\n")
		}
		fmt.Fprintf(conn, "-ERR unknown command `%s`, with args beginning with: `%s`\r\n", words[0], strings.Join(words[1:], "`, `"))
	}
}
