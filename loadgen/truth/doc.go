// Package truth holds tests alone: they run the generator against servers of
// known behaviour and compare what it reports with what was.
//
// With real sockets and processes the truth of every single request is bounded
// from both sides, on any machine, however busy: the server notes when it
// answered a guest, before which the guest cannot have had the answer, and when
// the guest asked again, after which it must have had it. Whatever percentile is reported
// must lie between those of the two. On a quiet machine the two are some hundred
// microseconds apart. In virtual time (testing/synctest) the truth is exact.
package truth
