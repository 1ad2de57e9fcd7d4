package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// ErrNotFound is returned where no such place exists.
var ErrNotFound = errors.New("no such place")

// Filter narrows a list of places; its zero value is every place, the newest change first.
type Filter struct {
	States     []State
	Bounds     *orb.Bound // lon lat
	MinDevices int        // independent devices that felt it, at least
	Before     Cursor     // continue after this place of an earlier page
	Limit      int        // 0: no limit
}

// Cursor is where a page of a list ended.
type Cursor struct {
	At time.Time // of its state
	ID string
}

const placeColumns = `id, region, cell, lat, lon, heading_deg, uncertainty_m, state, state_at, class, belief, severity, devices, passes, first_at, last_at, ordered`

// scanPlace reads placeColumns and whatever the query has after them.
func scanPlace(row pgx.Row, p *Place, more ...any) error {
	var region, cell int64
	var belief []float32
	err := row.Scan(append([]any{&p.ID, &region, &cell, &p.Lat, &p.Lon, &p.HeadingDeg, &p.UncertaintyM, &p.State, &p.StateAt,
		&p.Class, &belief, &p.Severity, &p.Devices, &p.Passes, &p.FirstAt, &p.LastAt, &p.Ordered}, more...)...)
	if err != nil {
		return fmt.Errorf("read a place: %w", err)
	}
	p.Region, p.Cell = geo.Cell(region), geo.Cell(cell)
	p.StateAt, p.FirstAt, p.LastAt = p.StateAt.UTC(), p.FirstAt.UTC(), p.LastAt.UTC()
	for i := range min(len(belief), NumClasses) {
		p.Belief[i] = float64(belief[i])
	}
	return nil
}

// Places lists places, the newest change of state first.
func Places(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Place, error) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(f.States) > 0 {
		where = append(where, "state = any("+arg(f.States)+")")
	}
	if f.MinDevices > 0 {
		where = append(where, "devices >= "+arg(f.MinDevices))
	}
	if b := f.Bounds; b != nil {
		where = append(where, fmt.Sprintf("lat between %s and %s and lon between %s and %s",
			arg(b.Min[1]), arg(b.Max[1]), arg(b.Min[0]), arg(b.Max[0])))
	}
	if f.Before.ID != "" {
		where = append(where, fmt.Sprintf("(state_at, id) < (%s, %s)", arg(f.Before.At), arg(f.Before.ID)))
	}
	query := "select " + placeColumns + " from places"
	if len(where) > 0 {
		query += " where " + strings.Join(where, " and ")
	}
	query += " order by state_at desc, id desc"
	if f.Limit > 0 {
		query += " limit " + arg(f.Limit)
	}
	rows, err := pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list places: %w", err)
	}
	places, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Place, error) {
		var p Place
		return p, scanPlace(row, &p)
	})
	if err != nil {
		return nil, fmt.Errorf("list places: %w", err)
	}
	return places, nil
}

// FindPlace returns one place, or ErrNotFound.
func FindPlace(ctx context.Context, pool *pgxpool.Pool, id string) (Place, error) {
	return FindPlaceIn(ctx, pool, id)
}

// FindPlaceIn is FindPlace within a transaction, or on a pool.
func FindPlaceIn(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, id string) (Place, error) {
	var p Place
	err := scanPlace(db.QueryRow(ctx, "select "+placeColumns+" from places where id = $1", id), &p)
	if errors.Is(err, pgx.ErrNoRows) {
		return Place{}, ErrNotFound
	}
	return p, err
}

// Story returns a place's steps, first to last.
func Story(ctx context.Context, pool *pgxpool.Pool, id string) ([]Step, error) {
	rows, err := pool.Query(ctx, "select n, at, kind, words from place_steps where place = $1 order by n", id)
	if err != nil {
		return nil, fmt.Errorf("read a place's story: %w", err)
	}
	steps, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Step, error) {
		var s Step
		var words []byte
		if err := row.Scan(&s.N, &s.At, &s.Kind, &words); err != nil {
			return s, err
		}
		s.At = s.At.UTC()
		return s, json.Unmarshal(words, &s.Words)
	})
	if err != nil {
		return nil, fmt.Errorf("read a place's story: %w", err)
	}
	return steps, nil
}

// CoverageCell says how often one resolution 9 cell was driven.
type CoverageCell struct {
	Cell   geo.Cell
	Events int // jolts and answers of phones that passed
}

// Coverage lists the cells that were driven in the 28 days before the newest day on record.
func Coverage(ctx context.Context, pool *pgxpool.Pool) ([]CoverageCell, error) {
	rows, err := pool.Query(ctx, `
		select cell, sum(events)::int from coverage
		where day > (select max(day) from coverage) - 28 group by cell order by cell`)
	if err != nil {
		return nil, fmt.Errorf("read coverage: %w", err)
	}
	cells, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (CoverageCell, error) {
		var cell int64
		var c CoverageCell
		err := row.Scan(&cell, &c.Events)
		c.Cell = geo.Cell(cell)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read coverage: %w", err)
	}
	return cells, nil
}
