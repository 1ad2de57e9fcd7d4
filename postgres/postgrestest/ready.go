package postgrestest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/streetpulse/streetpulse/postgres"
)

// enough is the room that tests may take in memory.
const enough = 8 << 30

// scratch is the folder for tests' files: in memory, where there is room. A new database is a thousand files, and a file
// system on a disk takes its time to make as many again just after as many were removed.
var scratch = sync.OnceValue(func() string {
	const memory = "/dev/shm"
	var room unix.Statfs_t
	if err := unix.Statfs(memory, &room); err != nil || room.Bavail*uint64(room.Bsize) < enough {
		return "/tmp"
	}
	return memory
})

// ready returns a data folder with a migrated, empty database, which nobody may use but to copy it. The first process
// with these migrations makes it, and it stays: making it costs more than most packages' tests.
var ready = sync.OnceValues(func() (string, error) {
	sum, err := fingerprint()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(scratch(), fmt.Sprintf("streetpulse-ready-%d-%s", os.Geteuid(), sum))
	if at, err := os.Stat(folder); err == nil {
		if owner, ok := at.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
			return "", fmt.Errorf("%s is somebody else's", folder)
		}
		return folder, nil
	}
	draft, err := os.MkdirTemp(scratch(), "streetpulse-draft-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(draft) // where it was not renamed
	if err := os.Chmod(draft, 0o755); err != nil {
		return "", err
	}
	db, err := postgres.Open(context.Background(), postgres.Options{Dir: draft})
	if err != nil {
		return "", err
	}
	if err := db.Close(); err != nil {
		return "", err
	}
	if err := os.Rename(draft, folder); err != nil && !errors.Is(err, fs.ErrExist) { // another process may be as far as we are
		return "", err
	}
	return folder, nil
})

// fingerprint tells apart what is in a ready folder: the migrations, the jobs' tables and PostgreSQL's version.
func fingerprint() (string, error) {
	found, err := installed()
	if err != nil {
		return "", err
	}
	jobs, err := postgres.JobsVersion()
	if err != nil {
		return "", err
	}
	files, err := postgres.Migrations()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "postgresql %d jobs %d\n", found.binaries.Major, jobs)
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// copyFolder copies a folder with its files' owners and modes.
func copyFolder(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", filepath.Base(from), err, out)
	}
	return nil
}
