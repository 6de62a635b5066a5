package session

import (
	"context"

	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// What a guest does if a fault of the scenario has killed its instance. That is no failure;
// the witness judges whether the partner is told in time.

// CutOffs counts guests whose socket a fault has closed.
type CutOffs struct {
	Lost     int64 // who lost their socket
	Returned int64 // of them, those who connected to another instance
}

// CutOffs returns how many were cut off so far.
func (w *World) CutOffs() CutOffs {
	return CutOffs{Lost: w.cutOffs.Load(), Returned: w.returns.Load()}
}

// cutOffNow notes the loss of a connection. False where there was none, so that
// whatever failed for want of an instance is a failure.
func (p *player) cutOffNow() bool {
	if p.self.Token == "" || !p.held {
		return false
	}
	p.held = false
	p.world.seekers.leave(p.guest.Index)
	p.world.cutOffs.Add(1)
	return true
}

// comeBack opens the socket anew, as clients do, and repeats the step where it
// was a search; any other is over. Where the script says so, the guest stays away.
func (p *player) comeBack(ctx context.Context, step *scenarios.Step) error {
	if p.conn != nil { // broken while something was sent
		p.witness.Lost(p.now())
		p.conn.Close(Abrupt)
		p.conn = nil
	}
	p.meeting.end()
	switch {
	case p.script.Lost == scenarios.LostLeave:
		return errStaysAway
	case step.Kind == scenarios.Drop:
		p.cause = p.now()
		return nil
	}
	if err := p.connect(ctx, operation.Reconnect, 0, p.now()); err != nil {
		return err
	}
	p.world.returns.Add(1)
	if step.Kind == scenarios.Search || step.Kind == scenarios.Next {
		return p.search(ctx, step, p.cause)
	}
	return nil
}
