//go:build !linux

package executor

import "context"

func newPreciseAlarm(ctx context.Context) alarm { return newGoTimer(ctx) }
