package city

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Settings are what is set; what is nil is as the server was started.
type Settings struct {
	Name           *string
	PromiseDays    *float64 // within which the city has promised to repair; 0: it has promised nothing
	Suspected      *string  // what the public sees of suspected places: no, coarse, yes
	RetainDays     *int     // after which raw events are dropped; 0: never
	FalseOrderCost *float64 // of a crew that finds nothing, in any unit
	MissedDayCost  *float64 // of a day that a pothole waits, in the same unit
	OrderClasses   []string // beside potholes, that become orders by themselves where they are severe
	Version        int64    // counts changes: who changes them says which one they saw
}

// ErrChanged is returned where somebody else has changed the settings since they were seen.
var ErrChanged = errors.New("somebody else has changed the settings")

// Announced is the kind under which a change is announced on the channel of changes, to every process that serves.
const Announced = "settings"

// Querier is a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const query = `select city, promise_days, suspected, retain_days, false_order_cost, missed_day_cost, order_classes, version from settings`

// Load reads the settings.
func Load(ctx context.Context, db Querier) (Settings, error) { return load(ctx, db, query) }

func load(ctx context.Context, db Querier, sql string) (s Settings, err error) {
	err = db.QueryRow(ctx, sql).Scan(&s.Name, &s.PromiseDays, &s.Suspected, &s.RetainDays, &s.FalseOrderCost, &s.MissedDayCost, &s.OrderClasses, &s.Version)
	if err != nil {
		return s, fmt.Errorf("read the city's settings: %w", err)
	}
	return s, nil
}

// Change stores settings in the caller's transaction and announces them on a channel when it commits; s.Version is the one that was seen.
// It returns the settings before and after, or ErrChanged beside those that stand.
func Change(ctx context.Context, tx pgx.Tx, s Settings, channel string) (before, after Settings, err error) {
	if before, err = load(ctx, tx, query+` for update`); err != nil {
		return before, s, err
	}
	if before.Version != s.Version {
		return before, before, ErrChanged
	}
	s.Version++
	s.OrderClasses = slices.Compact(slices.Sorted(slices.Values(s.OrderClasses)))
	_, err = tx.Exec(ctx, `update settings set city = $1, promise_days = $2, suspected = $3, retain_days = $4, false_order_cost = $5, missed_day_cost = $6, order_classes = $7, version = $8`,
		s.Name, s.PromiseDays, s.Suspected, s.RetainDays, s.FalseOrderCost, s.MissedDayCost, append([]string{}, s.OrderClasses...), s.Version)
	if err != nil {
		return before, s, fmt.Errorf("store the city's settings: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_notify($1, json_build_object('kind', $2::text)::text)`, channel, Announced); err != nil {
		return before, s, fmt.Errorf("announce the city's settings: %w", err)
	}
	return before, s, nil
}
