package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// telling is what a device is being told of what it felt, until it acknowledges it. Where the connection ends before, it is told again with
// the next one.
type telling struct {
	mu      sync.Mutex
	payload []byte // nil: nothing
	until   time.Time
	number  uint16 // of the packet; 0: not sent yet
}

func (t *telling) begin(payload []byte, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.payload, t.until, t.number = payload, until, 0
}

func (t *telling) sent(payload []byte, number uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.payload != nil && bytes.Equal(t.payload, payload) {
		t.number = number
	}
}

// acknowledged says until when the device knows what became of what it felt, where that is what it acknowledges.
func (t *telling) acknowledged(number uint16) (until time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.payload == nil || t.number != number {
		return time.Time{}, false
	}
	t.payload = nil
	return t.until, true
}

// tellOutcomes sends a device what it does not know yet of what it felt. That it knows is remembered when it has acknowledged it.
func (b *Broker) tellOutcomes(ctx context.Context, device string) error {
	list, until, err := b.options.Outcomes.Untold(ctx, device)
	if err != nil || len(list) == 0 {
		return err
	}
	payload, err := json.Marshal(Feedback{Outcomes: list})
	if err != nil {
		return fmt.Errorf("send feedback: %w", err)
	}
	client, ok := b.server.Clients.Get(device)
	if !ok {
		return nil // it has gone meanwhile
	}
	if c, ok := client.Net.Conn.(*conn); ok {
		c.telling.begin(payload, until)
	}
	return b.sendFeedback(device, payload)
}

// told remembers that a device knows what it was told.
func (b *Broker) told(device string, until time.Time) {
	ctx, cancel := context.WithTimeout(b.working, presenceWait)
	defer cancel()
	if err := b.options.Outcomes.Told(ctx, device, until); err != nil {
		b.options.Log.Debug("a device will be told again what became of what it felt", "device", device, "error", err)
	}
}
