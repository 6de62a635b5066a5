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
	believesGone
	believesGoneOnce
	neverResends
	yieldsToOlder
	surrendersEarly
	adoptsLate
	forgetsMove
	movesSilently
	forgetsAvoid
	leavesAnywhere
	trustsStaleAnswers
	beginsUnasked
	dissolvesSilently
	asksNobody
	ignoresDeath
	missesBegin
	forgetsHandovers
	forgetsClaims
	recordsOldPlace
	beginsLateUnrecorded
	trustsParted
	winsSilently
	remembersReplaced
)
