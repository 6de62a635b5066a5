package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/auth"
)

const secret = "a secret that only benchmarks know"

// newIssuer returns an issuer and n tokens that it has just issued.
func newIssuer(b *testing.B, n int) (*auth.Issuer, [][]byte) {
	b.Helper()
	issuer, err := auth.NewIssuer([]byte(secret), auth.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tokens := make([][]byte, n)
	for i := range tokens {
		tokens[i] = []byte(issuer.Issue(newGuest()))
	}
	return issuer, tokens
}

// BenchmarkToken issues tokens, and verifies those that were seen before, of
// 5,000 guests, and such that are not remembered. Goals: no allocation for those
// seen before, and at most a tenth of the CPU of the others.
func BenchmarkToken(b *testing.B) {
	b.Run("issue", func(b *testing.B) {
		issuer, _ := newIssuer(b, 0)
		s := newGuest()
		loop(b, func() error {
			issuer.Issue(s)
			return nil
		})
	})
	b.Run("verify-cached", func(b *testing.B) {
		issuer, tokens := newIssuer(b, 5000)
		for _, token := range tokens {
			if _, err := issuer.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
		i := 0
		loop(b, func() error {
			i++
			_, err := issuer.Verify(tokens[i%len(tokens)])
			return err
		})
	})
	b.Run("verify-uncached", func(b *testing.B) {
		issuer, tokens := newIssuer(b, 1)
		token := string(tokens[0])
		loop(b, func() error {
			_, err := issuer.VerifyForRenewal(token) // never answered from memory
			return err
		})
	})
}

// someText is a message of usual length.
var someText = strings.Repeat("How are you doing? ", 5)

var someTime = time.Date(2026, 11, 23, 12, 34, 56, 789e6, time.UTC)

const someID = "guest_550e8400-e29b-41d4-a716-446655440000"

var errNoText = errors.New("the message has no text")

var framings = []api.Framing{api.JSON, api.SocketIO}

// BenchmarkCodec speaks both framings, each way: the server takes a guest's
// message and tells the partner, the client says it and takes what arrives. Goal:
// no allocation.
func BenchmarkCodec(b *testing.B) {
	for _, f := range framings {
		said := api.AppendEvent(nil, f, api.EventChatMessage, api.AppendText(nil, someText))
		body := parseChat(b, f, said)
		told := api.AppendEvent(nil, f, api.EventChatMessage, api.AppendChatMessage(nil, someID, someID, "CoolPanda1234", body, someTime))
		data, out := make([]byte, 0, 1024), make([]byte, 0, 1024)
		b.Run(f.String()+"/server-decodes", func(b *testing.B) {
			loop(b, func() error {
				p, err := api.Decode(f, said)
				if err == nil {
					_, err = api.ParseChat(p.Data)
				}
				return err
			})
		})
		b.Run(f.String()+"/server-encodes", func(b *testing.B) {
			loop(b, func() error {
				data = api.AppendChatMessage(data[:0], someID, someID, "CoolPanda1234", body, someTime)
				out = api.AppendEventFrame(out[:0], f, api.EventChatMessage, data)
				return nil
			})
			b.ReportMetric(float64(len(out)), "wire-B/op")
		})
		b.Run(f.String()+"/client-encodes", func(b *testing.B) {
			loop(b, func() error {
				data = api.AppendText(data[:0], someText)
				out = api.AppendMaskedEventFrame(out[:0], f, [4]byte{1, 2, 3, 4}, api.EventChatMessage, data)
				return nil
			})
			b.ReportMetric(float64(len(out)), "wire-B/op")
		})
		b.Run(f.String()+"/client-decodes", func(b *testing.B) {
			whole := frame.Append(nil, frame.Text, told)
			loop(b, func() error {
				fr, _, err := frame.Parse(whole, frame.Client, 1<<20)
				if err != nil {
					return err
				}
				p, err := api.Decode(f, fr.Payload)
				for name, v := range p.Data.Members() { // as a played guest reads it
					switch string(name) {
					case "senderId", "content":
						if v.Text() == nil {
							return errNoText
						}
					}
				}
				return err
			})
		})
	}
}

func parseChat(b *testing.B, f api.Framing, text []byte) api.ChatBody {
	b.Helper()
	p, err := api.Decode(f, text)
	if err != nil {
		b.Fatal(err)
	}
	body, err := api.ParseChat(p.Data)
	if err != nil {
		b.Fatal(err)
	}
	return body
}
