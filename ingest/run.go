package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// enoughForTwo is how many waiting records are worth a second commit beside the one that runs.
const enoughForTwo = 500

// How often an outage is looked at again.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

// Run commits what Append brings until ctx ends, then what is in the queue, once, and returns nil. It survives
// outages of the database: it tries again until it is back.
//
// One connection does all the work until more waits than enoughForTwo: then a second one helps, because one backend of
// PostgreSQL is one core, and because those who wait for one commit send nothing meanwhile. Two transactions that wait
// for each other's events, sent twice at the same time on two connections, are told apart by PostgreSQL, and one of
// them is tried again.
func (w *Writer) Run(ctx context.Context) error {
	defer w.fail(nil)
	var helper sync.WaitGroup
	helper.Go(func() { w.work(ctx, w.crowded, enoughForTwo) })
	w.work(ctx, w.arrived, 1)
	helper.Wait()
	return nil
}

// work commits whenever at least least records wait, until ctx ends, and then until the queue is empty.
func (w *Writer) work(ctx context.Context, signal <-chan struct{}, least int) {
	// A commit that has begun is finished, whatever ctx says: somebody waits to acknowledge it.
	working := context.WithoutCancel(ctx)
	s := &store{pool: w.pool}
	defer s.release()
	for {
		requests := w.gather(least)
		if len(requests) == 0 {
			select {
			case <-signal:
				continue
			case <-ctx.Done():
			}
			if w.close() || least > 1 {
				return
			}
			continue
		}
		w.commit(ctx, working, s, requests)
	}
}

// close makes every later Append fail, and says whether the queue is empty.
func (w *Writer) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return len(w.queue) == 0
}

// commit stores the requests and answers them. In an outage it tries again, until it has lasted for the grace: then
// these and all later requests are told, until the database answers.
func (w *Writer) commit(ctx, working context.Context, s *store, requests []*request) {
	var since time.Time
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		requests = w.dropLeft(requests)
		if len(requests) == 0 {
			return
		}
		outcomes, err := w.try(working, s, requests)
		if err == nil {
			w.answer(requests, outcomes)
			return
		}
		s.discard()
		if since.IsZero() {
			since = time.Now()
			w.options.Log.Warn("events cannot be stored; trying again", "error", err)
		}
		if time.Since(since) >= w.options.Grace || ctx.Err() != nil {
			break
		}
		pause(ctx, wait)
	}
	w.setAway(true)
	w.fail(requests)
	w.options.Log.Error("storage is away; devices are told to send again")
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		pause(ctx, wait)
		if err := w.probe(working, s); err == nil {
			w.options.Log.Info("storage is back", "after", time.Since(since).Round(time.Millisecond))
			break
		}
		s.discard()
	}
	w.setAway(false)
}

// try makes one attempt to store the requests, bounded in time.
func (w *Writer) try(ctx context.Context, s *store, requests []*request) ([]outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Wait)
	defer cancel()
	start := time.Now()
	outcomes, err := s.save(ctx, requests)
	w.metrics.seconds.Observe(time.Since(start).Seconds())
	return outcomes, err
}

func (w *Writer) probe(ctx context.Context, s *store) error {
	ctx, cancel := context.WithTimeout(ctx, w.options.Grace)
	defer cancel()
	return s.probe(ctx)
}

// answer counts and tells what became of stored requests.
func (w *Writer) answer(requests []*request, outcomes []outcome) {
	stored, records := 0, 0
	for i, o := range outcomes {
		stored += o.stored
		records += len(requests[i].records) - len(o.bad)
		if len(o.bad) > 0 {
			e := requests[i].records[o.bad[0]]
			w.options.Log.Error("the database refuses events", "device", e.Device, "event", e.ID, "events", len(o.bad))
		}
	}
	w.metrics.stored.Add(float64(stored))
	w.metrics.duplicates.Add(float64(records - stored))
	w.metrics.rows.Observe(float64(records))
	if stored > 0 {
		tell(w.wake)
	}
	w.finish(requests, outcomes)
}

// dropLeft takes out the requests that nobody waits for any more.
func (w *Writer) dropLeft(requests []*request) []*request {
	kept, dropped := requests[:0:0], 0
	for _, r := range requests {
		if r.left.Load() {
			dropped += len(r.records)
		} else {
			kept = append(kept, r)
		}
	}
	if dropped > 0 {
		w.release(dropped)
	}
	return kept
}

func (w *Writer) setAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// isData says whether the database refused the rows themselves, so that another attempt would fail as well:
// cardinality, data and integrity errors, and rows beyond a limit (PostgreSQL manual, appendix A).
func isData(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(refused.Code) != 5 {
		return false
	}
	switch refused.Code[:2] {
	case "21", "22", "23", "54":
		return true
	}
	return false
}
