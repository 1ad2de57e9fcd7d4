package ingest_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

const (
	benchTime        = 3 * time.Second
	benchConnections = 200
	benchTurns       = 5
)

// benchPool returns a pool on a database that waits for the disk at every commit, which those of tests do not: a
// private server, as serve has it.
func benchPool(b *testing.B) *pgxpool.Pool {
	b.Helper()
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Options{Dir: postgrestest.Dir(b), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := postgres.Migrate(ctx, db.URL); err != nil {
		b.Fatal(err)
	}
	return db.Pool
}

// benchEvent returns an event as phones send it: 32 samples, some 450 bytes of JSON.
func benchEvent(id string, n int) wire.Event {
	heading := float64(n % 360)
	e := wire.Event{ID: id, Kind: wire.Bump, Time: time.Now().UTC().Truncate(time.Millisecond), Lat: 51.05 + float64(n%997)/1e4, Lon: 3.72 + float64(n%991)/1e4,
		AccuracyM: 5.2, SpeedMPS: 11.3, HeadingDeg: &heading, PeakG: 1.21, DurationS: 0.21, RateHz: 16}
	for i := range 32 {
		e.WaveG = append(e.WaveG, wire.FromMilliG(int16((n*31+i*977)%2500-1250)))
	}
	return e
}

// benchID returns ids that grow as ULIDs do, and are as long.
func benchID(n int64) string { return fmt.Sprintf("01JDC3%020d", n) }

// BenchmarkFloor is what one connection can do that does nothing else: pgx's CopyFrom of 2,000 rows a commit.
func BenchmarkFloor(b *testing.B) { b.ReportMetric(floor(b, benchPool(b)), "events/s") }

func floor(b *testing.B, pool *pgxpool.Pool) float64 {
	b.Helper()
	ctx := context.Background()
	if _, err := pool.Exec(ctx, `truncate events, pending`); err != nil {
		b.Fatal(err)
	}
	const rows = 2000
	columns := []string{"id", "device", "kind", "time", "received", "lat", "lon", "accuracy_m", "speed_mps", "heading_deg", "peak_g",
		"duration_s", "rate_hz", "wave", "place", "cell", "region"}
	wave := make([]byte, 64)
	var n int64
	start := time.Now()
	for time.Since(start) < benchTime {
		_, err := pool.CopyFrom(ctx, pgx.Identifier{"events"}, columns, pgx.CopyFromSlice(rows, func(int) ([]any, error) {
			n++
			return []any{benchID(n), "01JDC3DEVICE00000000000001", int16(0), start, start, 51.05, 3.72, float32(5), float32(11), float32(87), float32(1.2),
				float32(0.2), float32(16), wave, nil, int64(0x8c1fa44884c0dff), int64(0x871fa4488ffffff)}, nil
		}))
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkIngest is durable ingest end to end: MQTT in, PUBACK after the commit, everything on, as a share of the floor. Floor and
// ingest are measured in turn and each share is of its own turn, because the machine's disk and clock change from one minute to the next;
// the median turn is told.
func BenchmarkIngest(b *testing.B) {
	pool := benchPool(b)
	for _, size := range []int{1, 10, 200} {
		b.Run(fmt.Sprintf("%d", size), func(b *testing.B) {
			turns := make([]turn, benchTurns)
			for i := range turns {
				base := floor(b, pool)
				turns[i] = drive(b, pool, size, benchConnections, 0)
				turns[i].share = turns[i].rate / base
			}
			slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.share, b.share) })
			median := turns[benchTurns/2]
			b.ReportMetric(median.rate, "events/s")
			b.ReportMetric(median.share, "of-floor")
			b.ReportMetric(turns[0].share, "of-floor-worst")
			b.ReportMetric(float64(median.p50.Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(median.p99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkHalfRate is how long devices wait for a PUBACK where they send half of what can be stored: 500 connections, each at moments of its own. A
// message is late from the moment on at which it was to be sent. A checkpoint before it leaves segments of the log to write into, as a server has that
// has run for some minutes: making a new one takes some tens of milliseconds.
func BenchmarkHalfRate(b *testing.B) {
	const connections, measured = 500, 3
	pool := benchPool(b)
	for _, size := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d", size), func(b *testing.B) {
			turns := make([]turn, measured)
			for i := range turns {
				half := drive(b, pool, size, connections, 0).rate / 2
				if _, err := pool.Exec(context.Background(), "checkpoint"); err != nil {
					b.Fatal(err)
				}
				turns[i] = drive(b, pool, size, connections, half)
			}
			slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.p99, b.p99) })
			median := turns[measured/2]
			b.ReportMetric(median.rate, "events/s")
			b.ReportMetric(float64(median.p50.Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(median.p99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(turns[measured-1].p99.Microseconds())/1000, "p99-ms-worst")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// embed serves devices until stop is called.
func embed(b *testing.B, pool *pgxpool.Pool) (embedded *broker.Broker, stop func()) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	embedded, err := broker.New(broker.Options{TCPAddr: "127.0.0.1:0", Pool: pool, Log: log,
		Ingest: ingest.New(pool, running(b, pool, ingest.WriterOptions{Log: log}), ingest.Wall{}, ingest.Options{Log: log})})
	if err != nil {
		b.Fatal(err)
	}
	serving, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- embedded.Serve(serving) }()
	return embedded, func() {
		end()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

// turn is what one drive came to.
type turn struct {
	rate, share float64
	p50, p99    time.Duration
}

// drive publishes batches of a size for benchTime over connections that each wait for every PUBACK: as many events a second as are asked for, or, of 0,
// as many as go.
func drive(b *testing.B, pool *pgxpool.Pool, size, connections int, rate float64) turn {
	b.Helper()
	ctx := context.Background()
	if _, err := pool.Exec(ctx, `truncate events, pending`); err != nil {
		b.Fatal(err)
	}
	embedded, stop := embed(b, pool)
	defer stop()
	var next, acknowledged atomic.Int64
	latencies := make([][]time.Duration, connections)
	var loaders sync.WaitGroup
	var ready, begin sync.WaitGroup
	begin.Add(1)
	ready.Add(connections)
	var end time.Time
	for i := range connections {
		device, secret, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		loaders.Go(func() {
			l, err := newLoader(embedded.TCPAddr().String(), device.ID, secret, size)
			ready.Done()
			if err != nil {
				b.Error(err)
				return
			}
			defer l.conn.Close()
			begin.Wait()
			var pause time.Duration
			due := end.Add(-benchTime)
			if rate > 0 {
				pause = time.Duration(float64(size*connections) / rate * float64(time.Second))
				due = due.Add(time.Duration(float64(i) / float64(connections) * float64(pause)))
			}
			for {
				time.Sleep(time.Until(due))
				sent := time.Now()
				if sent.After(end) {
					return
				}
				if rate > 0 {
					sent, due = due, due.Add(pause)
				}
				if err := l.publish(next.Add(int64(size)) - int64(size)); err != nil {
					b.Error(err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(sent))
				acknowledged.Add(int64(size))
			}
		})
	}
	ready.Wait()
	start := time.Now()
	end = start.Add(benchTime)
	begin.Done()
	loaders.Wait()
	took := time.Since(start)
	var stored int64
	if err := pool.QueryRow(ctx, `select count(*) from events`).Scan(&stored); err != nil || stored != acknowledged.Load() {
		b.Fatalf("acknowledged %d, stored %d, %v", acknowledged.Load(), stored, err)
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	return turn{rate: float64(stored) / took.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100]}
}

// loader publishes with as little work as it can: a frame made once, in which only the ids change.
type loader struct {
	conn  net.Conn
	in    *bufio.Reader
	frame []byte
	ids   []int // where they are in the frame
}

func newLoader(address, device, secret string, size int) (*loader, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &loader{conn: conn, in: bufio.NewReaderSize(conn, 64)}
	hello := append(loaderField(nil, "MQTT"), 4, 0b1100_0010, 0, 60)
	for _, text := range []string{device, device, secret} {
		hello = loaderField(hello, text)
	}
	if _, err := conn.Write(append(binary.AppendUvarint([]byte{0x10}, uint64(len(hello))), hello...)); err != nil {
		return nil, err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(l.in, answer); err != nil || answer[3] != 0 {
		return nil, errors.Join(err, fmt.Errorf("CONNACK % x", answer))
	}
	body := append(loaderField(nil, "streetpulse/v1/devices/"+device+"/events"), 0, 1)
	batch := wire.Batch{V: wire.Version}
	for i := range size {
		batch.Events = append(batch.Events, benchEvent(benchID(int64(i)), i))
	}
	body = batch.Append(body)
	l.frame = append(binary.AppendUvarint([]byte{0x32}, uint64(len(body))), body...)
	const before = `"id":"`
	for i := range l.frame {
		if i+len(before) < len(l.frame) && string(l.frame[i:i+len(before)]) == before {
			l.ids = append(l.ids, i+len(before))
		}
	}
	return l, nil
}

func loaderField(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
}

// publish sends one batch with fresh ids and waits for its PUBACK.
func (l *loader) publish(first int64) error {
	for i, at := range l.ids {
		number := first + int64(i) + 1
		for digit := at + 25; number > 0; digit-- {
			l.frame[digit] = byte('0' + number%10)
			number /= 10
		}
	}
	if _, err := l.conn.Write(l.frame); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(l.in, answer[:]); err != nil {
		return err
	}
	if answer[0] != 0x40 {
		return fmt.Errorf("no PUBACK: % x", answer)
	}
	return nil
}

// BenchmarkIdleDevices is the memory that a connected device takes while it has nothing to say: heap and stacks, and the little that the
// other end of its connection takes in the same process.
func BenchmarkIdleDevices(b *testing.B) {
	const devices = 2000
	ctx := context.Background()
	pool := postgrestest.New(b)
	embedded, stop := embed(b, pool)
	defer stop()
	var loaders []*loader
	before := inUse()
	for range devices {
		device, secret, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		l, err := newLoader(embedded.TCPAddr().String(), device.ID, secret, 1)
		if err != nil {
			b.Fatal(err)
		}
		defer l.conn.Close()
		if err := l.publish(int64(len(loaders))); err != nil { // so that what its first message needs is there
			b.Fatal(err)
		}
		l.frame, l.ids = nil, nil
		loaders = append(loaders, l)
	}
	b.ReportMetric((inUse()-before)/devices/1000, "kB/device")
	b.ReportMetric(0, "ns/op")
}

// inUse returns the bytes of heap and stacks in use.
func inUse() float64 {
	for range 4 { // pools let go at the second, stacks shrink by half at each
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
