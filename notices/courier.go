package notices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Options are what a Courier is made of. Pool is needed.
type Options struct {
	Pool       *pgxpool.Pool
	Server     string               // smtp://user:password@host:port, smtps:// for TLS from the start; empty: mails wait
	From       string               // the sender's address
	Show       bool                 // without a server mails do not wait: they are logged with their links, secret ones too. For demonstrations only
	Inside     []netip.Prefix       // networks that are not public and that webhooks may be in all the same
	Workers    func(*river.Workers) // adds workers of jobs that others queue; nil: there are none
	Registerer prometheus.Registerer
	Log        *slog.Logger                  // nil: slog.Default
	Wait       func(tries int) time.Duration // after so many tries; nil: days in all
	Within     time.Duration                 // a webhook must have answered; 0: 15 s
	Look       time.Duration                 // between looks for what is due again; 0: 1 s
}

func (o Options) wait(usual func(int) time.Duration, tries int) time.Duration {
	if o.Wait != nil {
		return o.Wait(tries)
	}
	return usual(tries)
}

// Courier works off what was posted and told. Any number of them may, in any number of processes.
type Courier struct {
	options Options
	client  *river.Client[pgx.Tx]
	sender  *sender
	counts  *counts
}

const (
	lettersAtOnce = 2                // mails of a process, each over a connection of its own
	othersAtOnce  = 2                // jobs that are neither
	sweepEvery    = time.Hour        // looks for what was left lying
	rescueAfter   = 3 * time.Minute  // of a job whose process has died; more than any may take
	stopWithin    = 10 * time.Second // that jobs are given to end in
)

// New makes a courier. It begins with Run.
func New(o Options) (*Courier, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Within == 0 {
		o.Within = answerWithin
	}
	if o.Look == 0 {
		o.Look = river.FetchPollIntervalDefault
	}
	c := &Courier{options: o, sender: newSender(o.Inside, o.Within)}
	var err error
	if c.counts, err = newCounts(o.Pool, o.Registerer); err != nil {
		return nil, err
	}
	workers, queues := river.NewWorkers(), map[string]river.QueueConfig{
		webhooksQueue: {MaxWorkers: webhooksAtOnce}, river.QueueDefault: {MaxWorkers: othersAtOnce}}
	letters := &letterWorker{c: c}
	if o.Server != "" { // without one the mails' jobs wait
		if letters.by, err = newMailer(o.Server, o.From); err != nil {
			return nil, err
		}
	} else if o.Show {
		letters.by = shown{o.Log}
	}
	if letters.by != nil {
		queues[lettersQueue] = river.QueueConfig{MaxWorkers: lettersAtOnce}
	}
	adding := errors.Join(river.AddWorkerSafely(workers, letters), river.AddWorkerSafely(workers, &webhookWorker{c: c, sender: c.sender, busy: &busy{n: map[string]int{}}}),
		river.AddWorkerSafely(workers, &sweepWorker{c: c}))
	if adding != nil {
		return nil, fmt.Errorf("make a courier: %w", adding)
	}
	if o.Workers != nil {
		o.Workers(workers)
	}
	c.client, err = river.NewClient(riverpgxv5.New(o.Pool), &river.Config{
		Queues: queues, Workers: workers, Logger: slog.New(quiet{o.Log.Handler()}), JobTimeout: time.Minute, RescueStuckJobsAfter: rescueAfter,
		FetchPollInterval: o.Look, FetchCooldown: min(o.Look, river.FetchCooldownDefault),
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(sweepEvery),
			func() (river.JobArgs, *river.InsertOpts) { return sweepJob{}, nil }, &river.PeriodicJobOpts{RunOnStart: true})},
	})
	if err != nil {
		return nil, fmt.Errorf("make a courier: %w", err)
	}
	return c, nil
}

// Run works until ctx ends. Then it begins nothing more, and ends when what is under way is done, or after ten seconds interrupts that:
// it is done again by whoever runs next.
func (c *Courier) Run(ctx context.Context) error {
	defer c.sender.close()
	working := context.WithoutCancel(ctx)
	if err := c.client.Start(working); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("work off notices: %w", err)
	}
	<-ctx.Done()
	limit, done := context.WithTimeout(working, stopWithin)
	defer done()
	err := c.client.Stop(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		limit, done := context.WithTimeout(working, stopWithin)
		defer done()
		err = c.client.StopAndCancel(limit)
	}
	if err != nil {
		return fmt.Errorf("stop working off notices: %w", err)
	}
	return nil
}

// sweepWorker finds what was left lying and drops what is old.
type sweepWorker struct {
	river.WorkerDefaults[sweepJob]
	c *Courier
}

const (
	mailsKept    = 7 * 24 * time.Hour  // that were sent, without their text
	messagesKept = 14 * 24 * time.Hour // that were delivered
	unsentKept   = 30 * 24 * time.Hour // that were not, of both
)

// Work sweeps once.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepJob]) error {
	pool, now := w.c.options.Pool, time.Now()
	b := &pgx.Batch{}
	b.Queue(`delete from mails where sent_at < $1 or sent_at is null and created_at < $2`, now.Add(-mailsKept), now.Add(-unsentKept))
	b.Queue(`delete from webhook_deliveries where state = 'delivered' and created_at < $1 or created_at < $2`, now.Add(-messagesKept), now.Add(-unsentKept))
	b.Queue(`delete from webhook_messages m where at < $1 and not exists (select from webhook_deliveries d where d.message = m.id)`, now.Add(-messagesKept))
	b.Queue(`update webhooks set old_secret = null, old_until = null where old_until < $1`, now)
	if err := errors.Join(pool.SendBatch(ctx, b).Close(), adoptMails(ctx, pool), adoptDeliveries(ctx, pool)); err != nil {
		return fmt.Errorf("sweep up after notices: %w", err)
	}
	if w.c.options.Server != "" || w.c.options.Show {
		return nil
	}
	var n int
	if err := pool.QueryRow(ctx, `select count(*) from mails where sent_at is null and given_up_at is null`).Scan(&n); err != nil {
		return fmt.Errorf("sweep up after notices: %w", err)
	}
	if n > 0 {
		w.c.options.Log.Warn("mails wait in the table mails: no --smtp is set", "waiting", n)
	}
	return nil
}

// quiet passes on what River says of trouble with the queue. How each job goes is ours to say: River would say it again.
type quiet struct{ slog.Handler }

// Enabled says which levels are passed on.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// WithAttrs keeps it quiet.
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

// WithGroup keeps it quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
