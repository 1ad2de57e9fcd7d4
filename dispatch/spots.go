package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Spot is as much of an order as a map of many needs.
type Spot struct {
	ID           string
	State        State
	Class        crowd.Class
	Severity     float64
	At           orb.Point
	HeadingDeg   *float64
	UncertaintyM float64
	Cell         geo.Cell // H3 resolution 12
}

// Spots lists where all orders of a view are, the mildest first.
func Spots(ctx context.Context, pool *pgxpool.Pool, v View, works Works, now time.Time) ([]Spot, error) {
	where, args := v.where(now, works.SoonUntil(now))
	rows, err := pool.Query(ctx, `select o.id, o.state, o.class, o.severity, coalesce(o.lon, p.lon), coalesce(o.lat, p.lat), p.heading_deg,
			case when o.lat is null then p.uncertainty_m else 1 end, coalesce(o.cell, p.cell)
		from orders o left join places p on p.id = o.place where `+where+` order by o.severity, o.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("find where orders are: %w", err)
	}
	spots, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Spot, error) {
		var s Spot
		var cell int64
		err := row.Scan(&s.ID, &s.State, &s.Class, &s.Severity, &s.At[0], &s.At[1], &s.HeadingDeg, &s.UncertaintyM, &cell)
		s.Cell = geo.Cell(cell)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("find where orders are: %w", err)
	}
	return spots, nil
}

// Rank returns how many orders come before one in a view, or ErrNotFound where it is not in it.
func Rank(ctx context.Context, pool *pgxpool.Pool, v View, order string, works Works, now time.Time) (before int, err error) {
	where, args := v.where(now, works.SoonUntil(now))
	args = append(args, order)
	err = pool.QueryRow(ctx, fmt.Sprintf(`select n from (select o.id, row_number() over (order by %s) - 1 as n from %s where %s) r where id = $%d`,
		v.order(), v.from(), where, len(args)), args...).Scan(&before)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("find work order %s in the queue: %w", order, err)
	}
	return before, nil
}
