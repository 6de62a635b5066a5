package client

import (
	"net"
	"sync"
)

// acceptAll gives each connection of l to handle, in a goroutine of its own, and closes it
// afterwards. Once l is closed, handled returns when all of them have been handled.
func acceptAll(l net.Listener, handle func(nc net.Conn)) (handled func()) {
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer nc.Close()
				handle(nc)
			})
		}
	})
	return all.Wait
}
