//go:build !unix

package app

// raiseFiles returns the number of files that this process may open: Windows has no limit
// to raise, and memory ends before this one.
func raiseFiles() (int, error) { return 1 << 20, nil }
