package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// SocketPort is the number in a private server's socket name; it listens on no network port.
const SocketPort = 5432

// Superuser is the one role of a private server.
const Superuser = "streetpulse"

// Init makes a new cluster in folder, which must not exist, by way of a temporary name beside it: where
// folder exists it is whole. Only users who can reach its socket may connect, and they need no password.
func Init(b Binaries, account Account, folder string) error {
	beside := filepath.Dir(folder)
	leftovers, _ := filepath.Glob(filepath.Join(beside, "cluster.new-*")) // fails on a malformed pattern only
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return fmt.Errorf("remove a half-made cluster: %w", err)
		}
	}
	part, err := os.MkdirTemp(beside, "cluster.new-*")
	if err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if err := account.Own(part); err != nil {
		return err
	}
	// initdb's own fsync would cost as much again as everything else: syncing the file system does it at once.
	cmd := account.Command(beside, filepath.Join(b.Dir, "initdb"), "--pgdata", part, "--username", Superuser, "--encoding", "UTF8",
		"--locale", "C.UTF-8", "--auth-local", "trust", "--auth-host", "reject", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(part)
		return fmt.Errorf("initdb in %s: %w: %s", beside, err, lastLines(string(out), 3))
	}
	if err := syncFolder(part); err != nil {
		return fmt.Errorf("sync the new cluster: %w", err)
	}
	if err := os.Rename(part, folder); err != nil {
		return fmt.Errorf("put the new cluster in its place: %w", err)
	}
	return nil
}

// Major returns the PostgreSQL version that made the cluster in folder, 0 where there is none.
func Major(folder string) (int, error) {
	text, err := os.ReadFile(filepath.Join(folder, "PG_VERSION"))
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION: %w", folder, err)
	}
	return major, nil
}

// LogTail returns the last lines of a log file on one line, for an error message.
func LogTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), 4)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
