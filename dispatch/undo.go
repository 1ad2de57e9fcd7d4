package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// Undone is what became of one order whose last action was taken back.
type Undone struct {
	Done
	Review bool  // it was a decision on the review list
	Err    error // why it was not; see Undo
}

// toUndo is an action that may be taken back.
type toUndo struct {
	n      int64
	order  string
	at     time.Time
	kind   Kind
	actor  Actor
	words  Words
	before []byte
	batch  string
}

// Undo takes back what a person did last, if that was not long ago (Works.UndoFor): all orders of that stroke, each by a step of its own
// that the story keeps. Decisions on the review list are a stroke too. Verdicts are withdrawn from the crowd, and after a repair what was said
// before it counts again. An order that somebody has changed since stays as it is, and its Err is a Changed; ErrFinal is that what was said
// before a repair is gone. It returns ErrNothing where the person has done nothing of late. Where by names a batch, that stroke alone is taken
// back, if it is the last.
func (d Desk) Undo(ctx context.Context, by By) ([]Undone, error) {
	works, err := LoadWorks(ctx, d.Pool)
	if err != nil {
		return nil, err
	}
	rows, err := d.Pool.Query(ctx, `
		with newest as (
			select batch from order_actions where person = $1 and person <> '' and kind <> 'undone' and not undone and at > $2 and at <= $3 and before is not null
			order by n desc limit 1)
		select a.n, a.order_id, a.at, a.kind, a.actor, a.words, a.before, a.batch from order_actions a, newest
		where a.person = $1 and a.batch = newest.batch and $4 in ('', a.batch) and not a.undone and a.before is not null and a.kind <> 'undone' order by a.n desc`, by.Person, by.At.Add(-works.UndoFor), by.At, by.Batch)
	if err != nil {
		return nil, fmt.Errorf("find what to take back: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (toUndo, error) {
		var u toUndo
		return u, row.Scan(&u.n, &u.order, &u.at, &u.kind, &u.actor, &u.words, &u.before, &u.batch)
	})
	if err != nil {
		return nil, fmt.Errorf("find what to take back: %w", err)
	}
	if by.Batch == "" {
		reviews, err := d.lastDecided(ctx, by, by.At.Add(-works.UndoFor))
		if err != nil {
			return nil, err
		}
		if len(reviews) > 0 && (len(list) == 0 || !list[0].at.After(reviews[0].at) && !list[0].follows(reviews)) {
			return d.undecideAll(ctx, by, reviews)
		}
	}
	if len(list) == 0 {
		return nil, ErrNothing
	}
	var out []Undone
	for _, u := range list {
		done, err := d.undo(ctx, by, u)
		if err != nil && !refused(err) {
			return out, err
		}
		out = append(out, Undone{done, false, err})
	}
	return out, nil
}

// refused says whether an error is about one order, which stays as it is.
func refused(err error) bool {
	return errors.Is(err, ErrChanged) || errors.Is(err, ErrFinal) || errors.Is(err, ErrTransition) || errors.Is(err, ErrElsewhere)
}

// follows says whether something was done with an order that one of these decisions has written.
func (u toUndo) follows(list []decided) bool {
	return slices.ContainsFunc(list, func(l decided) bool { return l.order != nil && *l.order == u.order })
}

func (d Desk) undo(ctx context.Context, by By, u toUndo) (done Done, err error) {
	err = d.retried(ctx, func(tx pgx.Tx) error {
		if err := holdPlace(ctx, tx, u.order); err != nil {
			return err
		}
		o, err := read(ctx, tx, u.order)
		if err != nil {
			return err
		}
		done = Done{ID: o.ID, Number: o.Number, State: o.State, Version: o.Version, Kind: u.kind}
		if !by.has(o) {
			return ErrElsewhere
		}
		if last, err := o.last(ctx, tx, u.n); err != nil {
			return err
		} else if !last {
			return changed(ctx, tx, o)
		}
		var was record
		if err := json.Unmarshal(u.before, &was); err != nil {
			return fmt.Errorf("take back what was done with work order %s: %w", o.ID, err)
		}
		before := *o
		if err := o.restore(ctx, tx, was, by, u); err != nil {
			return err
		}
		if err := o.mark(ctx, tx, u); err != nil {
			return err
		}
		err = o.note(ctx, tx, &before, deed{At: by.At, Kind: DidUndo, Actor: by.Actor, Person: by.Person, Words: Words{Undoes: u.kind, Action: u.n}, Batch: u.batch})
		if err != nil {
			return err
		}
		done.State, done.Version = o.State, o.Version
		return d.audit(ctx, tx, by, DidUndo, o.ID, o.Number+", "+string(u.kind))
	})
	return done, err
}

// last says whether nothing stands that was done with the order after an action: what was taken back since is as if it had never been.
func (o *record) last(ctx context.Context, tx pgx.Tx, n int64) (bool, error) {
	var later bool
	err := tx.QueryRow(ctx, `select exists (select 1 from order_actions where order_id = $1 and n > $2 and actor <> $3 and kind <> $4 and not undone)`,
		o.ID, n, Clock, DidUndo).Scan(&later)
	if err != nil {
		return false, fmt.Errorf("look what was done with work order %s: %w", o.ID, err)
	}
	return !later, nil
}

// mark marks what was done as taken back. Where it was followed by the word that a deadline had been kept after all, that is not so any more:
// the notes that it had passed go with it, and the next look at the deadlines writes them, and tells everybody, anew.
func (o *record) mark(ctx context.Context, tx pgx.Tx, u toUndo) error {
	marked, err := tx.Exec(ctx, `update order_actions set undone = true where n = $1 and not undone`, u.n)
	if err == nil && marked.RowsAffected() == 0 {
		return ErrNothing
	}
	if err == nil {
		marked, err = tx.Exec(ctx, `update order_actions set undone = true where order_id = $1 and n > $2 and kind = $3 and not undone`, o.ID, u.n, DidInTime)
	}
	if err == nil && marked.RowsAffected() > 0 {
		o.OverdueAt = nil
		o.forgetEscalation()
		_, err = tx.Exec(ctx, `update order_actions set undone = true where order_id = $1 and kind in ($2, $3) and n < $4
			and n >= (select max(n) from order_actions where order_id = $1 and kind = $2 and n < $4)`, o.ID, DidOverdue, DidEscalate, u.n)
	}
	if err != nil {
		return fmt.Errorf("take back what was done with work order %s: %w", o.ID, err)
	}
	return nil
}

// restore brings the order back to what it was, as a step of its own in the public story where its state changes by that.
func (o *record) restore(ctx context.Context, tx pgx.Tx, was record, by By, u toUndo) error {
	if u.kind == DidPhoto {
		if _, err := tx.Exec(ctx, `delete from order_photos where id = $1`, u.words.Photo); err != nil {
			return fmt.Errorf("take back a photo of work order %s: %w", o.ID, err)
		}
	}
	if u.kind == DidSplit {
		return o.unsplit(ctx, tx, by, u)
	}
	now := *o
	from := now.State
	*o = was
	o.ID, o.Number, o.Place, o.Version = now.ID, now.Number, now.Place, now.Version
	if equalTimes(was.DueAt, now.DueAt) { // what the clock has done since stands
		o.WarnedAt, o.OverdueAt, o.EscalatedAt, o.EscalatedTo, o.EscalatesAt = now.WarnedAt, now.OverdueAt, now.EscalatedAt, now.EscalatedTo, now.EscalatesAt
	}
	if err := o.keepBody(ctx, tx); err != nil {
		return err
	}
	if u.kind == DidReclass && u.actor == Crew && o.Place != nil {
		return crowd.Settle(ctx, tx, *o.Place, crowd.Confirmed, o.Verdict, by.At)
	}
	if o.State == from {
		return nil
	}
	o.StateAt = by.At
	taken := 1
	if steps, err := way(o.State, from); err == nil {
		taken = len(steps)
	}
	if err := o.strike(ctx, tx, taken); err != nil {
		return err
	}
	if err := o.withdraw(ctx, tx, from, by.At); err != nil {
		return err
	}
	return o.tell(ctx, tx, Step{At: by.At, State: o.State, Actor: by.Actor, Reason: stepTakenBack, Undone: true})
}

// keepBody sees to it that the order is with a body that there is: it may have been renamed or retired since.
func (o *record) keepBody(ctx context.Context, tx pgx.Tx) error {
	var gone bool
	err := tx.QueryRow(ctx, `select $1 <> '' and exists (select 1 from bodies) and not exists (select 1 from bodies where name = $1 and retired_at is null)`, o.Body).Scan(&gone)
	if err != nil {
		return fmt.Errorf("find body %s: %w", o.Body, err)
	}
	if !gone {
		return nil
	}
	return o.comeHome(ctx, tx)
}

func equalTimes(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// strike marks the last steps of the story as taken back.
func (o *record) strike(ctx context.Context, tx pgx.Tx, n int) error {
	_, err := tx.Exec(ctx, `update order_steps set undone = true where order_id = $1 and n > (select max(n) - $2 from order_steps where order_id = $1)`, o.ID, n)
	if err != nil {
		return fmt.Errorf("take back steps of work order %s: %w", o.ID, err)
	}
	return nil
}

// withdraw tells crowd that what a state said of the place is not so: what was found before it stands again.
func (o *record) withdraw(ctx context.Context, tx pgx.Tx, from State, at time.Time) error {
	if o.Place == nil {
		return nil
	}
	if from == Repaired {
		err := crowd.TakeBackRepair(ctx, tx, *o.Place, at)
		if errors.Is(err, crowd.ErrCounted) {
			return fmt.Errorf("a repair: %w: %w", err, ErrFinal)
		}
		return err
	}
	switch {
	case o.State == Dismissed:
		return crowd.Settle(ctx, tx, *o.Place, crowd.Dismissed, o.Verdict, at)
	case from == Dismissed:
		return crowd.Settle(ctx, tx, *o.Place, crowd.Confirmed, o.Verdict, at)
	}
	return nil
}

// unsplit dismisses the order that was split off, as long as nobody has done anything with it.
func (o *record) unsplit(ctx context.Context, tx pgx.Tx, by By, u toUndo) error {
	off, err := read(ctx, tx, u.words.Order)
	if err != nil {
		return err
	}
	if off.Version != 1 {
		return changed(ctx, tx, off)
	}
	before := *off
	off.DuplicateOf = &o.ID
	reason := splitTakenBack
	if err := off.step(ctx, tx, Step{At: by.At, State: Dismissed, Actor: by.Actor, Reason: reason}); err != nil {
		return err
	}
	return off.note(ctx, tx, &before, deed{At: by.At, Kind: DidDismiss, Actor: by.Actor, Person: by.Person, Reason: reason,
		Words: Words{From: New, To: Dismissed, Verdict: Duplicate, Order: o.ID, Number: o.Number}})
}
