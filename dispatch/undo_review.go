package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

const takenBack = "The decision was taken back."

// decided is what somebody decided last on the review list.
type decided struct {
	place    string
	at       time.Time
	decision string
	order    *string // that was written
	version  *int64  // that it has now
	report   bool    // it was a report, not a place
}

// lastDecided returns what a person decided last on the review list since a time, all of that stroke; the last first.
func (d Desk) lastDecided(ctx context.Context, by By, since time.Time) ([]decided, error) {
	rows, err := d.Pool.Query(ctx, `
		with mine as (
			select place as id, decided_at, decision, batch, false as report, null as work_order from reviews where person = $1 and $1 <> '' and decided_at > $2 and decided_at <= $3
			union all
			select id, decided_at, decision, batch, true, work_order from reports where decided_by = $1 and $1 <> '' and decided_at > $2 and decided_at <= $3),
		newest as (select id, batch from mine order by decided_at desc, id limit 1)
		select m.id, m.decided_at, m.decision, o.id, o.version, m.report from newest n join mine m on m.id = n.id or m.batch = n.batch and m.batch <> ''
		left join orders o on o.place = m.id and not m.report or o.id = m.work_order
		order by m.decided_at desc, m.id`, by.Person, since, by.At)
	if err != nil {
		return nil, fmt.Errorf("find what to take back: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (decided, error) {
		var l decided
		return l, row.Scan(&l.place, &l.at, &l.decision, &l.order, &l.version, &l.report)
	})
	if err != nil {
		return nil, fmt.Errorf("find what to take back: %w", err)
	}
	return list, nil
}

// undecideAll takes back decisions of one stroke, each by itself.
func (d Desk) undecideAll(ctx context.Context, by By, list []decided) (out []Undone, err error) {
	for _, l := range list {
		undecide := d.undecide
		if l.report {
			undecide = d.undecideReport
		}
		done, err := undecide(ctx, by, &l)
		if err != nil && !refused(err) {
			return out, err
		}
		out = append(out, Undone{done, true, err})
	}
	return out, nil
}

// undecide puts a place back on the review list: the verdict on it is withdrawn. The order that was written, if nobody has done anything
// with it, is dismissed, and taken up again should the place become work after all.
func (d Desk) undecide(ctx context.Context, by By, l *decided) (done Done, err error) {
	done = Done{ID: l.place, Number: l.place, Kind: DidDismiss}
	err = d.retried(ctx, func(tx pgx.Tx) error {
		if err := crowd.Hold(ctx, tx, l.place); err != nil {
			return err
		}
		free, err := tx.Exec(ctx, `update reviews set decided_at = null, decision = '', person = '', batch = '' where place = $1 and decided_at = $2 and person = $3`, l.place, l.at, by.Person)
		if err != nil {
			return fmt.Errorf("take back what was decided on place %s: %w", l.place, err)
		}
		if free.RowsAffected() == 0 {
			return ErrNothing
		}
		if l.decision == ordered {
			if done, err = d.unorder(ctx, tx, by, l); err != nil {
				return err
			}
			err = crowd.Listed(ctx, tx, l.place, by.At)
		} else {
			err = crowd.Settle(ctx, tx, l.place, crowd.Suspected, "", by.At)
		}
		if err != nil {
			return err
		}
		if err := announceReview(ctx, tx, l.place); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidUndo, done.ID, "of the review list, "+l.decision)
	})
	return done, err
}

// unorder dismisses the order that a decision has written or taken up.
func (d Desk) unorder(ctx context.Context, tx pgx.Tx, by By, l *decided) (Done, error) {
	o, err := read(ctx, tx, deref(l.order))
	if err != nil {
		return Done{}, err
	}
	done := Done{ID: o.ID, Number: o.Number, State: o.State, Version: o.Version, Kind: DidPromote}
	var kind Kind
	if err := tx.QueryRow(ctx, `select kind from order_actions where order_id = $1 and version = $2 and actor <> 'clock'`, o.ID, o.Version).Scan(&kind); err != nil {
		return done, fmt.Errorf("find what was done with work order %s: %w", o.ID, err)
	}
	if kind != DidPromote && kind != DidReopen {
		return done, changed(ctx, tx, o)
	}
	before := *o
	o.State, o.StateAt = Dismissed, by.At
	if err := o.strike(ctx, tx, 1); err != nil {
		return done, err
	}
	if err := o.tell(ctx, tx, Step{At: by.At, State: Dismissed, Actor: by.Actor, Reason: takenBack, Undone: true}); err != nil {
		return done, err
	}
	err = o.note(ctx, tx, &before, deed{At: by.At, Kind: DidUndo, Actor: by.Actor, Person: by.Person, Reason: takenBack, Words: Words{Undoes: kind, From: before.State, To: Dismissed}})
	done.State, done.Version = o.State, o.Version
	return done, err
}
