package queue

import (
	"net/url"
	"strings"

	"guestload/server/guest"
)

// Lists of the queue. Who waits is entered under what it wants, together with
// each choice of what it is (its traits, or not): 2^n lists for n known traits.
// A searcher that wants w and is t is accepted by the lists whose wants are t's
// values or nothing, and accepts those whose chosen traits are exactly w: again
// 2^n for its own n traits. Every two who accept each other meet in one list.

// MaxLists is 2^3, for language, gender and country.
const MaxLists = 8

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

// Lookups are the lists in which a searcher finds those whom it accepts and who
// accept it.
func Lookups(w guest.Preferences, t guest.Traits) []string {
	wants := Triple{w.Language, w.Gender, w.Country}
	lists := make([]string, 0, MaxLists)
	for choice := range Choices(Triple{t.Language, t.Gender, t.Country}) {
		lists = append(lists, listName(choice, wants))
	}
	return lists
}

// Choices yields t with each subset of its values, the others empty.
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

// listName is wants/traits, each of three values with commas between; what
// stands in the way of that, or of the script, is escaped.
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

// Indexable reports whether an id can stand in the queue as it is.
func Indexable(id string) bool {
	return id != "" && !strings.ContainsAny(id, "| \n")
}
