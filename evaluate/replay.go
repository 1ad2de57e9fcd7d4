package evaluate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Replay feeds events through the pipeline in the order given. Its clock is a line's own received where it has one, else the
// newest event time that three devices have reached.
type Replay struct {
	Pool     *pgxpool.Pool
	Office   dispatch.Office
	Rules    crowd.Rules
	Log      *slog.Logger
	Progress func(Progress) // nil: none; called now and then
}

// Progress is how far a replay has come.
type Progress struct {
	Lines, Stored, Refused, Judged int
	Clock                          time.Time
}

// Refusal is a line that was not taken, and why.
type Refusal struct {
	Line   int
	Reason string
}

// Summary is what a replay did.
type Summary struct {
	Progress
	Duplicates int
	Refusals   []Refusal // the first hundred
	Orders     int       // work orders in the database afterwards
	Took       time.Duration
}

// mostRefusals bounds what a summary lists.
const mostRefusals = 100

// chunkLines is how many lines are stored in one commit.
const chunkLines = 2000

// Lines reads an NDJSON file: it calls yield with each line's event, or with the reason why a line cannot be read. Empty
// lines are skipped. It returns an error only where reading itself fails.
func Lines(r io.Reader, yield func(number int, line wire.Line, refused error) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	for number := 1; ; number++ {
		text, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			line, refused := wire.DecodeLine(text)
			if err := yield(number, line, refused); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", number, err)
		}
	}
}

// File replays an NDJSON file.
func (r Replay) File(ctx context.Context, in io.Reader) (Summary, error) {
	return r.Run(ctx, func(yield func(int, wire.Line, error) error) error { return Lines(in, yield) })
}

// chunk is what one commit stores, and the clock after it.
type chunk struct {
	records []ingest.Record
	clock   time.Time
}

// Run replays what source yields and returns when every event has been judged. Storing runs ahead of judging.
func (r Replay) Run(ctx context.Context, source func(yield func(number int, line wire.Line, refused error) error) error) (Summary, error) {
	start := time.Now()
	lazy, err := lazily(ctx, r.Pool)
	if err != nil {
		return Summary{}, err
	}
	defer lazy.Close()
	engine, err := crowd.NewEngine(lazy, crowd.Config{
		Rules:     r.Rules,
		Confirmed: r.Office.Promote, Verified: dispatch.Verify, Reopened: dispatch.Reopen, Log: r.Log, Leap: true,
	})
	if err != nil {
		return Summary{}, err
	}
	release, err := engine.Alone(ctx)
	if err != nil {
		return Summary{}, err
	}
	defer release()

	var s Summary
	writer := ingest.NewWriter(r.Pool, ingest.WriterOptions{Log: r.Log})
	stored := make(chan time.Time, 8) // the clock up to which everything is stored
	group, working := errgroup.WithContext(ctx)
	writing, stopWriting := context.WithCancel(working)
	group.Go(func() error { return writer.Run(writing) })
	group.Go(func() error {
		defer close(stored)
		defer stopWriting()
		return r.store(working, source, writer, &s, stored)
	})
	judged := 0
	group.Go(func() error {
		var err error
		judged, err = judgeStored(working, engine, stored)
		return err
	})
	if err := group.Wait(); err != nil {
		return s, err
	}
	s.Judged = judged
	// A commit that waits for the disk waits for all before it.
	if _, err := r.Pool.Exec(ctx, `set local synchronous_commit = on; select pg_logical_emit_message(true, 'streetpulse', 'replayed')`); err != nil {
		return s, fmt.Errorf("write what was judged to disk: %w", err)
	}
	if err := r.Pool.QueryRow(ctx, `select count(*) from orders`).Scan(&s.Orders); err != nil {
		return s, fmt.Errorf("count work orders: %w", err)
	}
	s.Took = time.Since(start)
	return s, nil
}

// lazily connects to the same database with commits that do not wait for the disk: after a crash what was judged last is judged again.
func lazily(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Pool, error) {
	config := pool.Config()
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	lazy, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return lazy, nil
}

// store writes the lines in chunks and tells how far the clock has come.
func (r Replay) store(ctx context.Context, source func(func(int, wire.Line, error) error) error, writer *ingest.Writer,
	s *Summary, stored chan<- time.Time) error {
	var clock ingest.Catchup
	known := map[string]bool{}
	var newest time.Time
	next := chunk{}
	flush := func() error {
		if len(next.records) == 0 {
			return nil
		}
		if err := ensure(ctx, r.Pool, next.records, known); err != nil {
			return err
		}
		n, err := writer.Append(ctx, next.records)
		if err != nil {
			return err
		}
		s.Stored += n
		s.Duplicates += len(next.records) - n
		s.Clock = next.clock
		select {
		case stored <- next.clock:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.Progress != nil {
			r.Progress(s.Progress)
		}
		next = chunk{}
		return nil
	}
	err := source(func(number int, line wire.Line, refused error) error {
		s.Lines++
		if refused != nil {
			s.Refused++
			if len(s.Refusals) < mostRefusals {
				s.Refusals = append(s.Refusals, Refusal{number, refused.Error()})
			}
			return nil
		}
		received := clock.Received(line.Device, line.Time)
		if line.Received != nil {
			received = line.Received.UTC()
		}
		if received.After(newest) {
			// Judging goes from lesson to lesson: what one commit brought is then taken at once, and not piece by piece.
			if lesson := received.Truncate(crowd.Lesson); newest.Before(lesson) {
				next.clock = lesson
				if err := flush(); err != nil {
					return err
				}
			}
			newest = received
		}
		record, err := ingest.NewRecord(line.Event, line.Device, received)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		next.clock = newest
		next.records = append(next.records, record)
		if len(next.records) >= chunkLines {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// ensure enrols the chunk's devices that are not known yet.
func ensure(ctx context.Context, pool *pgxpool.Pool, records []ingest.Record, known map[string]bool) error {
	var unknown []string
	var at time.Time
	for _, r := range records {
		if !known[r.Device] {
			known[r.Device] = true
			unknown = append(unknown, r.Device)
			at = r.Received
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return ingest.Ensure(ctx, pool, unknown, at)
}

// judgeStored judges up to each clock that comes, and everything once no more comes.
func judgeStored(ctx context.Context, engine *crowd.Engine, stored <-chan time.Time) (int, error) {
	total := 0
	var last time.Time
	for clock := range stored {
		n, err := engine.Judge(ctx, clock)
		total += n
		if err != nil {
			return total, err
		}
		last = clock
	}
	if ctx.Err() != nil || last.IsZero() {
		return total, ctx.Err()
	}
	n, err := engine.Judge(ctx, last.Add(time.Nanosecond*1000))
	return total + n, err
}
