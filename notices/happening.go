package notices

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// Kind names what can happen, as other programs read it.
type Kind string

// The kinds of happenings.
const (
	OrderOpened    Kind = "order.opened"
	OrderChanged   Kind = "order.state_changed"
	OrderDueSoon   Kind = "order.due_soon"
	OrderOverdue   Kind = "order.overdue"
	OrderEscalated Kind = "order.escalated"
	OrderInTime    Kind = "order.in_time"
	ReportReceived Kind = "report.received"
)

// Kinds lists what one can be told of.
func Kinds() []Kind {
	return []Kind{OrderOpened, OrderChanged, OrderDueSoon, OrderOverdue, OrderEscalated, OrderInTime, ReportReceived}
}

// trial is what happens when somebody tries a webhook.
const trial Kind = "webhook.test"

// Happening is something that other programs may want to know. Data becomes JSON, and holds what the public may read: whoever receives
// it may do anything with it.
type Happening struct {
	Kind Kind
	At   time.Time
	Data any
}

// payload is what is sent.
type payload struct {
	Type      Kind      `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// Tell has everybody told who wants to know of a happening, once the caller's transaction is committed. Where nobody does it costs one
// look.
func Tell(ctx context.Context, tx pgx.Tx, h Happening) error {
	rows, err := tx.Query(ctx, `select id from webhooks where disabled_at is null and (kinds = '{}' or $1 = any(kinds)) order by id`, h.Kind)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", h.Kind, err)
	}
	to, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(to) == 0 {
		return err
	}
	return send(ctx, tx, h, to)
}

// send writes a message and its deliveries, and queues them.
func send(ctx context.Context, tx pgx.Tx, h Happening, to []string) error {
	text, err := json.Marshal(payload{h.Kind, h.At.UTC(), h.Data})
	if err != nil {
		return fmt.Errorf("tell of %s: %w", h.Kind, err)
	}
	id := "msg_" + strings.ToLower(rand.Text())
	if _, err := tx.Exec(ctx, `insert into webhook_messages (id, kind, at, payload) values ($1, $2, $3, $4)`, id, h.Kind, h.At, string(text)); err != nil {
		return fmt.Errorf("tell of %s: %w", h.Kind, err)
	}
	rows, err := tx.Query(ctx, `insert into webhook_deliveries (webhook, message, state, created_at, next_at)
		select w, $2, 'waiting', $3, $3 from unnest($1::text[]) as w returning id`, to, id, h.At)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", h.Kind, err)
	}
	deliveries, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("tell of %s: %w", h.Kind, err)
	}
	return queueDeliveries(ctx, tx, deliveries)
}

func queueDeliveries(ctx context.Context, tx pgx.Tx, ids []int64) error {
	for some := range slices.Chunk(ids, 1000) {
		jobs := make([]river.InsertManyParams, len(some))
		for i, id := range some {
			jobs[i].Args = webhookJob{id}
		}
		made, err := queue(ctx, tx, jobs)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update webhook_deliveries d set job = u.job from unnest($1::bigint[], $2::bigint[]) as u (id, job) where d.id = u.id`, some, made); err != nil {
			return fmt.Errorf("queue deliveries: %w", err)
		}
	}
	return nil
}
