package broker_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/ingest/broker"
)

// message reads until a message of a topic comes, and acknowledges it.
func (c *client) message(t *testing.T, topic string) string {
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
			if err := c.write(0x40, rest[:2]); err != nil {
				t.Fatal(err)
			}
			rest = rest[2:]
		}
		if name == topic {
			return string(rest)
		}
	}
}

// A device that begins to listen is told what became of what it felt; and phones get the detector's parameters.
func TestWhoListensIsTold(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 9)
	r := newRig(t, "", 0, func(o *broker.Options) {
		o.Detector = []byte(`{"version":1,"least_g":0.2}`)
		o.Outcomes = func(_ context.Context, device string, send func([]broker.Outcome) error) error {
			asked <- device
			return send([]broker.Outcome{{Place: "pringstrasse", State: "repaired"}})
		}
	})
	defer r.stop()
	id, c := r.device()
	if err := c.write(0x82, append(field([]byte{0, 9}, topic(id, "feedback")), 1)); err != nil {
		t.Fatal(err)
	}
	if got := c.message(t, topic(id, "feedback")); !strings.Contains(got, `"outcomes":[{"place":"pringstrasse","state":"repaired"}]`) {
		t.Errorf("told %s", got)
	}
	if device := <-asked; device != id {
		t.Errorf("asked for %s", device)
	}
	const parameters = "streetpulse/v1/detector/phone"
	if err := c.write(0x82, append(field([]byte{0, 10}, parameters), 1)); err != nil {
		t.Fatal(err)
	}
	if got := c.message(t, parameters); got != `{"version":1,"least_g":0.2}` {
		t.Errorf("the parameters are %s", got)
	}
}
