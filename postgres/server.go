package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/streetpulse/streetpulse/postgres/internal/cluster"
)

const (
	databaseName = "streetpulse"
	watchEvery   = 200 * time.Millisecond // how soon a dead server is noticed
	reviveEvery  = 5 * time.Second        // how often a server that does not start is tried again
	stopPatience = 60 * time.Second       // for the last checkpoint, before the server is stopped without one
)

// server is the private server of a data folder. Processes share it by two locks: start is held while
// one looks whether the server runs and starts or stops it, users is held, shared, by each as long as it
// uses the server. Whoever leaves and finds nobody else in users stops it. The kernel gives back the locks
// of a process that is killed; the server then lives on, and the next process on the folder takes it over.
type server struct {
	home    string // Dir/postgres: the locks
	area    string // the cluster, its log and its socket; home, unless the server's user may not enter there
	socket  string // folder of the socket
	account cluster.Account
	log     *slog.Logger
	users   *os.File
	child   *child // the server, where this process started it
}

// join returns the running server of dir, which is ready.
func join(ctx context.Context, dir string, log *slog.Logger) (*server, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	home := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.Mkdir(home, 0o700); err != nil && !os.IsExist(err) {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if home, err = filepath.EvalSymlinks(home); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	s := &server{home: home, log: log}
	start, err := s.lockStart(ctx)
	if err != nil {
		return nil, err
	}
	defer start.Close()
	if err := s.settle(); err != nil {
		return nil, err
	}
	if s.users, err = lockFile(ctx, filepath.Join(home, "users.lock"), unix.LOCK_SH); err != nil {
		return nil, fmt.Errorf("join the server of %s: %w", dir, err)
	}
	if err := s.ensure(ctx); err != nil {
		return nil, errors.Join(err, s.leaveLocked())
	}
	return s, nil
}

func (s *server) lockStart(ctx context.Context) (*os.File, error) {
	file, err := lockFile(ctx, filepath.Join(s.home, "start.lock"), unix.LOCK_EX)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%s belongs to another user; run as that user, as root, or name another folder with --data: %w", s.home, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the private server: %w", err)
	}
	return file, nil
}

// url returns the address of a database on the server, which listens on its socket only.
func (s *server) url(database string) string {
	at := url.URL{Scheme: "postgres", User: url.User(cluster.Superuser), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket}, "port": {fmt.Sprint(cluster.SocketPort)}}.Encode()}
	return at.String()
}

// ensure starts the server where it does not run and waits until it is ready. The caller holds start.
func (s *server) ensure(ctx context.Context) error {
	connection, err := (*pgx.Conn)(nil), errGone
	if pid := s.running(); pid != 0 {
		s.log.Info("joining the running PostgreSQL", "pid", pid, "folder", s.area)
		connection, err = s.await(ctx)
	}
	if errors.Is(err, errGone) { // it does not run, or was on its way out
		if err := s.start(); err != nil {
			return err
		}
		connection, err = s.await(ctx)
	}
	if errors.Is(err, errGone) {
		return fmt.Errorf("PostgreSQL did not start in %s: %s", s.area, cluster.LogTail(s.logFile()))
	}
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	var there bool
	if err := connection.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, databaseName).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := connection.Exec(ctx, `create database `+databaseName); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// errGone says that the server ended while we waited for it.
var errGone = errors.New("PostgreSQL does not run")

// await connects as soon as the server accepts connections: after a crash that is when it has recovered.
func (s *server) await(ctx context.Context) (*pgx.Conn, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		connection, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return connection, nil
		}
		if s.running() == 0 {
			return nil, errGone
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for PostgreSQL in %s (%w): %w", s.area, err, ctx.Err())
		case <-tick.C:
		}
	}
}

// watch starts the server again whenever it dies, until ctx ends.
func (s *server) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s.running() != 0 {
			continue
		}
		tick.Reset(watchEvery)
		if err := s.revive(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("PostgreSQL is down and does not start", "error", err, "next try in", reviveEvery)
			tick.Reset(reviveEvery)
		}
	}
}

func (s *server) revive(ctx context.Context) error {
	start, err := s.lockStart(ctx)
	if err != nil {
		return err
	}
	defer start.Close()
	if s.running() != 0 {
		return nil // another process was quicker
	}
	s.log.Warn("PostgreSQL died; starting it again", "folder", s.area)
	return s.ensure(ctx)
}

// leave stops using the server, and stops it where nobody else uses it.
func (s *server) leave() error {
	start, err := s.lockStart(context.Background())
	if err != nil {
		return err
	}
	defer start.Close()
	return s.leaveLocked()
}

func (s *server) leaveLocked() error {
	defer s.users.Close()
	err := unix.Flock(int(s.users.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("leave the private server: %w", err)
	}
	return s.stop()
}
