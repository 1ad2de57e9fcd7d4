package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func pacing(rate, day int) (*Pace, *bytes.Buffer) {
	var said bytes.Buffer
	return newPace(Options{DeviceRate: rate, DeviceDay: day, Log: slog.New(slog.NewTextHandler(&said, nil))}), &said
}

// A phone that was offline for days sends all that it has: slowly, but within a time that can be told.
func TestABacklogDrains(t *testing.T) {
	t.Parallel()
	p, _ := pacing(600, 0)
	start := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	now := start
	const backlog, batch = 20_000, 50
	for sent := 0; sent < backlog; sent += batch {
		wait := p.Delay("phone", now)
		if wait > LongestPause {
			t.Fatalf("held back for %v", wait)
		}
		now = now.Add(wait)
		p.Spend("phone", batch, now)
	}
	// What is above the minute's 600 that may come at once goes at 600 a minute.
	if took, want := now.Sub(start), 32*time.Minute; took < want || took > want+time.Minute {
		t.Errorf("took %v", took)
	}
	if wait := p.Delay("other", now); wait != 0 {
		t.Errorf("another device waits %v", wait)
	}
	for range 1000 { // far above
		p.Spend("phone", 200, now)
	}
	if wait := p.Delay("phone", now.Add(3*time.Minute)); wait != 0 {
		t.Errorf("three minutes later it still waits %v", wait)
	}
}

// Over HTTP a device may come over many connections at once: together they get no more than one.
func TestManyConnectionsGetNoMore(t *testing.T) {
	t.Parallel()
	p, _ := pacing(60, 0)
	now := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	let := 0
	for range 50 {
		if wait, ok := p.Admit("phone", now); ok {
			let++
		} else if wait <= LongestPause || wait > 10*time.Minute {
			t.Errorf("sent back for %v", wait)
		}
	}
	if let != 2 { // a full batch, and one that waits for nothing as it owes nothing yet
		t.Errorf("%d at once", let)
	}
	p.Settle("phone", 1, now)
	p.Settle("phone", 1, now)
	if wait, ok := p.Admit("phone", now); !ok || wait != 0 {
		t.Errorf("small batches cost as full ones: %v %v", wait, ok)
	}
	p.Settle("phone", 200, now)
	for range 10 { // one after the other, each is held back and taken
		if _, ok := p.Admit("phone", now); !ok {
			t.Fatal("a device that waits for each answer is sent back")
		}
		p.Settle("phone", 200, now)
	}
	if wait, _ := p.Admit("phone", now); wait != LongestPause {
		t.Errorf("far above its rate it waits %v", wait)
	}
}

// Who is above a day's events is read one message in eight seconds until midnight, whichever process counted them, and it is said once.
func TestADaysEvents(t *testing.T) {
	t.Parallel()
	p, said := pacing(0, 1000)
	now := time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)
	for range 5 {
		p.Spend("bus", 200, now)
	}
	if wait := p.Delay("bus", now); wait != 0 {
		t.Errorf("a day's events are too many: %v", wait)
	}
	p.Spend("bus", 200, now)
	if wait := p.Delay("bus", now); wait != LongestPause {
		t.Errorf("above a day's: %v", wait)
	}
	if _, ok := p.Admit("bus", now); !ok {
		t.Error("it is not read at all")
	}
	if wait, ok := p.Admit("bus", now); ok || wait != 2*LongestPause {
		t.Errorf("a second connection: %v %v", wait, ok)
	}
	p.counted("tram", now.Truncate(24*time.Hour), 5000) // mostly by another process
	p.counted("tram", now.Truncate(24*time.Hour), 5020)
	p.Spend("tram", 1, now)
	if wait := p.Delay("tram", now); wait != LongestPause {
		t.Errorf("above a day's, by another process: %v", wait)
	}
	if n := strings.Count(said.String(), "level=WARN"); n != 2 {
		t.Errorf("said %d times: %s", n, said)
	}
	now = now.Add(time.Hour)
	p.counted("tram", now.AddDate(0, 0, -1).Truncate(24*time.Hour), 5030) // that comes late
	for _, device := range []string{"bus", "tram"} {
		if wait := p.Delay(device, now); wait != 0 {
			t.Errorf("%s after midnight: %v", device, wait)
		}
	}
}

// However many devices come, only those are remembered that owe something.
func TestPaceForgets(t *testing.T) {
	t.Parallel()
	p, _ := pacing(600, 1000)
	now := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	for i := range 10 * leastPaced {
		now = now.Add(time.Millisecond)
		p.Spend(fmt.Sprint("device ", i), 1+i%3, now)
	}
	if n := len(p.buckets); n > leastPaced {
		t.Errorf("%d devices are remembered", n)
	}
}
