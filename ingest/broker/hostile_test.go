package broker_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// servesHonest says that a new device is served as if nothing had happened.
func (r *rig) servesHonest() {
	r.t.Helper()
	id, secret := r.enrol()
	c := r.again(login{id: id, user: id, password: secret}) // in a storm it may be crowded out, and tries again as every client does
	if code, err := c.publish(topic(id, "events"), 1, batch(event("honest"))); err != nil || code != 0 {
		r.t.Fatalf("an honest device is not served: %d, %v", code, err)
	}
	if n := r.count(`select count(*) from events where device = $1`, id); n != 1 {
		r.t.Fatal("an honest device's event is not stored")
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A packet that ends anywhere, says a wrong length, or is noise ends its own connection at most.
func TestHalfPackets(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	r := newRig(t, "", 0, func(o *broker.Options) { o.Registerer = metrics })
	id, secret := r.enrol()
	random := rand.New(rand.NewPCG(1, 2))
	for _, level := range []byte{4, 5} {
		properties := []byte{}
		if level == 5 {
			properties = []byte{0}
		}
		subscribe := append(field(append([]byte{0, 9}, properties...), topic(id, "feedback")), 1)
		publish := append(append(field(nil, topic(id, "events")), 0, 7), append(properties, batch(event("half"))[:60]...)...)
		for kind, whole := range map[byte][]byte{
			0x82: subscribe, 0x32: publish, 0xa2: subscribe[:len(subscribe)-1], 0x40: {0, 7, 0, 0}, 0x50: {0, 7, 0, 0}, 0x62: {0, 7, 0, 0}, 0x70: {0, 7, 0, 0},
			0xc0: {1, 2}, 0xe0: {0x81, 5, 0x11, 0, 0, 0, 9}, 0xf0: {0x18, 0}, 0x10: field(nil, "MQTT"), 0x00: {1}, 0x20: {0, 0}, 0x90: {0, 1, 2}, 0xd0: {},
		} {
			for cut := range min(len(whole), 12) + 1 {
				c := r.again(login{id: id, user: id, password: secret, level: level})
				c.write(kind, whole[:len(whole)-cut]) // well framed, cut off inside
				c.write(kind, whole[cut:])
				c.conn.Write(append([]byte{kind, 0xff, 0xff, 0xff}, whole...)) // and a length that never comes
				c.conn.Close()
			}
		}
	}
	for range 100 { // before logging in
		conn := r.dial()
		noise := make([]byte, 1+random.IntN(60))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		noise[0] = 0x10 | noise[0]&1
		conn.Write(noise)
		conn.Close()
	}
	r.servesHonest()
	c := r.again(login{id: id, user: id, password: secret})
	if code, err := c.publish(topic(id, "events"), 1, batch(event("after all"))); err != nil || code != 0 {
		t.Error("the device itself is not served any more:", code, err)
	}
	if gathered(t, metrics, "streetpulse_mqtt_panics_total") == 0 {
		t.Error("mochi copes with all of it now: survive can go")
	}
}

// gathered returns the value of a counter or gauge.
func gathered(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no metric ", name)
	return 0
}

// Who has not logged in cannot make the server keep room for what it says will come.
func TestGiantPacketsBeforeLoggingIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	for _, size := range []int{20_000, wire.MaxPayloadBytes, 1<<28 - 1} {
		conn := r.dial()
		conn.Write(append(binary.AppendUvarint([]byte{0x10}, uint64(size)), field(nil, "MQTT")...))
		c := &client{conn: conn, in: newReader(conn)}
		if err := c.closed(); err != nil {
			t.Errorf("a CONNECT that says it has %d bytes: %v", size, err)
		}
	}
	id, secret := r.enrol()
	status := `{"online":false,"x":"` + strings.Repeat("x", 3900) + `"}`
	r.login(login{id: id, user: id, password: secret, will: topic(id, "status"), willPayload: status})
}

// Devices that begin large packets and do not go on are closed for those who do.
func TestGiantPacketsThatNeverEnd(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	r := newRig(t, "", 0, func(o *broker.Options) { o.MaxReading, o.Registerer = 8<<20, metrics })
	var hostile []*client
	for range 40 {
		id, c := r.device()
		body := append(field(nil, topic(id, "events")), 0, 1)
		if _, err := c.conn.Write(append(binary.AppendUvarint([]byte{0x32}, wire.MaxPayloadBytes), body...)); err != nil {
			t.Fatal(err)
		}
		hostile = append(hostile, c)
	}
	for _, c := range hostile[:32] { // 8 of 1 MiB have room
		if err := c.closed(); err != nil {
			t.Fatal(err)
		}
	}
	id, c := r.device()
	payload := batch(event("large"))
	payload = append(payload, bytes.Repeat([]byte(" "), 900_000)...)
	if code, err := c.publish(topic(id, "events"), 1, payload); err != nil || code != 0 {
		t.Fatal("an honest large packet is not taken:", code, err)
	}
	if n := gathered(t, metrics, "streetpulse_mqtt_crowded_out_total"); n != 33 {
		t.Errorf("%v connections were closed for others", n)
	}
	r.servesHonest()
}

// A packet that has begun must end, whatever keep alive its client asked for; a silent connection between packets may stay.
func TestPacketsThatTrickle(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0, func(o *broker.Options) { o.PacketWait = 300 * time.Millisecond })
	id, slow := r.device()
	_, silent := r.device()
	slow.conn.Write(append([]byte{0x32, 0xff, 0x10}, field(nil, topic(id, "events"))...))
	if err := slow.closed(); err != nil {
		t.Error(err)
	}
	if err := silent.write(0xc0, nil); err != nil {
		t.Fatal(err)
	}
	if kind, _, err := silent.read(); err != nil || kind != 0xd0 {
		t.Errorf("the silent one is gone: %#x, %v", kind, err)
	}
	id, c := r.device() // many packets, each in two halves, last longer together
	for i := range 40 {
		frame := binary.AppendUvarint([]byte{0x32}, 0)[:1]
		body := append(append(field(nil, topic(id, "events")), 0, byte(i+1)), batch(event(fmt.Sprint(i)))...)
		frame = append(binary.AppendUvarint(frame, uint64(len(body))), body...)
		c.conn.Write(frame[:50])
		c.conn.Write(frame[50:])
		if kind, _, err := c.read(); err != nil || kind != 0x40 {
			t.Fatalf("%d: %#x, %v", i, kind, err)
		}
	}
}

// Connections that never log in are closed for those who do. Not beside other tests, whose memory would count.
func TestAStormOfConnections(t *testing.T) {
	metrics := prometheus.NewRegistry()
	r := newRig(t, "", 0, func(o *broker.Options) { o.MaxPending, o.Registerer = 50, metrics })
	before := heap()
	var conns []net.Conn
	for i := range 1000 {
		conn := r.dial()
		if i%2 == 0 {
			conn.Write([]byte{0x10, 0x80, 0x20, 0, 4})
		}
		conns = append(conns, conn)
		if i%250 == 249 {
			r.servesHonest()
		}
	}
	for i, conn := range conns[:900] {
		c := &client{conn: conn, in: newReader(conn)}
		if err := c.closed(); err != nil {
			t.Fatalf("%d of 1000: %v", i, err)
		}
	}
	if n := gathered(t, metrics, "streetpulse_mqtt_connections"); n > 50+10 {
		t.Errorf("%v connections are open", n)
	}
	grown := heap() - before
	t.Logf("%d MiB more are in use", grown>>20)
	if grown > 64<<20 {
		t.Errorf("%d MiB more are in use", grown>>20)
	}
	r.servesHonest()
}

// Filters of nothing are refused, and so are more than a city has.
func TestAFloodOfSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	for _, level := range []byte{4, 5} {
		id, secret := r.enrol()
		c := r.login(login{id: id, user: id, password: secret, level: level})
		for _, filter := range []string{"streetpulse/v1/regions/nothing/watch", "streetpulse/v1/regions/" + strings.Repeat("8", 60_000) + "/watch",
			"streetpulse/v1/regions/871FA4488FFFFFF/watch", "streetpulse/v1/detector/" + strings.Repeat("x", 65)} {
			if code, err := c.subscribe(filter); err != nil || code < 0x80 {
				t.Errorf("%.60s: %#x, %v", filter, code, err)
			}
		}
		for n := range 1024 { // all of a city, one by one, and again
			for range 1 + n%2 {
				if code, err := c.subscribe(fmt.Sprintf("streetpulse/v1/regions/871%012x/watch", n)); err != nil || code >= 0x80 {
					t.Fatalf("%d: %#x, %v", n, code, err)
				}
			}
		}
		body := []byte{0, 9}
		if level == 5 {
			body = append(body, 0)
		}
		for n := range 10_000 {
			body = append(field(body, fmt.Sprintf("streetpulse/v1/regions/872%012x/watch", n)), 1)
		}
		c.write(0x82, body)
		if err := c.closed(); err != nil {
			t.Errorf("MQTT %d: 10,000 more: %v", level, err)
		}
	}
	r.servesHonest()
}

// A client that asks for much and reads nothing is cut off; meanwhile others are served and memory
// stays. Not beside other tests, whose memory would count.
func TestClientsThatNeverRead(t *testing.T) {
	r := newRig(t, "", 0, func(o *broker.Options) { o.WriteWait = 500 * time.Millisecond })
	list := []byte(`{"v":1,"places":[` + strings.Repeat(" ", 20_000) + `]}`)
	for n := range 1024 {
		if err := r.broker.PublishWatch(fmt.Sprintf("871%012x", n), list); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	var deaf []*client
	for range 20 {
		_, c := r.device()
		c.conn.(*net.TCPConn).SetReadBuffer(4096)
		if err := c.write(0x82, append(field([]byte{0, 9}, "streetpulse/v1/regions/+/watch"), 1)); err != nil {
			t.Fatal(err)
		}
		deaf = append(deaf, c)
	}
	r.servesHonest()
	grown := heap() - before
	t.Logf("%d MiB more are in use", grown>>20)
	if grown > 40<<20 { // copies would be 400 MB
		t.Errorf("%d MiB more are in use", grown>>20)
	}
	for _, c := range deaf {
		r.awaitCut(c)
	}
	r.servesHonest()
}

// awaitCut writes pings until the broker takes no more: reading would let the client catch up.
func (r *rig) awaitCut(c *client) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond) // pings must not fill the way
	defer tick.Stop()
	for range patience / time.Millisecond {
		if err := c.write(0xc0, nil); err != nil {
			return
		}
		<-tick.C
	}
	r.t.Fatal("a client that never reads stays")
}

func newReader(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }
