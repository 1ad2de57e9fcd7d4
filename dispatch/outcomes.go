package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
)

// Outcome is what became of a place that a device has felt: the state of its order, or where it has none its own.
type Outcome struct{ Place, State string }

// mostOutcomes is how many a device is told at a time: the latest.
const mostOutcomes = 50

// Untold returns what became of what a device felt since it was told last, the latest first, and when the latest was: Told takes it. What
// is not public is not told: the device shares it with nobody yet.
func Untold(ctx context.Context, pool *pgxpool.Pool, device string) (list []Outcome, newest time.Time, err error) {
	// What a crew did without a network became known later than it was done.
	rows, err := pool.Query(ctx, `select p.id, coalesce(o.state, p.state), known.at
		from evidence e join places p on p.id = e.place left join orders o on o.place = p.id join devices d on d.id = e.device
			cross join lateral (select greatest(coalesce(o.state_at, p.state_at),
				(select max(a.at) from order_actions a where a.order_id = o.id and a.words->>'to' = o.state and not a.undone)) as at) known
		where e.device = $1 and e.hits > 0 and (o.id is not null or `+crowd.ConfirmedSQL+`)
			and known.at > coalesce(d.told_at, '-infinity')
		order by at desc, p.id limit $2`, device, mostOutcomes)
	if err != nil {
		return nil, newest, fmt.Errorf("read what became of what a device felt: %w", err)
	}
	var o Outcome
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&o.Place, &o.State, &at}, func() error {
		list = append(list, o)
		if at.After(newest) {
			newest = at
		}
		return nil
	})
	if err != nil {
		return nil, newest, fmt.Errorf("read what became of what a device felt: %w", err)
	}
	return list, newest, nil
}

// Told remembers that a device knows what became of what it felt until a time.
func Told(ctx context.Context, pool *pgxpool.Pool, device string, until time.Time) error {
	if _, err := pool.Exec(ctx, `update devices set told_at = greatest(told_at, $2) where id = $1`, device, until); err != nil {
		return fmt.Errorf("remember that a device was told: %w", err)
	}
	return nil
}
