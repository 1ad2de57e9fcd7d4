//go:build !race

package unseen_test

import (
	"slices"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/unseen"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// One city, driven to its end, is as hard as cities are, and sends nothing that a server would refuse. Three
// weeks take a minute under the race detector, which has nothing to find in a package without goroutines.
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
