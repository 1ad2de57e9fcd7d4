package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// decision is what people found out about a place.
type decision string

const (
	decidedDismissed  decision = "dismissed"
	decidedConfirmed  decision = "confirmed" // a dismissal is taken back
	decidedRepaired   decision = "repaired"
	decidedUnrepaired decision = "unrepaired" // a repair is taken back
	decidedOrdered    decision = "ordered"    // a dispatcher has made work of it
	decidedListed     decision = "listed"     // that is taken back: it is on the review list again
)

// Settle takes over, in the caller's transaction, what people have found out about a place: Dismissed, or Confirmed when a
// dismissal is taken back; and what a crew has found there, where it has said so. It returns ErrNotFound where no such
// place exists.
func Settle(ctx context.Context, tx pgx.Tx, place string, state State, found Class, at time.Time) error {
	if err := decide(ctx, tx, place, decision(state), found, at); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		with settled as (
			update places set state = $2, state_at = $3, steps = steps + 1 where id = $1 and state <> $2 returning steps)
		insert into place_steps (place, n, at, kind, words) select $1, steps, $3, $2, '{}' from settled`, place, state, at)
	if err != nil {
		return fmt.Errorf("settle place %s: %w", place, err)
	}
	return nil
}

// Ordered notes, in the caller's transaction, that a dispatcher has made work of a place that was on the review list: it is
// confirmed, and its name stays. It returns ErrNotFound where no such place exists.
func Ordered(ctx context.Context, tx pgx.Tx, place string, at time.Time) error {
	if err := decide(ctx, tx, place, decidedOrdered, "", at); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		with settled as (
			update places set ordered = true, state = 'confirmed', state_at = $2, steps = steps + 1 where id = $1 and not ordered returning steps)
		insert into place_steps (place, n, at, kind, words) select $1, steps, $2, 'confirmed', '{}' from settled`, place, at)
	if err != nil {
		return fmt.Errorf("order place %s: %w", place, err)
	}
	return nil
}

// Listed takes back, in the caller's transaction, that a dispatcher has made work of a place: it waits on the review list again. It returns
// ErrNotFound where no such place exists.
func Listed(ctx context.Context, tx pgx.Tx, place string, at time.Time) error {
	if err := decide(ctx, tx, place, decidedListed, "", at); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		with settled as (
			update places set ordered = false, state = 'suspected', state_at = $2, steps = steps + 1 where id = $1 and ordered returning steps, class)
		insert into place_steps (place, n, at, kind, words) select $1, steps, $2, 'review', json_build_object('class', class) from settled`, place, at)
	if err != nil {
		return fmt.Errorf("list place %s for review: %w", place, err)
	}
	return nil
}

// Hold keeps everybody from judging around a place until the caller's transaction ends. Who decides on a place and locks rows of
// its own calls it first: judging locks in that order too. A place that does not exist is held by nobody.
func Hold(ctx context.Context, tx pgx.Tx, place string) error {
	if err := holdRegionOf(ctx, tx, place); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// MarkRepaired notes, in the caller's transaction, that a crew has repaired the place: what devices said before no
// longer counts, and traffic is asked whether the repair holds. found is what the crew has repaired. It returns
// ErrNotFound where no such place exists.
func MarkRepaired(ctx context.Context, tx pgx.Tx, place string, found Class, at time.Time) error {
	if err := putAside(ctx, tx, place); err != nil {
		return err
	}
	if err := decide(ctx, tx, place, decidedRepaired, found, at); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		update places set repaired_at = $2, votes_known = 0, votes_absent = 0, votes_repaired = 0 where id = $1`, place, at); err != nil {
		return fmt.Errorf("mark place %s repaired: %w", place, err)
	}
	if _, err := tx.Exec(ctx, `delete from evidence where place = $1`, place); err != nil {
		return fmt.Errorf("mark place %s repaired: %w", place, err)
	}
	return nil
}

// decide writes the decision into the order of judgement. The region's row comes first, as in judging, so that no worker
// holds an older picture, and nothing of the region is judged in between.
func decide(ctx context.Context, tx pgx.Tx, place string, d decision, found Class, at time.Time) error {
	if err := holdRegionOf(ctx, tx, place); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		with decided as (insert into decisions (place, kind, verdict, at) values ($1, $2, $3, $4)),
			told as (insert into touched (epoch, place) select hour, $1 from epoch)
		update places set verdict = $3 where id = $1`, place, string(d), string(found), at); err != nil {
		return fmt.Errorf("place %s is %s: %w", place, d, err)
	}
	return nil
}

// holdRegionOf keeps everybody from judging in the place's region until the transaction ends, and has them read it anew after
// that. It returns ErrNotFound where no such place exists.
func holdRegionOf(ctx context.Context, tx pgx.Tx, place string) error {
	held, err := tx.Exec(ctx, `update regions set version = version + 1 where region = (select region from places where id = $1)`, place)
	if err != nil {
		return fmt.Errorf("hold the region of place %s: %w", place, err)
	}
	if held.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// decide does to a place in memory what Settle, Ordered and MarkRepaired do in the database.
func (r *Rehearsal) decide(place string, d decision, found Class, at time.Time) {
	s := r.site(place)
	if s == nil {
		return
	}
	r.fresh = true
	before := s.verdict
	s.verdict = found
	switch {
	case d == decidedRepaired:
		s.repair(at, before)
	case d == decidedUnrepaired:
		s.unrepair()
	case d == decidedOrdered:
		if !s.Ordered {
			s.Ordered = true
			s.enter(Confirmed, at)
			s.story(at, StepConfirmed, StepWords{})
		}
	case d == decidedListed:
		if s.Ordered {
			s.Ordered = false
			s.enter(Suspected, at)
			s.story(at, StepReview, StepWords{Class: s.Class})
		}
	case s.State != State(d):
		s.enter(State(d), at)
		s.story(at, StepKind(d), StepWords{})
	}
}
