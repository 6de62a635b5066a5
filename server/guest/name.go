package guest

import "strconv"

// GenerateName returns Adjective + Noun + 1..9999, a valid username. intN
// returns a number in [0, n): rand.IntN, or the method of a seeded generator.
func GenerateName(intN func(n int) int) string {
	var room [20]byte
	name := append(room[:0], adjectives[intN(len(adjectives))]...)
	name = append(name, nouns[intN(len(nouns))]...)
	return string(strconv.AppendInt(name, int64(1+intN(9999)), 10))
}

// Words of at most 8 letters: 8 + 8 + 4 digits are the 20 allowed. They are not
// GenerateName's own, which would copy them for each name.
var (
	adjectives = [...]string{
		"Amber", "Bold", "Brave", "Breezy", "Bright", "Calm", "Cheerful", "Clever",
		"Cool", "Cosmic", "Cozy", "Curious", "Daring", "Dreamy", "Eager", "Epic",
		"Fancy", "Fearless", "Gentle", "Golden", "Happy", "Honest", "Icy", "Jolly",
		"Keen", "Kind", "Lively", "Lucky", "Mellow", "Merry", "Mighty", "Nimble",
		"Noble", "Patient", "Playful", "Polite", "Proud", "Quick", "Quiet", "Rapid",
		"Royal", "Rustic", "Shiny", "Silent", "Silver", "Smart", "Snowy", "Sunny",
		"Swift", "Tender", "Tidy", "Vivid", "Warm", "Wild", "Wise", "Witty",
	}
	nouns = [...]string{
		"Badger", "Bear", "Beaver", "Bison", "Cheetah", "Cobra", "Comet", "Condor",
		"Coyote", "Crane", "Dingo", "Dolphin", "Dragon", "Eagle", "Falcon", "Ferret",
		"Fox", "Gazelle", "Gecko", "Hawk", "Hedgehog", "Heron", "Ibex", "Jaguar",
		"Koala", "Lemur", "Leopard", "Lion", "Lynx", "Marmot", "Meteor", "Moose",
		"Narwhal", "Ocelot", "Orca", "Osprey", "Otter", "Owl", "Panda", "Panther",
		"Penguin", "Phoenix", "Puffin", "Rabbit", "Raccoon", "Raven", "Robin", "Salmon",
		"Seal", "Shark", "Sparrow", "Stork", "Tiger", "Turtle", "Walrus", "Wolf",
	}
)
