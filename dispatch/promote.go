package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// Office makes work orders for one city.
type Office struct {
	Prefix string                              // of the numbers: KR of KR-0417
	Street func(p crowd.Place) (street string) // the street a place lies on, "" where none is known; nil: none is
}

// Promote makes the work order of a confirmed place, in the transaction that confirms it: no confirmed place without its
// order. A place has one order for ever; promoting it again changes nothing.
func (o Office) Promote(ctx context.Context, tx pgx.Tx, c crowd.Confirmation) error {
	// Numbers have no gaps, so that a missing one means a missing order: the counter's row is locked until the commit. The
	// lock comes in a statement of its own, so that the next one sees what it waited for.
	if _, err := tx.Exec(ctx, `select last from order_seq for update`); err != nil {
		return fmt.Errorf("number a work order: %w", err)
	}
	var seq int64
	err := tx.QueryRow(ctx, `update order_seq set last = last + 1
		where not exists (select 1 from orders where place = $1) returning last`, c.Place.ID).Scan(&seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("number a work order: %w", err)
	}
	street := ""
	if o.Street != nil {
		street = o.Street(c.Place)
	}
	id := orderID(c.Place.ID)
	_, err = tx.Exec(ctx, `
		insert into orders (id, seq, number, place, class, severity, probability, devices, state, street, promoted_at, state_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)`,
		id, seq, Number(o.Prefix, seq), c.Place.ID, c.Place.Class, c.Place.Severity, c.Probability, c.Place.Devices, New,
		street, c.At)
	if err != nil {
		return fmt.Errorf("write a work order: %w", err)
	}
	grounds, err := json.Marshal(c.Explanation)
	if err != nil {
		return fmt.Errorf("explain a work order: %w", err)
	}
	if _, err := tx.Exec(ctx, `insert into promotions (order_id, explanation) values ($1, $2)`, id, grounds); err != nil {
		return fmt.Errorf("explain a work order: %w", err)
	}
	return tell(ctx, tx, id, c.Place.ID, 1, Step{At: c.At, State: New, Actor: Crowd, Reason: "Enough independent drivers felt it."})
}

// Number spells a work order's number: a prefix and at least four figures, which people can say on the phone.
func Number(prefix string, seq int64) string { return fmt.Sprintf("%s-%04d", prefix, seq) }

// orderID names the order of a place; judging the same events again gives the same name.
func orderID(place string) string {
	h := sha256.Sum256([]byte("order\x00" + place))
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(h[:10])
}

// tell writes a step and announces it.
func tell(ctx context.Context, tx pgx.Tx, order, place string, n int, s Step) error {
	_, err := tx.Exec(ctx, `insert into order_steps (order_id, n, at, state, actor, reason, found) values ($1, $2, $3, $4, $5, $6, $7)`,
		order, n, s.At, s.State, s.Actor, s.Reason, s.Found)
	if err != nil {
		return fmt.Errorf("write a work order's step: %w", err)
	}
	news, err := json.Marshal(map[string]string{"kind": "order", "id": order, "place": place, "state": string(s.State)})
	if err != nil {
		return fmt.Errorf("announce a work order: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, crowd.Changes, string(news)); err != nil {
		return fmt.Errorf("announce a work order: %w", err)
	}
	return nil
}

// Verify is what package crowd calls when traffic has passed a repaired place smoothly.
func Verify(ctx context.Context, tx pgx.Tx, place string, at time.Time, devices int) error {
	return byTraffic(ctx, tx, place, Verified, at, fmt.Sprintf("%d drivers passed and felt nothing.", devices))
}

// Reopen is what package crowd calls when a repaired place jolts again.
func Reopen(ctx context.Context, tx pgx.Tx, place string, at time.Time, devices int) error {
	return byTraffic(ctx, tx, place, Reopened, at, fmt.Sprintf("%d drivers felt it again.", devices))
}

func byTraffic(ctx context.Context, tx pgx.Tx, place string, to State, at time.Time, reason string) error {
	var id string
	err := tx.QueryRow(ctx, `select id from orders where place = $1`, place).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the order of place %s: %w", place, err)
	}
	err = transition(ctx, tx, id, Step{At: at, State: to, Actor: Traffic, Reason: reason})
	if errors.Is(err, ErrTransition) {
		return nil // a person has moved it meanwhile, and people come before traffic
	}
	return err
}
