// Package scale measures what guests cost one server as they become many:
// memory, arrival, broadcasts, garbage, and the CPU of a session.
package scale
