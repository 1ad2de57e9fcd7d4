package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
)

// Transition moves an order to another state, whatever version of it was seen. It returns ErrNotFound, ErrTransition where the
// order may not go that way from where it stands now, or ErrReason where a dismissal, a reopening or a verification has none. People act by Desk.Act.
func Transition(ctx context.Context, pool *pgxpool.Pool, id string, to Step) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := holdPlace(ctx, tx, id); err != nil {
			return err
		}
		return transition(ctx, tx, id, to)
	})
}

func transition(ctx context.Context, tx pgx.Tx, id string, to Step) error {
	o, err := read(ctx, tx, id)
	if err != nil {
		return err
	}
	before := *o
	if err := o.step(ctx, tx, to); err != nil {
		return err
	}
	return o.note(ctx, tx, &before, deed{At: to.At, Kind: KindOf(to.State), Actor: to.Actor, Reason: to.Reason})
}

// holdPlace keeps everybody from judging around an order's place: who judges there locks orders after that, and so must all who
// decide on places.
func holdPlace(ctx context.Context, tx pgx.Tx, order string) error {
	var place *string
	err := tx.QueryRow(ctx, `select place from orders where id = $1`, order).Scan(&place)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("find work order %s: %w", order, err)
	}
	if place == nil {
		return nil
	}
	return crowd.Hold(ctx, tx, *place)
}

// way lists the states that an order goes through from one to another in one stroke: a new order that is assigned is accepted by
// that, one that is repaired was in progress. It returns ErrTransition where there is no way.
func way(from, to State) ([]State, error) {
	if from.May(to) {
		return []State{to}, nil
	}
	for _, between := range []State{Accepted, InProgress} {
		if (to == Assigned || to == Repaired) && from.May(between) && between.May(to) {
			return []State{between, to}, nil
		}
	}
	return nil, fmt.Errorf("from %s to %s: %w", from, to, ErrTransition)
}

// step moves a held order on, tells crowd what was found out about its place, and writes it into the public story.
func (o *record) step(ctx context.Context, tx pgx.Tx, to Step) error {
	if to.Reason == "" && (to.State == Dismissed || to.State == Reopened || to.State == Verified) {
		return fmt.Errorf("%s: %w", to.State, ErrReason)
	}
	from := o.State
	if !from.May(to.State) {
		return fmt.Errorf("from %s to %s: %w", from, to.State, ErrTransition)
	}
	verifies := Traffic
	if o.Place == nil { // it was split off: no traffic is asked about it
		verifies = Dispatcher
	}
	if to.State == Verified && to.Actor != verifies {
		return fmt.Errorf("verified by %s: %w: %w", to.Actor, ErrTraffic, ErrTransition)
	}
	if to.State == Repaired && to.Found == "" {
		to.Found = o.Class
	}
	handed := o.HandedAt != nil
	o.enter(to)
	if handed && o.HandedAt == nil {
		if err := o.comeHome(ctx, tx); err != nil {
			return err
		}
	}
	if o.Place != nil {
		var err error
		switch {
		case to.State == Repaired:
			err = crowd.MarkRepaired(ctx, tx, *o.Place, to.Found, to.At)
		case to.State == Dismissed:
			err = crowd.Settle(ctx, tx, *o.Place, crowd.Dismissed, to.Found, to.At)
		case from == Dismissed:
			var stands crowd.Class
			if stands, err = o.stands(ctx, tx); err == nil {
				err = crowd.Settle(ctx, tx, *o.Place, crowd.Confirmed, stands, to.At)
			}
		}
		if err != nil {
			return err
		}
	}
	if to.State == Reopened {
		if err := o.reopen(ctx, tx, from, to.At); err != nil {
			return err
		}
	}
	return o.tell(ctx, tx, to)
}

// enter takes over what a state means for the order's other fields.
func (o *record) enter(to Step) {
	o.State, o.StateAt = to.State, to.At
	switch to.State {
	case Accepted, Reopened:
		o.Crew, o.HandedAt, o.TakenAt = nil, nil, nil
	case New, Assigned, InProgress, Repaired, Verified, Dismissed: // who has it keeps it
	}
	if to.State == Reopened {
		o.DuplicateOf = nil
	}
}

// stands returns what a crew had found at the place before a dismissal that said nothing of it; else nothing is known when that is reopened.
func (o *record) stands(ctx context.Context, tx pgx.Tx) (crowd.Class, error) {
	var silent bool
	err := tx.QueryRow(ctx, `select coalesce(words->>'verdict' in ($2, $3), false) from order_actions where order_id = $1 and kind = 'dismissed' and not undone order by n desc limit 1`,
		o.ID, NotOurs, Duplicate).Scan(&silent)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("find how work order %s was dismissed: %w", o.ID, err)
	}
	if !silent {
		return "", nil
	}
	return o.Verdict, nil
}
