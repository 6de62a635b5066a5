package matcher

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guestload/server/guest"
)

// Searchers and pairs are stored as texts, each behind its length: 5:guest3:Ann. Scripts
// concatenate them, and reading them is ten times as fast as JSON.

func appendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	dst = append(dst, ':')
	return append(dst, text...)
}

// errText: the text was not written by appendText.
var errText = errors.New("not a length, a colon and as many bytes")

// cutText returns the first text and what follows it.
func cutText(s string) (text, rest string, err error) {
	length, rest, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(length, 10, 31)
	if err != nil || int(n) > len(rest) {
		return "", "", errText
	}
	return rest[:n], rest[n:], nil
}

func cutTexts(s string, into ...*string) error {
	for _, t := range into {
		var err error
		if *t, s, err = cutText(s); err != nil {
			return err
		}
	}
	if s != "" {
		return errText
	}
	return nil
}

func encodeSearcher(s guest.Searcher) string {
	b := make([]byte, 0, 256)
	for _, t := range []string{
		s.ID, s.Username, s.Instance, s.Traits.Language, s.Traits.Gender, s.Traits.Country,
		s.Wants.Language, s.Wants.Gender, s.Wants.Country, s.Avoid,
	} {
		b = appendText(b, t)
	}
	return string(appendText(b, s.Location))
}

func decodeSearcher(text string) (guest.Searcher, error) {
	var s guest.Searcher
	var location string
	err := cutTexts(text, &s.ID, &s.Username, &s.Instance, &s.Traits.Language, &s.Traits.Gender, &s.Traits.Country,
		&s.Wants.Language, &s.Wants.Gender, &s.Wants.Country, &s.Avoid, &location)
	if err != nil {
		return guest.Searcher{}, fmt.Errorf("%w: recorded searcher: %w", guest.ErrCorrupt, err)
	}
	if location != "" {
		s.Location = guest.Location(location)
	}
	return s, nil
}

// decodePair reads a pair; "" is none.
func decodePair(text string) (guest.Pair, error) {
	if text == "" {
		return guest.Pair{}, nil
	}
	var p guest.Pair
	var a, b string
	err := cutTexts(text, &p.ID, &a, &b)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%w: recorded pair: %w", guest.ErrCorrupt, err)
	}
	if p.A, err = decodeSearcher(a); err != nil {
		return guest.Pair{}, err
	}
	if p.B, err = decodeSearcher(b); err != nil {
		return guest.Pair{}, err
	}
	return p, nil
}
