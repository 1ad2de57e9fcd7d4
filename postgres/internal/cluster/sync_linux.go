package cluster

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFolder puts everything in folder's file system on disk.
func syncFolder(folder string) error {
	at, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer at.Close()
	return unix.Syncfs(int(at.Fd()))
}
