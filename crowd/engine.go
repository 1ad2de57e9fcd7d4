package crowd

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Changes is the channel on which every change of a place's state is announced.
const Changes = "streetpulse_changes"

// Config joins an Engine to the rest.
type Config struct {
	// Confirmed is called in the transaction that confirms a place of a class that becomes work by itself. An error
	// undoes the whole transaction.
	Confirmed func(ctx context.Context, tx pgx.Tx, c Confirmation) error
	// Verified is called when traffic has found a repaired place smooth, Reopened when it jolts again.
	Verified, Reopened func(ctx context.Context, tx pgx.Tx, place string, at time.Time, devices int) error

	Rules Rules
	// RulesNow, where it is set, is asked for them in each transaction that judges: they can be changed while the engine works.
	RulesNow func(ctx context.Context, tx pgx.Tx) (Rules, error)

	Log      *slog.Logger          // nil: slog.Default()
	Metrics  prometheus.Registerer // nil: none
	MaxBatch int                   // events judged in one transaction; 0: 2000

	// Leap has it judge all up to the next look at everything at once, however many epochs that is. Places come out the same. It is for
	// whom nobody waits that counts on the epoch.
	Leap bool
}

// Confirmation is a place that crossed the line.
type Confirmation struct {
	Place       Place
	Probability float64 // of its class
	At          time.Time
	Explanation Explanation // as it stood then
}

// Engine judges pending events. Any number of engines, in any number of processes, may work on one database. An
// Engine's methods may not be called at the same time as one another.
type Engine struct {
	pool   *pgxpool.Pool
	config Config
	*mind
	book    *book
	answers answerBook
	epoch   int64          // that is being judged in this turn
	seal    int64          // how often anything was sealed, when this engine last looked
	known   map[int64]bool // regions that have a row to lease
	alone   *pgxpool.Conn  // holds the replay lock while this engine has the clock alone
	wait    bool           // the last turn was held up by another worker's leases: next time wait for them
	judged  prometheus.Counter
	took    prometheus.Histogram
}

// NewEngine makes an engine on a migrated database.
func NewEngine(pool *pgxpool.Pool, config Config) (*Engine, error) {
	reader, err := StandardClassifier()
	if err != nil {
		return nil, err
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.MaxBatch == 0 {
		config.MaxBatch = 2000
	}
	e := &Engine{
		pool: pool, config: config, mind: newMind(reader, config.Rules), book: newBook(), known: map[int64]bool{},
		judged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_crowd_judged_total", Help: "Events judged."}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "streetpulse_crowd_turn_seconds", Help: "Duration of one judging transaction.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
	}
	if config.Metrics != nil {
		for _, c := range []prometheus.Collector{e.judged, e.took} {
			if err := config.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("register crowd's metrics: %w", err)
			}
		}
	}
	return e, nil
}

// Judge judges every event that arrived before until, passing the epochs on the way, and returns how many it judged.
// It returns when nothing is left that this engine may judge.
func (e *Engine) Judge(ctx context.Context, until time.Time) (int, error) {
	total := 0
	for {
		n, more, err := e.turn(ctx, until)
		total += n
		if err != nil {
			return total, err
		}
		if more {
			continue
		}
		passed, err := e.passEpoch(ctx, until)
		if err != nil {
			return total, err
		}
		if !passed && n == 0 {
			return total, nil
		}
	}
}

// Work judges as events come until the context ends. Now is the clock of decisions; wake is signalled when events
// were stored by this process, and every so often it looks by itself for those of others. A failed turn is logged
// and tried again.
func (e *Engine) Work(ctx context.Context, now func() time.Time, wake <-chan struct{}) error {
	const look = 250 * time.Millisecond
	pause := time.NewTimer(0)
	defer pause.Stop()
	failures := 0
	for {
		heed := wake
		if failures > 0 {
			heed = nil // not before the pause is over
		}
		select {
		case <-ctx.Done():
			return nil
		case <-heed:
		case <-pause.C:
		}
		_, err := e.Judge(ctx, now())
		next := look
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			next = min(look<<min(failures, 6), 10*time.Second)
			e.config.Log.Error("judging failed; trying again", "error", err, "in", next)
		default:
			failures = 0
		}
		pause.Reset(next)
	}
}
