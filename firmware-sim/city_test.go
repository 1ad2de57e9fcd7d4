package firmwaresim_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// small is a city of a quarter of the usual size: everything that counts is in proportion.
func small(seed uint64) firmwaresim.CityOptions {
	return firmwaresim.CityOptions{Seed: seed, Blocks: 13, Drivers: 60, Defects: 60, Attackers: 10, Inventions: 10}
}

// city makes one. It is arithmetic of one goroutine, under the race detector ten times as slow: with -short that is left to a run
// without the detector, as make test has one.
func city(t *testing.T, o firmwaresim.CityOptions) *firmwaresim.City {
	t.Helper()
	if testing.Short() {
		t.Skip("whole cities are made without the race detector")
	}
	return newCity(t, o)
}

// newCity is for tests in which several things happen at once.
func newCity(t *testing.T, o firmwaresim.CityOptions) *firmwaresim.City {
	t.Helper()
	c, err := firmwaresim.NewCity(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// text is everything that a city sends, as replay lines.
func text(sent []firmwaresim.Sent) []byte {
	var out []byte
	for i := range sent {
		out = append(sent[i].Line.Append(out), '\n')
	}
	return out
}

func TestASeedIsAWorld(t *testing.T) {
	t.Parallel()
	for _, physics := range []firmwaresim.Physics{firmwaresim.PhysicsQuarter, firmwaresim.PhysicsHalf, firmwaresim.PhysicsPulse} {
		o := village(4)
		o.Days, o.Physics = 2, physics
		first, second := text(city(t, o).All()), text(city(t, o).All())
		if !bytes.Equal(first, second) {
			t.Errorf("%s: the same seed gives two worlds", physics)
		}
		o.Seed = 5
		if bytes.Equal(first, text(city(t, o).All())) {
			t.Errorf("%s: two seeds give one world", physics)
		}
	}
}

func TestWhatPhonesSendIsTheWireFormat(t *testing.T) {
	t.Parallel()
	o := village(6)
	o.Days = 5
	kinds, waves := map[wire.Kind]int{}, 0
	for _, s := range city(t, o).All() {
		line, err := wire.DecodeLine(s.Line.Append(nil))
		if err != nil {
			t.Fatalf("%v: %s", err, s.Line.Append(nil))
		}
		kinds[line.Kind]++
		if line.Kind == wire.Bump && len(line.WaveG) > 0 {
			waves++
			if seconds := float64(len(line.WaveG)) / line.RateHz; seconds < 1.8 || seconds > 2.3 {
				t.Fatalf("a waveform of %.2f s", seconds)
			}
		}
		if s.Deliver.Before(line.Time.Add(-wire.MaxAhead)) { // some clocks are ahead, but none by so much that it is refused
			t.Fatalf("delivered at %v, felt at %v", s.Deliver, line.Time)
		}
	}
	if kinds[wire.Bump] == 0 || kinds[wire.Pass] == 0 || waves == 0 || waves == kinds[wire.Bump] {
		t.Errorf("%v, %d with a waveform", kinds, waves)
	}
}

func TestARepairedHoleIsFeltNoMore(t *testing.T) {
	t.Parallel()
	o := village(7)
	o.Days, o.Busy = 8, 2
	c := city(t, o)
	bumps := map[string]int{}
	day := 0
	for ; day < 5; day++ {
		for _, s := range c.Day(day) {
			if s.Kind == wire.Bump {
				bumps[s.Cause.Cause]++
			}
		}
	}
	var hole *firmwaresim.Object
	for _, object := range c.Truth().Objects {
		if object.Class == "pothole" && object.To.IsZero() && (hole == nil || bumps[object.ID] > bumps[hole.ID]) {
			hole = object
		}
	}
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
	if bumps[hole.ID] == 0 || !c.Repair(hole.Lat, hole.Lon, at) {
		t.Fatalf("no hole was felt, or none is at %g,%g", hole.Lat, hole.Lon)
	}
	if c.Repair(hole.Lat+1, hole.Lon, at) {
		t.Error("a hole was mended a hundred kilometres away")
	}
	smooth := 0
	for ; day < o.Days; day++ {
		for _, s := range c.Day(day) {
			switch {
			case s.Kind == wire.Bump && s.Cause.Cause == hole.ID:
				t.Errorf("felt at %v, repaired at %v", s.Time, at)
			case s.Cause.Cause == "pass "+hole.ID:
				smooth++
			}
		}
	}
	if smooth == 0 {
		t.Error("nobody passed the mended hole")
	}
}

// TestCountingPhonesIsNotEnough keeps the simulated cities as hard as real ones: three phones that felt something within 15 m
// of each other must be a pothole at most one time in four, and hardly an invention may be stopped by that rule.
func TestCountingPhonesIsNotEnough(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		o := small(seed + 1)
		o.Blocks, o.Drivers, o.Defects = 10, 36, 40
		c := city(t, o)
		n := countPhones(c.All(), c.Truth(), 3)
		t.Logf("seed %d: %+v", seed+1, n)
		if n.precision() > 0.25 {
			t.Errorf("seed %d: three phones are right %.2f of the time, want at most 0.25", seed+1, n.precision())
		}
		if n.recall() < 0.6 {
			t.Errorf("seed %d: three phones find %.2f of the potholes, want at least 0.6", seed+1, n.recall())
		}
		if n.inventions < 9 {
			t.Errorf("seed %d: %d of 10 inventions come through, want 9", seed+1, n.inventions)
		}
	}
}

func TestFilesSayWhatWasSentAndWhy(t *testing.T) {
	t.Parallel()
	o := small(8)
	o.Days = 2
	path := filepath.Join(t.TempDir(), "city.ndjson")
	n, err := city(t, o).WriteFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) [][]byte {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Collect(bytes.Lines(b))
	}
	events, causes := read(path), read(path+".causes.ndjson")
	if len(events) != n || len(causes) != n {
		t.Fatalf("%d events, %d lines, %d causes", n, len(events), len(causes))
	}
	for i := range events {
		line, err := wire.DecodeLine(events[i])
		var cause firmwaresim.Cause
		if err != nil || json.Unmarshal(causes[i], &cause) != nil || cause.ID != line.ID || cause.Device != line.Device || cause.Cause == "" {
			t.Fatalf("line %d: %v, %s", i+1, err, causes[i])
		}
		if line.Received != nil {
			t.Fatal("a replay file gives the order of delivery by its own order")
		}
	}
	var truth firmwaresim.Truth
	if b, err := os.ReadFile(path + ".truth.json"); err != nil || json.Unmarshal(b, &truth) != nil || len(truth.Objects) < 120 || len(truth.Devices) < 70 {
		t.Errorf("truth: %v, %d objects, %d devices", err, len(truth.Objects), len(truth.Devices))
	}
}
