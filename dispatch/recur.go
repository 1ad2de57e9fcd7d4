package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// A defect that is there again within a year of its repair is a repair that failed.
const (
	recurWithin = 365 * 24 * time.Hour
	recurM      = 15 // on the same street
)

// recur looks whether something was repaired within a year where a new order is.
func (o *record) recur(ctx context.Context, tx pgx.Tx, at orb.Point) error {
	lat := recurM / 111_319.49
	lon := lat / max(0.01, math.Cos(at.Lat()*math.Pi/180))
	rows, err := tx.Query(ctx, `
		select o.id, coalesce(o.lat, p.lat), coalesce(o.lon, p.lon) from orders o left join places p on p.id = o.place
		where (p.lat between $1 and $2 and p.lon between $3 and $4 or o.lat between $1 and $2 and o.lon between $3 and $4) and o.street = $5
			and exists (select 1 from order_steps s where s.order_id = o.id and s.state = 'repaired' and not s.undone and s.at between $6 and $7)
		order by o.state_at desc, o.id`,
		at.Lat()-lat, at.Lat()+lat, at.Lon()-lon, at.Lon()+lon, o.Street, o.PromotedAt.Add(-recurWithin), o.PromotedAt)
	if err != nil {
		return fmt.Errorf("look for earlier repairs: %w", err)
	}
	var id string
	var there orb.Point
	_, err = pgx.ForEachRow(rows, []any{&id, &there[1], &there[0]}, func() error {
		if o.Recurs == nil && id != o.ID && geo.Distance(at, there) <= recurM {
			o.Recurs, o.Failed = filled(id), true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for earlier repairs: %w", err)
	}
	return nil
}

// reopen starts the order's clock anew, and looks whether a repair of it has failed by that. A dismissal that is taken back has
// no repair to fail.
func (o *record) reopen(ctx context.Context, tx pgx.Tx, from State, at time.Time) error {
	o.ClockFrom = at
	if from != Dismissed {
		var repaired *time.Time
		err := tx.QueryRow(ctx, `select max(at) from order_steps where order_id = $1 and state = 'repaired' and not undone`, o.ID).Scan(&repaired)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("look for the order's repair: %w", err)
		}
		o.Failed = o.Failed || repaired != nil && at.Sub(*repaired) <= recurWithin
	}
	return o.setDeadline(ctx, tx)
}
