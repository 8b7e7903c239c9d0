package fetch

import (
	"golang.org/x/sys/unix"
)

// event is a descriptor that an event loop can watch. A nil event does nothing.
// Its state is guarded by Stream.mu.
type event struct {
	fd     int
	raised bool
}

func newEvent() (*event, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &event{fd: fd}, nil
}

func (e *event) descriptor() int {
	if e == nil {
		return -1
	}
	return e.fd
}

// set makes the descriptor readable or not. The counter holds 0 or 1, so
// neither call can block or fail but for a closed descriptor.
func (e *event) set(raised bool) {
	if e == nil || e.fd < 0 || e.raised == raised {
		return
	}
	one := [8]byte{1}
	if raised {
		_, _ = unix.Write(e.fd, one[:])
	} else {
		_, _ = unix.Read(e.fd, one[:])
	}
	e.raised = raised
}

func (e *event) close() {
	if e != nil && e.fd >= 0 {
		_ = unix.Close(e.fd)
		e.fd = -1
	}
}
