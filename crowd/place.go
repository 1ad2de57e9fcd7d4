package crowd

import (
	"time"

	"github.com/streetpulse/streetpulse/geo"
)

// Class is what a place is believed to be.
type Class string

const (
	Pothole   Class = "pothole"
	Casting   Class = "casting"
	Joint     Class = "joint"
	Rail      Class = "rail"
	SpeedBump Class = "speed_bump"
	Nothing   Class = "nothing"
)

// Classes lists every class in the order of a Belief.
func Classes() [NumClasses]Class {
	return [NumClasses]Class{Pothole, Casting, Joint, Rail, SpeedBump, Nothing}
}

// NumClasses is the number of classes.
const NumClasses = 6

// Belief holds the probability of each class, in the order of Classes; they sum to 1.
type Belief [NumClasses]float64

// Of returns the probability of one class, 0 for an unknown one.
func (b Belief) Of(c Class) float64 {
	for i, k := range Classes() {
		if k == c {
			return b[i]
		}
	}
	return 0
}

// Top returns the most probable class.
func (b Belief) Top() Class {
	best := 0
	for i := range b {
		if b[i] > b[best] {
			best = i
		}
	}
	return Classes()[best]
}

// State is where a place stands in its life.
type State string

const (
	Suspected State = "suspected"
	Confirmed State = "confirmed"
	Faded     State = "faded"
	Dismissed State = "dismissed"
)

// Place is where events gather.
type Place struct {
	ID           string
	Region       geo.Cell
	Cell         geo.Cell // H3 resolution 12
	Lat, Lon     float64
	HeadingDeg   *float64 // nil: felt both ways, or not known
	UncertaintyM float64  // standard error of the position, metres
	State        State
	StateAt      time.Time
	Class        Class
	Belief       Belief
	Severity     float64 // 0 to 1
	Devices      int     // independent devices that felt it
	Passes       int     // smooth passes
	FirstAt      time.Time
	LastAt       time.Time
	Ordered      bool // it has, or had, a work order
}

// StepKind names a step of a place's story.
type StepKind string

const (
	StepFirstJolt StepKind = "first_jolt"
	StepSuspected StepKind = "suspected" // a second independent device felt it
	StepConfirmed StepKind = "confirmed"
	StepReview    StepKind = "review" // another actionable class: a dispatcher decides
	StepFaded     StepKind = "faded"
	StepDismissed StepKind = "dismissed"
	StepRevived   StepKind = "revived" // jolts again after it had faded
)

// Step is one dated step of a place's story, with the numbers of its sentence.
type Step struct {
	N     int
	At    time.Time
	Kind  StepKind
	Words StepWords
}

// StepWords are the numbers that a step's sentence is made of.
type StepWords struct {
	Class       Class   `json:"class,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Devices     int     `json:"devices,omitempty"`
	Passes      int     `json:"passes,omitempty"`
}
