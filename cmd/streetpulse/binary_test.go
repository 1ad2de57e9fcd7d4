package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// built is the program as people run it, made once for all tests of this package, as `make build` makes it: what that has compiled is used again.
var built struct {
	once sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.path != "" {
		os.RemoveAll(filepath.Dir(built.path))
	}
	os.Exit(code)
}

// program returns the path of the built binary.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "streetpulse-test-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "streetpulse")
		if text, err := exec.Command("go", "build", "-trimpath", "-o", built.path, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, text)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// dataFolder returns a data folder whose database is ready. Its PostgreSQL syncs nothing: these tests kill processes, whose
// writes the system keeps, and do not cut the power.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := postgrestest.Ready(t)
	settings, err := os.OpenFile(filepath.Join(dir, "postgres", "cluster", "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = settings.WriteString("fsync = off\nfull_page_writes = off\n")
	if err := errors.Join(err, settings.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs the program to its end and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(program(t), args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("streetpulse %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

// serving is a running server.
type serving struct {
	t          *testing.T
	data       string
	http, mqtt string
	args       []string
	cmd        *exec.Cmd
	log        *os.File
	ended      chan error
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve starts a server on a data folder and waits until it is ready.
func serve(t *testing.T, data string, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, data: data, http: freeAddress(t), mqtt: freeAddress(t)}
	s.args = append([]string{"serve", "--data", data, "--http", s.http, "--mqtt", s.mqtt, "--device-rate", "0", "--enrol-limit", "0"}, args...)
	var err error
	if s.log, err = os.Create(filepath.Join(t.TempDir(), "serve.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		s.log.Close()
		command(t, "migrate", "--data", data) // takes over a PostgreSQL that a kill left, and stops it
	})
	s.start()
	return s
}

func (s *serving) start() {
	s.t.Helper()
	s.cmd = exec.Command(program(s.t), s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(s.cmd, s.ended)
	s.await("ready", time.Minute, func(ctx context.Context) error {
		select {
		case err := <-s.ended:
			s.ended <- err
			s.t.Fatalf("the server ended: %v\n%s", err, s.tail())
		default:
		}
		return get(ctx, "http://"+s.http+"/readyz", io.Discard)
	})
}

// await polls until check holds.
func (s *serving) await(what string, patience time.Duration, check func(context.Context) error) {
	s.t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("not %s within %s: %v\n%s", what, patience, err, s.tail())
		case <-tick.C:
		}
	}
}

func (s *serving) tail() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// kill ends the server as a crash would.
func (s *serving) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
	s.cmd = nil
}

// stop ends the server as Ctrl-C does.
func (s *serving) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("the server stopped with %v\n%s", err, s.tail())
		}
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the server does not stop\n%s", s.tail())
	}
	s.cmd = nil
}

func get(ctx context.Context, url string, to io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	_, err = io.Copy(to, answer.Body)
	return err
}
