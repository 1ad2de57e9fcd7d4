package drives_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/evaluate/drives"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	d := &firmwaresim.Drive{
		Samples: []firmwaresim.RawSample{{T: 0}, {T: 120}},
		Met: []firmwaresim.Met{
			{T: 10, Class: "pothole", SizeM: 0.05, SpeedMPS: 9}, {T: 20, Class: "pothole", SizeM: 0.05, SpeedMPS: 9},
			{T: 30, Class: "pothole", SizeM: 0.02, SpeedMPS: 9}, {T: 40, Class: "pothole", SizeM: 0.09, SpeedMPS: 1}, {T: 50, Class: "joint", SizeM: 0.03, SpeedMPS: 9},
		},
		Handled: []firmwaresim.Handled{{From: 70, To: 71, Kind: "dropped"}},
	}
	c := drives.Measure(d, []drives.Felt{{At: 10.2}, {At: 12.5}, {At: 51}, {At: 71.5}, {At: 90}})
	if c.Potholes != 2 || c.Heard != 1 || c.Events != 5 || c.True != 2 || c.Hands != 1 || c.False != 2 || c.Minutes != 2 {
		t.Errorf("%+v", c)
	}
	if c.Recall() != 0.5 || math.Abs(c.Precision()-0.4) > 1e-9 || c.Met["joint"] != 1 || c.Felt["joint"] != 1 || c.Met["pothole"] != 3 {
		t.Errorf("recall %g, precision %g, %+v", c.Recall(), c.Precision(), c)
	}
}

// road is 20 s at 100 Hz with a blow of so many g, half a sine of 60 ms, at second 10.
func road(size float64, axis int) []firmwaresim.RawSample {
	r := rand.New(rand.NewPCG(5, 5))
	var samples []firmwaresim.RawSample
	for i := range 2000 {
		s := firmwaresim.RawSample{T: float64(i) / 100, SpeedMPS: 10}
		s.Acc[2] = 9.80665 + 0.1*r.NormFloat64()
		if at := s.T - 10; at >= 0 && at < 0.06 {
			s.Acc[axis] -= 9.80665 * size * math.Sin(math.Pi*at/0.06)
		}
		samples = append(samples, s)
	}
	return samples
}

func TestEveryMethodHearsAHardBlowAndNoQuietRoad(t *testing.T) {
	t.Parallel()
	for _, m := range drives.Methods() {
		if found := m.Hear(road(0, 2), 1); len(found) != 0 {
			t.Errorf("%s: %d events on a quiet road, the first at %g s", m.Name, len(found), found[0].At)
		}
		if found := m.Hear(road(0.9, 2), 1); len(found) != 1 || math.Abs(found[0].At-10) > 0.2 {
			t.Errorf("%s: events %+v, want one at 10 s", m.Name, found)
		}
		if found := m.Hear(road(0.9, 2), 20); len(found) != 0 {
			t.Errorf("%s: %d events with thresholds that nothing exceeds", m.Name, len(found))
		}
	}
}

// TestASmallStudy runs all of it on a few drives and looks at what must hold in any.
func TestASmallStudy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not with -short")
	}
	s, err := drives.Run(context.Background(), drives.Options{Drives: 1, First: 11, Tuning: 21, Seconds: 40}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := s.Markdown(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 500 Hz |", "| motorcycle |", "| cup holder |", "| Z-DIFF |", "## Places", "## Clips", "seeds 11 to 11"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page.String(), "NaN") {
		t.Error("the page has numbers that are none")
	}
	var all drives.Counts
	for _, l := range append(s.Rates[3:], s.Vehicles...) {
		all.Add(l.Counts[0])
	}
	if all.Heard < all.Potholes/3 || all.Precision() < 0.6 {
		t.Errorf("ours: %+v", all)
	}
	for _, l := range s.Good {
		if n := l.Counts[0].Events; n > 0 {
			t.Errorf("%d events on %.0f minutes of good road", n, l.Counts[0].Minutes)
		}
	}
}

func TestAStudyStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := drives.Run(ctx, drives.Options{Drives: 1, First: 1, Tuning: 2}, func(string) {}); err == nil {
		t.Error("it went on")
	}
}
