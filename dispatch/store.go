package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Filter narrows a list of orders; its zero value is every order, the newest promotion first.
type Filter struct {
	States []State
	Bounds *orb.Bound // lon lat
	Before Cursor     // continue after this order of an earlier page
	Limit  int        // 0: no limit
}

// Cursor is where a page of a list ended.
type Cursor struct {
	At time.Time // promoted
	ID string
}

// orderColumns are those of an order as Order has them. What a dispatcher has said of its position and class wins over the place's.
const orderColumns = `o.id, o.number, coalesce(o.place, ''), o.class, o.severity, o.probability, o.devices, o.state, o.street, o.body,
	o.promoted_at, o.state_at, o.external_id, coalesce(o.lat, p.lat), coalesce(o.lon, p.lon), p.heading_deg,
	case when o.lat is null then p.uncertainty_m else 1 end, coalesce(o.cell, p.cell),
	o.version, o.street_class, coalesce(o.crew, ''), coalesce((select name from crews where id = o.crew), ''), o.handed_at, o.taken_at, o.lat is not null,
	coalesce(o.duplicate_of, ''), coalesce(o.split_from, ''), coalesce(o.recurs, ''), o.failed, coalesce(o.clock_from, o.promoted_at), o.due_at,
	o.escalated_at, coalesce((select name from bodies where id = o.escalated_to), ''), o.parts`

const orderQuery = `select ` + orderColumns + ` from orders o left join places p on p.id = o.place`

func scanOrder(row pgx.CollectableRow) (Order, error) {
	var o Order
	var cell int64
	var handed, taken, due, escalated *time.Time
	var parts []int16
	err := row.Scan(&o.ID, &o.Number, &o.Place, &o.Class, &o.Severity, &o.Probability, &o.Devices, &o.State, &o.Street, &o.Body,
		&o.PromotedAt, &o.StateAt, &o.ExternalID, &o.Lat, &o.Lon, &o.HeadingDeg, &o.UncertaintyM, &cell,
		&o.Version, &o.StreetClass, &o.Crew, &o.CrewName, &handed, &taken, &o.Moved, &o.DuplicateOf, &o.SplitFrom, &o.Recurs, &o.Failed, &o.ClockFrom,
		&due, &escalated, &o.EscalatedTo, &parts)
	o.Cell, o.Priority = geo.Cell(cell), priorityOf(parts)
	o.PromotedAt, o.StateAt, o.ClockFrom = o.PromotedAt.UTC(), o.StateAt.UTC(), o.ClockFrom.UTC()
	o.HandedAt, o.TakenAt, o.DueAt, o.EscalatedAt = deref(handed).UTC(), deref(taken).UTC(), deref(due).UTC(), deref(escalated).UTC()
	return o, err
}

// Orders lists work orders, newest promotion first.
func Orders(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Order, error) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(f.States) > 0 {
		where = append(where, "o.state = any("+arg(f.States)+")")
	}
	if b := f.Bounds; b != nil {
		where = append(where, fmt.Sprintf("coalesce(o.lat, p.lat) between %s and %s and coalesce(o.lon, p.lon) between %s and %s",
			arg(b.Min[1]), arg(b.Max[1]), arg(b.Min[0]), arg(b.Max[0])))
	}
	if f.Before.ID != "" {
		where = append(where, fmt.Sprintf("(o.promoted_at, o.id) < (%s, %s)", arg(f.Before.At), arg(f.Before.ID)))
	}
	query := orderQuery
	if len(where) > 0 {
		query += " where " + strings.Join(where, " and ")
	}
	query += " order by o.promoted_at desc, o.id desc"
	if f.Limit > 0 {
		query += " limit " + arg(f.Limit)
	}
	rows, err := pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list work orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return nil, fmt.Errorf("list work orders: %w", err)
	}
	return orders, nil
}

// Named returns the id of an order that somebody has named by its id or number, or ErrNotFound.
func Named(ctx context.Context, pool *pgxpool.Pool, name string) (id string, err error) {
	err = pool.QueryRow(ctx, `select id from orders where id = $1 or number = upper($1)`, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("find work order %s: %w", name, err)
	}
	return id, nil
}

// FindOrder returns one order with its steps, or ErrNotFound.
func FindOrder(ctx context.Context, pool *pgxpool.Pool, id string) (Order, []Step, error) {
	return find(ctx, pool, "o.id", id)
}

// OrderOf returns the order of a place with its steps, or ErrNotFound.
func OrderOf(ctx context.Context, pool *pgxpool.Pool, place string) (Order, []Step, error) {
	return find(ctx, pool, "o.place", place)
}

// Grounds returns why the order's place was believed when the order was written, as it stood then, or ErrNotFound where that is not on
// record.
func Grounds(ctx context.Context, pool *pgxpool.Pool, id string) (crowd.Explanation, error) {
	var e crowd.Explanation
	err := pool.QueryRow(ctx, `select explanation from promotions where order_id = $1`, id).Scan(&e)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("read why work order %s was written: %w", id, err)
	}
	return e, nil
}

func find(ctx context.Context, pool *pgxpool.Pool, column, id string) (Order, []Step, error) {
	rows, err := pool.Query(ctx, orderQuery+" where "+column+" = $1", id)
	if err != nil {
		return Order{}, nil, fmt.Errorf("find a work order: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, scanOrder)
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, nil, ErrNotFound
	}
	if err != nil {
		return Order{}, nil, fmt.Errorf("find a work order: %w", err)
	}
	rows, err = pool.Query(ctx, `select at, state, actor, reason, found, undone from order_steps where order_id = $1 order by n`, o.ID)
	if err != nil {
		return Order{}, nil, fmt.Errorf("read a work order's steps: %w", err)
	}
	steps, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Step, error) {
		var s Step
		err := row.Scan(&s.At, &s.State, &s.Actor, &s.Reason, &s.Found, &s.Undone)
		s.At = s.At.UTC()
		return s, err
	})
	if err != nil {
		return Order{}, nil, fmt.Errorf("read a work order's steps: %w", err)
	}
	return o, steps, nil
}
