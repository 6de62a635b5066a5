// Package redisproc starts real redis-server processes on free ports of
// 127.0.0.1, and ends, freezes and restarts them. It
// keeps nothing on disk and depends on no Redis library, so that it may watch
// one from outside. Debian's package redis-server (7.0 or later) is enough.
package redisproc
