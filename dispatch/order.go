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

// Actor is who moved an order: a role, never a person's name.
type Actor string

const (
	Crowd      Actor = "crowd"   // enough independent evidence
	Traffic    Actor = "traffic" // passes after a repair
	Dispatcher Actor = "dispatcher"
	Crew       Actor = "crew"
)

// Order is a work order: one confirmed place that a crew is sent to.
type Order struct {
	ID           string
	Number       string // as people say it on the phone: KR-0417
	Place        string // the place's id
	Class        crowd.Class
	Severity     float64 // 0 to 1
	Probability  float64 // of Class, at promotion
	Devices      int     // independent devices, at promotion
	State        State
	Street       string
	Body         string
	PromotedAt   time.Time
	StateAt      time.Time
	ExternalID   string
	Lat, Lon     float64 // the place's best estimate now
	HeadingDeg   *float64
	UncertaintyM float64
	Cell         geo.Cell // H3 resolution 12
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
}

// Errors of this package.
var (
	ErrNotFound   = errors.New("no such work order")
	ErrTransition = errors.New("a work order cannot go that way")
	ErrReason     = errors.New("a reason is required")
)
