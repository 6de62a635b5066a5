package frame

import (
	"strconv"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{20, 150, 4096} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			wire := AppendMasked(nil, Text, key, make([]byte, size))
			var a Assembler
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				f, _, err := Parse(wire, Server, limit)
				if err != nil {
					b.Fatal(err)
				}
				// Parse unmasks in place, so every other round reads masked text.
				if _, _, err := a.Add(Frame{true, Binary, true, f.Payload}, limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendMasked(b *testing.B) {
	for _, size := range []int{20, 150, 4096} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			payload, out := make([]byte, size), make([]byte, 0, size+MaxHeader)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				out = AppendMasked(out[:0], Text, key, payload)
			}
		})
	}
}
