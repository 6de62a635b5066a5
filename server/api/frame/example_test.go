package frame_test

import (
	"errors"
	"fmt"

	"guestload/server/api/frame"
)

// A server reads what a client sent: a message in two fragments with a ping between
// them, of which the last bytes are yet to come.
func ExampleParse() {
	key := [4]byte{1, 2, 3, 4}
	received := frame.AppendMasked(nil, frame.Text, key, "good ")
	received[0] &^= 0x80 // not the last fragment
	received = frame.AppendMasked(received, frame.Ping, key, "?")
	received = frame.AppendMasked(received, frame.Continuation, key, "morning")
	received = append(received, frame.AppendMasked(nil, frame.Text, key, "cut off")[:5]...)

	const limit = 1024 // bytes of a message
	var assembler frame.Assembler
	for {
		f, n, err := frame.Parse(received, frame.Server, limit)
		if err != nil || n == 0 {
			fmt.Println(len(received), "bytes wait for more; error:", err)
			break
		}
		received = received[n:]
		if m, ok, err := assembler.Add(f, limit); err == nil && ok {
			fmt.Printf("opcode %#x: %q\n", m.Op, m.Payload)
		}
	}
	// Output:
	// opcode 0x9: "?"
	// opcode 0x1: "good morning"
	// 5 bytes wait for more; error: <nil>
}

// A frame that a client did not mask is a fault of the client: the error has the code
// with which the server closes the connection.
func ExampleError() {
	_, _, err := frame.Parse(frame.Append(nil, frame.Text, "hello"), frame.Server, 1024)
	var fault *frame.Error
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, "-", err)
		fmt.Printf("% x\n", frame.AppendClose(nil, fault.Code, fault.Reason)[:4])
	}
	// Output:
	// 1002 protocol error - websocket: frame from the client is not masked
	// 88 25 03 ea
}
