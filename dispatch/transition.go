package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
)

// Transition moves an order to another state. It returns ErrNotFound, ErrTransition where the order may not go that way
// from where it stands now, or ErrReason where a dismissal has none.
func Transition(ctx context.Context, pool *pgxpool.Pool, id string, to Step) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return transition(ctx, tx, id, to) })
}

func transition(ctx context.Context, tx pgx.Tx, id string, to Step) error {
	if to.Reason == "" && (to.State == Dismissed || to.State == Reopened) {
		return fmt.Errorf("%s: %w", to.State, ErrReason)
	}
	var from State
	var place string
	var class crowd.Class
	err := tx.QueryRow(ctx, `select state, place, class from orders where id = $1 for update`, id).Scan(&from, &place, &class)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("find work order %s: %w", id, err)
	}
	if !from.May(to.State) {
		return fmt.Errorf("from %s to %s: %w", from, to.State, ErrTransition)
	}
	var n int
	err = tx.QueryRow(ctx, `
		with moved as (update orders set state = $2, state_at = $3 where id = $1)
		select 1 + max(n) from order_steps where order_id = $1`, id, to.State, to.At).Scan(&n)
	if err != nil {
		return fmt.Errorf("move work order %s: %w", id, err)
	}
	if to.State == Repaired && to.Found == "" {
		to.Found = class
	}
	switch {
	case to.State == Repaired:
		err = crowd.MarkRepaired(ctx, tx, place, to.Found, to.At)
	case to.State == Dismissed:
		err = crowd.Settle(ctx, tx, place, crowd.Dismissed, to.Found, to.At)
	case from == Dismissed:
		err = crowd.Settle(ctx, tx, place, crowd.Confirmed, to.Found, to.At)
	}
	if err != nil {
		return err
	}
	return tell(ctx, tx, id, place, n, to)
}
