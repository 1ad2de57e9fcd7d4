package ingest

import (
	"sync"
	"time"
)

// Clock says when an event is received: the order of judgement and the time of decisions.
type Clock interface {
	// Received returns the time of arrival of an event of the device. It never goes back.
	Received(device string, eventTime time.Time) time.Time
	// Now returns the time of decisions that no event brings about.
	Now() time.Time
}

// Wall is the clock of live events: the computer's.
type Wall struct{}

// Received returns the time now, in whole microseconds.
func (Wall) Received(string, time.Time) time.Time { return wallTime() }

// Now returns the time now, in whole microseconds.
func (Wall) Now() time.Time { return wallTime() }

// wallTime is what PostgreSQL can keep.
func wallTime() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// reached is how many devices must have come to a time before a Catchup does, so that no one device's wrong clock
// moves it.
const reached = 3

// caughtUp is how near to the wall's time a Catchup that follows counts as there.
const caughtUp = time.Minute

// Catchup is the clock of events that are replayed: the newest event time that three devices have reached (all
// devices, while there are fewer), never after the wall's time and never going back. The zero value is ready, and
// its time is zero before the first event. It is safe for concurrent use.
type Catchup struct {
	// Follow makes the clock the wall's for good once it has come within a minute of it.
	Follow bool
	// Time is the wall's clock; nil: the computer's.
	Time func() time.Time

	mu        sync.Mutex
	now       time.Time
	following bool
	ahead     []progress // the devices that are farthest, the farthest first
}

// progress is the newest event time of one device.
type progress struct {
	device string
	newest time.Time
}

// Start sets the clock forward to a time that was reached before.
func (c *Catchup) Start(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(at)
}

// Received returns the clock's time after the device has come to eventTime.
func (c *Catchup) Received(device string, eventTime time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.advance(device, eventTime) {
		c.set(c.ahead[len(c.ahead)-1].newest)
	}
	return c.read()
}

// Now returns the clock's time.
func (c *Catchup) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// advance notes how far a device has come. Devices behind the farthest three need not be remembered: they enter
// when they pass one of them.
func (c *Catchup) advance(device string, at time.Time) bool {
	place := len(c.ahead)
	for i, p := range c.ahead {
		if p.device == device {
			if !at.After(p.newest) {
				return false
			}
			place = i
		}
	}
	switch {
	case place < len(c.ahead):
		c.ahead[place].newest = at
	case place < reached:
		c.ahead = append(c.ahead, progress{device, at})
	case at.After(c.ahead[place-1].newest):
		place--
		c.ahead[place] = progress{device, at}
	default:
		return false
	}
	for ; place > 0 && c.ahead[place].newest.After(c.ahead[place-1].newest); place-- {
		c.ahead[place], c.ahead[place-1] = c.ahead[place-1], c.ahead[place]
	}
	return true
}

// set moves the clock forward.
func (c *Catchup) set(at time.Time) {
	wall := c.wall()
	if at.After(wall) {
		at = wall
	}
	if at.After(c.now) {
		c.now = at.UTC().Truncate(time.Microsecond)
	}
	c.following = c.following || c.Follow && wall.Sub(c.now) <= caughtUp
}

func (c *Catchup) read() time.Time {
	if c.following {
		if wall := c.wall(); wall.After(c.now) {
			c.now = wall
		}
	}
	return c.now
}

func (c *Catchup) wall() time.Time {
	if c.Time == nil {
		return wallTime()
	}
	return c.Time().UTC().Truncate(time.Microsecond)
}
