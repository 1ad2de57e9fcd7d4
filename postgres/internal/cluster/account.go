package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Account is the user PostgreSQL runs as. The zero value is the user we are. PostgreSQL refuses root,
// so root needs another one.
type Account struct {
	Name     string
	uid, gid int
	other    bool // not the user we are
}

// AccountFor returns the account for the cluster in folder, which need not exist: we ourselves, or, for
// root, the cluster's owner, else the user postgres, else nobody.
func AccountFor(folder string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	if at, err := os.Stat(folder); err == nil {
		if owner, ok := at.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return Account{Name: "uid " + strconv.Itoa(int(owner.Uid)), uid: int(owner.Uid), gid: int(owner.Gid), other: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(found.Uid)
		gid, gidErr := strconv.Atoi(found.Gid)
		if uidErr == nil && gidErr == nil {
			return Account{Name: name, uid: uid, gid: gid, other: true}, nil
		}
	}
	return Account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody: start as an ordinary user, or name a server with --database")
}

// Own gives path to the account. It does nothing where the account is the user we are.
func (a Account) Own(path string) error {
	if !a.other {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, a.Name, err)
	}
	return nil
}

// OwnAll gives path and everything in it to the account, where root owns it: a copied cluster, say.
func (a Account) OwnAll(path string) error {
	at, err := os.Stat(path)
	if !a.other || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if owner, ok := at.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) == a.uid {
		return nil
	}
	return filepath.WalkDir(path, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return a.Own(at)
	})
}

// UID returns the user id that files of the account carry.
func (a Account) UID() int {
	if a.other {
		return a.uid
	}
	return os.Geteuid()
}

// Command prepares a program that runs as the account in folder, in a session of its own: what a
// terminal sends on Ctrl-C does not reach it. PostgreSQL's own variables are taken from its environment.
func (a Account) Command(folder, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "PG") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	return cmd
}

// MayEnter says whether programs of the account can work in folder, which must exist.
func (a Account) MayEnter(folder string) bool {
	return !a.other || a.Command(folder, "/bin/sh", "-c", "exit 0").Run() == nil
}
