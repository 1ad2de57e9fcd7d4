package vehicles

import (
	"sync"
	"time"
)

// clock is the fleet's time: faster than life until it has caught up with now, and as fast as life from then on. Where the machine is too
// slow for it, it slips.
type clock struct {
	mu      sync.Mutex
	begin   time.Time     // of the fleet's time
	from    time.Time     // when it passed, by the wall
	speedup float64       // until it has caught up
	slipped time.Duration // of the fleet's time
	at      time.Time     // up to where it has passed for everybody
}

func newClock(wall time.Time, speedup float64) *clock {
	c := &clock{begin: wall, from: wall, speedup: 1}
	if speedup > 1 {
		c.begin, c.speedup = wall.AddDate(0, 0, -daysBack), speedup
	}
	c.at = c.begin
	return c
}

// now is the fleet's time.
func (c *clock) now(wall time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.begin.Add(time.Duration(float64(wall.Sub(c.from))*c.speedup) - c.slipped)
	if c.speedup > 1 && !at.Before(wall) {
		c.begin, c.from, c.speedup, c.slipped = wall, wall, 1, 0
		at = wall
	}
	return at
}

// slip sets it back.
func (c *clock) slip(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slipped += by
}

func (c *clock) passed(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) reached() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speedup
}
