//go:build !unix

package client

func (s *stream) bind() {}

func (s *stream) read() error { return s.readHeld() }

func (s *stream) send(b []byte) error {
	n, err := s.nc.Write(b)
	s.wrote = n > 0
	return err
}
