// Package queue names the lists in which guests wait. A waiting guest is in the lists of its
// wishes together with each subset of its traits: 2^n lists for n known traits. A searcher
// with wishes w and traits t is accepted by the lists whose wishes are values of t or
// nothing, and accepts those whose subset of traits is exactly w: again 2^n. Any two
// guests who accept each other meet in one list.
package queue

import (
	"net/url"
	"strings"

	"guestload/server/guest"
)

// MaxLists is 2^3, for language, gender and country.
const MaxLists = 8

// Triple is language, gender and country, "" for none.
type Triple [3]string

// Entries are the lists that a waiting guest is in.
func Entries(w guest.Preferences, t guest.Traits) []string {
	wants := Triple{w.Language, w.Gender, w.Country}
	lists := make([]string, 0, MaxLists)
	for choice := range Choices(Triple{t.Language, t.Gender, t.Country}) {
		lists = append(lists, listName(wants, choice))
	}
	return lists
}

// Lookups are the lists of guests such that they and the searcher accept each other.
func Lookups(w guest.Preferences, t guest.Traits) []string {
	wants := Triple{w.Language, w.Gender, w.Country}
	lists := make([]string, 0, MaxLists)
	for choice := range Choices(Triple{t.Language, t.Gender, t.Country}) {
		lists = append(lists, listName(choice, wants))
	}
	return lists
}

// Choices yields each subset of the values of t, with the others empty.
func Choices(t Triple) func(yield func(Triple) bool) {
	return func(yield func(Triple) bool) {
		for mask := range MaxLists {
			var choice Triple
			proper := true
			for i := range t {
				if mask&(1<<i) != 0 {
					choice[i] = t[i]
					proper = proper && t[i] != ""
				}
			}
			if proper && !yield(choice) {
				return
			}
		}
	}
}

// listName is wishes/traits, each of three values separated by commas; other characters
// are escaped.
func listName(wants, traits Triple) string {
	var b strings.Builder
	for i, v := range wants {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(escape(v))
	}
	b.WriteByte('/')
	for i, v := range traits {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(escape(v))
	}
	return b.String()
}

func escape(v string) string {
	for i := range len(v) {
		if c := v[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return url.QueryEscape(v)
		}
	}
	return v
}

// Indexable reports whether an id can be stored in the queue as it is.
func Indexable(id string) bool {
	return id != "" && !strings.ContainsAny(id, "| \n")
}
