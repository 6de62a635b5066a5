package api

import (
	"errors"
	"testing"
)

func TestSignalsAreRelayed(t *testing.T) {
	for _, c := range []struct{ event, data, want string }{
		{EventOffer, `{"offer":{"type":"offer","sdp":"v=0\r\n"},"type":"video"}`, `{"offer":{"type":"offer","sdp":"v=0\r\n"},"type":"video","from":"a","fromUsername":"Ann"}`},
		{EventOffer, `{"offer":{},"from":"somebody else","more":1}`, `{"offer":{},"from":"a","fromUsername":"Ann"}`},
		{EventAnswer, `{"answer":{"type":"answer", "sdp":"\ud83d"}}`, `{"answer":{"type":"answer", "sdp":"\ud83d"},"from":"a","fromUsername":"Ann"}`},
		{EventICECandidate, `{"candidate":{"candidate":"","sdpMid":"0"}}`, `{"candidate":{"candidate":"","sdpMid":"0"},"from":"a"}`},
		{EventICECandidate, `{"candidate":null}`, `{"candidate":null,"from":"a"}`},
		{EventICECandidate, `{"candidate":"candidate:1"}`, `{"candidate":"candidate:1","from":"a"}`},
		{EventCallEnd, ``, `{"from":"a","fromUsername":"Ann"}`},
		{EventCallReject, `{}`, `{"from":"a","fromUsername":"Ann"}`},
		{EventCallReject, `{"reason":"busy", "n\u0001":[1]}`, `{"reason":"busy","n\u0001":[1],"from":"a","fromUsername":"Ann"}`},
		{EventCallTimeout, `{"from":"x","fr\u006fm":"y","fromUsername":"z","after":30}`, `{"after":30,"from":"a","fromUsername":"Ann"}`},
	} {
		var v Value
		if c.data != "" {
			v = mustParse(t, c.data)
		}
		s, err := ParseSignal(c.event, v)
		if err != nil || !IsSignal(c.event) {
			t.Errorf("%s %s: %v", c.event, c.data, err)
			continue
		}
		if got := string(AppendSignal([]byte("-"), s, "a", "Ann")); got != "-"+c.want {
			t.Errorf("%s %s\n got %s\nwant -%s", c.event, c.data, got, c.want)
		}
	}
}

func TestSignalsAreChecked(t *testing.T) {
	for _, c := range []struct{ event, data string }{
		{EventOffer, `{}`}, {EventOffer, `{"offer":"x"}`}, {EventOffer, `{"offer":{},"type":1}`}, {EventOffer, `[]`}, {EventOffer, `null`},
		{EventAnswer, `{"answer":null}`}, {EventAnswer, `{"answer":[]}`}, {EventAnswer, `"x"`},
		{EventICECandidate, `{}`}, {EventICECandidate, `{"candidate":1}`}, {EventICECandidate, `{"candidate":[]}`},
		{EventCallEnd, `1`}, {EventCallReject, `"x"`}, {EventCallTimeout, `[]`},
		{EventChatMessage, `{}`},
	} {
		if s, err := ParseSignal(c.event, mustParse(t, c.data)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s %s: %+v, %v", c.event, c.data, s, err)
		}
	}
	for _, event := range []string{EventOffer, EventAnswer, EventICECandidate} {
		if s, err := ParseSignal(event, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s without data: %+v, %v", event, s, err)
		}
	}
	if IsSignal(EventChatMessage) {
		t.Error("a chat message is no signal")
	}
}

func TestSignalsAllocateNothing(t *testing.T) {
	out := make([]byte, 0, 1024)
	for event, data := range map[string]string{EventOffer: `{"offer":{"sdp":"x"},"type":"video"}`, EventICECandidate: `{"candidate":{}}`, EventCallEnd: `{"reason":"busy"}`} {
		v := mustParse(t, data)
		if n := testing.AllocsPerRun(10, func() {
			s, _ := ParseSignal(event, v)
			out = AppendSignal(out[:0], s, "a", "Ann")
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", event, n)
		}
	}
}
