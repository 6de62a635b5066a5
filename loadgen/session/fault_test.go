package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"guestload/server/api"
)

func TestKindsOfFailures(t *testing.T) {
	op := func(err error) error { return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)} }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{op(syscall.ECONNREFUSED), KindNoListener},
		{op(syscall.ECONNRESET), KindReset},
		{op(syscall.EMFILE), KindOpenFiles},
		{op(syscall.EADDRNOTAVAIL), KindNoPorts},
		{op(syscall.ENETUNREACH), KindNoRoute},
		{fmt.Errorf("%w: %w", ErrTimeout, op(syscall.ETIMEDOUT)), KindTimeout},
		{fmt.Errorf("write: %w", os.ErrDeadlineExceeded), KindTimeout},
		{context.DeadlineExceeded, KindTimeout},
		{fmt.Errorf("%w: 503", ErrRefused), KindRefused},
		{fmt.Errorf("%w: 1011", ErrClosed), KindClosed},
		{fmt.Errorf("x: %w", ErrProtocol), KindProtocol},
		{fmt.Errorf("x: %w", api.ErrMalformed), KindProtocol},
		{&RefusedError{Status: 401, Message: "no"}, KindRefused},
		{&ClosedError{Code: 4002}, KindClosed},
		{ErrAccepted, KindAccepted},
		{fmt.Errorf("%w: %w", ErrWrongRefusal, ErrRefused), KindWrongRefusal},
		{errors.New("anything"), KindConnection},
	} {
		if got := Kind(tt.err); got != tt.want {
			t.Errorf("Kind(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}
