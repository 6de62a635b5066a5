package httpd_test

import (
	"net"
	"runtime"
	"testing"
)

// BenchmarkIdleSocket reports what a connected, silent guest holds: heap and
// stacks of the server, with presence and all state but the stored session, and
// the bare connection at the other end, since both live in this process.
func BenchmarkIdleSocket(b *testing.B) {
	const count = 2000
	for _, f := range framings {
		b.Run(f.String(), func(b *testing.B) {
			for b.Loop() {
				s := start(b)
				people := make([]person, count)
				for i := range people {
					people[i] = s.create(b, "")
				}
				conns := make([]net.Conn, 0, count)
				before := inUse()
				for _, p := range people {
					w := s.join(b, f, p)
					conns = append(conns, w.conn)
				}
				b.ReportMetric((inUse()-before)/count, "bytes/guest")
				for _, c := range conns {
					_ = c.Close()
				}
			}
		})
	}
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
