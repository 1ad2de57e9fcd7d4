package postgres

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/streetpulse/streetpulse/postgres/internal/cluster"
)

// settings returns the server's. Streetpulse writes much and in order; its queries are short.
func settings() []string {
	return []string{
		"listen_addresses=",
		"max_connections=200",
		"shared_buffers=256MB",
		"max_wal_size=2GB",
		"min_wal_size=256MB",
		"checkpoint_timeout=10min",
		"wal_compression=on",
		"random_page_cost=1.1",
		"jit=off",
		"timezone=UTC",
		"log_timezone=UTC",
		"log_min_messages=warning",
		"log_checkpoints=off",
		"update_process_title=off",
	}
}

// allocator returns glibc's settings for the server (mallopt(3)). A backend frees a batch's memory after each COPY; given
// back to the system and asked for again at the next, it costs page faults: at 1,000 rows a commit a third of the time.
func allocator() []string {
	return []string{"MALLOC_TRIM_THRESHOLD_=67108864", "MALLOC_TOP_PAD_=4194304", "MALLOC_MMAP_THRESHOLD_=33554432"}
}

// child is a server that this process started; nil: it started none.
type child struct {
	process *os.Process
	exited  chan struct{}
}

func (c *child) ended() bool {
	if c == nil {
		return true
	}
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

func (s *server) cluster() string { return filepath.Join(s.area, "cluster") }
func (s *server) logFile() string { return filepath.Join(s.area, "server.log") }

// start starts the server, with a new cluster where there is none, and does not wait for it. Only one
// process at a time may do that: the caller holds the start lock, and the server does not run.
func (s *server) start() error {
	major, err := cluster.Major(s.cluster())
	if err != nil {
		return fmt.Errorf("read the cluster: %w", err)
	}
	binaries, err := cluster.Find(major, s.account)
	if err != nil {
		return err
	}
	if major == 0 {
		s.log.Info("making a database", "folder", s.area, "postgresql", binaries.Major)
		if err := cluster.Init(binaries, s.account, s.cluster()); err != nil {
			return err
		}
	} else if err := s.clearCrash(); err != nil {
		return err
	}
	if err := s.makeSocketFolder(); err != nil {
		return err
	}
	arguments := []string{"-D", s.cluster(), "-k", s.socket, "-p", strconv.Itoa(cluster.SocketPort)}
	for _, setting := range settings() {
		arguments = append(arguments, "-c", setting)
	}
	log, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer log.Close()
	cmd := s.account.Command(s.area, filepath.Join(binaries.Dir, "postgres"), arguments...)
	cmd.Env = append(cmd.Environ(), allocator()...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	started := &child{process: cmd.Process, exited: make(chan struct{})}
	s.child = started
	go func() {
		defer close(started.exited)
		if err := cmd.Wait(); err != nil {
			s.log.Warn("PostgreSQL ended", "how", err.Error(), "log", s.logFile())
		}
	}()
	s.log.Info("started PostgreSQL", "postgresql", binaries.Major, "pid", cmd.Process.Pid, "folder", s.area)
	return nil
}

// stop stops the server, whoever started it, and waits until it is gone.
func (s *server) stop() error {
	pid := s.pid()
	if !s.child.ended() {
		pid = s.child.process.Pid
	}
	if pid == 0 {
		return nil
	}
	if err := signalAndWait(pid, syscall.SIGINT, s.cluster(), stopPatience); err != nil {
		s.log.Warn("PostgreSQL is slow to stop; it will recover at its next start", "pid", pid)
		if err := signalAndWait(pid, syscall.SIGQUIT, s.cluster(), stopPatience); err != nil {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
	}
	if s.child != nil {
		<-s.child.exited
	}
	if s.socket != s.area {
		os.Remove(s.socket) // an empty folder in /tmp; left behind it does no harm
	}
	return nil
}

// running returns the server's process id, 0 where it does not run; 1 where it answers but lives where
// we see no processes, in another container on the same folder.
func (s *server) running() int {
	if !s.child.ended() {
		return s.child.process.Pid
	}
	if pid := s.pid(); pid != 0 {
		return pid
	}
	connection, err := net.Dial("unix", filepath.Join(s.socket, socketName))
	if err != nil {
		return 0
	}
	connection.Close()
	return 1
}

// pid returns the process id in the cluster's pid file where that process is alive and is this
// cluster's server: after a crash or a reboot the number may be anybody's.
func (s *server) pid() int {
	text, err := os.ReadFile(filepath.Join(s.cluster(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || !worksIn(pid, s.cluster()) {
		return 0
	}
	return pid
}

// worksIn says whether a live process has folder as its working directory, as every process of a
// PostgreSQL server has its cluster.
func worksIn(pid int, folder string) bool {
	at, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err == nil {
		return at == folder
	}
	if _, noProc := os.Stat("/proc/self/cwd"); noProc != nil {
		return syscall.Kill(pid, 0) == nil // no /proc on this system
	}
	return false
}

// clearCrash ends what a killed server left behind: its sessions, which would keep a new one from
// starting, and its pid file, whose number another process may have by now.
func (s *server) clearCrash() error {
	folders, _ := filepath.Glob("/proc/[0-9]*") // fails on a malformed pattern only
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || !worksIn(pid, s.cluster()) || !isPostgres(pid) {
			continue
		}
		if err := signalAndWait(pid, syscall.SIGQUIT, s.cluster(), time.Second); err == nil {
			continue
		}
		if err := signalAndWait(pid, syscall.SIGKILL, s.cluster(), stopPatience); err != nil {
			return fmt.Errorf("end a session of the server that died: %w", err)
		}
	}
	if len(folders) == 0 {
		return nil // PostgreSQL judges its pid file itself
	}
	if err := os.Remove(filepath.Join(s.cluster(), "postmaster.pid")); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove the pid file of the server that died: %w", err)
	}
	return nil
}

func isPostgres(pid int) bool {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err == nil && strings.HasPrefix(string(name), "postgres")
}

// signalAndWait sends a signal and waits until the process no longer works in folder.
func signalAndWait(pid int, signal syscall.Signal, folder string, patience time.Duration) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for worksIn(pid, folder) {
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("process %d does not end", pid)
		}
	}
	return nil
}
