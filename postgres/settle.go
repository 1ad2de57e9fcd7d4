package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/streetpulse/streetpulse/postgres/internal/cluster"
)

const (
	socketName      = ".s.PGSQL.5432"
	longestSocket   = 107 // bytes of a socket's path, Linux's unix(7)
	locationFile    = "location"
	shortSocketRoot = "/tmp"
)

// settle decides where the cluster and its socket are and which user runs them. The caller holds start.
func (s *server) settle() error {
	s.area = s.home
	elsewhere, err := os.ReadFile(filepath.Join(s.home, locationFile))
	switch {
	case err == nil:
		s.area = strings.TrimSpace(string(elsewhere))
	case !os.IsNotExist(err):
		return fmt.Errorf("read where the cluster is: %w", err)
	}
	if s.account, err = cluster.AccountFor(s.cluster()); err != nil {
		return err
	}
	if err := errors.Join(s.account.Own(s.area), s.account.OwnAll(s.cluster())); err != nil {
		return fmt.Errorf("the private server's folder: %w", err)
	}
	if !s.account.MayEnter(s.area) {
		if err := s.moveOut(); err != nil {
			return err
		}
	}
	s.socket = s.area
	if len(filepath.Join(s.socket, socketName)) > longestSocket {
		sum := sha256.Sum256([]byte(s.area))
		s.socket = filepath.Join(shortSocketRoot, "streetpulse-"+hex.EncodeToString(sum[:8]))
	}
	return nil
}

// moveOut puts the cluster in the system's state folder: root started us under a folder, its home
// perhaps, that the server's user may not enter.
func (s *server) moveOut() error {
	if major, err := cluster.Major(s.cluster()); err != nil || major != 0 {
		return errors.Join(err, fmt.Errorf("%s may not enter %s any more, where its data are: make every folder above it enterable (chmod o+x)", s.account.Name, s.area))
	}
	if err := os.MkdirAll(cluster.StateFolder, 0o755); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	area, err := os.MkdirTemp(cluster.StateFolder, filepath.Base(filepath.Dir(s.home))+"-*")
	if err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	s.log.Warn("the database goes elsewhere: its user may not enter the data folder", "user", s.account.Name, "data", s.home, "database", area)
	s.area = area
	if s.account, err = cluster.AccountFor(s.cluster()); err != nil {
		return err
	}
	if err := s.account.Own(area); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.home, locationFile), []byte(area+"\n"), 0o600); err != nil {
		return fmt.Errorf("note where the cluster is: %w", err)
	}
	return nil
}

// makeSocketFolder makes the short folder of the socket where the cluster's own path is too long for
// one. /tmp is everybody's: a folder that somebody else made is refused.
func (s *server) makeSocketFolder() error {
	if s.socket == s.area {
		return nil
	}
	if err := os.Mkdir(s.socket, 0o700); err == nil {
		return s.account.Own(s.socket)
	} else if !os.IsExist(err) {
		return fmt.Errorf("make the socket's folder: %w", err)
	}
	at, err := os.Lstat(s.socket)
	if err != nil {
		return fmt.Errorf("the socket's folder: %w", err)
	}
	owner, ok := at.Sys().(*syscall.Stat_t)
	if !at.IsDir() || at.Mode().Perm() != 0o700 || !ok || int(owner.Uid) != s.account.UID() {
		return fmt.Errorf("%s is there and is not ours: remove it", s.socket)
	}
	return nil
}
