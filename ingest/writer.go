package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrUnavailable means that storage is away or too slow: nothing may be acknowledged, and it may be sent again.
var ErrUnavailable = errors.New("storage is unavailable")

// WriterOptions are what a Writer may be given; the zero value is good.
type WriterOptions struct {
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: no metrics
	Wait       time.Duration         // how long an Append waits for its commit; 0: 10 s
	Grace      time.Duration         // how long an outage may last before every Append fails at once; 0: 2 s
	MaxQueue   int                   // records that may wait, beyond which Append waits; 0: 100,000
	MaxCommit  int                   // records in one commit; 0: 8,000
}

// Writer stores records by group commit: one transaction at a time, and what gathers while it runs is the next. It
// never lingers to gather more.
type Writer struct {
	pool    *pgxpool.Pool
	options WriterOptions
	metrics writerMetrics
	wake    chan struct{}

	mu      sync.Mutex
	queue   []*request
	waiting int           // records in the queue
	records int           // and in the commits that run
	room    chan struct{} // closed and renewed when records leave
	away    bool          // an outage has outlasted the grace
	closed  bool          // Run has ended
	arrived chan struct{} // tells Run of the queue
	crowded chan struct{} // tells Run that the queue is long
}

// request is what one Append waits for.
type request struct {
	records []Record
	events  []byte // encoded rows
	left    atomic.Bool
	done    chan outcome // has room for the one outcome
}

// outcome is what became of a request.
type outcome struct {
	stored int
	bad    []int // records that the database will not have
	err    error
}

// UnstorableError tells which records of an Append the database refuses to hold. All others are committed.
type UnstorableError struct{ Records []int }

func (e *UnstorableError) Error() string { return "the database refuses a record" }

// NewWriter makes a writer, which works while its Run does.
func NewWriter(pool *pgxpool.Pool, options WriterOptions) *Writer {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Wait == 0 {
		options.Wait = 10 * time.Second
	}
	if options.Grace == 0 {
		options.Grace = 2 * time.Second
	}
	if options.MaxQueue == 0 {
		options.MaxQueue = 100_000
	}
	if options.MaxCommit == 0 {
		options.MaxCommit = 8_000
	}
	w := &Writer{pool: pool, options: options, wake: make(chan struct{}, 1), room: make(chan struct{}), arrived: make(chan struct{}, 1), crowded: make(chan struct{}, 1)}
	w.metrics = newWriterMetrics(options.Registerer, w)
	return w
}

// Wake returns a channel that receives after commits of new events; many commits may be one signal.
func (w *Writer) Wake() <-chan struct{} { return w.wake }

// Append returns when every record is committed, with how many of them were new. It returns ErrUnavailable where that
// cannot be had in time, UnstorableError where the database refuses some of them, and ctx's error.
func (w *Writer) Append(ctx context.Context, records []Record) (stored int, err error) {
	if len(records) == 0 {
		return 0, nil
	}
	var bad []int
	for first := 0; first < len(records); first += w.options.MaxCommit {
		part := records[first:min(first+w.options.MaxCommit, len(records))]
		o := w.appendPart(ctx, part)
		stored += o.stored
		for _, n := range o.bad {
			bad = append(bad, first+n)
		}
		if o.err != nil {
			return stored, o.err
		}
	}
	if len(bad) > 0 {
		return stored, &UnstorableError{bad}
	}
	return stored, nil
}

func (w *Writer) appendPart(ctx context.Context, records []Record) outcome {
	r := &request{records: records, done: make(chan outcome, 1)}
	r.encode()
	timer := time.NewTimer(w.options.Wait)
	defer timer.Stop()
	for {
		room, err := w.enqueue(r)
		if err != nil {
			w.metrics.unavailable.Inc()
			return outcome{err: err}
		}
		if room == nil {
			break
		}
		select {
		case <-room:
		case <-timer.C:
			w.metrics.unavailable.Inc()
			return outcome{err: ErrUnavailable}
		case <-ctx.Done():
			return outcome{err: ctx.Err()}
		}
	}
	select {
	case o := <-r.done:
		if o.err != nil {
			w.metrics.unavailable.Inc()
		}
		return o
	case <-timer.C:
		r.left.Store(true)
		w.metrics.unavailable.Inc()
		return outcome{err: ErrUnavailable}
	case <-ctx.Done():
		r.left.Store(true)
		return outcome{err: ctx.Err()}
	}
}

// encode fills the request's rows.
func (r *request) encode() {
	size := 0
	for i := range r.records {
		e := &r.records[i]
		size += 160 + len(e.ID) + len(e.Device) + len(e.Place) + 2*len(e.WaveG)
	}
	r.events = make([]byte, 0, size)
	for i := range r.records {
		r.events = appendEventRow(r.events, &r.records[i])
	}
}

// enqueue puts the request into the queue, or returns a channel that is closed when there may be room for it.
func (w *Writer) enqueue(r *request) (room <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away || w.closed {
		return nil, ErrUnavailable
	}
	if w.records > 0 && w.records+len(r.records) > w.options.MaxQueue {
		return w.room, nil
	}
	w.records += len(r.records)
	w.waiting += len(r.records)
	w.queue = append(w.queue, r)
	tell(w.arrived)
	if w.waiting >= enoughForTwo {
		tell(w.crowded)
	}
	return nil, nil
}

// tell signals whoever listens, once however often it is called meanwhile.
func tell(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// gather takes the next commit's requests from the queue, where it holds at least least records: the oldest, up to
// MaxCommit records.
func (w *Writer) gather(least int) []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting < least {
		return nil
	}
	n, records := 0, 0
	for n < len(w.queue) && (n == 0 || records+len(w.queue[n].records) <= w.options.MaxCommit) {
		records += len(w.queue[n].records)
		n++
	}
	w.waiting -= records
	taken := w.queue[:n:n]
	if w.queue = w.queue[n:]; len(w.queue) == 0 {
		w.queue = nil
	}
	return taken
}

// finish tells the requests what became of them, and makes room.
func (w *Writer) finish(requests []*request, outcomes []outcome) {
	records := 0
	for i, r := range requests {
		records += len(r.records)
		r.done <- outcomes[i]
	}
	w.release(records)
}

func (w *Writer) release(records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records -= records
	close(w.room)
	w.room = make(chan struct{})
}

// fail tells the requests, and every one in the queue, that storage is away.
func (w *Writer) fail(requests []*request) {
	w.mu.Lock()
	requests = append(requests[:len(requests):len(requests)], w.queue...)
	w.queue, w.waiting = nil, 0
	w.mu.Unlock()
	outcomes := make([]outcome, len(requests))
	for i := range outcomes {
		outcomes[i].err = ErrUnavailable
	}
	w.finish(requests, outcomes)
}
