package crowd

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
)

// ErrNotFound is returned where no such place exists.
var ErrNotFound = errors.New("no such place")

// Filter narrows a list of places; its zero value is every place, the newest change first.
type Filter struct {
	States []State
	Bounds *orb.Bound // lon lat
	Before Cursor     // continue after this place of an earlier page
	Limit  int        // 0: no limit
}

// Cursor is where a page of a list ended.
type Cursor struct {
	At time.Time
	ID string
}

// Places lists places with at least minDevices independent devices, newest change of state first.
func Places(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Place, error) {
	return nil, errors.ErrUnsupported
}

// FindPlace returns one place, or ErrNotFound.
func FindPlace(ctx context.Context, pool *pgxpool.Pool, id string) (Place, error) {
	return Place{}, errors.ErrUnsupported
}

// Story returns a place's steps, first to last.
func Story(ctx context.Context, pool *pgxpool.Pool, id string) ([]Step, error) {
	return nil, errors.ErrUnsupported
}

// Reasons explains the belief in a place.
func Reasons(ctx context.Context, pool *pgxpool.Pool, id string) ([]Reason, error) {
	return nil, errors.ErrUnsupported
}

// CoverageCell says how often one resolution 9 cell was driven in the last 28 days of the decision clock.
type CoverageCell struct {
	Cell   int64 // H3 resolution 9
	Events int
}

// Coverage lists the cells that were driven at all within bounds.
func Coverage(ctx context.Context, pool *pgxpool.Pool, within orb.Bound) ([]CoverageCell, error) {
	return nil, errors.ErrUnsupported
}
