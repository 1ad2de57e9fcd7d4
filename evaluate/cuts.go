package evaluate

import (
	"fmt"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
)

// Promotions tells whether places that were confirmed stayed so while a city was judged.
type Promotions struct {
	Cuts       int      `json:"cuts"`       // how often it was looked
	Confirmed  int      `json:"confirmed"`  // in the end
	Violations []string `json:"violations"` // in words; there should be none
}

// watch looks at confirmed places at several cuts.
type watch struct {
	Promotions
	known []crowd.Confirmation // at the last cut
	clock time.Time            // of the last cut
}

// cut looks whether every place that was confirmed at the last cut still is, since the same time, and whether those that have
// been confirmed since then have a time since then.
func (w *watch) cut(confirmed []crowd.Confirmation, places []crowd.Place, clock time.Time) {
	w.Cuts++
	complain := func(format string, args ...any) {
		w.Violations = append(w.Violations, fmt.Sprintf("cut %d: ", w.Cuts)+fmt.Sprintf(format, args...))
	}
	byID, since := map[string]crowd.Place{}, map[time.Time]bool{}
	for _, p := range places {
		byID[p.ID] = p
		if p.Ordered {
			since[p.StateAt] = true
		}
	}
	for i, c := range w.known {
		if i >= len(confirmed) || confirmed[i].Place.ID != c.Place.ID || !confirmed[i].At.Equal(c.At) {
			complain("the confirmation of %s at %s is gone", c.Place.ID, c.At)
		}
	}
	for i, c := range confirmed {
		if i >= len(w.known) && (c.At.Before(w.clock) || c.At.After(clock)) {
			complain("%s was confirmed at %s between %s and %s", c.Place.ID, c.At, w.clock, clock)
		}
		p, stands := byID[c.Place.ID]
		switch {
		case !stands && !since[c.At]: // merged, and its confirmation with it
			complain("%s, confirmed at %s, is no place any more", c.Place.ID, c.At)
		case stands && !p.Ordered:
			complain("%s, confirmed at %s, is %s", c.Place.ID, c.At, p.State)
		case stands && p.State == crowd.Confirmed && !p.StateAt.Equal(c.At):
			complain("%s, confirmed at %s, is so since %s", c.Place.ID, c.At, p.StateAt)
		}
	}
	w.known, w.clock, w.Confirmed = append(w.known[:0], confirmed...), clock, len(confirmed)
}
