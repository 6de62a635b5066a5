package api

import "github.com/valyala/fastjson"

// Inbound is one decoded event.
type Inbound struct {
	Event string          // one of this package's constants where it is one of them
	Data  *fastjson.Value // nil where the event carries none; valid until the decoder's next use
	Ack   int64           // the Socket.IO ack id that the sender asks an answer for; -1 for none
}
