package notices

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// The queues. Each has workers of its own, so that one does not hold up the other.
const (
	lettersQueue  = "letters"
	webhooksQueue = "webhooks"
)

// Querier is a pool or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Queue puts a job into the queue, in the caller's transaction: it is worked when that is committed. Whoever makes a Courier gives it the
// workers of such jobs.
func Queue(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	_, err := queue(ctx, tx, []river.InsertManyParams{{Args: args}})
	return err
}

// queue returns the jobs' ids, in order.
func queue(ctx context.Context, tx pgx.Tx, jobs []river.InsertManyParams) ([]int64, error) {
	// A client without a pool works nothing, and costs next to nothing to make.
	client, err := river.NewClient(riverpgxv5.New(nil), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("queue jobs: %w", err)
	}
	rows, err := client.InsertManyTx(ctx, tx, jobs)
	if err != nil {
		return nil, fmt.Errorf("queue jobs: %w", err)
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.Job.ID
	}
	return ids, nil
}

// Complete marks a job as done in a transaction of its worker's, with what it did: it is not done again then.
func Complete[A river.JobArgs](ctx context.Context, tx pgx.Tx, job *river.Job[A]) error {
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
	return err
}

// letterJob sends a mail. It names the row: what is in the mail, and to whom it goes, is in one place only, and can be deleted there.
type letterJob struct {
	Mail int64 `json:"mail"`
}

// Kind names such jobs.
func (letterJob) Kind() string { return "letter" }

// InsertOpts says how they are worked.
func (letterJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: lettersQueue, MaxAttempts: mailTries}
}

// webhookJob delivers a message.
type webhookJob struct {
	Delivery int64 `json:"delivery"`
}

// Kind names such jobs.
func (webhookJob) Kind() string { return "webhook" }

// InsertOpts says how they are worked.
func (webhookJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: webhooksQueue, MaxAttempts: len(webhookWaits()) + 1}
}

// sweepJob tidies up.
type sweepJob struct{}

// Kind names such jobs.
func (sweepJob) Kind() string { return "notices_sweep" }

// InsertOpts says how they are worked: one at a time is enough for the whole city.
func (sweepJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled}}}
}

// mailTries are how often a mail is tried: over two days.
const mailTries = 17

// mailWait is how long a mail waits after so many tries.
func mailWait(tries int) time.Duration { return min(time.Minute<<min(max(tries, 1)-1, 9), 6*time.Hour) }

// webhookWaits are the waits between tries to deliver a message, three days in all: those that the specification of Standard Webhooks
// suggests.
func webhookWaits() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// webhookWait is how long a message waits after so many tries.
func webhookWait(tries int) time.Duration {
	waits := webhookWaits()
	return waits[min(max(tries, 1), len(waits))-1]
}
