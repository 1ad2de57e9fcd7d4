//go:build !race

package unseen_test

import (
	"testing"

	"github.com/streetpulse/streetpulse/evaluate"
)

// One city, driven to its end, is as hard as cities are, and sends nothing that a server would refuse. Three
// weeks take a minute under the race detector, which has nothing to find in a package without goroutines.
func TestCityIsHard(t *testing.T) {
	t.Parallel()
	d, err := evaluate.NewDriveIn(evaluate.Unseen, 12)
	if err != nil {
		t.Fatal(err)
	}
	score := d.Score(evaluate.Naive(d.Lines(), 3))
	if score.Precision > 0.25 || score.Recall < 0.8 || score.Inventions < 35 {
		t.Errorf("three devices within 15 m: precision %.2f, recall %.2f, %d inventions; want at most 0.25, at least 0.8 and 35",
			score.Precision, score.Recall, score.Inventions)
	}
	checkEvents(t, d.Sent, d.Truth)
}
