package pairing

// flaw is a mistake that a test plants, to show that the simulator finds it.
type flaw uint8

const (
	none flaw = iota
	searchOutlivesSocket
	endsBeforeMatcher
	endUnnumbered
	recordsForever
	keepsNoOrder
	deliversTwice
	acceptsAnySearch
	neverResends
	yieldsToOlder
	adoptsLate
	forgetsMove
	movesSilently
	forgetsAvoid
	beginsUnasked
	dissolvesSilently
	asksNobody
	ignoresDeath
	beginsLateUnrecorded
	trustsParted
	winsSilently
	remembersReplaced
)
