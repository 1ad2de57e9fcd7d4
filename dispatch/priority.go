package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Priority says how urgent an order is, 0 to 100, and why: it is the sum of its parts.
type Priority struct {
	Severity int // 0 to 40
	Traffic  int // 0 to 20
	Age      int // 0 to 10
	Deadline int // 0 to 20
	Street   int // 0 to 10
}

// Sum is the priority, 0 to 100.
func (p Priority) Sum() int { return p.Severity + p.Traffic + p.Age + p.Deadline + p.Street }

func (p Priority) stored() []int16 {
	return []int16{int16(p.Severity), int16(p.Traffic), int16(p.Age), int16(p.Deadline), int16(p.Street)}
}

func priorityOf(parts []int16) Priority {
	if len(parts) < 5 {
		return Priority{}
	}
	return Priority{int(parts[0]), int(parts[1]), int(parts[2]), int(parts[3]), int(parts[4])}
}

// Urgency is what a priority is made of.
type Urgency struct {
	Severity    float64 // 0 to 1
	Driven      int     // jolts and smooth passes at its place within four weeks: how often cars that tell pass over it
	StreetClass string  // the value of highway=
	ClockFrom   time.Time
	DueAt       time.Time // zero: none
	Failed      bool      // an earlier repair did not hold
}

// busy is how many drives over a place within four weeks count as the most traffic that there is.
const busy = 1000

// lateDaysSQL says that a row of place_days is of the last four weeks that anybody drove.
const lateDaysSQL = `day > (select max(day) from coverage) - 28`

// Rate is how urgent an order is at a time:
//
//	severity  40 × severity
//	traffic   20 × ln(1 + drives over its place within four weeks) / ln(1 + 1000), at most 20; what was split off has those of the order that it was split off
//	age        1 for every three days since its clock began to run, at most 8; 2 more where an earlier repair did not hold
//	deadline  18 × the share of the time to the deadline that has passed, and 20 from the deadline on
//	street    10 where people walk or ride, 8 on main streets, 5 on collectors, 2 elsewhere: who falls is hurt worst without
//	          a car around them, and on fast streets
func Rate(u Urgency, now time.Time) Priority {
	whole := func(x, most float64) int { return int(math.Round(min(max(x, 0), most))) }
	p := Priority{Severity: whole(40*u.Severity, 40), Traffic: whole(20*math.Log1p(float64(max(u.Driven, 0)))/math.Log1p(busy), 20)}
	p.Age = whole(now.Sub(u.ClockFrom).Hours()/72, 8)
	if u.Failed {
		p.Age += 2
	}
	if !u.DueAt.IsZero() {
		p.Deadline = whole(18*now.Sub(u.ClockFrom).Seconds()/max(1, u.DueAt.Sub(u.ClockFrom).Seconds()), 18)
		if !now.Before(u.DueAt) {
			p.Deadline = 20
		}
	}
	switch GroupOf(u.StreetClass) {
	case PathStreet:
		p.Street = 10
	case MainStreet:
		p.Street = 8
	case CollectorStreet:
		p.Street = 5
	default:
		p.Street = 2
	}
	return p
}

func (o *record) urgency(driven int) Urgency {
	return Urgency{Severity: o.Severity, Driven: driven, StreetClass: o.StreetClass, ClockFrom: o.ClockFrom, DueAt: deref(o.DueAt), Failed: o.Failed}
}

// rate stores how urgent the order is now. What is closed keeps what it had.
func (o *record) rate(ctx context.Context, tx pgx.Tx, now time.Time) error {
	if !o.State.Open() {
		return nil
	}
	place, err := PlaceOf(ctx, tx, o.ID)
	if err != nil && !errors.Is(err, ErrNotFound) { // of a report: nobody drives there
		return fmt.Errorf("rate work order %s: %w", o.ID, err)
	}
	var driven int
	if err := tx.QueryRow(ctx, `select coalesce(sum(jolts + passes), 0) from place_days where place = $1 and `+lateDaysSQL, place).Scan(&driven); err != nil {
		return fmt.Errorf("rate work order %s: %w", o.ID, err)
	}
	p := Rate(o.urgency(driven), now)
	if _, err := tx.Exec(ctx, `update orders set priority = $2, parts = $3 where id = $1`, o.ID, p.Sum(), p.stored()); err != nil {
		return fmt.Errorf("rate work order %s: %w", o.ID, err)
	}
	return nil
}

func roundTo(v float64, digits int) float64 {
	f := math.Pow10(digits)
	return math.Round(v*f) / f
}
