package evaluate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// small is a city that is quick to drive and as hard as a large one to count in, on the streets and physics that the waveform
// classifier knows.
func small(seed uint64) firmwaresim.CityOptions {
	return firmwaresim.CityOptions{Seed: seed, Network: firmwaresim.NetworkGrid, Blocks: 16, Drivers: 130, Defects: 110, Days: 14, Attackers: 25,
		Physics: firmwaresim.PhysicsQuarter, GPSM: 3.5, Canyons: -1, Slow: 0.4, Silent: 0.3, Answers: 0.5, Knocks: 0.15, Busy: 1.6,
		Adversaries: firmwaresim.Inventor | firmwaresim.Vandals | firmwaresim.Companions | firmwaresim.Odd}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// How well a city is judged is a matter of arithmetic, which the race detector makes ten times slower: with -short it is left to a run
// without the detector, as make test has one.
func TestCrowdBeatsCounting(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not with -short")
	}
	r, err := evaluate.Rehearse(small(11))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Promotions.Violations) > 0 {
		t.Error(r.Promotions.Violations)
	}
	t.Logf("%d events\n3 devices %+v\nstreetpulse %+v", r.Events, r.Three, r.Crowd)
	if !r.Hard {
		t.Fatalf("the city is too easy to prove anything: three devices reach precision %.2f, %d inventions", r.Three.Precision, r.Three.Inventions)
	}
	if r.Crowd.Precision < 5*r.Three.Precision || r.Crowd.Precision < 0.85 {
		t.Errorf("precision %.2f, three devices have %.2f", r.Crowd.Precision, r.Three.Precision)
	}
	if r.Crowd.Inventions > 2 {
		t.Errorf("%d of 40 inventions came through", r.Crowd.Inventions)
	}
	if r.Crowd.Recall < 0.5 || r.Crowd.MedianM > 3 || r.Crowd.Split > 0.05 {
		t.Errorf("recall %.2f, %.1f m, split %.2f", r.Crowd.Recall, r.Crowd.MedianM, r.Crowd.Split)
	}
}

// What is judged in memory and what goes through the database come to the same.
func TestTheDatabaseChangesNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() { // as for TestCrowdBeatsCounting
		t.Skip("not with -short")
	}
	o := village()
	o.Seed = 2
	stored, err := evaluate.City(context.Background(), postgrestest.New(t), o, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rehearsed, err := evaluate.Rehearse(o)
	if err != nil {
		t.Fatal(err)
	}
	a, b := rehearsed.Calibration, stored.Calibration // the database keeps beliefs in single precision
	if rehearsed.Crowd != stored.Crowd || a.Places != b.Places || a.Potholes != b.Potholes || math.Abs(a.Brier-b.Brier) > 1e-4 {
		t.Errorf("through the database %+v %+v, in memory %+v %+v", stored.Crowd, b, rehearsed.Crowd, a)
	}
	if stored.Crowd.Found == 0 {
		t.Error("nothing was found: the city shows nothing")
	}
}

// outcome is what a database holds in the end, by place.
func outcome(t *testing.T, pool *pgxpool.Pool) (map[string]crowd.Place, map[string]dispatch.Order) {
	t.Helper()
	places, err := crowd.Places(context.Background(), pool, crowd.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	orders, err := dispatch.Orders(context.Background(), pool, dispatch.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	p, o := map[string]crowd.Place{}, map[string]dispatch.Order{}
	for _, x := range places {
		p[x.ID] = x
	}
	for _, x := range orders {
		o[x.Place] = x
	}
	return p, o
}

// A live run: batches come in over the same way as a broker's, while a worker judges as they come. Replaying its export gives
// its places and orders.
func TestReplayOfALiveRunsExportGivesTheSame(t *testing.T) {
	t.Parallel()
	live, again := postgrestest.New(t), postgrestest.New(t)
	o := village()
	o.Seed, o.Days = 8, 7
	o.Begin = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -13) // older events are refused
	city, err := firmwaresim.NewCity(o)
	if err != nil {
		t.Fatal(err)
	}
	sent := city.All()
	runLive(t, live, sent)

	var export bytes.Buffer
	err = crowd.Log(context.Background(), live, func(l wire.Line) error {
		_, err := export.Write(append(l.Append(nil), '\n'))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := evaluate.Replay{Pool: again, Office: dispatch.Office{Prefix: "KR"}, Log: quiet()}.File(context.Background(), &export)
	if err != nil || summary.Refused > 0 || summary.Orders == 0 {
		t.Fatalf("%d lines refused, %v; error %v", summary.Refused, summary.Refusals, err)
	}
	places, orders := outcome(t, live)
	placesAgain, ordersAgain := outcome(t, again)
	if len(orders) < 5 || len(places) != len(placesAgain) || len(orders) != len(ordersAgain) {
		t.Fatalf("live %d places and %d orders, again %d and %d", len(places), len(orders), len(placesAgain), len(ordersAgain))
	}
	for id, p := range places {
		q := placesAgain[id]
		if off := math.Hypot(p.Lat-q.Lat, p.Lon-q.Lon) * 111_000; off > 1 || p.Class != q.Class || p.State != q.State || p.Devices != q.Devices {
			t.Errorf("place %s: live %s %s of %d devices, again %s %s of %d, %.2f m apart", id, p.State, p.Class, p.Devices, q.State, q.Class, q.Devices, off)
		}
	}
	for id, a := range orders {
		b := ordersAgain[id]
		if a.Number != b.Number || a.State != b.State || !a.PromotedAt.Equal(b.PromotedAt) {
			t.Errorf("order of %s: live %s %s at %s, again %s %s at %s", id, a.Number, a.State, a.PromotedAt, b.Number, b.State, b.PromotedAt)
		}
	}
}

// runLive submits what a city sends, in order of delivery, while an engine judges by the same clock.
func runLive(t *testing.T, pool *pgxpool.Pool, sent []firmwaresim.Sent) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	clock := &ingest.Catchup{}
	writer := ingest.NewWriter(pool, ingest.WriterOptions{Log: quiet()})
	in := ingest.New(pool, writer, clock, ingest.Options{Log: quiet()})
	engine, err := crowd.NewEngine(pool, crowd.Config{Confirmed: dispatch.Office{Prefix: "KR"}.Promote, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	working, judged := make(chan struct{}), make(chan error, 1)
	written := make(chan error, 1)
	go func() { written <- writer.Run(ctx) }()
	go func() {
		close(working)
		judged <- engine.Work(ctx, clock.Now, writer.Wake())
	}()
	<-working
	var devices []string
	known := map[string]bool{}
	for _, s := range sent {
		if !known[s.Device] {
			known[s.Device] = true
			devices = append(devices, s.Device)
		}
	}
	if err := ingest.Ensure(ctx, pool, devices, sent[0].Time); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(sent); {
		to := from
		b := wire.Batch{V: wire.Version}
		for to < len(sent) && to-from < 50 && sent[to].Device == sent[from].Device {
			b.Events = append(b.Events, sent[to].Event)
			to++
		}
		if _, err := in.Submit(ctx, sent[from].Device, b.Append(nil), "test"); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	stop()
	if err := <-judged; err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	// What arrived last is judged when the server runs again.
	if _, err := engine.Judge(context.Background(), clock.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	var waiting int
	if err := pool.QueryRow(context.Background(), `select count(*) from pending_events`).Scan(&waiting); err != nil || waiting > 0 {
		t.Fatalf("%d events wait, error %v", waiting, err)
	}
}

// A week's recording, replayed at once, in part, and with a mishap.
func TestOrdersOfARecording(t *testing.T) {
	t.Parallel()
	if testing.Short() { // as for TestCrowdBeatsCounting
		t.Skip("not with -short")
	}
	o := village()
	o.Seed, o.Days = 7, 7
	city, err := firmwaresim.NewCity(o)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	sent := city.All()
	var cut int
	for i, s := range sent {
		file.Write(append(s.Line.Append(nil), '\n'))
		if i == len(sent)*6/10 {
			cut = file.Len()
		}
	}
	week := file.Bytes()
	pool := postgrestest.New(t)
	if err := replay(pool, week); err != nil {
		t.Fatal(err)
	}
	_, orders := outcome(t, pool)
	t.Run("never vanish or move in time", func(t *testing.T) {
		t.Parallel()
		ordersStay(t, week[:cut], orders)
	})
	t.Run("are written with their places", func(t *testing.T) {
		t.Parallel()
		mishap(t, week, orders)
	})
}

func replay(pool *pgxpool.Pool, file []byte) error {
	_, err := evaluate.Replay{Pool: pool, Office: dispatch.Office{Prefix: "KR"}, Log: quiet()}.File(context.Background(), bytes.NewReader(file))
	return err
}

// ordersStay: what is known after part of a recording stays known after all of it: no order vanishes or moves in time.
func ordersStay(t *testing.T, file []byte, whole map[string]dispatch.Order) {
	pool := postgrestest.New(t)
	if err := replay(pool, file); err != nil {
		t.Fatal(err)
	}
	_, part := outcome(t, pool)
	if len(part) == 0 || len(whole) <= len(part) {
		t.Fatalf("%d orders in part of the time, %d in all of it", len(part), len(whole))
	}
	for id, a := range part {
		if b, ok := whole[id]; !ok || !a.PromotedAt.Equal(b.PromotedAt) {
			t.Errorf("order %s of %s is %s at %s in the end", a.Number, a.PromotedAt, b.Number, b.PromotedAt)
		}
	}
}

// mishap: where an order cannot be written its place is not confirmed either, and nothing is lost: what waited is judged later,
// with the same result.
func mishap(t *testing.T, file []byte, want map[string]dispatch.Order) {
	ctx, broken := context.Background(), postgrestest.New(t)
	if _, err := broken.Exec(ctx, `alter table orders add constraint full_up check (seq < 3)`); err != nil {
		t.Fatal(err)
	}
	if err := replay(broken, file); err == nil || !strings.Contains(err.Error(), "full_up") {
		t.Fatalf("orders cannot be written, but the replay says %v", err)
	}
	var confirmed, waiting int
	err := broken.QueryRow(ctx, `select (select count(*) from places where state = 'confirmed'), (select count(*) from pending_events)`).Scan(&confirmed, &waiting)
	if err != nil || confirmed != 2 || waiting == 0 {
		t.Fatalf("%d places are confirmed for two orders, %d events wait, error %v", confirmed, waiting, err)
	}
	if _, err := broken.Exec(ctx, `alter table orders drop constraint full_up`); err != nil {
		t.Fatal(err)
	}
	if err := replay(broken, file); err != nil {
		t.Fatal(err)
	}
	_, orders := outcome(t, broken)
	if len(want) < 3 || len(orders) != len(want) {
		t.Fatalf("%d orders after the mishap, %d without it", len(orders), len(want))
	}
	for id, a := range want {
		if b, ok := orders[id]; !ok || a.Number != b.Number || !a.PromotedAt.Equal(b.PromotedAt) {
			t.Errorf("order %s: %+v after the mishap, %+v without it", a.Number, b, a)
		}
	}
}

func TestReplaySaysWhichLinesItRefuses(t *testing.T) {
	t.Parallel()
	good := `{"device":"a","id":"1","kind":"bump","time":"2026-03-02T07:31:04.120Z","lat":51.05,"lon":3.72,"accuracy_m":5.2,"speed_mps":11.3,"peak_g":1.2,"duration_s":0.2}`
	file := strings.Join([]string{good, "{", "", strings.Replace(good, `"id":"1"`, `"id":"2"`, 1), good, strings.Replace(good, "51.05", "151.05", 1)}, "\n")
	s, err := evaluate.Replay{Pool: postgrestest.New(t), Log: quiet()}.File(context.Background(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if s.Orders != 0 || s.Stored != 2 || s.Duplicates != 1 || s.Refused != 2 || s.Judged != 2 || len(s.Refusals) != 2 || s.Refusals[0].Line != 2 || s.Refusals[1].Line != 6 {
		t.Errorf("summary %+v", s)
	}
}

func ExampleNaive() {
	var lines []wire.Line
	for i, device := range []string{"a", "a", "b", "c"} { // a jolt each, one metre apart
		lines = append(lines, wire.Line{Device: device, Event: wire.Event{Kind: wire.Bump, Lat: 48.41 + float64(i)*9e-6, Lon: 15.6}})
	}
	fmt.Println(len(evaluate.Naive(lines[:3], 3)), len(evaluate.Naive(lines, 3)))
	// Output: 0 1
}
