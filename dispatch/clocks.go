package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lockClocks is the advisory lock of whoever looks at the deadlines.
const lockClocks = lockFigures + 20

// mostRung bounds how many orders one look notes something of: a city that begins with many that are overdue comes to them one look after
// the other, and nobody waits long for a row.
const mostRung = 500

// Clocks looks at the deadlines: it notes, once each, which orders are due soon, which are overdue, and which must be brought before the
// body above, or the next one above that; and it rates open orders anew. It returns how many orders it noted something of.
func Clocks(ctx context.Context, pool *pgxpool.Pool, now time.Time) (noted int, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, lockClocks).Scan(&mine); err != nil || !mine {
			return err
		}
		works, err := LoadWorks(ctx, tx)
		if err != nil {
			return err
		}
		if err := begin(ctx, tx, works); err != nil {
			return err
		}
		if noted, err = ring(ctx, tx, works, now); err != nil {
			return err
		}
		return rateAll(ctx, tx, now)
	})
	if err != nil {
		return 0, fmt.Errorf("look at the deadlines: %w", err)
	}
	return noted, nil
}

// begin gives orders deadlines that have none yet: those from before there were any. Where a city has laid down other rules since, they
// are not for orders from before: no rule was for those.
func begin(ctx context.Context, tx pgx.Tx, works Works) error {
	rows, err := tx.Query(ctx, orderQuery+` where `+OpenSQL+` and o.due_at is null and coalesce(o.clock_from, o.promoted_at) >= $1`, works.Since)
	if err != nil {
		return err
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return err
	}
	for _, o := range orders {
		due := works.Deadline(o.Class, o.StreetClass, o.Severity, o.ClockFrom)
		if due.IsZero() {
			continue
		}
		if _, err := tx.Exec(ctx, `update orders set due_at = $2 where id = $1`, o.ID, due); err != nil {
			return err
		}
	}
	return nil
}

// ring notes what the clock says of deadlines. Who acts on an order at the moment keeps it: it is looked at the next time.
func ring(ctx context.Context, tx pgx.Tx, works Works, now time.Time) (int, error) {
	rows, err := tx.Query(ctx, `select o.id from orders o where `+OpenSQL+` and (o.due_at <= $1 and o.warned_at is null or o.due_at <= $2 and o.overdue_at is null
		or o.due_at <= $3 and o.escalated_at is null or o.escalates_at <= $2) order by o.due_at limit $4 for update skip locked`, works.SoonUntil(now), now, works.escalatesUntil(now), mostRung)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	noted, warn := 0, warnings{}
	for _, id := range ids {
		o, err := read(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		told, soon := false, false
		for _, bell := range []struct {
			kind Kind
			at   **time.Time
			due  bool
		}{
			{DidWarn, &o.WarnedAt, true},
			{DidOverdue, &o.OverdueAt, !now.Before(*o.DueAt)},
		} {
			if !bell.due || *bell.at != nil {
				continue
			}
			*bell.at = &now
			told = true
			if err := o.note(ctx, tx, nil, deed{At: now, Kind: bell.kind, Actor: Clock}); err != nil {
				return 0, err
			}
			soon = soon || bell.kind == DidWarn // which speaks of what is overdue too
		}
		escalated := false
		if o.escalates(works, now) {
			if escalated, err = o.escalate(ctx, tx, works, &warn, now); err != nil {
				return 0, err
			}
		}
		if soon && !escalated {
			if err := warn.soon(ctx, tx, o); err != nil {
				return 0, err
			}
		}
		if told || escalated {
			noted++
		}
	}
	return noted, warn.queue(ctx, tx)
}

// rateAll rates every open order anew, and stores what has changed.
func rateAll(ctx context.Context, tx pgx.Tx, now time.Time) error {
	rows, err := tx.Query(ctx, `
		with recursive of as (select id, place from orders where place is not null
				union all select o.id, of.place from orders o join of on o.split_from = of.id where o.place is null),
			driven as (select place, sum(jolts + passes) as n from place_days where `+lateDaysSQL+` group by place)
		select o.id, o.severity, o.street_class, coalesce(o.clock_from, o.promoted_at), o.due_at, o.failed, coalesce(d.n, 0), o.parts
		from orders o left join of using (id) left join driven d on d.place = of.place where `+OpenSQL)
	if err != nil {
		return err
	}
	var ids []string
	var sums []int16
	var parts [5][]int16
	var id string
	var u Urgency
	var due *time.Time
	var was []int16
	_, err = pgx.ForEachRow(rows, []any{&id, &u.Severity, &u.StreetClass, &u.ClockFrom, &due, &u.Failed, &u.Driven, &was}, func() error {
		u.DueAt = deref(due)
		p := Rate(u, now)
		if p == priorityOf(was) {
			return nil
		}
		ids, sums = append(ids, id), append(sums, int16(p.Sum()))
		for i, v := range p.stored() {
			parts[i] = append(parts[i], v)
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `
		with rated as (select * from unnest($1::text[], $2::smallint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::smallint[], $7::smallint[]) as u (id, sum, a, b, c, d, e)),
			free as (select o.id from orders o join rated u using (id) order by o.id for update of o skip locked)
		update orders o set priority = u.sum, parts = array[u.a, u.b, u.c, u.d, u.e] from rated u join free using (id) where o.id = u.id`,
		ids, sums, parts[0], parts[1], parts[2], parts[3], parts[4])
	return err
}

// KeepClocks looks at the deadlines again and again until ctx ends.
func KeepClocks(ctx context.Context, pool *pgxpool.Pool, now func() time.Time, log *slog.Logger) error {
	const every = time.Minute
	pause := time.NewTicker(every)
	defer pause.Stop()
	for {
		if _, err := Clocks(ctx, pool, now()); err != nil && ctx.Err() == nil {
			log.Error("deadlines were not looked at; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}
