package crowd_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// scatter stores n events of 60 devices at 80 spots along eight kilometres, so that they lie in several regions and some
// on their borders. The same seed gives the same events in the same order.
func scatter(t *testing.T, pool *pgxpool.Pool, n int) (end time.Time) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	at := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	var records []ingest.Record
	for i := range n {
		at = at.Add(time.Duration(20+r.IntN(60)) * time.Second)
		spot := r.IntN(80)
		lat := 48.40 + float64(spot)*100*metre + r.NormFloat64()*4*metre
		lon := 15.60 + float64(spot)*50*metre + r.NormFloat64()*4*metre
		heading := 10.0
		e := wire.Event{ID: "e" + strconv.Itoa(i), Kind: wire.Bump, Time: at, Lat: lat, Lon: lon, AccuracyM: 5, SpeedMPS: 11, HeadingDeg: &heading,
			PeakG: 0.4 + r.Float64(), DurationS: 0.2}
		if r.Float64() < 0.05 || spot%5 == 0 && r.Float64() < 0.9 {
			e.Kind = wire.Pass
		}
		record, err := ingest.NewRecord(e, "car"+strconv.Itoa(r.IntN(60)), at)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	ctx, stop := context.WithCancel(context.Background())
	writer := ingest.NewWriter(pool, ingest.WriterOptions{})
	ended := make(chan error, 1)
	go func() { ended <- writer.Run(ctx) }()
	for some := range slices.Chunk(records, 300) {
		if _, err := writer.Append(ctx, some); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return at.Add(time.Second)
}

// remember reads everything that judging has made, by name.
func remember(t *testing.T, pool *pgxpool.Pool) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for table, query := range map[string]string{
		"places":   `select to_jsonb(p)::text from places p order by id`,
		"evidence": `select to_jsonb(e)::text from evidence e order by place, device`,
		"trust":    `select concat_ws(' ', device, sensitivity, jolts, invented, agreed, ring) from device_trust order by device`,
		"judged":   `select id || ' ' || device from judgements order by id, device`,
	} {
		rows, err := pool.Query(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		out[table], err = pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func waiting(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), `select count(*) from pending_events`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Three workers that take what they can get must leave exactly what one leaves, borders included.
func TestManyWorkersJudgeAsOne(t *testing.T) {
	t.Parallel()
	const events = 3000
	one, many := postgrestest.New(t), postgrestest.New(t)
	end := scatter(t, one, events)
	scatter(t, many, events)

	engine, err := crowd.NewEngine(one, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := engine.Judge(context.Background(), end); err != nil || n != events {
		t.Fatalf("judged %d of %d, error %v", n, events, err)
	}

	group, ctx := errgroup.WithContext(context.Background())
	for range 3 {
		engine, err := crowd.NewEngine(many, crowd.Config{MaxBatch: 40})
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			for {
				if _, err := engine.Judge(ctx, end); err != nil {
					return err
				}
				var left bool
				if err := many.QueryRow(ctx, `select exists (select 1 from pending)`).Scan(&left); err != nil || !left {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := waiting(t, many); n != 0 {
		t.Fatalf("%d events still wait", n)
	}
	a, b := remember(t, one), remember(t, many)
	for table := range a {
		if len(a[table]) == 0 {
			t.Errorf("no %s at all: the test proves nothing", table)
		}
		if !reflect.DeepEqual(a[table], b[table]) {
			t.Errorf("%s differ: one worker left %d, three %d; first difference:\n%s", table, len(a[table]), len(b[table]), firstDifference(a[table], b[table]))
		}
	}
	var regions int
	if err := one.QueryRow(context.Background(), `select count(distinct region) from places`).Scan(&regions); err != nil || regions < 3 {
		t.Errorf("places lie in %d regions, error %v: the test needs borders", regions, err)
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return "one is longer"
}

// Judging in one go, in small batches, or with pauses in which the memory of places is lost gives the same places.
func TestBatchesMakeNoDifference(t *testing.T) {
	t.Parallel()
	const events = 1500
	whole, pieces := postgrestest.New(t), postgrestest.New(t)
	end := scatter(t, whole, events)
	scatter(t, pieces, events)
	engine, err := crowd.NewEngine(whole, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Judge(context.Background(), end); err != nil {
		t.Fatal(err)
	}
	for at := end.Add(-60 * time.Hour); ; at = at.Add(5 * time.Hour) {
		engine, err := crowd.NewEngine(pieces, crowd.Config{MaxBatch: 17})
		if err != nil {
			t.Fatal(err)
		}
		if at.After(end) {
			at = end
		}
		if _, err := engine.Judge(context.Background(), at); err != nil {
			t.Fatal(err)
		}
		if at.Equal(end) {
			break
		}
	}
	if n := waiting(t, pieces); n != 0 {
		t.Fatalf("%d events still wait", n)
	}
	a, b := remember(t, whole), remember(t, pieces)
	for table := range a {
		if !reflect.DeepEqual(a[table], b[table]) {
			t.Errorf("%s differ: first difference:\n%s", table, firstDifference(a[table], b[table]))
		}
	}
	var steps []byte
	if err := whole.QueryRow(context.Background(), `select json_agg(distinct kind) from place_steps`).Scan(&steps); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	if err := json.Unmarshal(steps, &kinds); err != nil || len(kinds) < 2 {
		t.Errorf("stories have steps of kinds %v, error %v", kinds, err)
	}
}
