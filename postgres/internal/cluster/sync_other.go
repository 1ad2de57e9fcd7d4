//go:build !linux

package cluster

import "golang.org/x/sys/unix"

// syncFolder puts everything on disk.
func syncFolder(string) error { return unix.Sync() }
