package evaluate_test

import (
	"math"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// day is so many days after the first.
func day(n float64) time.Time {
	return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

// north is the latitude so many metres north of the first object.
func north(metres float64) float64 { return 48.4 + metres/111_195 }

func object(id, class string, metres float64, trips, devices int) *firmwaresim.Object {
	return &firmwaresim.Object{ID: id, Class: class, Lat: north(metres), Lon: 15.6, From: day(0), Trips: trips, Devices: devices}
}

// A hand-made city along one road, whose score can be worked out on paper.
func TestScoreOfAHandMadeTruth(t *testing.T) {
	t.Parallel()
	short := object("short", "pothole", 900, 50, 20) // there for half a day only
	short.To = day(0.5)
	mended := object("mended", "pothole", 1000, 50, 20)
	mended.To = day(5)
	later := object("later", "pothole", 1100, 50, 20)
	later.From = day(8)
	truth := firmwaresim.Truth{
		Objects: []*firmwaresim.Object{
			object("a", "pothole", 0, 20, 8), object("b", "pothole", 100, 8, 4), object("missed", "pothole", 200, 30, 9),
			object("lonely", "pothole", 300, 30, 3), object("seldom", "pothole", 400, 7, 7), short, mended, later,
			object("cast", "casting", 1300, 30, 9), object("rail", "rail", 1400, 30, 9), object("bump", "speed_bump", 1500, 30, 9),
			object("joint", "joint", 1600, 30, 9),
		},
		Inventions: []*firmwaresim.Invention{
			{Lat: north(2000), Lon: 15.6, Adversary: "inventor"}, {Lat: north(2100), Lon: 15.6, Adversary: "inventor"},
			{Lat: north(2200), Lon: 15.6, Adversary: "fleet"}, {Lat: north(2300), Lon: 15.6, Adversary: "odd"},
		},
	}
	order := func(metres, at float64) evaluate.Found {
		return evaluate.Found{Lat: north(metres), Lon: 15.6, At: day(at)}
	}
	found := []evaluate.Found{
		order(2, 1), order(-9, 3), // a, and again: a split
		order(104, 2),   // b
		order(312, 2),   // lonely: a pothole, though it does not count for recall
		order(1000, 6),  // mended, too late
		order(1100, 7),  // where later will be, but is not yet
		order(1301, 2),  // casting
		order(1402, 2),  // rail
		order(1503, 2),  // speed bump
		order(1604, 2),  // joint
		order(2020, 2),  // an invention
		order(2010, 3),  // the same again
		order(2200, 2),  // fleet
		order(2290, 2),  // odd
		order(16, 2),    // 16 m from a: nothing
		order(116, 2.5), // 16 m from b: nothing
	}
	s := evaluate.ScoreOf(found, truth, day(21))
	if s.Found != 16 || s.Potholes != 4 || s.Precision != 0.25 {
		t.Errorf("%d found, %d potholes, precision %g; want 16, 4, 0.25", s.Found, s.Potholes, s.Precision)
	}
	// a, b, missed, mended and later count; of them a, b and mended were found.
	if s.Eligible != 5 || s.Recall != 0.6 || math.Abs(s.F1-2*0.25*0.6/0.85) > 1e-9 {
		t.Errorf("%d eligible, recall %g, F1 %g", s.Eligible, s.Recall, s.F1)
	}
	if s.Doubled != 1 || s.Split != 0.25 || s.Repaired != 1 {
		t.Errorf("%d doubled, split %g, %d after repair", s.Doubled, s.Split, s.Repaired)
	}
	if s.Inventions != 1 || s.Fleet != 1 || s.Odd != 1 || s.Furniture != 4 || s.Castings != 1 || s.Joints != 1 || s.Rails != 1 || s.SpeedBumps != 1 {
		t.Errorf("false orders %+v", s)
	}
	if s.Nothing != 4 { // before later was there, the invention's second, and the two that are 16 m off
		t.Errorf("%d on nothing, want 4", s.Nothing)
	}
	// Errors are 0 (mended), 2, 4 and 12 m, delays 1, 2, 2 and 6 days.
	if math.Abs(s.MedianM-4) > 0.1 || math.Abs(s.P90M-12) > 0.1 || s.MedianDays != 2 {
		t.Errorf("median %g m, 90 %% %g m, %g days", s.MedianM, s.P90M, s.MedianDays)
	}
	if none := evaluate.ScoreOf(nil, truth, day(21)); none.Precision != 0 || none.Recall != 0 || none.F1 != 0 || none.MedianM != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}

func TestCalibrationSumsUp(t *testing.T) {
	t.Parallel()
	belief := func(p float64) crowd.Belief { return crowd.Belief{p, 0, 0, 0, 0, 1 - p} }
	place := func(metres, p float64, devices int, first, last float64) crowd.Place {
		return crowd.Place{Lat: north(metres), Lon: 15.6, Belief: belief(p), Devices: devices, FirstAt: day(first), LastAt: day(last)}
	}
	hole := object("hole", "pothole", 0, 20, 8)
	mended := object("mended", "pothole", 500, 20, 8)
	mended.To = day(4)
	truth := firmwaresim.Truth{Objects: []*firmwaresim.Object{hole, mended, object("cast", "casting", 1000, 20, 8)}}
	c := evaluate.CalibrationOf([]crowd.Place{
		place(3, 1, 3, 1, 9), place(10, 0.85, 7, 1, 9), place(-14, 0.89, 7, 1, 9), // the hole
		place(17, 0.25, 4, 1, 9),  // too far from it
		place(0, 0.99, 2, 1, 9),   // two devices: does not count
		place(500, 0.6, 3, 1, 3),  // felt before the repair
		place(500, 0.65, 3, 5, 6), // and after
		place(1000, 0, 5, 1, 9),
	}, truth)
	places, potholes := 0, 0
	for i, b := range c.Bins {
		places += b.Places
		potholes += b.Potholes
		if b.Places > 0 && (b.Stated < float64(i)/10 || b.Stated > float64(i+1)/10) {
			t.Errorf("bin %d states %g", i, b.Stated)
		}
	}
	if places != 7 || potholes != 4 || c.Places != places || c.Potholes != potholes {
		t.Errorf("%d places with %d potholes in bins, %d with %d in all; want 7 with 4", places, potholes, c.Places, c.Potholes)
	}
	if c.Bins[8].Places != 2 || math.Abs(c.Bins[8].Stated-0.87) > 1e-9 || c.Bins[6].Share() != 0.5 || c.Bins[9].Places != 1 {
		t.Errorf("bins %+v", c.Bins)
	}
	want := (0.15*0.15 + 0.11*0.11 + 0.25*0.25 + 0.4*0.4 + 0.65*0.65) / 7
	if math.Abs(c.Brier-want) > 1e-9 || math.Abs(c.Base()-4.0/7*3/7) > 1e-9 {
		t.Errorf("Brier %g, want %g; base %g", c.Brier, want, c.Base())
	}
	twice := evaluate.Together(c, evaluate.Calibration{}, c)
	if twice.Places != 14 || math.Abs(twice.Brier-c.Brier) > 1e-9 || twice.Bins[8].Places != 4 || math.Abs(twice.Bins[8].Stated-0.87) > 1e-9 {
		t.Errorf("twice the same: %+v", twice)
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"7": "7", "1,2,3": "1-3", "1-8,11": "1-8,11", "3 - 5, 4,9": "3-5,9", "0": "0", "18446744073709551615": "18446744073709551615", "5-5": "5",
		"9,1-2": "1-2,9",
	} {
		var s evaluate.Seeds
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("%q: %v, error %v; want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"", ",", "1,", "x", "1-", "-1", "3-1", "1-2-3", "1.5", "0-99999", "18446744073709551616"} {
		s := evaluate.Seeds{42}
		if err := s.UnmarshalText([]byte(text)); err == nil || len(s) != 1 || s[0] != 42 {
			t.Errorf("%q: %v, error %v; want an error and the seeds as they were", text, s, err)
		}
	}
}
