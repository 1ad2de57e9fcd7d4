package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Options are what an Ingest may be given; the zero value is good.
type Options struct {
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: no metrics
	Time       func() time.Time      // what the age of events is checked against; nil: time.Now
	DeviceRate int                   // events a minute of one device; 0: no limit
	DeviceDay  int                   // events a day of one device; 0: no limit
}

// Ingest takes batches of events from devices, whatever brings them.
type Ingest struct {
	writer     *Writer
	clock      Clock
	options    Options
	metrics    submitMetrics
	quarantine *quarantine
	habits     habits
	pace       *Pace
}

// Result is what became of a batch.
type Result struct {
	Accepted    int              `json:"accepted"` // events that are stored, now or before
	Rejected    []wire.Rejection `json:"rejected"` // events that are not; one without an id where the payload is refused whole
	Quarantined bool             `json:"-"`        // the payload was refused whole
}

// New joins a writer and a clock to an Ingest.
func New(pool *pgxpool.Pool, writer *Writer, clock Clock, options Options) *Ingest {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Time == nil {
		options.Time = time.Now
	}
	return &Ingest{writer: writer, clock: clock, options: options, metrics: newSubmitMetrics(options.Registerer),
		quarantine: newQuarantine(pool, options.Time), pace: newPace(options)}
}

// Pace is how fast devices are read. Whoever brings their messages asks it.
func (in *Ingest) Pace() *Pace { return in.pace }

// Submit takes a device's batch and returns when all of it that is good is committed. A payload that cannot be read
// at all is kept in quarantine and is no error: it would come back for ever. source is "mqtt" or "http". An error,
// ErrUnavailable or ctx's, means that the batch must not be acknowledged.
func (in *Ingest) Submit(ctx context.Context, device string, payload []byte, source string) (Result, error) {
	reading, err := wire.Read(payload, in.options.Time())
	return in.takeOrRefuse(ctx, device, payload, source, reading, err)
}

// SubmitProtobuf is Submit for a batch as Protobuf.
func (in *Ingest) SubmitProtobuf(ctx context.Context, device string, payload []byte, source string) (Result, error) {
	reading, err := wire.ReadProtobuf(payload, in.options.Time())
	return in.takeOrRefuse(ctx, device, payload, source, reading, err)
}

func (in *Ingest) takeOrRefuse(ctx context.Context, device string, payload []byte, source string, reading wire.Reading, unreadable error) (Result, error) {
	if unreadable != nil {
		return in.refuseWhole(ctx, device, payload, source, unreadable)
	}
	return in.take(ctx, device, reading)
}

// take stores what is good of a reading.
func (in *Ingest) take(ctx context.Context, device string, reading wire.Reading) (Result, error) {
	records := make([]Record, 0, len(reading.Good))
	rejected := reading.Rejected
	for _, e := range reading.Good {
		r, err := NewRecord(e, device, in.clock.Received(device, e.Time))
		if err != nil {
			rejected = append(rejected, wire.Rejection{ID: e.ID, Reason: "lat and lon have no cell"})
			continue
		}
		records = append(records, r)
	}
	_, err := in.writer.Append(ctx, records)
	accepted := len(records) + reading.Repeated
	if unstorable, ok := errors.AsType[*UnstorableError](err); ok {
		for _, n := range unstorable.Records {
			rejected = append(rejected, wire.Rejection{ID: records[n].ID, Reason: "event cannot be stored"})
		}
		accepted -= len(unstorable.Records)
		err = nil
	}
	if err != nil {
		return Result{}, err
	}
	in.habits.take(device, reading.Good, in.options.Time())
	for _, r := range rejected {
		in.metrics.refused.WithLabelValues(r.Member()).Inc()
	}
	if rejected == nil {
		rejected = []wire.Rejection{}
	}
	return Result{Accepted: accepted, Rejected: rejected}, nil
}

// Refuse keeps a payload that may not be taken in quarantine, whatever it holds.
func (in *Ingest) Refuse(ctx context.Context, device string, payload []byte, source string, reason error) error {
	_, err := in.refuseWhole(ctx, strings.ToValidUTF8(device, "\uFFFD"), payload, source, reason)
	return err
}

// refuseWhole keeps a payload that cannot be read.
func (in *Ingest) refuseWhole(ctx context.Context, device string, payload []byte, source string, reason error) (Result, error) {
	if err := in.quarantine.keep(ctx, device, payload, source, reason.Error()); err != nil {
		in.options.Log.Debug("a payload cannot be kept in quarantine", "device", device, "error", err)
		return Result{}, fmt.Errorf("%w: keep in quarantine: %w", ErrUnavailable, err)
	}
	in.metrics.quarantined.WithLabelValues(source).Inc()
	in.options.Log.Debug("a payload was refused whole", "device", device, "source", source, "reason", reason, "bytes", len(payload))
	return Result{Rejected: []wire.Rejection{{Reason: reason.Error()}}, Quarantined: true}, nil
}
