package session

import (
	"context"
	"errors"
	"time"

	"guestload/scenarios"
	"guestload/server/api"
)

// speak sends a message after the chat has ended: since the partner has left, for
// which the guest waits a while, or since the guest itself leaves. The server must
// refuse the message, and nobody may receive it: whoever does tells its witness.
// Where the partner stays, nothing is sent.
func (p *player) speak(ctx context.Context, s *scenarios.Step, intended time.Duration) error {
	if s.After == scenarios.Leaving && p.inChat {
		if err := p.leave(ctx, intended); err != nil {
			return err
		}
		intended = p.cause
	}
	if p.inChat {
		err := p.await(p.now()+s.Within, func() bool { return !p.inChat })
		switch {
		case errors.Is(err, ErrTimeout):
			p.cause = p.now()
			return nil
		case err != nil:
			return p.lost(ctx, err)
		}
		intended = p.now()
	}
	return p.tryAttack(ctx, string(s.Kind), attack{
		what: "a message after the chat has ended", event: api.EventChatMessage, times: 1, data: (*player).lateMessage,
		want: refusal{messages: []string{api.TextNotConnected}},
	}, intended)
}

// lateMessage composes a message that its mark says nobody may receive: it is the
// 0th of none.
func (p *player) lateMessage(int) []byte {
	b := append(p.said[:0], `{"type":"text","content":"`...)
	b = p.witness.ComposeText(b, p.now(), 0, 0, "are you still there")
	p.said = append(b, `"}`...)
	return p.said
}
