package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// poll is how often we look again at what cannot wake us: a lock, a process of another parent.
const poll = 20 * time.Millisecond

// Lock takes the data folder for one serving process, and makes the folder where it is not there. A
// second one gets an error with the first one's process id. The lock goes with the process, however it ends.
func Lock(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		holder, _ := io.ReadAll(file) // an unreadable pid leaves the message without it
		file.Close()
		return nil, fmt.Errorf("process %s already serves from %s: stop it, or name another folder with --data", strings.TrimSpace(string(holder)), dir)
	case err != nil:
		file.Close()
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	truncErr := file.Truncate(0)
	_, writeErr := fmt.Fprintln(file, os.Getpid())
	if err := errors.Join(truncErr, writeErr); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock of the data folder: %w", err)
	}
	return file.Close, nil
}

// lockFile opens path and waits for its lock, shared or exclusive; closing the file gives it back.
func lockFile(ctx context.Context, path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}
