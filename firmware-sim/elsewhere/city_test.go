package elsewhere_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/elsewhere"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

func TestSameSeedSameCity(t *testing.T) {
	t.Parallel()
	a, b := elsewhere.New(11), elsewhere.New(11)
	if !reflect.DeepEqual(a.Truth(), b.Truth()) {
		t.Fatal("two cities of one seed differ before they are driven")
	}
	one, two := a.Day(0), b.Day(0)
	if len(one) < 500 {
		t.Fatalf("only %d events on the first day", len(one))
	}
	x, err := json.Marshal([]any{one, a.Truth()})
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal([]any{two, b.Truth()})
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Error("two cities of one seed differ after a day")
	}
	if reflect.DeepEqual(elsewhere.New(12).Truth().Devices, a.Truth().Devices) {
		t.Error("two seeds make one city")
	}
}

func TestEventsAreWhatAServerTakes(t *testing.T) {
	t.Parallel()
	c := elsewhere.New(5)
	sent := c.Day(0)
	truth := c.Truth()
	content := map[string]string{}
	for _, s := range sent {
		line, err := json.Marshal(s.Line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeLine(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !wire.ValidDevice(s.Device) || truth.Devices[s.Device] == "" || s.Cause.Device != s.Device || s.Cause.ID != s.ID {
			t.Fatalf("device %q is %q, and the cause is of %+v", s.Device, truth.Devices[s.Device], s.Cause)
		}
		name := s.Device + " " + s.ID
		if before, again := content[name]; again && before != string(line) {
			t.Fatalf("%s names two events", name)
		}
		content[name] = string(line)
		if s.Deliver.IsZero() || s.Deliver.Sub(s.Time) > 48*time.Hour {
			t.Fatalf("an event of %s is delivered at %s", s.Time, s.Deliver)
		}
		checkContent(t, s)
	}
}

// checkContent checks that an event is as the contract has it and tells nothing of the truth.
func checkContent(t *testing.T, s firmwaresim.Sent) {
	t.Helper()
	for _, word := range []string{"pothole", "invention", "attack", "vandal", "fleet", "odd", "honest", "casting"} {
		if strings.Contains(strings.ToLower(s.Device+s.ID+s.Place), word) {
			t.Fatalf("%q or %q or %q tells the truth", s.Device, s.ID, s.Place)
		}
	}
	if s.Kind == wire.Pass {
		if s.PeakG != 0 || s.WaveG != nil || s.Cause.Class != "nothing" {
			t.Fatalf("a smooth pass with a jolt: %+v", s)
		}
		return
	}
	if s.PeakG <= 0 || s.DurationS <= 0 || s.RateHz < 20 || s.RateHz > 200 {
		t.Fatalf("no jolt: %+v", s.Event)
	}
	if n := len(s.WaveG); n > 0 && (n < int(1.9*s.RateHz) || n > int(2.01*s.RateHz)) {
		t.Fatalf("%d samples at %g Hz", n, s.RateHz)
	}
	peak := 0.0
	for _, x := range s.WaveG {
		peak = max(peak, float64(x), -float64(x))
	}
	if len(s.WaveG) > 0 && (peak < s.PeakG-0.001 || peak > s.PeakG+0.001) {
		t.Fatalf("the peak is said to be %g g, and is %g", s.PeakG, peak)
	}
}

// A city is as hard as those in the field: counting devices finds the potholes, and everything else as well.
func TestCountingDevicesFails(t *testing.T) {
	t.Parallel()
	if testing.Short() { // a whole city is too much for the race detector: `make test` runs this without it
		t.Skip("not with -short")
	}
	d, err := evaluate.NewDriveIn(evaluate.Elsewhere, 21)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Sent); n < 40_000 || n > 110_000 {
		t.Errorf("%d events", n)
	}
	kinds := map[string]int{}
	for _, kind := range d.Truth.Devices {
		kinds[kind]++
	}
	if n := kinds["attacker"]; n < 16 || n > 45 || kinds["vandal"] == 0 || kinds["companion"] == 0 || kinds["odd"] == 0 {
		t.Errorf("devices are %v", kinds)
	}
	s := d.Score(evaluate.Naive(d.Lines(), 3))
	if s.Precision > 0.25 || s.Recall < 0.85 || s.Inventions < 35 {
		t.Errorf("three devices: precision %.2f, recall %.2f, %d inventions", s.Precision, s.Recall, s.Inventions)
	}
	for _, inv := range d.Truth.Inventions {
		for _, id := range inv.Devices {
			if d.Truth.Devices[id] == "honest" {
				t.Errorf("the honest device %s made something up", id)
			}
		}
	}
}
