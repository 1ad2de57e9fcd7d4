package notices

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DeliveryState is how a message to a webhook stands.
type DeliveryState string

// The states of a delivery.
const (
	Waiting   DeliveryState = "waiting"
	Delivered DeliveryState = "delivered"
	GivenUp   DeliveryState = "given_up" // a dead letter: it can be sent again by hand
)

// Delivery is one message to one webhook, and how its last try went.
type Delivery struct {
	ID        int64
	Webhook   string
	Message   string // its webhook-id
	Kind      Kind
	State     DeliveryState
	Tries     int
	Status    int    // of the last answer; 0: there was none
	Error     string // of the last try; empty: none
	Cause     Cause
	Took      time.Duration // of the last try
	CreatedAt time.Time
	TriedAt   *time.Time
	NextAt    *time.Time // when it is tried again; nil: it is not
}

// Deliveries lists the last messages to a webhook, or with none to all; of one state, or with none of all.
func Deliveries(ctx context.Context, q Querier, webhook string, state DeliveryState, limit int) ([]Delivery, error) {
	rows, err := q.Query(ctx, `select d.id, d.webhook, d.message, m.kind, d.state, d.tries, d.status, d.error, d.cause, d.took_ms, d.created_at, d.tried_at, d.next_at
		from webhook_deliveries d join webhook_messages m on m.id = d.message where ($1 = '' or d.webhook = $1) and ($2 = '' or d.state = $2)
		order by d.id desc limit $3`, webhook, state, limit)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Delivery, error) {
		var d Delivery
		var took int
		err := row.Scan(&d.ID, &d.Webhook, &d.Message, &d.Kind, &d.State, &d.Tries, &d.Status, &d.Error, &d.Cause, &took, &d.CreatedAt, &d.TriedAt, &d.NextAt)
		d.Took = time.Duration(took) * time.Millisecond
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return list, nil
}

// SendAgain tries a dead letter of a webhook anew, under its old webhook-id. It returns ErrNone where that is none, and ErrDisabled.
func SendAgain(ctx context.Context, tx pgx.Tx, webhook string, delivery int64, now time.Time) error {
	var off bool
	err := tx.QueryRow(ctx, `select w.disabled_at is not null from webhook_deliveries d join webhooks w on w.id = d.webhook where d.id = $1 and d.webhook = $2 and d.state = 'given_up' for update of d`,
		delivery, webhook).Scan(&off)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("deliver again: %w", err)
	}
	if off {
		return ErrDisabled
	}
	return again(ctx, tx, []int64{delivery}, now)
}

// mostAgain bounds how many dead letters are sent again in one stroke.
const mostAgain = 10000

// SendAllAgain tries all dead letters of a webhook anew, the oldest first, and returns how many those are. It returns ErrNone, or
// ErrDisabled.
func SendAllAgain(ctx context.Context, tx pgx.Tx, webhook string, now time.Time) (int, error) {
	w, err := FindWebhook(ctx, tx, webhook)
	if err != nil {
		return 0, err
	}
	if w.DisabledAt != nil {
		return 0, ErrDisabled
	}
	rows, err := tx.Query(ctx, `select id from webhook_deliveries where webhook = $1 and state = 'given_up' order by id limit $2 for update`, webhook, mostAgain)
	if err != nil {
		return 0, fmt.Errorf("deliver again: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, fmt.Errorf("deliver again: %w", err)
	}
	return len(ids), again(ctx, tx, ids, now)
}

func again(ctx context.Context, tx pgx.Tx, ids []int64, now time.Time) error {
	if _, err := tx.Exec(ctx, `update webhook_deliveries set state = 'waiting', tries = 0, next_at = $2 where id = any($1)`, ids, now); err != nil {
		return fmt.Errorf("deliver again: %w", err)
	}
	return queueDeliveries(ctx, tx, ids)
}
