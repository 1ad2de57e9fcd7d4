package broker_test

import (
	"testing"

	"github.com/streetpulse/streetpulse/ingest/broker"
)

// expect reads one packet, whose first byte must be this one; a message may say that it comes again.
func (c *client) expect(t *testing.T, kind byte) []byte {
	t.Helper()
	got, body, err := c.read()
	if err != nil || got != kind && (kind&0xf0 != 0x30 || got != kind|0x08) {
		t.Fatalf("%#x comes (% x), %v; want %#x", got, body, err, kind)
	}
	return body
}

// What is said to a device while it is away waits for it, and comes again until it is acknowledged; and nothing comes of what it no longer
// wants to hear.
func TestASessionIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	id, secret := r.enrol()
	own := topic(id, "feedback")
	say := func() {
		t.Helper()
		if err := r.broker.SendFeedback(id, broker.Feedback{Accepted: 1}); err != nil {
			t.Fatal(err)
		}
	}
	write := func(c *client, kind byte, body []byte) {
		t.Helper()
		if err := c.write(kind, body); err != nil {
			t.Fatal(err)
		}
	}
	again := func(c *client) *client {
		t.Helper()
		if c != nil {
			c.conn.Close()
			r.await(`select not online from devices where id = $1`, id)
			say()
		}
		return r.login(login{id: id, user: id, password: secret, keep: true})
	}
	c := again(nil)
	write(c, 0x82, append(field([]byte{0, 1}, own), 1))
	c.expect(t, 0x90)

	c = again(c)
	number := func() string { return string(c.expect(t, 0x32)[2+len(own):][:2]) }
	first := number() // not acknowledged
	c = again(c)
	one, two := number(), number()
	if one != first && two != first || one == two {
		t.Errorf("packet % x is not acknowledged; % x and % x come", first, one, two)
	}
	write(c, 0x40, []byte(one))
	write(c, 0x40, []byte(two))

	write(c, 0xa2, field([]byte{0, 2}, own))
	c.expect(t, 0xb0)
	say()
	write(c, 0xc0, nil)
	c.expect(t, 0xd0) // and nothing before
}
