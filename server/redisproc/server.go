package redisproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrMissing: there is no redis-server on this machine.
var ErrMissing = errors.New("redis-server not found in PATH: install Debian's package redis-server (7.0 or later)")

// startPatience is how long a server may take until it answers.
const startPatience = 10 * time.Second

// Config says how a server is started. The zero Config is a single server
// without a password.
type Config struct {
	Password string
	Args     []string // further arguments of redis-server, such as "--maxmemory", "100mb"
	TLS      *TLS     // nil: plain only

	// File is the text of a configuration file of the server's own, "" for none. The
	// server may rewrite it; arguments override it.
	File string
}

// TLS are the PEM files with which a server speaks TLS, on a port of its own.
type TLS struct {
	CA, Cert, Key string
	AskClients    bool // a client needs a certificate that CA has signed
}

// Server is one redis-server process on a port that stays the same over restarts.
type Server struct {
	config  Config
	port    int
	tlsPort int
	dir     string

	mu struct {
		sync.Mutex
		process *os.Process
		exited  chan struct{} // closed once the process is gone
	}
}

// Start starts a server and returns once it answers. Close ends it; so does the
// end of this program, however it ends (on Linux).
func Start(ctx context.Context, config Config) (*Server, error) {
	dir, err := os.MkdirTemp("", "redisproc")
	if err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	var failed error
	for range 5 { // somebody else may take the port between the choice and its use
		s := &Server{config: config, dir: dir}
		if s.port, err = freePort(); err != nil {
			break
		}
		if s.tlsPort, err = freePort(); err != nil {
			break
		}
		if failed = s.launch(ctx); failed == nil {
			return s, nil
		}
		if errors.Is(failed, ErrMissing) || ctx.Err() != nil {
			break
		}
	}
	os.RemoveAll(dir)
	return nil, errors.Join(err, failed)
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the redis:// address, with the password if there is one.
func (s *Server) URL() string { return "redis://" + s.userinfo() + s.Addr() }

// TLSURL is the rediss:// address of a server with TLS.
func (s *Server) TLSURL() string {
	return "rediss://" + s.userinfo() + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.tlsPort))
}

func (s *Server) userinfo() string {
	if s.config.Password == "" {
		return ""
	}
	return ":" + s.config.Password + "@"
}

// Dial opens a plain connection to the server.
func (s *Server) Dial() (*Conn, error) { return Dial(s.Addr(), s.config.Password) }

// PID is the process id, 0 while the server is down.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.process == nil {
		return 0
	}
	return s.mu.process.Pid
}

// Kill ends the server at once, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killLocked()
}

func (s *Server) killLocked() error {
	if s.mu.process == nil {
		return nil
	}
	if err := s.mu.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill redis-server: %w", err)
	}
	<-s.mu.exited
	s.mu.process = nil
	return nil
}

// Freeze stops the process without ending it (SIGSTOP): connections stay open
// and nothing answers.
func (s *Server) Freeze() error { return s.signal(stop) }

// Thaw lets a frozen process go on (SIGCONT).
func (s *Server) Thaw() error { return s.signal(resume) }

func (s *Server) signal(sig os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.process == nil {
		return errors.New("signal redis-server: it is not running")
	}
	return s.mu.process.Signal(sig)
}

// Restart kills the server where it runs and starts it again, empty, on the same port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Close ends the server and removes what it left.
func (s *Server) Close() error {
	return errors.Join(s.Kill(), os.RemoveAll(s.dir))
}

func (s *Server) arguments() []string {
	args := []string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning",
	}
	if s.config.Password != "" {
		args = append(args, "--requirepass", s.config.Password)
	}
	if tls := s.config.TLS; tls != nil {
		args = append(args, "--tls-port", strconv.Itoa(s.tlsPort), "--tls-ca-cert-file", tls.CA,
			"--tls-cert-file", tls.Cert, "--tls-key-file", tls.Key,
			"--tls-auth-clients", map[bool]string{true: "yes", false: "no"}[tls.AskClients])
	}
	if s.config.File != "" {
		args = append([]string{s.file()}, args...)
	}
	return append(args, s.config.Args...)
}

func (s *Server) file() string { return filepath.Join(s.dir, "redis.conf") }

// launch starts the process and waits until it answers PING.
func (s *Server) launch(ctx context.Context) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return ErrMissing
	}
	if s.config.File != "" {
		if err := os.WriteFile(s.file(), []byte(s.config.File), 0o600); err != nil {
			return fmt.Errorf("start redis-server: %w", err)
		}
	}
	cmd := exec.Command(path, s.arguments()...)
	cmd.SysProcAttr = dieWithParent()
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	exited, started := make(chan struct{}), make(chan error, 1)
	go func() {
		// The kernel ties the child to the thread that made it, so this one waits.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // ends by a signal, as it should
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	s.mu.Lock()
	s.mu.process, s.mu.exited = cmd.Process, exited
	s.mu.Unlock()
	if err := s.awaitAnswer(ctx, exited); err != nil {
		killed := s.Kill() // makes output safe to read
		return errors.Join(fmt.Errorf("start redis-server: %w: %s", err, strings.TrimSpace(output.String())), killed)
	}
	return nil
}

func (s *Server) awaitAnswer(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.answers() {
			return nil
		}
		select {
		case <-tick.C:
		case <-exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		}
	}
}

func (s *Server) answers() bool {
	c, err := s.Dial()
	if err != nil {
		return false
	}
	defer c.Close()
	pong, err := c.Do("PING")
	return err == nil && pong == "PONG"
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
