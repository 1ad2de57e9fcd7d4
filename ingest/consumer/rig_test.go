package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/consumer"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

const patience = 30 * time.Second

// mosquitto is Debian's Mosquitto, running on a port of its own.
type mosquitto struct {
	t       testing.TB
	address string // host:port
	config  string
	cmd     *exec.Cmd
	said    *bytes.Buffer
}

func newMosquitto(t testing.TB) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, address: l.Addr().String(), config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	l.Close()
	_, port, err := net.SplitHostPort(m.address)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\nmax_inflight_messages 100\n", port)
	if err := os.WriteFile(m.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // not in everybody's path
	}
	m.cmd, m.said = exec.Command(program, "-c", m.config), &bytes.Buffer{}
	m.cmd.Stdout, m.cmd.Stderr = m.said, m.said
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("this test needs mosquitto (package mosquitto): install it: %v", err)
	}
	await(m.t, "Mosquitto", func() bool {
		c, err := net.Dial("tcp", m.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (m *mosquitto) stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		m.cmd.Wait()
		m.cmd = nil
	}
}

// await polls until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatal("not in time: ", what)
		case <-tick.C:
		}
	}
}

// node is a consumer with a writer of its own.
type node struct {
	stop func() // once
	log  *record
}

// record is a log that can be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) says(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.text.String(), text)
}

// newNode starts a consumer on the database at a URL.
func newNode(t testing.TB, m *mosquitto, database string, changes ...func(*consumer.Options)) *node {
	t.Helper()
	pool, err := postgres.Connect(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{log: &record{}}
	log := slog.New(slog.NewTextHandler(n.log, nil))
	writer := ingest.NewWriter(pool, ingest.WriterOptions{Log: log, Grace: 100 * time.Millisecond})
	in := ingest.New(pool, writer, ingest.Wall{}, ingest.Options{Log: log, DeviceDay: 2})
	options := consumer.Options{URL: "mqtt://streetpulse:x@" + m.address, Ingest: in, Pool: pool, Log: log,
		Detector: []byte(`{"version":1,"least_g":0.2}`)}
	for _, change := range changes {
		change(&options)
	}
	c, err := consumer.New(options)
	if err != nil {
		t.Fatal(err)
	}
	consuming, stopConsuming := context.WithCancel(context.Background())
	writing, stopWriting := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		defer stopWriting()
		if err := c.Serve(consuming); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		if err := writer.Run(writing); err != nil {
			t.Error(err)
		}
	})
	n.stop = sync.OnceFunc(func() {
		stopConsuming()
		running.Wait()
		pool.Close()
	})
	t.Cleanup(func() {
		n.stop()
		if t.Failed() {
			t.Log(n.log.text.String())
		}
	})
	await(t, "consuming", func() bool { return n.log.says(`msg="consuming from the external broker"`) })
	return n
}

// rig is a database and a broker.
type rig struct {
	t         testing.TB
	database  string
	pool      *pgxpool.Pool
	mosquitto *mosquitto
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, database: postgrestest.URL(t), mosquitto: newMosquitto(t)}
	pool, err := postgres.Connect(context.Background(), r.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	r.pool = pool
	return r
}

func (r *rig) count(query string, arguments ...any) int {
	r.t.Helper()
	var n int
	if err := r.pool.QueryRow(context.Background(), query, arguments...).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) awaitCount(n int, query string, arguments ...any) {
	r.t.Helper()
	got := 0
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%s: %d, want %d", query, got, n)
		}
	}()
	await(r.t, query, func() bool { got = r.count(query, arguments...); return got == n })
}

// device enrols a device and connects it to the broker.
func (r *rig) device() (string, mqtt.Client) {
	r.t.Helper()
	d, secret, err := ingest.Enrol(context.Background(), r.pool, ingest.Enrolment{}, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return d.ID, r.client(d.ID, secret)
}

func (r *rig) client(id, secret string) mqtt.Client {
	r.t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + r.mosquitto.address).SetClientID(id).SetUsername(id).SetPassword(secret).
		SetAutoReconnect(false).SetOrderMatters(false))
	r.done(c.Connect())
	r.t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func (r *rig) done(token mqtt.Token) {
	r.t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		r.t.Fatalf("the broker: %v", token.Error())
	}
}

func (r *rig) publish(c mqtt.Client, topic string, payload []byte) {
	r.t.Helper()
	r.done(c.Publish(topic, 1, false, payload))
}

func topic(device, name string) string { return "streetpulse/v1/devices/" + device + "/" + name }

func event(id string) string {
	return fmt.Sprintf(`{"id":%q,"kind":"pass","time":%q,"lat":51.05,"lon":3.72,"accuracy_m":5,"speed_mps":11}`, id, time.Now().UTC().Format(time.RFC3339Nano))
}

func batch(events ...string) []byte {
	return []byte(`{"v":1,"events":[` + strings.Join(events, ",") + `]}`)
}
