package realtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

func TestVanishedSocketIsNoticedWithinAMinute(t *testing.T) {
	for _, f := range []api.Framing{api.JSON, api.SocketIO} {
		within(t, func(w *world) {
			a, b := w.pair()
			lively := w.connect(b.session, f)
			b.expect(api.EventError, "close")
			for range 60 {
				w.pass(time.Second)
				lively.client.Heard()
			}
			synctest.Wait()
			if !a.sock.closed {
				w.t.Error("the silent socket is still open after 60 s")
			}
			if lively.sock.closed {
				w.t.Error("the lively socket was closed")
			}
			if f == api.SocketIO {
				lively.expect("ping", "ping")
			} else {
				lively.expect() // who talks need not be asked
			}
			if !slices.ContainsFunc(a.sock.take(w.t, api.JSON), func(h heard) bool { return h.event == "ping" }) {
				w.t.Error("the silent socket was not asked for a sign of life")
			}
		})
	}
}

func TestSlowReaderIsClosedAndSlowsNobody(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		text := fmt.Sprintf(`{"type":"text","content":%q}`, strings.Repeat("x", 1000))
		began := time.Now()
		for range 2 * w.node.queueBytes / 1000 {
			a.do(api.EventChatMessage, text)
		}
		if took := time.Since(began); took != 0 {
			w.t.Errorf("the sender waited %v", took)
		}
		if !b.client.shut.Load() {
			w.t.Fatal("the slow reader was not closed")
		}
		b.sock.unstick()
		synctest.Wait()
		all := b.sock.take(w.t, b.framing)
		if last := all[len(all)-1]; last.code != frame.SlowReader {
			w.t.Errorf("the slow reader heard %v last", last)
		}
		if n := w.node.Counts().QueueDrops; n != 1 {
			w.t.Errorf("%d queue drops counted", n)
		}
		b.client.Closed()
		synctest.Wait()
		var told bool
		for _, h := range a.sock.take(w.t, a.framing) {
			told = told || h.event == api.EventRoomClosed
		}
		if !told {
			w.t.Error("the partner was not told")
		}
	})
}

func TestStatisticsWaitForNobody(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		synctest.Wait()
		waiting := func() uint64 {
			b.client.mu.Lock()
			defer b.client.mu.Unlock()
			return b.client.mu.queued
		}
		before := waiting()
		for range 100 {
			w.node.tellEverybody(w.t.Context())
		}
		if after := waiting(); after != before {
			w.t.Errorf("%d bytes of statistics were kept for a guest who does not read", after-before)
		}
		b.sock.unstick()
	})
}

func TestSocketThatTakesNothingIsCut(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		w.pass(writeTimeout + time.Second)
		synctest.Wait()
		if !b.sock.closed {
			w.t.Error("the stuck socket is still open")
		}
	})
}
