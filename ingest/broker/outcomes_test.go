package broker_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
)

// message reads until a message of a topic comes, and acknowledges all on the way.
func (c *client) message(t *testing.T, topic string) string {
	t.Helper()
	return c.hear(t, topic, true)
}

func (c *client) hear(t *testing.T, topic string, acknowledges bool) string {
	t.Helper()
	for {
		kind, body, err := c.read()
		if err != nil {
			t.Fatalf("no message of %s: %v", topic, err)
		}
		if kind&0xf0 != 0x30 {
			continue
		}
		n := int(binary.BigEndian.Uint16(body))
		name, rest := string(body[2:2+n]), body[2+n:]
		if kind&0x06 != 0 {
			if acknowledges {
				if err := c.write(0x40, rest[:2]); err != nil {
					t.Fatal(err)
				}
			}
			rest = rest[2:]
		}
		if name == topic {
			return string(rest)
		}
	}
}

// untold is what a device is to be told until it knows.
type untold struct {
	until time.Time
	told  chan time.Time
}

func (u *untold) Untold(context.Context, string) ([]broker.Outcome, time.Time, error) {
	return []broker.Outcome{{Place: "pringstrasse", State: "repaired"}}, u.until, nil
}

func (u *untold) Told(_ context.Context, _ string, until time.Time) error {
	u.told <- until
	return nil
}

// A device that begins to listen is told what became of what it felt, and what seems to be wrong with it; and phones get the detector's parameters.
func TestWhoListensIsTold(t *testing.T) {
	t.Parallel()
	outcomes := &untold{time.Now(), make(chan time.Time, 9)}
	r := newRig(t, "", 0, func(o *broker.Options) {
		o.Detector = []byte(`{"version":1,"least_g":0.2}`)
		o.Outcomes = outcomes
	})
	defer r.stop()
	id, secret := r.enrol()
	l := login{id: id, user: id, password: secret}
	c := r.login(l)
	if _, err := r.pool.Exec(context.Background(), `insert into device_days (device, day, jolts, passes, least_g, most_g, last_at) values ($1, (now() at time zone 'UTC')::date, 900, 0, 0.1, 2, now())`, id); err != nil {
		t.Fatal(err)
	}
	// It is told of an outcome until it has acknowledged it.
	for _, acknowledges := range []bool{false, true} {
		if acknowledges {
			c = r.login(l) // the one before did not
		}
		if err := c.write(0x82, append(field([]byte{0, 9}, topic(id, "feedback")), 1)); err != nil {
			t.Fatal(err)
		}
		if got := c.message(t, topic(id, "feedback")); got != `{"accepted":0,"health":"loose"}` {
			t.Errorf("told %s", got)
		}
		if got := c.hear(t, topic(id, "feedback"), acknowledges); !strings.Contains(got, `"outcomes":[{"place":"pringstrasse","state":"repaired"}]`) {
			t.Errorf("told %s", got)
		}
		if !acknowledges && len(outcomes.told) > 0 {
			t.Error("told before it acknowledged")
		}
	}
	if until := <-outcomes.told; !until.Equal(outcomes.until) {
		t.Errorf("told until %s, want %s", until, outcomes.until)
	}
	const parameters = "streetpulse/v1/detector/phone"
	if err := c.write(0x82, append(field([]byte{0, 10}, parameters), 1)); err != nil {
		t.Fatal(err)
	}
	if got := c.message(t, parameters); got != `{"version":1,"least_g":0.2}` {
		t.Errorf("the parameters are %s", got)
	}
	// Others are given out to a tenth, and taken back.
	var revision int64
	give := func(do func(pgx.Tx) error) {
		t.Helper()
		if err := pgx.BeginFunc(context.Background(), r.pool, do); err != nil {
			t.Fatal(err)
		}
	}
	give(func(tx pgx.Tx) (err error) {
		revision, err = ingest.GiveOut(context.Background(), tx, ingest.Revision{Profile: "phone", Parameters: []byte(`{"version":1,"least_g":0.3}`), Share: 0.1, At: time.Now()})
		return err
	})
	next := fmt.Sprintf(`{"least_g":0.2,"next":{"revision":%d,"share":0.1,"parameters":{"least_g":0.3,"version":1}},"version":1}`, revision)
	for got := ""; got != next; { // what it was may come once more
		got = c.message(t, parameters)
		if p, n, err := detector.Choose([]byte(got), id); err != nil || (n == revision) != (p.LeastG == 0.3) {
			t.Fatalf("%s is read as %+v, %d, %v", got, p, n, err)
		}
	}
	give(func(tx pgx.Tx) error { return ingest.SetShare(context.Background(), tx, revision, 1) })
	for c.message(t, parameters) != fmt.Sprintf(`{"least_g":0.3,"revision":%d,"version":1}`, revision) {
	}
	give(func(tx pgx.Tx) error { return ingest.TakeBack(context.Background(), tx, revision, time.Now()) })
	for c.message(t, parameters) != `{"version":1,"least_g":0.2}` {
	}
}
