// Package peers holds the load generator against others on one server: a bare
// Go client that does the same without schedule, histograms and verification,
// k6 and wrk. Every peer is a process, so that the system's own accounting
// tells what it spent; runs of all peers follow each other in turns, since the
// speed of a shared machine drifts.
package peers
