//go:build !unix

package client

func (s *stream) bind() {}

func (s *stream) read() error { return s.readHeld() }

func (s *stream) send(b []byte) error {
	_, err := s.nc.Write(b)
	return err
}
