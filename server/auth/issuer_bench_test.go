package auth_test

import (
	"testing"

	"guestload/server/auth"
	"guestload/server/guest"
)

func BenchmarkIssue(b *testing.B) {
	issuer, _ := newIssuer(b, auth.Options{})
	s := guest.New(sessionID, "Bob", guest.Profile{}, start)
	b.ReportAllocs()
	for b.Loop() {
		issuer.Issue(s)
	}
}

func BenchmarkVerify(b *testing.B) {
	issuer, err := auth.NewIssuer([]byte(secret), auth.Options{})
	if err != nil {
		b.Fatal(err)
	}
	token := []byte(issue(b, issuer))
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := issuer.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Many tokens, as many guests have: one token alone never leaves the CPU's cache.
	tokens := make([][]byte, 5000)
	for n := range tokens {
		tokens[n] = []byte(issue(b, issuer))
		if _, err := issuer.Verify(tokens[n]); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("5000 cached", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if _, err := issuer.Verify(tokens[n%len(tokens)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("5000 cached, concurrent", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				if _, err := issuer.Verify(tokens[n%len(tokens)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("not cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := issuer.VerifyForRenewal(string(token)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
