package crowd

import (
	"testing"
	"time"
)

// What is believed enough becomes an order, or waits on the review list, as the city has it.
func TestWhatBecomesAnOrder(t *testing.T) {
	t.Parallel()
	reader, err := StandardClassifier()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		class    Class
		severity float64
		alone    []Class
		state    State
		orders   int
		reviews  int
	}{
		{Pothole, 0.2, nil, Confirmed, 1, 0},
		{Casting, 0.8, nil, Suspected, 0, 1},
		{Casting, 0.4, nil, Suspected, 0, 0},
		{Casting, 0.8, []Class{Rail, Casting}, Confirmed, 1, 0},
		{Casting, 0.4, []Class{Casting}, Suspected, 0, 0},
		{Joint, 0.8, []Class{Casting}, Suspected, 0, 1},
		{SpeedBump, 0.9, []Class{Casting, Joint, Rail}, Suspected, 0, 0},
	} {
		m := newMind(reader, Rules{Alone: c.alone})
		s := &site{Place: Place{ID: "there", State: Suspected, Class: c.class, Severity: c.severity, UncertaintyM: 2}, shown: true, accounts: map[string]*account{}, changed: map[string]bool{}}
		for i, k := range Classes() {
			if k == c.class {
				s.Belief[i] = 0.99
			}
		}
		for _, device := range []string{"a", "b", "c", "d"} {
			*s.account(device) = account{hits: 1, alone: notKnown, precision: 1}
		}
		out := newOutcome()
		for range 2 { // the second time it says nothing new
			m.conclude(s, &arrival{Received: time.Unix(1e9, 0)}, 9, out)
		}
		if s.State != c.state || len(out.confirms) != c.orders || len(out.reviews) != c.reviews {
			t.Errorf("%s of severity %g where %v need no review: %s, %d orders, %d to be reviewed", c.class, c.severity, c.alone, s.State, len(out.confirms), len(out.reviews))
		}
	}
}
