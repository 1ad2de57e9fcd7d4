package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/geo"
)

// What crosses regions changes only when an epoch passes: one hour of the decision clock. An epoch passes when all
// that arrived in it has been judged; late commits are judged in the next one and dated there.

// Keys of advisory locks.
const (
	lockEpoch  = 7_310_001 // shared: an epoch is being judged; exclusive: it passes
	lockReplay = 7_310_002 // shared: a worker judges by the live clock; exclusive: a replay has the clock
)

const (
	epochLength = time.Hour
	fadeAfter   = 60 * 24 * time.Hour // a suspected place without a jolt for so long fades
)

func epochOf(t time.Time) int64       { return t.Unix() / int64(epochLength/time.Second) }
func epochStart(hour int64) time.Time { return time.Unix(hour*int64(epochLength/time.Second), 0).UTC() }

// currentEpoch returns the epoch that is being judged, and up to which one may be judged with it, and keeps it from passing until the
// transaction ends. It is not ok where there is nothing to judge yet, or a replay in another process has the clock.
func (e *Engine) currentEpoch(ctx context.Context, tx pgx.Tx) (hour, until int64, ok bool, err error) {
	if e.alone == nil {
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock_shared($1)`, lockReplay).Scan(&ok); err != nil || !ok {
			return 0, 0, false, wrap(err, "ask for the clock")
		}
	}
	var began, seal int64
	err = tx.QueryRow(ctx, `
		with held as materialized (select pg_advisory_xact_lock_shared($1))
		select hour, began, seal from held, epoch`, lockEpoch).Scan(&hour, &began, &seal)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, false, nil
	}
	e.heed(seal)
	until = hour + 1
	if e.config.Leap {
		until = nextLesson(began, hour)
	}
	return hour, until, err == nil, wrap(err, "read the epoch")
}

// heed forgets everything when something was sealed since it last looked: memory must not know devices that are gone.
func (e *Engine) heed(seal int64) {
	if e.seal == seal {
		return
	}
	e.seal = seal
	e.trust, e.book = newTrust(e.reader), newBook()
	e.cache.clear()
}

// Alone keeps every other process from judging on this database until release is called: for a replay, whose clock
// is its own. It waits for turns that are under way.
func (e *Engine) Alone(ctx context.Context) (release func(), err error) {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("have the clock alone: %w", err)
	}
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, lockReplay); err != nil {
		conn.Release()
		return nil, fmt.Errorf("have the clock alone: %w", err)
	}
	e.alone = conn
	return func() {
		// Closing the connection gives the lock back even where the database no longer answers, but at some time or other: whoever
		// judges next need not wait for that.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, `select pg_advisory_unlock($1)`, lockReplay)
		_ = conn.Hijack().Close(ctx)
		e.alone = nil
	}, nil
}

// passEpoch moves to the next epoch that has something in it, no farther than until, if all that belongs to the current
// one has been judged. It says whether it moved.
func (e *Engine) passEpoch(ctx context.Context, until time.Time) (passed bool, err error) {
	err = pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		passed, err = e.passEpochIn(ctx, tx, until)
		return err
	})
	if err != nil { // what was learned is not stored
		e.trust, e.book = newTrust(e.reader), newBook()
		e.cache.clear()
	}
	return passed, wrap(err, "pass the epoch")
}

func (e *Engine) passEpochIn(ctx context.Context, tx pgx.Tx, until time.Time) (bool, error) {
	var free bool
	if e.alone == nil {
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock_shared($1)`, lockReplay).Scan(&free); err != nil || !free {
			return false, err
		}
	}
	// The lock first, in a statement of its own: the next one must see what the lock waited for.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, lockEpoch); err != nil {
		return false, err
	}
	var hour *int64
	var oldest *time.Time
	var seal, began int64
	err := tx.QueryRow(ctx, `select e.hour, coalesce(e.seal, 0), coalesce(e.began, 0), oldest from (select min(received) as oldest from pending) p left join epoch e on true`).
		Scan(&hour, &seal, &began, &oldest)
	if err != nil {
		return false, err
	}
	e.heed(seal)
	target := epochOf(until)
	if oldest != nil {
		target = min(target, epochOf(*oldest))
	}
	if hour == nil {
		if oldest == nil || !oldest.Before(until) {
			return false, nil
		}
		_, err := tx.Exec(ctx, `insert into epoch (hour, began) values ($1, $1)`, target)
		return true, err
	}
	learns := lesson(began, target) != lesson(began, *hour)
	if target <= *hour || e.config.Leap && !learns {
		return false, nil
	}
	if err := SumAnswers(ctx, tx, epochStart(target)); err != nil {
		return false, err
	}
	if learns {
		if err := e.study(ctx, tx, *hour, target); err != nil {
			return false, err
		}
	}
	if err := e.fade(ctx, tx, *hour, target); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `update epoch set hour = $1`, target)
	return true, err
}

// fade lets suspected places go whose last jolt is long past, at each midnight (UTC) between two epochs, so that it makes
// no difference how many epochs pass at once. They teach nothing any more: see node.faded.
func (e *Engine) fade(ctx context.Context, tx pgx.Tx, hour, target int64) error {
	const day = 24 * time.Hour
	for at := epochStart(hour).Truncate(day).Add(day); !at.After(epochStart(target)); at = at.Add(day) {
		rows, err := tx.Query(ctx, `
			with gone as (
				update places set state = 'faded', state_at = $1, steps = steps + 1
				where state = 'suspected' and last_at < $2 returning id, region, steps),
			told as (
				insert into place_steps (place, n, at, kind, words)
				select id, steps, $1, 'faded', '{}' from gone),
			touched as (
				insert into touched (epoch, place) select $3, id from gone),
			bumped as (
				update regions set version = version + 1 where region in (select region from gone) returning region, version)
			select id, gone.region, version, pg_notify($4, json_build_object('kind', 'place', 'id', id, 'place', id, 'state', 'faded')::text)
			from gone join bumped using (region)`,
			at, at.Add(-fadeAfter), target, Changes)
		if err != nil {
			return fmt.Errorf("fade places: %w", err)
		}
		var id string
		var region, version int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &region, &version, nil}, func() error {
			if shelf := e.cache.regions[geo.Cell(region)]; shelf != nil {
				shelf.noted(version)
				if s := shelf.sites[id]; s != nil {
					s.State, s.StateAt = Faded, at
					s.stepCount++
				}
			}
			return nil
		}); err != nil {
			return fmt.Errorf("fade places: %w", err)
		}
	}
	return nil
}

func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
