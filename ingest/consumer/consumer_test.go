package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/ingest/consumer"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/ingest/wire/pb"
)

// untold is what became of what any device felt.
type untold struct{}

func (untold) Untold(context.Context, string) ([]broker.Outcome, time.Time, error) {
	return []broker.Outcome{{Place: "pringstrasse", State: "repaired"}}, time.Now(), nil
}

func (untold) Told(context.Context, string, time.Time) error {
	panic("nobody knows whether it was told")
}

// All that devices say at the external broker arrives, in both forms, and they are answered there.
func TestWhatDevicesSayArrives(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := newNode(t, r.mosquitto, r.database, func(o *consumer.Options) { o.Outcomes = untold{} })
	id, c := r.device()
	heard := make(chan string, 10)
	r.done(c.Subscribe(topic(id, "feedback"), 1, func(_ mqtt.Client, m mqtt.Message) { heard <- string(m.Payload()) }))

	r.publish(c, topic(id, "events"), batch(event("a"), `{"id":"bad"}`))
	payload, err := pb.Encode(wire.Batch{V: wire.Version, Events: []wire.Event{{ID: "b", Kind: wire.Pass, Time: time.Now(), Lat: 51, Lon: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	r.publish(c, topic(id, "events/pb"), payload)
	r.publish(c, topic(id, "events"), []byte("nonsense"))
	for _, want := range []string{`{"accepted":1,"rejected":[{"id":"bad","reason":"kind is missing"}]}`, `"reason":"not JSON: expected an object at byte 0"`} {
		select {
		case said := <-heard:
			if !strings.Contains(said, want) {
				t.Errorf("feedback %s, want %s", said, want)
			}
		case <-time.After(patience):
			t.Fatal("no feedback")
		}
	}
	r.awaitCount(2, `select count(*) from events where device = $1`, id)
	r.awaitCount(1, `select count(*) from quarantine where device = $1`, id)

	r.publish(c, topic(id, "status"), []byte(`{"online":true,"app":"unit","queued":3,"mount":"loose"}`))
	told := "" // in either order
	for range 2 {
		select {
		case said := <-heard:
			told += said
		case <-time.After(patience):
			t.Fatal("it is told no more than ", told)
		}
	}
	for _, want := range []string{`"health":"loose"`, `"outcomes":[{"place":"pringstrasse","state":"repaired"}]`} {
		if !strings.Contains(told, want) {
			t.Errorf("feedback %s, want %s", told, want)
		}
	}
	if !n.log.says("more than is usual on a day") { // two events and one that could not be read
		t.Error("nobody hears that it is above its rate")
	}
	r.awaitCount(1, `select count(*) from devices where id = $1 and online and status->>'queued' = '3'`, id)
	r.publish(c, topic(id, "status"), []byte(`{"online":false}`))
	r.awaitCount(1, `select count(*) from devices where id = $1 and not online`, id)
}

// A broker that asks nobody lets anybody in: what they send is kept apart, and holds nobody up.
func TestStrangersOfTheBroker(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	newNode(t, r.mosquitto, r.database)
	revoked, c := r.device()
	if err := ingest.Revoke(context.Background(), r.pool, revoked, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{revoked, "nobody", "not a device", strings.Repeat("x", 300)} {
		r.publish(c, topic(name, "events"), batch(event("a")))
		r.publish(c, topic(name, "status"), []byte(`{"online":true}`))
	}
	id, c := r.device()
	r.publish(c, topic(id, "events"), batch(event("a")))
	r.awaitCount(1, `select count(*) from events`)
	r.awaitCount(8, `select count(*) from quarantine where reason like '%unknown or revoked%'`)
	if n := r.count(`select count(*) from events where device <> $1`, id); n != 0 {
		t.Error(n, "events of strangers")
	}
}

// Watch lists are retained at the broker, those that were stored before and those that come.
func TestWatchListsGoOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	list := func(version int, payload string) {
		_, err := r.pool.Exec(context.Background(), `
			with kept as (insert into watch_lists values ($1, $2, $3, now(), 0, now()::date)
				on conflict (region) do update set version = excluded.version, payload = excluded.payload)
			select pg_notify('streetpulse_watch', $1::bigint::text)`, 0x871e1594bffffff, version, payload)
		if err != nil {
			t.Fatal(err)
		}
	}
	list(1, `{"v":1,"places":[]}`)
	first, second := newNode(t, r.mosquitto, r.database), newNode(t, r.mosquitto, r.database)
	_, c := r.device()
	heard := make(chan string, 10)
	hears := func(want string) {
		t.Helper()
		select {
		case said := <-heard:
			if said != want {
				t.Errorf("heard %s, want %s", said, want)
			}
		case <-time.After(patience):
			t.Fatal("nothing is heard, not " + want)
		}
	}
	r.done(c.Subscribe("streetpulse/v1/regions/+/watch", 1, func(_ mqtt.Client, m mqtt.Message) {
		heard <- fmt.Sprintf("%t %s %s", m.Retained(), m.Topic(), m.Payload())
	}))
	at := " streetpulse/v1/regions/871e1594bffffff/watch "
	hears("true" + at + `{"v":1,"places":[]}`)
	list(2, `{"v":1,"places":[{"id":"a"}]}`)
	hears("false" + at + `{"v":1,"places":[{"id":"a"}]}`)
	first.stop() // the other publishes from now on: all of it once, because it cannot know what arrived
	hears("false" + at + `{"v":1,"places":[{"id":"a"}]}`)
	list(3, `{"v":1,"places":[]}`)
	hears("false" + at + `{"v":1,"places":[]}`)
	second.stop()
	if len(heard) > 0 {
		t.Error("heard twice:", <-heard)
	}
}

// Roll-outs of the detector reach devices over the broker, those that were given out before and those that come, and are taken back there.
func TestRollOutsGoOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := context.Background()
	rolls := func(do func(pgx.Tx) error) {
		t.Helper()
		if err := pgx.BeginFunc(ctx, r.pool, do); err != nil {
			t.Fatal(err)
		}
	}
	give := func(profile, parameters string, share float64) (n int64) {
		t.Helper()
		rolls(func(tx pgx.Tx) (err error) {
			n, err = ingest.GiveOut(ctx, tx, ingest.Revision{Profile: profile, Parameters: []byte(parameters), Share: share, At: time.Now()})
			return err
		})
		return n
	}
	bus := give("vehicle", `{"version":1,"least_g":0.3}`, 1)
	newNode(t, r.mosquitto, r.database)
	_, c := r.device()
	var mu sync.Mutex
	heard := map[string]string{}
	r.done(c.Subscribe("streetpulse/v1/detector/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		heard[m.Topic()] = string(m.Payload())
	}))
	hears := func(profile string, revision, next int64, least float64) {
		t.Helper()
		await(t, fmt.Sprintf("%s: %d, %d", profile, revision, next), func() bool {
			mu.Lock()
			defer mu.Unlock()
			var said struct {
				Revision int64
				Least    float64 `json:"least_g"`
				Next     struct{ Revision int64 }
			}
			text := heard["streetpulse/v1/detector/"+profile]
			return text != "" && json.Unmarshal([]byte(text), &said) == nil && said.Revision == revision && said.Next.Revision == next && said.Least == least
		})
	}
	hears("vehicle", bus, 0, 0.3)
	hears("phone", 0, 0, 0.2)
	tried := give("phone", `{"version":1,"least_g":0.4}`, 0.1)
	hears("phone", 0, tried, 0.2)
	rolls(func(tx pgx.Tx) error { return ingest.SetShare(ctx, tx, tried, 1) })
	hears("phone", tried, 0, 0.4)
	rolls(func(tx pgx.Tx) error { return ingest.TakeBack(ctx, tx, tried, time.Now()) })
	hears("phone", 0, 0, 0.2)
}

// Two processes share the load. When one is gone, the other empties what the broker queued for it.
func TestTwoConsumersShare(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := newNode(t, r.mosquitto, r.database)
	second := newNode(t, r.mosquitto, r.database)
	if !second.log.says("streetpulse-ingest-1") {
		t.Fatal("the second has no session of its own")
	}
	id, c := r.device()
	const messages = 200
	for i := range messages {
		r.publish(c, topic(id, "events"), batch(event(fmt.Sprint(i))))
	}
	r.awaitCount(messages, `select count(*) from events`)
	second.stop() // its subscription stays at the broker
	for i := range messages {
		r.publish(c, topic(id, "events"), batch(event(fmt.Sprint("more", i))))
	}
	r.awaitCount(2*messages, `select count(*) from events`)
	if !first.log.says("taking over the session of a process that is gone") {
		t.Error("nothing was queued for the one that is gone: this tests nothing")
	}
	r.awaitCount(1, `select count(*) from broker_sessions`)
}

// Neither an outage of the broker nor one of the database loses what the broker has promised to keep.
func TestOutages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := newNode(t, r.mosquitto, r.database)
	id, c := r.device()
	r.publish(c, topic(id, "events"), batch(event("before")))
	r.awaitCount(1, `select count(*) from events`)

	r.mosquitto.stop()
	await(t, "noticed", func() bool { return n.log.says("not consuming from the external broker") })
	r.mosquitto.start()
	c = r.client(id, "x")
	var group sync.WaitGroup
	stop := make(chan struct{})
	sent := 0
	group.Go(func() { // QoS 1, but this broker forgot the subscription until the consumer is back
		for ; ; sent++ {
			select {
			case <-stop:
				return
			default:
				c.Publish(topic(id, "events"), 1, false, batch(event(fmt.Sprint("after", sent)))).WaitTimeout(patience)
			}
		}
	})
	await(t, "back", func() bool { return r.count(`select count(*) from events where id like 'after%'`) > 0 })
	close(stop)
	group.Wait()

	// The database is held up for longer than a commit may take, then cuts everybody off.
	tx, err := r.pool.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(context.Background(), `lock table events in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		r.publish(c, topic(id, "events"), batch(event(fmt.Sprint("held", i))))
	}
	if _, err := tx.Exec(context.Background(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		r.publish(c, topic(id, "events"), batch(event(fmt.Sprint("held more", i))))
	}
	if err := tx.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.awaitCount(100, `select count(*) from events where id like 'held%'`)
}

func TestURLsOfBrokers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mqtt://a:b@broker": "tcp://broker:1883", "mqtts://broker": "ssl://broker:8883", "tcp://[::1]:1": "tcp://[::1]:1", "wss://broker/mqtt": "",
	} {
		if got, err := consumer.DeviceAddress(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "broker:1883", "http://broker", "mqtt://", "mqtt://a:secret@[broker", "://"} {
		_, _, err := consumer.ParseURL(text)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
