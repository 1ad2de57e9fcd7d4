package broker_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

const patience = 20 * time.Second

// rig is a broker on a database of its own.
type rig struct {
	t      testing.TB
	pool   *pgxpool.Pool
	broker *broker.Broker
	addr   string
	stop   func() // stops the broker, then the writer; once
}

// newRig starts a broker; poolURL "" is a fresh database.
func newRig(t testing.TB, poolURL string, rate int, changes ...func(*broker.Options)) *rig {
	t.Helper()
	r := &rig{t: t}
	if poolURL == "" {
		poolURL = postgrestest.URL(t)
	}
	pool, err := postgres.Connect(context.Background(), poolURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	log := slog.New(slog.DiscardHandler)
	writer := ingest.NewWriter(pool, ingest.WriterOptions{Log: log, Grace: 100 * time.Millisecond})
	in := ingest.New(pool, writer, ingest.Wall{}, ingest.Options{Log: log, DeviceRate: rate})
	options := broker.Options{TCPAddr: "127.0.0.1:0", Ingest: in, Pool: pool, Log: log}
	for _, change := range changes {
		change(&options)
	}
	b, err := broker.New(options)
	if err != nil {
		t.Fatal(err)
	}
	r.pool, r.broker, r.addr = pool, b, b.TCPAddr().String()
	serving, stopServing := context.WithCancel(context.Background())
	writing, stopWriting := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- b.Serve(serving) }()
	go func() { ended <- writer.Run(writing) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stopServing()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		stopWriting()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) enrol() (device, secret string) {
	r.t.Helper()
	d, secret, err := ingest.Enrol(context.Background(), r.pool, ingest.Enrolment{}, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return d.ID, secret
}

func (r *rig) count(query string, arguments ...any) int {
	r.t.Helper()
	var n int
	if err := r.pool.QueryRow(context.Background(), query, arguments...).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// await waits until a query gives true.
func (r *rig) await(query string, arguments ...any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		if err := r.pool.QueryRow(ctx, query, arguments...).Scan(&ok); err != nil {
			r.t.Fatalf("%s: %v", query, err)
		}
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("never true: %s", query)
		}
	}
}

func event(id string) string {
	return fmt.Sprintf(`{"id":%q,"kind":"bump","time":%q,"lat":51.05,"lon":3.72,"accuracy_m":5,"speed_mps":11,"heading_deg":87,`+
		`"peak_g":1.2,"duration_s":0.2,"rate_hz":100,"wave_g":[0.01,-0.02]}`, id, time.Now().UTC().Format(time.RFC3339Nano))
}

func batch(events ...string) []byte {
	return []byte(`{"v":1,"events":[` + strings.Join(events, ",") + `]}`)
}

func topic(device, name string) string { return "streetpulse/v1/devices/" + device + "/" + name }

// client is a client of MQTT that does nothing by itself: what it says is acknowledged was acknowledged.
type client struct {
	conn  net.Conn
	in    *bufio.Reader
	level byte
}

// login is what a client says when it connects.
type login struct {
	id, user, password string
	level              byte // 4: 3.1.1, 5; 0: 4
	will, willPayload  string
	keep               bool // the session outlives the connection
}

// connect returns a client and the code of the broker's answer.
func connect(conn net.Conn, l login) (*client, byte, error) {
	c := &client{conn: conn, in: bufio.NewReader(conn), level: l.level}
	if c.level == 0 {
		c.level = 4
	}
	flags := byte(0b1100_0010)
	if l.keep {
		flags &^= 2
	}
	if l.will != "" {
		flags |= 0b0010_1100 // retained, QoS 1
	}
	body := append(field(nil, "MQTT"), c.level, flags, 0, 60)
	if c.level == 5 {
		body = append(body, 0)
	}
	body = field(body, l.id)
	if l.will != "" {
		if c.level == 5 {
			body = append(body, 0)
		}
		body = field(field(body, l.will), l.willPayload)
	}
	body = field(field(body, l.user), l.password)
	if err := c.write(0x10, body); err != nil {
		return nil, 0, err
	}
	kind, answer, err := c.read()
	if err != nil {
		return nil, 0, err
	}
	if kind != 0x20 || len(answer) < 2 {
		return nil, 0, fmt.Errorf("no CONNACK: %#x % x", kind, answer)
	}
	return c, answer[1], nil
}

func (r *rig) dial() net.Conn {
	r.t.Helper()
	conn, err := net.DialTimeout("tcp", r.addr, patience)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

func (r *rig) login(l login) *client {
	r.t.Helper()
	c, code, err := connect(r.dial(), l)
	if err != nil || code != 0 {
		r.t.Fatalf("connect: %d, %v", code, err)
	}
	return c
}

// device enrols a device and logs it in.
func (r *rig) device() (string, *client) {
	r.t.Helper()
	id, secret := r.enrol()
	return id, r.login(login{id: id, user: id, password: secret})
}

func field(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
}

func (c *client) write(kind byte, body []byte) error {
	frame := binary.AppendUvarint([]byte{kind}, uint64(len(body)))
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.conn.Write(append(frame, body...))
	return err
}

func (c *client) read() (byte, []byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	kind, err := c.in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return kind, body, err
}

// send publishes without waiting.
func (c *client) send(topic string, qos byte, packet uint16, payload []byte) error {
	body := field(nil, topic)
	if qos > 0 {
		body = binary.BigEndian.AppendUint16(body, packet)
	}
	if c.level == 5 {
		body = append(body, 0)
	}
	return c.write(0x30|qos<<1, append(body, payload...))
}

// publish publishes at QoS 1 and returns the reason code of the PUBACK.
func (c *client) publish(topic string, packet uint16, payload []byte) (byte, error) {
	if err := c.send(topic, 1, packet, payload); err != nil {
		return 0, err
	}
	kind, body, err := c.read()
	if err != nil {
		return 0, err
	}
	if kind != 0x40 || len(body) < 2 || binary.BigEndian.Uint16(body) != packet {
		return 0, fmt.Errorf("no PUBACK of %d: %#x % x", packet, kind, body)
	}
	if len(body) > 2 {
		return body[2], nil
	}
	return 0, nil
}

// subscribe returns the broker's code for a filter.
func (c *client) subscribe(filter string) (byte, error) {
	body := []byte{0, 9}
	if c.level == 5 {
		body = append(body, 0)
	}
	if err := c.write(0x82, append(field(body, filter), 1)); err != nil {
		return 0, err
	}
	kind, answer, err := c.read()
	if err != nil || kind != 0x90 {
		return 0, fmt.Errorf("no SUBACK: %#x %w", kind, err)
	}
	return answer[len(answer)-1], nil
}

// closed waits until the broker has closed the connection.
func (c *client) closed() error {
	for {
		if _, _, err := c.read(); err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				return fmt.Errorf("still open: %w", err)
			}
			return nil
		}
	}
}
