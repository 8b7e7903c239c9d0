package backendtest

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var mounted = flag.String("backendtest.mounted", "", "internal: the filesystem to mount for the test that started this process")

// OnDisk is a new directory on a filesystem with a device below it, where one is to be had.
func OnDisk(t testing.TB) string {
	t.Helper()
	for _, parent := range []string{os.TempDir(), "/var/tmp", "."} {
		var fs unix.Statfs_t
		if unix.Statfs(parent, &fs) != nil || fs.Type == unix.TMPFS_MAGIC {
			continue
		}
		dir, err := os.MkdirTemp(parent, "s3dlio-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		if dir, err = filepath.Abs(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Fatal("no disk to write to: neither the temporary directory, nor /var/tmp, nor the source is on one")
	return ""
}

// noMount is what the process of the mount says where it was refused.
const noMount = "cannot mount"

// WithFilesystem runs test in a directory where a filesystem of the given kind
// is mounted. The mount is seen by this test alone: the test runs again in a
// process with a mount namespace. Where the machine allows none, it only logs that.
func WithFilesystem(t *testing.T, kind, options string, test func(dir string)) {
	t.Helper()
	if *mounted != "" {
		dir := t.TempDir()
		if err := unix.Mount("none", dir, kind, 0, options); err != nil {
			t.Fatalf("%s: %v", noMount, err)
		}
		defer func() {
			if err := unix.Unmount(dir, 0); err != nil { // fails while a file is open
				t.Errorf("unmount %s: %v", kind, err)
			}
		}()
		test(dir)
		return
	}
	child := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-backendtest.mounted="+kind)
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWNS | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	output, err := child.CombinedOutput()
	if err != nil && (child.Process == nil || strings.Contains(string(output), noMount)) {
		t.Logf("NOT TESTED ON %s: this machine allows no mount for a test: %v %s", kind, err, output)
	} else if err != nil {
		t.Errorf("on %s: %v\n%s", kind, err, output)
	}
}

// Unprivileged runs test with the rights of a user who owns no file. Only the
// goroutine of the test has them, so test starts no other.
func Unprivileged(t *testing.T, test func()) {
	t.Helper()
	if os.Getuid() != 0 {
		test()
		return
	}
	const nobody = 65534
	done := make(chan struct{})
	go func() {
		defer close(done) // also if the test gives up
		runtime.LockOSThread()
		// The kernel has these by thread. With the user id the thread also loses
		// the capabilities to pass over permissions.
		_ = unix.Setfsgid(nobody)
		_ = unix.Setfsuid(nobody)
		test()
		_ = unix.Setfsuid(0)
		_ = unix.Setfsgid(0)
		runtime.UnlockOSThread() // else the thread ends with the goroutine
	}()
	<-done
}
