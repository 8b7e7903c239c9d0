// Package testservers starts the real servers that tests talk to, and toxiproxy,
// on free ports of the loopback interface.
//
// The programs lie in the folder that S3DLIO_TEST_SERVERS names, .cache/bin of
// the repository by default. One that is missing fails the test.
package testservers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// startTimeout is generous: a machine that builds at the same time is slow.
const startTimeout = 60 * time.Second

// binary is the path of a server program.
func binary(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("S3DLIO_TEST_SERVERS")
	if dir == "" {
		dir = filepath.Join(repository(tb), ".cache", "bin")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("the test server %s is missing (%v): run `make servers`, or set S3DLIO_TEST_SERVERS to its folder", name, err)
	}
	return path
}

// repository is the folder of go.mod above the working directory of the test.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	tb.Fatal("no go.mod above the working directory: set S3DLIO_TEST_SERVERS to the folder of the servers")
	return ""
}

// FreeAddr is a loopback address at which nothing listens.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// lifetime is how long a server lives: that of a test or that of the test binary.
type lifetime struct {
	testing.TB
	dir     string
	cleanup func(func())
}

func testLifetime(tb testing.TB) lifetime {
	tb.Helper()
	dir, err := newDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("cannot remove the data of a test server: %v", err)
		}
	})
	return lifetime{tb, dir, tb.Cleanup}
}

// newDir makes a folder for the data of servers: in memory where there is room
// and O_DIRECT, which MinIO wants. Their many fsyncs on a disk would take most
// of the time of the tests.
func newDir() (string, error) {
	const memory, room = "/dev/shm", 2 << 30
	var fs unix.Statfs_t
	if unix.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > room {
		if dir, err := os.MkdirTemp(memory, "s3dlio-servers-"); err == nil {
			fd, err := unix.Open(filepath.Join(dir, "probe"), unix.O_CREAT|unix.O_RDWR|unix.O_DIRECT, 0o600)
			if err == nil {
				return dir, unix.Close(fd)
			}
			if err := os.RemoveAll(dir); err != nil {
				return "", err
			}
		}
	}
	return os.MkdirTemp("", "s3dlio-servers-")
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	output lockedBuffer
}

// start runs a program until the lifetime ends and waits until ready succeeds.
func start(l lifetime, name string, args, env []string, ready func() error) *process {
	l.Helper()
	p := &process{cmd: exec.Command(binary(l, name), args...), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"HOME=" + l.dir, "PATH=" + os.Getenv("PATH")}, env...)
	p.cmd.Dir = l.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that dies leaves nothing behind
	if err := p.cmd.Start(); err != nil {
		l.Fatalf("cannot start %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // it is killed in the end: the exit status says nothing
		close(p.exited)
	}()
	l.cleanup(p.stop)
	if err := p.await(ready); err != nil {
		l.Fatalf("%s did not get ready: %v\n%s", name, err, p.output.String())
	}
	return p
}

func (p *process) await(ready func() error) error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s: %w", startTimeout, err)
		}
		select {
		case <-p.exited:
			return errors.New("it exited")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill() // fails only where it has exited already
	<-p.exited
}

// Freeze makes a server deaf without closing its connections, until Thaw.
func (p *process) Freeze(tb testing.TB) { p.signal(tb, syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (p *process) Thaw(tb testing.TB) { p.signal(tb, syscall.SIGCONT) }

func (p *process) signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
}

// needs skips a test whose server runs on what the machine does not have, and
// fails it where that must not be.
func needs(tb testing.TB, program, install string) {
	tb.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	const reason = "NOT TESTED: there is no %s. Install %s, then run `make servers`"
	if os.Getenv("S3DLIO_REQUIRE_SERVERS") != "" {
		tb.Fatalf(reason, program, install)
	}
	tb.Skipf(reason, program, install)
}

// lockedBuffer collects the output of a process.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
