package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/postgres"
)

// mosquitto starts Debian's Mosquitto with what docs/operations.md says it needs, and returns its address.
func mosquitto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // not in everybody's path
	}
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 100\n", port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", config)
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs mosquitto (package mosquitto): install it: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		select {
		case <-ctx.Done():
			t.Fatal("Mosquitto does not answer")
		case <-tick.C:
		}
	}
}

// What the external broker has acknowledged is stored in the end, however often the process that consumes from it is killed.
func TestNothingIsLostWhenTheConsumerIsKilled(t *testing.T) {
	t.Parallel()
	external := mosquitto(t)
	s := serve(t, dataFolder(t), "--broker", "mqtt://streetpulse@"+external)
	if c, err := net.Dial("tcp", s.mqtt); err == nil {
		c.Close()
		t.Error("there is an embedded broker beside the external one")
	}
	s.mqtt = external
	s.await("consuming", time.Minute, func(context.Context) error { // before that this broker has nobody to keep anything for
		text, err := os.ReadFile(s.log.Name())
		if err == nil && !strings.Contains(string(text), `msg="consuming from the external broker"`) {
			err = errors.New("it does not consume yet")
		}
		return err
	})
	l := newLoad(t, s)
	rounds := l.run(func(int) {
		s.kill()
		s.start()
	})
	if rounds < 5 {
		t.Errorf("the consumer was killed %d times, want 5 at least", rounds)
	}
	pool := s.pool(t)
	s.await("all stored", 2*time.Minute, func(ctx context.Context) error {
		var n int
		err := pool.QueryRow(ctx, `select count(*) from events`).Scan(&n)
		if err == nil && n < loadDevices*loadMessages*loadEvents {
			err = fmt.Errorf("%d events", n)
		}
		return err
	})
	l.check()
	s.stop()
}

// pool connects to the private database of a server.
func (s *serving) pool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	db, err := postgres.Open(context.Background(), postgres.Options{Dir: s.data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db.Pool
}
