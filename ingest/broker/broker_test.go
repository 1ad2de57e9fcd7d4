package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/ingest/wire/pb"
)

func TestAcknowledgedIsStored(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	var group sync.WaitGroup
	const clients, messages = 8, 25
	for range clients {
		id, c := r.device()
		group.Go(func() {
			for n := range messages {
				name := fmt.Sprintf("%s-%d", id, n)
				if code, err := c.publish(topic(id, "events"), uint16(n+1), batch(event(name), event(name+"b"))); err != nil || code != 0 {
					t.Errorf("publish: %d, %v", code, err)
					return
				}
				if stored := r.count(`select count(*) from events where device = $1`, id); stored != 2*(n+1) {
					t.Errorf("acknowledged %d events, stored %d", 2*(n+1), stored)
				}
			}
		})
	}
	group.Wait()
	if n := r.count(`select count(*) from pending_events`); n != 2*clients*messages {
		t.Errorf("%d are pending", n)
	}
}

func TestSentAgainIsStoredOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, c := r.device()
	payload := batch(event("a"), event("b"))
	for n := range 3 {
		if _, err := c.publish(topic(id, "events"), uint16(n+1), payload); err != nil {
			t.Fatal(err)
		}
	}
	if n, p := r.count(`select count(*) from events`), r.count(`select count(*) from pending_events`); n != 2 || p != 2 {
		t.Fatal(n, p)
	}
}

func TestWhoMayLogIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, secret := r.enrol()
	other, _ := r.enrol()
	if err := ingest.Ensure(context.Background(), r.pool, []string{"replayed"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]login{
		"wrong secret":         {id: id, user: id, password: secret + "x"},
		"no secret":            {id: id, user: id},
		"other client id":      {id: other, user: id, password: secret},
		"no client id":         {id: "", user: id, password: secret},
		"other device":         {id: other, user: other, password: secret},
		"unknown":              {id: "nobody", user: "nobody", password: secret},
		"without a secret":     {id: "replayed", user: "replayed", password: ""},
		"injection":            {id: "a/b", user: "a/b", password: secret},
		"another's will":       {id: id, user: id, password: secret, will: topic(other, "status"), willPayload: "{}"},
		"a will for everybody": {id: id, user: id, password: secret, will: "streetpulse/v1/detector/x", willPayload: "{}"},
	} {
		for _, level := range []byte{4, 5} {
			l.level = level
			if _, code, err := connect(r.dial(), l); err != nil || code == 0 {
				t.Errorf("%s: %d, %v", name, code, err)
			}
		}
	}
	for _, level := range []byte{4, 5} {
		r.login(login{id: id, user: id, password: secret, level: level})
	}
}

func TestWhatADeviceMay(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	other, _ := r.enrol()
	for _, level := range []byte{4, 5} {
		id, secret := r.enrol()
		for _, to := range []string{topic(other, "events"), topic(other, "status"), topic(id, "feedback"), topic(id, "events/x"), "events",
			"streetpulse/v1/regions/871fa4488ffffff/watch", "$SYS/broker/uptime", "streetpulse/v1/devices/" + id} {
			c := r.login(login{id: id, user: id, password: secret, level: level})
			code, err := c.publish(to, 1, batch(event("forbidden")))
			if err == nil && (level == 4 || code < 0x80) {
				t.Errorf("published to %s: %#x", to, code)
			}
		}
		for filter, allowed := range map[string]bool{
			topic(id, "feedback"): true, "streetpulse/v1/regions/+/watch": true, "streetpulse/v1/regions/871fa4488ffffff/watch": true,
			"streetpulse/v1/detector/+": true, "streetpulse/v1/detector/phone": true,
			"#": false, "streetpulse/#": false, topic("+", "feedback"): false, topic(other, "feedback"): false, topic(id, "+"): false, topic(id, "#"): false,
			topic(id, "events"): false, topic(id, "status"): false, "streetpulse/v1/regions/#": false, "streetpulse/v1/detector/#": false, "$SYS/#": false,
			"+/v1/regions/+/watch": false, "streetpulse/v1/regions/+/+": false, "$share/g/streetpulse/v1/regions/+/watch": false,
		} {
			c := r.login(login{id: id, user: id, password: secret, level: level})
			if code, err := c.subscribe(filter); err != nil || (code < 0x80) != allowed {
				t.Errorf("MQTT %d, subscribe to %s: %#x, %v", level, filter, code, err)
			}
		}
	}
	if n := r.count(`select count(*) from events`) + r.count(`select count(*) from quarantine`); n != 0 {
		t.Errorf("%d forbidden messages left a trace", n)
	}
}

// Whatever is published, the server stays, the neighbours are kept, and what cannot be read is in quarantine.
func TestMalformedPayloads(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, c := r.device()
	whole := string(batch(event("x"), event("y")))
	unreadable := [][]byte{
		nil, []byte("hello"), {0}, {0xff, 0xfe}, []byte("{"), []byte(`{"v":1}`), []byte(`{"v":2,"events":[{}]}`), []byte(`{"v":1,"events":[]}`), []byte(whole[:100]),
		[]byte(strings.Repeat("[", 300_000)), []byte(`{"v":1,"events":[` + strings.Repeat(`{"a":`, 100_000)), bytes.Repeat([]byte("x"), 200_000),
		batch(strings.Split(strings.Repeat("{},", 200)+"{}", ",")...), bytes.Repeat([]byte{0}, wire.MaxPayloadBytes),
	}
	readable := []string{
		strings.Replace(event("bad"), "51.05", "NaN", 1), strings.Replace(event("bad"), "51.05", "1e999", 1), strings.Replace(event("bad"), `"accuracy_m":5`, `"accuracy_m":"5"`, 1),
		strings.Replace(event("bad"), "bad", "b\\u0000d", 1), strings.Replace(event("bad"), "bad", "b\xffd", 1), `null`, `[]`, `{}`, `7`,
	}
	packet := uint16(0)
	for i, payload := range unreadable {
		packet++
		if _, err := c.publish(topic(id, "events"), packet, payload); err != nil {
			t.Fatalf("unreadable %d: %v", i, err)
		}
	}
	for i, bad := range readable {
		packet++
		if _, err := c.publish(topic(id, "events"), packet, batch(event(fmt.Sprintf("%d-before", i)), bad, event(fmt.Sprintf("%d-after", i)))); err != nil {
			t.Fatalf("readable %d: %v", i, err)
		}
	}
	if n := r.count(`select count(*) from quarantine where device = $1 and source = 'mqtt' and reason <> ''`, id); n != len(unreadable) {
		t.Errorf("%d in quarantine, not %d", n, len(unreadable))
	}
	if n := r.count(`select max(length(payload)) from quarantine`); n != 64<<10 {
		t.Errorf("%d bytes of a payload kept", n)
	}
	if n := r.count(`select count(*) from events`); n != 2*len(readable) {
		t.Errorf("%d events kept, not %d", n, 2*len(readable))
	}
}

// Protobuf goes the way of JSON: stored before the acknowledgement, bad events refused one by one, the unreadable in quarantine.
func TestProtobuf(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, c := r.device()
	good := wire.Event{ID: "good", Kind: wire.Bump, Time: time.Now().UTC().Truncate(time.Microsecond), Lat: 51.05, Lon: 3.72, AccuracyM: 5,
		PeakG: 1.25, DurationS: 0.25, RateHz: 100, WaveG: []float32{0.01, -0.02}}
	bad := good
	bad.ID, bad.SpeedMPS = "bad", 71
	payload, err := pb.Encode(wire.Batch{V: wire.Version, Events: []wire.Event{good, bad}})
	if err != nil {
		t.Fatal(err)
	}
	if code, err := c.publish(topic(id, "events/pb"), 1, payload); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if n := r.count(`select count(*) from events where device = $1 and id = 'good' and heading_deg is null and speed_mps = 0 and wave = '\x0a00ecff'`, id); n != 1 {
		t.Fatal("not stored as it was sent")
	}
	asJSON := wire.Batch{V: wire.Version, Events: []wire.Event{good}}.Append(nil)
	if code, err := c.publish(topic(id, "events"), 2, asJSON); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if n := r.count(`select count(*) from events`); n != 1 {
		t.Errorf("%d events: the same one in the other form is another", n)
	}
	if code, err := c.publish(topic(id, "events/pb"), 3, asJSON); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if n := r.count(`select count(*) from quarantine where device = $1 and reason like 'not Protobuf%' and payload = $2`, id, asJSON); n != 1 {
		t.Error("JSON on the topic of Protobuf is not in quarantine")
	}
}

func TestTheLongestMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, secret := r.enrol()
	sized := func(name string, n int) []byte {
		b := batch(event(name))
		return append(b, bytes.Repeat([]byte(" "), n-len(b))...)
	}
	for _, level := range []byte{4, 5} {
		c := r.login(login{id: id, user: id, password: secret, level: level})
		name := fmt.Sprint("longest", level)
		if _, err := c.publish(topic(id, "events"), 1, sized(name, wire.MaxPayloadBytes)); err != nil {
			t.Fatal(err)
		}
		for i, n := range []int{wire.MaxPayloadBytes + 1, wire.MaxPayloadBytes + 100_000, 4 * wire.MaxPayloadBytes} {
			c := r.login(login{id: id, user: id, password: secret, level: level})
			if err := c.send(topic(id, "events"), 1, 1, sized(fmt.Sprint("too long", i), n)); err == nil {
				if kind, _, err := c.read(); err == nil && kind == 0x40 {
					t.Errorf("%d bytes were acknowledged", n)
				}
				if err := c.closed(); err != nil {
					t.Errorf("%d bytes: %v", n, err)
				}
			}
		}
	}
	if n := r.count(`select count(*) from events`); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, c := r.device()
	if code, err := c.subscribe(topic(id, "feedback")); err != nil || code > 1 {
		t.Fatal(code, err)
	}
	if err := c.send(topic(id, "events"), 1, 7, batch(event("good"), `{"id":"bad"}`)); err != nil {
		t.Fatal(err)
	}
	acknowledged := false
	var said struct {
		Accepted int
		Rejected []wire.Rejection
	}
	for !acknowledged || said.Accepted == 0 {
		kind, body, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if kind == 0x40 {
			acknowledged = true
			continue
		}
		if err := json.Unmarshal(body[bytes.IndexByte(body, '{'):], &said); err != nil {
			t.Fatal(err)
		}
	}
	if said.Accepted != 1 || len(said.Rejected) != 1 || said.Rejected[0].ID != "bad" || said.Rejected[0].Reason != "kind is missing" {
		t.Error(said)
	}
}

func TestRetainedMessagesReachLaterSubscribers(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	for i := range 100 {
		if err := r.broker.PublishRetained(fmt.Sprintf("streetpulse/v1/regions/%015x/watch", i), []byte(`{"v":1,"places":[]}`)); err != nil {
			t.Fatal(err)
		}
	}
	_, c := r.device()
	if code, err := c.subscribe("streetpulse/v1/regions/+/watch"); err != nil || code > 1 {
		t.Fatal(code, err)
	}
	for range 100 {
		if kind, _, err := c.read(); err != nil || kind&0xf1 != 0x31 {
			t.Fatalf("%#x %v", kind, err)
		}
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, secret := r.enrol()
	l := login{id: id, user: id, password: secret, will: topic(id, "status"), willPayload: `{"online":false,"queued":7}`}
	first := r.login(l)
	status := []byte(`{"online":true,"app":"x","firmware":"1","queued":0}`)
	if _, err := first.publish(topic(id, "status"), 1, status); err != nil {
		t.Fatal(err)
	}
	r.await(`select online and status->>'app' = 'x' from devices where id = $1`, id)

	// The second connection takes over; the first one's will comes after it and does not count.
	second := r.login(l)
	if _, err := second.publish(topic(id, "status"), 1, status); err != nil {
		t.Fatal(err)
	}
	if err := first.closed(); err != nil {
		t.Fatal(err)
	}
	for i, nonsense := range []string{"", "x", `{"online":"yes"}`, `{"online":true,"x":"\u0000"}`, `[]`, `{"online":true,"x":"` + strings.Repeat("x", 5000) + `"}`} {
		if _, err := second.publish(topic(id, "status"), uint16(i+2), []byte(nonsense)); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(`select count(*) from devices where id = $1 and online and connection = 2 and status->>'queued' = '0'`, id); n != 1 {
		t.Fatal("the newer connection's word was lost")
	}
	second.conn.Close() // without a word
	r.await(`select not online and status->>'queued' = '7' from devices where id = $1`, id)

	third := r.login(l)
	if _, err := third.publish(topic(id, "status"), 1, status); err != nil {
		t.Fatal(err)
	}
	if err := third.write(0xe0, nil); err != nil { // a proper goodbye: no will, and offline all the same
		t.Fatal(err)
	}
	r.await(`select not online and status->>'queued' = '0' from devices where id = $1`, id)
}

func TestARevokedDeviceIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, secret := r.enrol()
	c := r.login(login{id: id, user: id, password: secret})
	if err := ingest.Revoke(context.Background(), r.pool, id, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.closed(); err != nil {
		t.Fatal(err)
	}
	if _, code, err := connect(r.dial(), login{id: id, user: id, password: secret}); err != nil || code == 0 {
		t.Fatal(code, err)
	}
}

// QoS 0 is taken without a promise; QoS 2 is stored before its PUBREC and goes on as the standard says, in both versions.
func TestOtherQualitiesOfService(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	for _, level := range []byte{4, 5} {
		id, secret := r.enrol()
		c := r.login(login{id: id, user: id, password: secret, level: level})
		if err := c.send(topic(id, "events"), 0, 0, batch(event("zero"))); err != nil {
			t.Fatal(err)
		}
		r.await(`select count(*) = 1 from events where device = $1`, id)
		for packet := uint16(1); packet <= 300; packet++ {
			if err := c.send(topic(id, "events"), 2, packet, batch(event("two"))); err != nil {
				t.Fatal(err)
			}
			kind, body, err := c.read()
			if err != nil || kind != 0x50 || len(body) > 2 && body[2] != 0 {
				t.Fatalf("MQTT %d: no PUBREC: %#x % x %v", level, kind, body, err)
			}
			if n := r.count(`select count(*) from events where device = $1`, id); n != 2 {
				t.Fatalf("%d events", n)
			}
			if err := c.write(0x62, body[:2]); err != nil {
				t.Fatal(err)
			}
			if kind, body, err := c.read(); err != nil || kind != 0x70 || len(body) > 2 && body[2] != 0 {
				t.Fatalf("MQTT %d: no PUBCOMP: %#x % x %v", level, kind, body, err)
			}
		}
	}
}

// A device above its rate waits, and loses nothing.
func TestADeviceAboveItsRateIsReadMoreSlowly(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 6000)
	id, c := r.device()
	start := time.Now()
	packet, sent := uint16(0), 0
	for ; sent < 6200; sent += 200 {
		var events []string
		for i := range 200 {
			events = append(events, event(fmt.Sprint(sent+i)))
		}
		packet++
		if _, err := c.publish(topic(id, "events"), packet, batch(events...)); err != nil {
			t.Fatal(err)
		}
	}
	packet++
	if _, err := c.publish(topic(id, "events"), packet, batch(event("last"))); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 1500*time.Millisecond { // 200 events above a minute's, at 100 a second
		t.Errorf("took %v", took)
	}
	if n := r.count(`select count(*) from events`); n != sent+1 {
		t.Errorf("%d events of %d", n, sent+1)
	}
}

// What is in flight when the broker stops is stored and acknowledged, and nothing is left running.
func TestStopping(t *testing.T) {
	r := newRig(t, "", 0)
	before := goleak.IgnoreCurrent() // the rig's own; gone when it has stopped, others of this process are not ours
	id, c := r.device()
	// Events wait for this lock, so that the batch is in flight when the broker is told to stop.
	tx, err := r.pool.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(context.Background(), `lock table events in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	if err := c.send(topic(id, "events"), 1, 1, batch(event("in flight"))); err != nil {
		t.Fatal(err)
	}
	r.await(`select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')`)
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	for { // the listener is closed
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	if err := tx.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if kind, _, err := c.read(); err != nil || kind != 0x40 {
		t.Fatalf("no PUBACK: %#x %v", kind, err)
	}
	<-stopped
	if n := r.count(`select count(*) from events`); n != 1 {
		t.Error(n)
	}
	if err := c.closed(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}
