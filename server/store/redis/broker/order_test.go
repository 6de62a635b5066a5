package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

func TestMessagesArriveInOrder(t *testing.T) {
	redistest.OnEach(t, testOrder)
}

func testOrder(t *testing.T, r redistest.Rig) {
	start := func() *Broker {
		conn, err := redis.New(r.URL)
		return New(redistest.Connect(t, conn, err))
	}
	a, b, there := start(), start(), "i-"+uuid.NewString()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 5000)
	ready := make(chan bool, 10)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := b.SubscribeNotify(ctx, there, func(m []byte) { got <- string(m) }, func(subscribed bool, _ error) { ready <- subscribed })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Subscribe ended with %v", err)
		}
	})
	wg.Go(func() { a.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	select {
	case subscribed := <-ready:
		if !subscribed {
			t.Fatal("the subscription was lost before it began")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no subscription")
	}
	const messages = 3000
	for n := range messages {
		if err := a.Publish(ctx, there, fmt.Appendf(nil, "%d\x00", n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range messages {
		select {
		case m := <-got:
			if m != fmt.Sprintf("%d\x00", n) {
				t.Fatalf("message %d is %q", n, m)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("message %d does not arrive", n)
		}
	}
	if err := a.Publish(ctx, "nobody", []byte("x")); err != nil {
		t.Error(err)
	}
}
