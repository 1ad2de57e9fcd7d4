package evaluate

import (
	"fmt"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// crewAfter is how long after its promotion a crew looks at an order.
const crewAfter = 24 * time.Hour

// crew looks at the first orders and says what is there. It repairs nothing, so that what can be found stays the same.
type crew struct {
	left int // orders that it has time for
	seen int // confirmations that it has heard of
	todo []crowd.Confirmation
}

// look has the crew visit the places whose time has come.
func (c *crew) look(r *crowd.Rehearsal, truth firmwaresim.Truth, now time.Time) {
	for all := r.Confirmed(); c.seen < len(all); c.seen++ {
		if c.left > 0 {
			c.left--
			c.todo = append(c.todo, all[c.seen])
		}
	}
	for len(c.todo) > 0 && now.Sub(c.todo[0].At) >= crewAfter {
		p := c.todo[0].Place
		found := crowd.Nothing
		if o, _ := nearest(truth.Objects, orb.Point{p.Lon, p.Lat}, now); o != nil {
			found = crowd.Class(o.Class)
		}
		r.Verdict(p.ID, found, now)
		c.todo = c.todo[1:]
	}
}

// lastWeek counts the orders of the city's last week among those found, of which all together have the score whole.
func (d *Drive) lastWeek(found []Found, whole Score) (orders, right int) {
	from := d.End.Add(-7 * 24 * time.Hour)
	before := d.Score(slices.DeleteFunc(slices.Clone(found), func(f Found) bool { return !f.At.Before(from) }))
	return whole.Found - before.Found, whole.Potholes - before.Potholes
}

// budgets are the conditions of the experiment on what verdicts teach: how many orders crews have time to look at.
func budgets() []condition {
	return []condition{{name: "0"}, {name: "10", verdicts: 10}, {name: "30", verdicts: 30}, {name: "100", verdicts: 100}}
}

func (s Study) verdicts(p *page) {
	if len(s.Verdicts) == 0 {
		return
	}
	p.add("## What crews' verdicts teach\n\nThe cities %s once more. A day after their promotion a crew looks at the first orders, as many as it has time for, and "+
		"says what is there; it repairs nothing. Orders of all three weeks, and those of the last week alone, by which time the verdicts have been learned from.\n\n",
		seedsOf(s.Verdicts[0].Cities))
	p.head("orders looked at", "precision", "recall", "F1", "orders of the last week", "right")
	for _, t := range s.Verdicts {
		late, right := sum(t.Cities, func(r Report) int { return r.Late }), sum(t.Cities, func(r Report) int { return r.LateRight })
		p.row(t.Name, fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.Precision })), fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.Recall })),
			fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.F1 })), fmt.Sprint(late), fmt.Sprintf("%.3f", share(right, late)))
	}
	p.add("\n")
}
