package client

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection without what net adds to one: a dial there takes a
// goroutine, a context, a timer and seven more system calls, a tenth of what a
// session of the burst cost the generator.
type socket struct {
	*os.File
	raw    syscall.RawConn
	remote *netip.AddrPort
}

// connect begins to connect and does not wait: whoever writes first waits, and
// hears why it could not be. The deadline is that of the other systems, where
// connect waits. remote is kept.
func connect(_ context.Context, local netip.Addr, remote *netip.AddrPort, _ time.Time) (net.Conn, error) {
	family := unix.AF_INET6
	if remote.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := prepare(fd, local, *remote); err != nil {
		unix.Close(fd)
		return nil, err
	}
	s := &socket{File: os.NewFile(uintptr(fd), "tcp"), remote: remote}
	if s.raw, err = s.File.SyscallConn(); err != nil {
		s.File.Close()
		return nil, err
	}
	return s, nil
}

// prepare sets a new socket up and sends its SYN.
func prepare(fd int, local netip.Addr, remote netip.AddrPort) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if local.IsValid() {
		// The kernel chooses the local port when it knows the other side: chosen
		// earlier, a port serves one connection alone, whomever it is to. An old kernel
		// does not know this: then ports are scarcer, and nothing else.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(local, 0))); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	if err := unix.Connect(fd, sockaddr(remote)); err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		return os.NewSyscallError("connect", err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	to := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone, err := net.InterfaceByName(a.Addr().Zone()); err == nil {
		to.ZoneId = uint32(zone.Index)
	}
	return to
}

// SyscallConn implements syscall.Conn.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Read implements net.Conn, for HTTP. Guests read through raw; see stream.try.
func (s *socket) Read(b []byte) (n int, err error) {
	var failed error
	err = s.raw.Read(func(fd uintptr) bool {
		n, failed = readNow(int(fd), b)
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, os.NewSyscallError("read", failed)
	case n == 0 && len(b) > 0:
		return 0, io.EOF // fasthttp and net/http know no other
	}
	return n, nil
}

// Write implements net.Conn, for HTTP.
func (s *socket) Write(b []byte) (int, error) {
	whole := len(b)
	var failed error
	err := s.raw.Write(func(fd uintptr) (done bool) {
		b, failed = writeMost(int(fd), b)
		return failed != syscall.EAGAIN
	})
	if err == nil && failed != nil {
		err = os.NewSyscallError("write", failed)
	}
	return whole - len(b), err
}

// SetLinger is that of net.TCPConn.
func (s *socket) SetLinger(seconds int) error {
	var failed error
	err := s.raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: int32(seconds)})
	})
	if err == nil {
		err = os.NewSyscallError("setsockopt", failed)
	}
	return err
}

// ended reports whether the other side has closed its half of a connection, or
// reset it. With TLS no byte may be read to find out.
func ended(nc net.Conn) (yes bool) {
	if secure, ok := nc.(*tls.Conn); ok {
		nc = secure.NetConn()
	}
	s, ok := nc.(*socket)
	if !ok {
		return false
	}
	err := s.raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(poll, 0)
		yes = err == nil && n > 0
	})
	return yes || err != nil
}

// LocalAddr implements net.Conn. Nobody asks.
func (s *socket) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(*s.remote) }
