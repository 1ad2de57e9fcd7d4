package dispatch_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/dispatch"
)

// TestRate holds each part of a priority against what its words say.
func TestRate(t *testing.T) {
	t.Parallel()
	began := at(8)
	for name, c := range map[string]struct {
		of    dispatch.Urgency
		after time.Duration
		want  dispatch.Priority
	}{
		"a new one on a quiet street": {dispatch.Urgency{Severity: .5, StreetClass: "residential", ClockFrom: began}, 0, dispatch.Priority{Severity: 20, Street: 2}},
		"the worst":                   {dispatch.Urgency{Severity: 1, Driven: 9000, StreetClass: "cycleway", ClockFrom: began, DueAt: began.Add(time.Hour), Failed: true}, 900 * time.Hour, dispatch.Priority{Severity: 40, Traffic: 20, Age: 10, Deadline: 20, Street: 10}},
		"traffic":                     {dispatch.Urgency{Driven: 31, StreetClass: "residential", ClockFrom: began}, 0, dispatch.Priority{Traffic: 10, Street: 2}},
		"half of its time":            {dispatch.Urgency{StreetClass: "secondary", ClockFrom: began, DueAt: began.Add(24 * time.Hour)}, 12 * time.Hour, dispatch.Priority{Deadline: 9, Street: 8}},
		"a main street":               {dispatch.Urgency{StreetClass: "primary", ClockFrom: began}, 0, dispatch.Priority{Street: 8}},
		"a collector":                 {dispatch.Urgency{StreetClass: "tertiary", ClockFrom: began}, 0, dispatch.Priority{Street: 5}},
		"where people walk":           {dispatch.Urgency{StreetClass: "footway", ClockFrom: began}, 0, dispatch.Priority{Street: 10}},
		"nine days":                   {dispatch.Urgency{StreetClass: "residential", ClockFrom: began}, 9 * 24 * time.Hour, dispatch.Priority{Age: 3, Street: 2}},
	} {
		if got := dispatch.Rate(c.of, began.Add(c.after)); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestNothingMakesAnOrderLessUrgent draws orders, makes each worse in one way, and looks that none is less urgent for it.
func TestNothingMakesAnOrderLessUrgent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		began := at(8)
		u := dispatch.Urgency{Severity: rapid.Float64Range(0, 1).Draw(t, "severity"), Driven: rapid.IntRange(0, 5000).Draw(t, "driven"), ClockFrom: began,
			StreetClass: rapid.SampledFrom([]string{"residential", "primary", "tertiary", "cycleway", ""}).Draw(t, "street"),
			DueAt:       began.Add(time.Duration(rapid.IntRange(1, 1000).Draw(t, "hours to its deadline")) * time.Hour)}
		now := began.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "hours")) * time.Hour)
		worse, later := u, now
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			worse.Severity = min(1, u.Severity+.1)
		case 1:
			worse.Driven += 100
		case 2:
			worse.Failed = true
		case 3:
			worse.DueAt = began.Add(u.DueAt.Sub(began) / 2)
		default:
			later = now.Add(24 * time.Hour)
		}
		a, b := dispatch.Rate(u, now).Sum(), dispatch.Rate(worse, later).Sum()
		if b < a || a < 0 || b > 100 {
			t.Fatalf("%+v is %d, %+v at %v is %d", u, a, worse, later, b)
		}
	})
}
