package dispatch

import (
	"time"
)

// Calendar is a city's working time. The zero value works around the clock.
type Calendar struct {
	Zone     *time.Location  // nil: UTC
	Hours    [7][]Span       // by weekday, Sunday first, ascending and apart
	Holidays map[string]bool // days as 2026-12-24, local
}

// Span is a stretch of a working day, in minutes since midnight, local time.
type Span struct{ Opens, Closes int }

// longestWait bounds how far ahead working time is looked for: a calendar whose every day is a holiday has none.
const longestWait = 3 * 366

// always says whether no hours are set at all.
func (c Calendar) always() bool {
	for _, spans := range c.Hours {
		if len(spans) > 0 {
			return false
		}
	}
	return true
}

func (c Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// spans calls work with the beginning and end of each stretch of working time of the day that t is in and of those after it,
// until it returns false. Where a clock is put forward or back within a stretch, the stretch is as long as it then truly is.
func (c Calendar) spans(t time.Time, work func(opens, closes time.Time) bool) {
	y, m, d := t.In(c.zone()).Date()
	for i := range longestWait {
		noon := time.Date(y, m, d+i, 12, 0, 0, 0, c.zone())
		if c.Holidays[noon.Format(time.DateOnly)] {
			continue
		}
		for _, s := range c.Hours[noon.Weekday()] {
			opens, closes := c.clock(noon, s.Opens), c.clock(noon, s.Closes)
			if closes.After(opens) && !work(opens, closes) {
				return
			}
		}
	}
}

func (c Calendar) clock(day time.Time, minutes int) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, minutes, 0, 0, c.zone())
}

// Add returns when so much working time has passed since t; within working time, or at the end of a stretch of it.
func (c Calendar) Add(t time.Time, work time.Duration) time.Time {
	if c.always() || work <= 0 {
		return t.Add(max(work, 0))
	}
	end := t.Add(work)
	left := work
	c.spans(t, func(opens, closes time.Time) bool {
		if !closes.After(t) {
			return true
		}
		if opens.Before(t) {
			opens = t
		}
		if d := closes.Sub(opens); d < left {
			left -= d
			return true
		}
		end = opens.Add(left)
		return false
	})
	return end.UTC()
}

// Between returns how much working time passes from one time to a later one, 0 where to is not later.
func (c Calendar) Between(from, to time.Time) time.Duration {
	if !to.After(from) {
		return 0
	}
	if c.always() {
		return to.Sub(from)
	}
	var sum time.Duration
	c.spans(from, func(opens, closes time.Time) bool {
		if !opens.Before(to) {
			return false
		}
		if opens.Before(from) {
			opens = from
		}
		if closes.After(to) {
			closes = to
		}
		if closes.After(opens) {
			sum += closes.Sub(opens)
		}
		return true
	})
	return sum
}
