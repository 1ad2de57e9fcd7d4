package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

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

// Step is one step in an order's life. Actor is a role ("traffic", "crew", "dispatcher"), never a person's name.
type Step struct {
	At     time.Time
	State  State
	Actor  string
	Reason string
}

// ErrNotFound is returned where no such order exists.
var ErrNotFound = errors.New("no such work order")

// Filter narrows a list of orders; its zero value is every order, the newest promotion first.
type Filter struct {
	States []State
	Bounds *orb.Bound
	Before Cursor
	Limit  int
}

// Cursor is where a page of a list ended.
type Cursor struct {
	At time.Time // promoted
	ID string
}

// Orders lists work orders, newest promotion first.
func Orders(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Order, error) {
	return nil, errors.ErrUnsupported
}

// FindOrder returns one order with its steps, or ErrNotFound.
func FindOrder(ctx context.Context, pool *pgxpool.Pool, id string) (Order, []Step, error) {
	return Order{}, nil, errors.ErrUnsupported
}

// OrderOf returns the order of a place with its steps, or ErrNotFound.
func OrderOf(ctx context.Context, pool *pgxpool.Pool, place string) (Order, []Step, error) {
	return Order{}, nil, errors.ErrUnsupported
}
