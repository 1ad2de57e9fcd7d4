package unseen_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/unseen"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// The same seed is the same city, to the byte; another seed is another one.
func TestSameSeedSameCity(t *testing.T) {
	t.Parallel()
	drive := func(seed uint64) string {
		c := unseen.New(seed)
		sent := append(c.Day(0), c.Day(1)...)
		text, err := json.Marshal(struct {
			Sent  []firmwaresim.Sent
			Truth firmwaresim.Truth
		}{sent, c.Truth()})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := drive(3)
	if first != drive(3) {
		t.Error("the same seed gave two cities")
	}
	if first == drive(4) {
		t.Error("two seeds gave the same city")
	}
}

// One city, driven to its end, is as hard as cities are, and sends nothing that a server would refuse.
func TestCityIsHard(t *testing.T) {
	t.Parallel()
	c := unseen.New(12)
	var sent []firmwaresim.Sent
	for day := range 21 {
		sent = append(sent, c.Day(day)...)
	}
	slices.SortStableFunc(sent, func(a, b firmwaresim.Sent) int { return a.Deliver.Compare(b.Deliver) })
	truth := c.Truth()
	lines, end := make([]wire.Line, len(sent)), time.Time{}
	for i, s := range sent {
		lines[i] = s.Line
		if s.Time.After(end) {
			end = s.Time
		}
	}
	score := evaluate.ScoreOf(evaluate.Naive(lines, 3), truth, end)
	if score.Precision > 0.25 || score.Recall < 0.8 || score.Inventions < 35 {
		t.Errorf("three devices within 15 m: precision %.2f, recall %.2f, %d inventions; want at most 0.25, at least 0.8 and 35",
			score.Precision, score.Recall, score.Inventions)
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
		good, rejected, err := wire.Decode(batch.Append(nil), part[0].Deliver)
		if err != nil || len(rejected) > 0 || len(good) != len(batch.Events) {
			t.Fatalf("of %d events %d are good: %v, %v", len(batch.Events), len(good), rejected, err)
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
