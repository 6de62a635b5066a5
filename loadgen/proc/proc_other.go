//go:build !linux

package proc

import "errors"

// Of is known on Linux only.
func Of(int) (Usage, error) { return Usage{}, errors.ErrUnsupported }

// Here is known on Linux only.
func Here() (Machine, error) { return Machine{}, errors.ErrUnsupported }

// Ports is known on Linux only.
func Ports() (int, error) { return 0, errors.ErrUnsupported }
