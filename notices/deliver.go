package notices

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

const (
	webhooksAtOnce = 16 // deliveries of a process
	atOnceToOne    = 4  // of these to one webhook: a slow one leaves room for the others
	turnAgain      = time.Second
	longestWait    = 24 * time.Hour // that a receiver may ask for between two tries
)

// errNotDelivered is what River's job remembers.
var errNotDelivered = errors.New("not delivered: the reason is in the table webhook_deliveries")

// webhookWorker delivers messages to webhooks.
type webhookWorker struct {
	river.WorkerDefaults[webhookJob]
	c      *Courier
	sender *sender
	busy   *busy
	asked  sync.Map // of receivers that asked to be told later: from the id of the job to the time.Time
}

// Timeout is how long one try may take.
func (w *webhookWorker) Timeout(*river.Job[webhookJob]) time.Duration {
	return w.c.options.Within + 15*time.Second
}

// NextRetry is when a message that failed is tried again: as usual, or later where its receiver has asked for that.
func (w *webhookWorker) NextRetry(job *river.Job[webhookJob]) time.Time {
	if at, ok := w.asked.LoadAndDelete(job.ID); ok {
		return at.(time.Time)
	}
	return time.Now().Add(w.c.options.wait(webhookWait, job.Attempt))
}

// errand is what a delivery is about.
type errand struct {
	id      int64
	webhook string
	off     bool
	parcel
}

// errand returns pgx.ErrNoRows where nothing is to be delivered any more.
func (w *webhookWorker) errand(ctx context.Context, id int64) (errand, error) {
	e := errand{id: id}
	var secret, old []byte
	err := w.c.options.Pool.QueryRow(ctx, `select w.id, w.url, w.disabled_at is not null, w.secret, case when w.old_until > now() then w.old_secret end, m.id, m.payload
		from webhook_deliveries d join webhooks w on w.id = d.webhook join webhook_messages m on m.id = d.message where d.id = $1 and d.state = 'waiting'`, id).
		Scan(&e.webhook, &e.url, &e.off, &secret, &old, &e.message, &e.payload)
	e.secrets = [][]byte{secret}
	if old != nil {
		e.secrets = append(e.secrets, old)
	}
	return e, err
}

// Work tries to deliver one message.
func (w *webhookWorker) Work(ctx context.Context, job *river.Job[webhookJob]) error {
	e, err := w.errand(ctx, job.Args.Delivery)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // the webhook is gone, or the message was delivered
	}
	if err != nil {
		return fmt.Errorf("deliver %d: %w", job.Args.Delivery, err)
	}
	if e.off {
		return w.failed(ctx, job, e, tried{why: ErrDisabled, last: true})
	}
	if !w.busy.begin(e.webhook) {
		return river.JobSnooze(turnAgain)
	}
	defer w.busy.end(e.webhook)
	begun := time.Now()
	status, why := w.sender.deliver(ctx, e.parcel, begun)
	t := tried{status: status, why: why, took: time.Since(begun)}
	if why == nil {
		return w.delivered(ctx, job, t)
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err() // we are being stopped, and the message goes on waiting
	}
	t.last = status == http.StatusGone || job.Attempt >= job.MaxAttempts
	return w.failed(ctx, job, e, t)
}

// tried is how a try went.
type tried struct {
	status int
	why    error
	took   time.Duration
	last   bool // it is given up
}

// delivered marks a message as delivered in the transaction that completes its job.
func (w *webhookWorker) delivered(ctx context.Context, job *river.Job[webhookJob], t tried) error {
	ctx = context.WithoutCancel(ctx) // the answer is there: it must not be forgotten because the time is up
	err := pgx.BeginFunc(ctx, w.c.options.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update webhook_deliveries set state = 'delivered', tries = tries + 1, status = $2, error = '', cause = '', took_ms = $3, tried_at = now(), next_at = null where id = $1`,
			job.Args.Delivery, t.status, t.took.Milliseconds()); err != nil {
			return err
		}
		return Complete(ctx, tx, job)
	})
	if err != nil {
		return fmt.Errorf("mark delivery %d: %w", job.Args.Delivery, err)
	}
	w.c.counts.done("webhook", "delivered")
	return nil
}

// failed notes why a message was not delivered, and returns what tells River to try again, or not.
func (w *webhookWorker) failed(ctx context.Context, job *river.Job[webhookJob], e errand, t tried) error {
	ctx = context.WithoutCancel(ctx)
	state, gone := Waiting, t.status == http.StatusGone
	var next *time.Time
	if t.last {
		state = GivenUp
	} else {
		at := w.NextRetry(job)
		var r refusal
		if later := time.Now(); errors.As(t.why, &r) && later.Add(r.after).After(at) {
			at = later.Add(r.after)
			w.asked.Store(job.ID, at)
		}
		next = &at
	}
	err := pgx.BeginFunc(ctx, w.c.options.Pool, func(tx pgx.Tx) error {
		if gone {
			if _, err := tx.Exec(ctx, `update webhooks set disabled_at = now(), disabled_why = 'gone' where id = $1 and disabled_at is null`, e.webhook); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `update webhook_deliveries set state = $2, tries = tries + 1, status = $3, error = $4, cause = $7, took_ms = $5, tried_at = now(), next_at = $6 where id = $1`,
			e.id, state, t.status, shortened(t.why.Error()), t.took.Milliseconds(), next, causeOf(t.why))
		return err
	})
	if err != nil {
		return fmt.Errorf("note why delivery %d failed: %w", e.id, err)
	}
	w.c.counts.failed("webhook", t.last)
	if gone {
		w.c.options.Log.Warn("a webhook is switched off: it is gone, it says", "webhook", e.webhook)
	}
	w.c.options.Log.Debug("a webhook was not told", "webhook", e.webhook, "delivery", e.id, "status", t.status, "tries", job.Attempt, "error", t.why)
	if t.last {
		return river.JobCancel(errNotDelivered)
	}
	return errNotDelivered
}

// adoptDeliveries gives up messages whose job is lost.
func adoptDeliveries(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `update webhook_deliveries set state = 'given_up', next_at = null, error = case when error = '' then $1 else error end, cause = case when error = '' then $2 else cause end
		where state = 'waiting' and `+lostSQL, lost, Lost)
	return err
}

// busy counts what is under way to each webhook.
type busy struct {
	mu sync.Mutex
	n  map[string]int
}

func (b *busy) begin(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n[id] >= atOnceToOne {
		return false
	}
	b.n[id]++
	return true
}

func (b *busy) end(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n[id]--; b.n[id] == 0 {
		delete(b.n, id)
	}
}
