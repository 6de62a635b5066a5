package results

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// growing is a file to which whole lines are appended while a run goes on: what a
// failed write leaves behind is cut off again.
type growing struct {
	file    growingFile
	path    string
	size    int64 // bytes of whole lines
	seconds int   // of the run that it has
	err     error // the first failure
}

// growingFile is what an os.File can do.
type growingFile interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// grow makes a file that is not there yet.
func grow(path string) (*growing, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, failedWrite(path, err)
	}
	return &growing{file: f, path: path}, nil
}

// write appends whole lines.
func (g *growing) write(lines []byte) error {
	if _, err := g.file.WriteAt(lines, g.size); err != nil {
		g.err = failedWrite(g.path, err)
		g.file.Truncate(g.size) // where that fails too, readers leave out the half line
		return g.err
	}
	g.size += int64(len(lines))
	return nil
}

// finish appends the last lines and closes the file.
func (g *growing) finish(lines []byte) error {
	err := g.write(lines)
	if failed := g.file.Sync(); err == nil && failed != nil {
		err = failedWrite(g.path, failed)
	}
	if failed := g.file.Close(); err == nil && failed != nil {
		err = failedWrite(g.path, failed)
	}
	return err
}

// remove closes the file and takes it away.
func (g *growing) remove() error {
	g.file.Close() // what it says of the content does not matter any more
	if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", g.path, cause(err))
	}
	return nil
}

// failedWrite says in one line what was not written, and why.
func failedWrite(path string, err error) error {
	return fmt.Errorf("write %s: %w", path, cause(err))
}

// cause is an error of the system without the path that it names: of a file that is
// renamed in the end, or named by the caller.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// WriteFile writes a file under another name, and renames it when all of it is on
// the disk: it appears whole or not at all. The error is a line that names it.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return failedWrite(path, err)
	}
	for _, step := range []func() error{
		func() error { return write(f) }, func() error { return f.Chmod(0o644) }, f.Sync, f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err := step(); err != nil {
			f.Close()
			os.Remove(f.Name())
			return failedWrite(path, err)
		}
	}
	return nil
}

// reserved is how much space is kept for run.json: more than most take.
const reserved = 32 << 10

// reserve takes space in a folder, or what is left there, so that the log of a run
// leaves enough for its result. The file has no name: however the program ends,
// nothing is left behind. It is nil where the system does not allow that.
func reserve(dir string) *os.File {
	f, err := os.CreateTemp(dir, ".reserved-*")
	if err != nil {
		return nil
	}
	if os.Remove(f.Name()) != nil {
		f.Close()
		return nil
	}
	block := make([]byte, 4<<10)
	for range reserved / len(block) {
		rand.Read(block) // file systems that compress give no space for zeros
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	return f
}

// release gives the space back.
func (j *Journal) release() {
	if j.reserve != nil {
		j.reserve.Close()
		j.reserve = nil
	}
}
