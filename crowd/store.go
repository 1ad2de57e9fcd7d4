package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	var p Place
	err := scanPlace(pool.QueryRow(ctx, "select "+placeColumns+" from places where id = $1", id), &p)
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

// Reasons explains the belief in a place, the strongest first. Trust is as of the last epoch.
func Reasons(ctx context.Context, pool *pgxpool.Pool, id string) ([]Reason, error) {
	learned, err := loadLessons(ctx, pool)
	if err != nil {
		return nil, err
	}
	if learned == nil {
		learned = &lessons{usual: usualInvented, alone: usualAlone}
	}
	rows, err := pool.Query(ctx, `
		select e.hits, e.misses, e.account, coalesce(t.jolts, 0), coalesce(t.invented, 0), coalesce(t.agreed, 0)
		from evidence e left join device_trust t on t.device = e.device where e.place = $1 order by e.device`, id)
	if err != nil {
		return nil, fmt.Errorf("read a place's evidence: %w", err)
	}
	var felt, passed, jolts, waves, drops, slow, doubted, same int
	var sin, cos float64
	var hits, misses int
	var sums []byte
	var s standing
	_, err = pgx.ForEachRow(rows, []any{&hits, &misses, &sums, &s.jolts, &s.invented, &s.agreed}, func() error {
		var a account
		if err := a.decode(sums); err != nil {
			return err
		}
		passed++
		switch {
		case hits > 0 && a.shadow:
			same++
			return nil
		case hits > 0:
			felt++
		}
		jolts += hits
		waves, drops, slow = waves+a.waves, drops+a.drops, slow+a.slow
		sin, cos = sin+a.sin, cos+a.cos
		if o := newOpinion(repute{s, learned}); o.liar > 0.5 || o.jolts < fewJolts {
			doubted++
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read a place's evidence: %w", err)
	}
	reasons := []Reason{{ReasonFelt, felt, passed - same}}
	if waves > 0 {
		reasons = append(reasons, Reason{ReasonDrop, drops, waves})
	}
	if jolts > 2 {
		if along := math.Hypot(sin, cos); along > 0.8*float64(jolts) {
			reasons = append(reasons, Reason{ReasonOneWay, jolts, jolts})
		}
		if slow*2 > jolts {
			reasons = append(reasons, Reason{ReasonSlow, slow, jolts})
		}
	}
	if same > 0 {
		reasons = append(reasons, Reason{ReasonSameCar, same, felt + same})
	}
	if doubted > 0 {
		reasons = append(reasons, Reason{ReasonUntrusted, doubted, passed})
	}
	return reasons, nil
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

// fewJolts is how many places a device has felt while it still counts as new.
const fewJolts = 3
