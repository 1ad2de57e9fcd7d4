package unseen_test

import (
	"bytes"
	"encoding/json"
	"testing"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/unseen"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// The same seed is the same city, to the byte, and another seed another one; nothing that its phones send would be refused by a
// server, and everything has its cause.
func TestSameSeedSameCity(t *testing.T) {
	t.Parallel()
	drive := func() (sent []firmwaresim.Sent, truth firmwaresim.Truth, text []byte) {
		c := unseen.New(3)
		sent, truth = c.Day(0), c.Truth()
		text, err := json.Marshal([]any{sent, truth})
		if err != nil {
			t.Fatal(err)
		}
		return sent, truth, text
	}
	sent, truth, first := drive()
	if _, _, second := drive(); !bytes.Equal(first, second) {
		t.Error("the same seed gave two cities")
	}
	if other := unseen.New(4).Truth(); other.Objects[0].Lat == truth.Objects[0].Lat {
		t.Error("two seeds gave the same city")
	}
	if len(sent) < 1000 {
		t.Errorf("%d events in a day", len(sent))
	}
	checkEvents(t, sent, truth)
}

// checkEvents holds every event against the wire's rules and against the truth.
func checkEvents(t *testing.T, sent []firmwaresim.Sent, truth firmwaresim.Truth) {
	t.Helper()
	for from := 0; from < len(sent); from += 150 {
		part := sent[from:min(from+150, len(sent))]
		batch := wire.Batch{V: wire.Version}
		ids := map[string]bool{}
		for _, s := range part {
			if ids[s.ID] {
				continue // delivered again
			}
			ids[s.ID] = true
			batch.Events = append(batch.Events, s.Event)
		}
		good, rejected, err := wire.Decode(batch.Append(nil), part[len(part)-1].Deliver)
		if err != nil || len(rejected) > 0 || len(good) != len(batch.Events) {
			t.Fatalf("of %d events %d are good, %d refused: %v", len(batch.Events), len(good), len(rejected), err)
		}
	}
	for _, s := range sent {
		if truth.Devices[s.Device] == "" || s.Cause.Device != s.Device || s.Cause.ID != s.ID || s.Cause.Class == "" {
			t.Fatalf("%s of %s: its cause is %+v", s.ID, s.Device, s.Cause)
		}
		if s.Deliver.Before(s.Time.Add(-wire.MaxAhead)) {
			t.Fatalf("%s of %s is delivered %s before it happens", s.ID, s.Device, s.Time.Sub(s.Deliver))
		}
	}
}
