package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// running returns a writer that runs until the test ends.
func running(t testing.TB, pool *pgxpool.Pool, options ingest.WriterOptions) *ingest.Writer {
	t.Helper()
	w := ingest.NewWriter(pool, options)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// bump returns a record of a device's bump.
func bump(t testing.TB, id, device string) ingest.Record {
	t.Helper()
	heading := 87.5
	r, err := ingest.NewRecord(wire.Event{
		ID: id, Kind: wire.Bump, Time: time.Date(2026, 3, 2, 7, 31, 4, 120e6, time.UTC), Lat: 51.05, Lon: 3.72, AccuracyM: 5, SpeedMPS: 11,
		HeadingDeg: &heading, PeakG: 1.25, DurationS: 0.25, RateHz: 100, WaveG: []float32{0.01, -0.02, 32.767},
	}, device, time.Date(2026, 3, 2, 7, 31, 5, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func count(t testing.TB, pool *pgxpool.Pool, table string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(context.Background(), `select count(*) from `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatIsAppendedIsStored(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	w := running(t, pool, ingest.WriterOptions{})
	pass := bump(t, "b", "bus-7")
	pass.Kind, pass.HeadingDeg, pass.WaveG, pass.PeakG, pass.Place = wire.Pass, nil, nil, 0, "01JD"
	records := []ingest.Record{bump(t, "a", "bus-7"), pass}
	if n, err := w.Append(context.Background(), records); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	<-w.Wake()
	for _, way := range []string{"copied", "inserted"} {
		var text string
		err := pool.QueryRow(context.Background(), `select string_agg(concat_ws(' ', e.id, e.device, kind, time, e.received, lat, lon, accuracy_m, speed_mps,
			coalesce(heading_deg::text, '-'), peak_g, duration_s, rate_hz, coalesce(wave::text, '-'), coalesce(place, '-'), to_hex(cell), to_hex(p.region)), E'\n' order by e.id)
			from events e join pending_events p on p.id = e.id and p.device = e.device and p.region = e.region and p.received = e.received`).Scan(&text)
		want := "a bus-7 0 2026-03-02 07:31:04.12+00 2026-03-02 07:31:05+00 51.05 3.72 5 11 87.5 1.25 0.25 100 \\x0a00ecffff7f - " + records[0].Cell.String() + " " + records[0].Region.String() + "\n" +
			"b bus-7 1 2026-03-02 07:31:04.12+00 2026-03-02 07:31:05+00 51.05 3.72 5 11 - 0 0.25 100 - 01JD " + records[0].Cell.String() + " " + records[0].Region.String()
		if err != nil || text != want {
			t.Fatalf("%s:\n%s\nwant\n%s\n%v", way, text, want, err)
		}
		if way == "inserted" {
			break
		}
		// The same again beside an event that is there: the other way into the table.
		if _, err := pool.Exec(context.Background(), `update pending set size = 1, offsets = offsets[2:2], times = times[2:2], ids = ids[2:2], devices = devices[2:2];
			delete from events where id = 'a'`); err != nil {
			t.Fatal(err)
		}
		if n, err := w.Append(context.Background(), records); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestDuplicatesChangeNothing(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	w := running(t, pool, ingest.WriterOptions{MaxCommit: 10})
	var records []ingest.Record
	for i := range 25 {
		records = append(records, bump(t, fmt.Sprint(i%20), "bus-7"))
	}
	records = append(records, bump(t, "1", "bus-8")) // another device's event
	if n, err := w.Append(context.Background(), records); n != 21 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := w.Append(context.Background(), records); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, p := count(t, pool, "events"), count(t, pool, "pending_events"); n != 21 || p != 21 {
		t.Fatal(n, p)
	}
}

// A record that the database will not have costs itself only.
func TestABadRecordIsFoundByHalving(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	w := running(t, pool, ingest.WriterOptions{})
	var records []ingest.Record
	for i := range 100 {
		records = append(records, bump(t, fmt.Sprint(i), "bus-7"))
	}
	records[13].ID, records[77].ID = "zero\x00", "bad\xff"
	n, err := w.Append(context.Background(), records)
	unstorable, ok := errors.AsType[*ingest.UnstorableError](err)
	if n != 98 || !ok || fmt.Sprint(unstorable.Records) != "[13 77]" {
		t.Fatal(n, err)
	}
	if n, p := count(t, pool, "events"), count(t, pool, "pending_events"); n != 98 || p != 98 {
		t.Fatal(n, p)
	}
}
