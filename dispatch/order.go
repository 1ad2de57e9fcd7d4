package dispatch

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// State is where a work order stands.
type State string

const (
	New        State = "new"
	Accepted   State = "accepted"
	Assigned   State = "assigned"
	InProgress State = "in_progress"
	Repaired   State = "repaired"
	Verified   State = "verified"
	Reopened   State = "reopened"
	Dismissed  State = "dismissed"
)

// States lists every state in the order of a work order's life.
func States() []State {
	return []State{New, Accepted, Assigned, InProgress, Repaired, Verified, Reopened, Dismissed}
}

// Next lists the states that an order may go to from s.
func (s State) Next() []State {
	switch s {
	case New:
		return []State{Accepted, Dismissed}
	case Accepted:
		return []State{Assigned, Dismissed}
	case Assigned:
		return []State{InProgress, Accepted, Dismissed}
	case InProgress:
		return []State{Repaired, Assigned, Dismissed}
	case Repaired:
		return []State{Verified, Reopened}
	case Verified:
		return []State{Reopened}
	case Reopened:
		return []State{Accepted, Assigned, Dismissed}
	case Dismissed:
		return []State{Reopened}
	}
	return nil
}

// May says whether an order may go from s to another state.
func (s State) May(to State) bool { return slices.Contains(s.Next(), to) }

// Open says whether somebody still has something to do.
func (s State) Open() bool { return s != Repaired && s != Verified && s != Dismissed }

// OpenSQL is State.Open of the table orders under the name o, word for word as the index orders_queue has it.
const OpenSQL = `o.state not in ('repaired', 'verified', 'dismissed')`

// Actor is who moved an order: a role, never a person's name.
type Actor string

const (
	Crowd      Actor = "crowd"   // enough independent evidence
	Traffic    Actor = "traffic" // passes after a repair
	Dispatcher Actor = "dispatcher"
	Crew       Actor = "crew"
	Body       Actor = "body"  // that works on its own
	Clock      Actor = "clock" // a deadline that comes near, or has passed
)

// Order is a work order: one confirmed place that a crew is sent to.
type Order struct {
	ID           string
	Number       string      // as people say it on the phone: KR-0417
	Place        string      // the place's id; empty: a dispatcher has split the order off another, SplitFrom
	Class        crowd.Class // as promoted, or as a dispatcher has said since
	Severity     float64     // 0 to 1
	Probability  float64     // of Class, at promotion
	Devices      int         // independent devices, at promotion
	State        State
	Street       string
	Body         string
	PromotedAt   time.Time
	StateAt      time.Time
	ExternalID   string
	Lat, Lon     float64 // where a dispatcher has said that it is, else the place's best estimate now
	HeadingDeg   *float64
	UncertaintyM float64
	Cell         geo.Cell // H3 resolution 12

	Version     int64  // counts what people and the crowd did to it: who acts says which one they saw
	StreetClass string // the value of highway=
	Crew        string // the crew's id; empty: with none
	CrewName    string
	HandedAt    time.Time // to Body, which works on its own; zero: not
	TakenAt     time.Time // Body has accepted it
	Moved       bool      // a dispatcher has said where it is
	DuplicateOf string    // the order that this one was merged into
	SplitFrom   string
	Recurs      string    // the earlier order that was repaired here within a year
	Failed      bool      // and that repair, or this order's own, did not hold
	ClockFrom   time.Time // when its deadline began to run
	DueAt       time.Time // zero: not known yet
	EscalatedAt time.Time // last; zero: not
	EscalatedTo string    // the name of the body that it was brought before last; empty: nobody is above
	Priority    Priority
}

// Heading returns the direction of travel in whole degrees, nil where none is known.
func (o Order) Heading() *float64 {
	if o.HeadingDeg == nil {
		return nil
	}
	h := math.Mod(math.Round(*o.HeadingDeg), 360)
	return &h
}

// Step is one step in an order's life.
type Step struct {
	At     time.Time
	State  State
	Actor  Actor
	Reason string
	Found  crowd.Class // what a crew has found at the place, where one has been; of a repair the order's class, if empty
	Undone bool        // it was taken back, or took one back: no figure counts it
}

// Errors of this package.
var (
	ErrNotFound   = errors.New("no such work order")
	ErrTransition = errors.New("a work order cannot go that way")
	ErrTraffic    = errors.New("traffic verifies the repair of a place, and a dispatcher that of an order without one")
	ErrReason     = errors.New("a reason is required")
	ErrChanged    = errors.New("somebody else has changed the work order") // as Changed
	ErrNothing    = errors.New("there is nothing to take back")
	ErrFinal      = errors.New("this cannot be taken back")
	ErrUnknown    = errors.New("there is no such crew, body or class") // wrapped with which
	ErrElsewhere  = errors.New("the work order is not with this crew")
	ErrNoDefect   = errors.New("where nothing is, the work order is dismissed, not given another class")
	ErrNoBody     = errors.New("no such body")
	ErrKey        = errors.New("another action has this key")
	ErrAmount     = errors.New("an amount is negative or too large")
	ErrVerdict    = errors.New("what is a pothole is a defect")
	ErrClosed     = errors.New("the other work order is closed")
)
