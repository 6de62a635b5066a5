package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOutletWritesEverythingInItsOrder(t *testing.T) {
	var out bytes.Buffer
	o := NewOutlet(&out)
	var want strings.Builder
	for i := range 1000 {
		line := fmt.Sprintln(i)
		want.WriteString(line)
		if n, err := io.WriteString(o, line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
		if i%100 == 0 {
			if err := o.Flush(t.Context()); err != nil || out.Len() != want.Len() {
				t.Fatalf("%v, %d bytes written of %d", err, out.Len(), want.Len())
			}
		}
	}
	if err := o.Flush(t.Context()); err != nil || out.String() != want.String() || o.Busy() {
		t.Errorf("%v, %d bytes of %d", err, out.Len(), want.Len())
	}
}

func TestAStoppedOutputHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // nobody reads
		o := NewOutlet(w)
		for range 100 {
			io.WriteString(o, "line\n")
		}
		if !o.Busy() {
			t.Error("it is done with what nobody has read")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := o.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		// Somebody reads on.
		read := make(chan string)
		go func() {
			b, _ := io.ReadAll(r)
			read <- string(b)
		}()
		if err := o.Flush(t.Context()); err != nil || o.Busy() {
			t.Error(err)
		}
		w.Close()
		if got := <-read; got != strings.Repeat("line\n", 100) {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func TestAnOutputThatHasGoneIsAnErrorOnce(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	o := NewOutlet(w)
	if _, err := io.WriteString(o, "a"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Flush(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
		if _, err := io.WriteString(o, "b"); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	}
}
