package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
	"github.com/streetpulse/streetpulse/web"
)

// today is when the tests' town is looked at.
func today() time.Time { return time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC) }

var krems = sync.OnceValues(func() (*geo.Network, error) {
	f, err := os.Open("../firmware-sim/town/krems.osm.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := geo.ReadOSM(context.Background(), f, "krems.osm.gz")
	if err != nil {
		return nil, err
	}
	return geo.NewNetwork(m), nil
})

// town is a server on a database of its own, with the streets of Krems.
type town struct {
	t       testing.TB
	server  *web.Server
	pool    *pgxpool.Pool
	network *geo.Network
	now     func() time.Time
	http    *httptest.Server
	n       int
}

// cheap is what passwords cost in tests, which log in a hundred times.
var cheap = access.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}

func newTown(t testing.TB, change ...func(*web.Config)) *town {
	t.Helper()
	network, err := krems()
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, pool: postgrestest.New(t), network: network}
	config := web.Config{
		Pool: w.pool, Network: func() *geo.Network { return network }, City: "Krems", Now: today, PasswordCost: cheap,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&config)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config.LinksURL = "http://" + listener.Addr().String()
	server, err := web.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.server, w.now = server, config.Now
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	w.http = httptest.NewUnstartedServer(server.Handler())
	w.http.Listener.Close()
	w.http.Listener, w.http.Config = listener, server.HTTPServer(ctx)
	w.http.Start()
	t.Cleanup(func() {
		stop()
		w.http.CloseClientConnections()
		w.http.Close()
		running.Wait()
	})
	return w
}

// spot returns a point on the named street, share of the way along the longest of its ways, and its heading.
func (w *town) spot(street string, share float64) (orb.Point, float64) {
	w.t.Helper()
	var best orb.LineString
	longest := 0.0
	for _, s := range w.network.Streets() {
		length := 0.0
		for i := 1; i < len(s.Line); i++ {
			length += geo.Distance(s.Line[i-1], s.Line[i])
		}
		if s.Name == street && length > longest && s.Drivable() {
			best, longest = s.Line, length
		}
	}
	if best == nil {
		w.t.Fatalf("no street %q", street)
	}
	left := share * longest
	for i := 1; i < len(best); i++ {
		d := geo.Distance(best[i-1], best[i])
		if left <= d || i == len(best)-1 {
			f := min(1, left/d)
			p := orb.Point{best[i-1][0] + (best[i][0]-best[i-1][0])*f, best[i-1][1] + (best[i][1]-best[i-1][1])*f}
			h := geo.Bearing(best[i-1], best[i])
			return geo.Destination(p, h+90, 1.8), h
		}
		left -= d
	}
	return best[0], 0
}

// defect is a place to be put into the town, with its order where Order is set.
type defect struct {
	ID       string
	Street   string
	Share    float64
	State    crowd.State
	Class    crowd.Class
	Severity float64
	Devices  int
	Passes   int
	Days     int // since the first jolt
	Order    dispatch.State
	At       *orb.Point // instead of Street
}

// put stores a defect, its story and its order.
func (w *town) put(d defect) {
	w.t.Helper()
	ctx := context.Background()
	w.n++
	if d.ID == "" {
		d.ID = fmt.Sprintf("p%03dkremsplace", w.n)
	}
	var p orb.Point
	var heading *float64
	if d.At != nil {
		p = *d.At
	} else {
		at, h := w.spot(d.Street, d.Share)
		p, heading = at, &h
	}
	cell, err := geo.FineCell(p.Lat(), p.Lon())
	if err != nil {
		w.t.Fatal(err)
	}
	if d.Class == "" {
		d.Class = crowd.Pothole
	}
	belief := make([]float32, crowd.NumClasses)
	for i, c := range crowd.Classes() {
		belief[i] = 0.01
		if c == d.Class {
			belief[i] = float32(0.6 + 0.34*min(1, float64(d.Devices)/11))
		}
	}
	rest := float32(1)
	for _, b := range belief {
		rest -= b
	}
	belief[(slices.Index(belief, 0.01)+1)%4] += rest
	first := today().AddDate(0, 0, -d.Days)
	stateAt := first.AddDate(0, 0, d.Days/3)
	_, err = w.pool.Exec(ctx, `with r as (insert into regions (region) values ($2) on conflict do nothing)
		insert into places (id, region, cell, lat, lon, heading_deg, uncertainty_m, state, state_at, class, belief,
			severity, devices, passes, first_at, last_at, shown, reviewed, steps, estimate)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,true,false,0,'')`, d.ID, int64(geo.Region(cell)), int64(cell), p.Lat(), p.Lon(), heading,
		6/math.Sqrt(float64(d.Devices)), d.State, stateAt, d.Class, belief, d.Severity, d.Devices, d.Passes, first, first.AddDate(0, 0, d.Days/2))
	if err != nil {
		w.t.Fatal(err)
	}
	w.tell(d, first, stateAt)
	w.felt(d, first)
}

// felt spreads the jolts and passes of a defect over its days; on some days nobody passes, and after a repair there are passes alone.
func (w *town) felt(d defect, first time.Time) {
	w.t.Helper()
	for i := range d.Days + 1 {
		jolts, passes := (i*7+d.Devices)%4, (i*5+d.Passes)%3
		severity := &d.Severity
		if lower := d.Severity * (0.7 + 0.3*float64(i)/float64(d.Days+1)); lower < d.Severity {
			severity = &lower
		}
		if (d.Order == dispatch.Repaired || d.Order == dispatch.Verified) && i > d.Days*3/4 {
			jolts, severity = 0, nil
		}
		if jolts+passes == 0 {
			continue
		}
		if _, err := w.pool.Exec(context.Background(), `insert into place_days (place, day, jolts, passes, severity) values ($1, $2, $3, $4, $5)`,
			d.ID, first.AddDate(0, 0, i), jolts, passes, severity); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *town) tell(d defect, first, stateAt time.Time) {
	w.t.Helper()
	ctx := context.Background()
	steps := []crowd.Step{{At: first, Kind: crowd.StepFirstJolt}}
	if d.Devices > 1 {
		steps = append(steps, crowd.Step{At: first.Add(20 * time.Hour), Kind: crowd.StepSuspected})
	}
	switch d.State {
	case crowd.Confirmed:
		steps = append(steps, crowd.Step{At: stateAt, Kind: crowd.StepConfirmed, Words: crowd.StepWords{Class: d.Class, Probability: 0.94, Devices: d.Devices, Passes: 2}})
		if d.Order == "" {
			steps = append(steps, crowd.Step{At: stateAt, Kind: crowd.StepReview, Words: crowd.StepWords{Class: d.Class}})
		}
	case crowd.Faded:
		steps = append(steps, crowd.Step{At: stateAt, Kind: crowd.StepFaded})
	case crowd.Dismissed:
		steps = append(steps, crowd.Step{At: stateAt, Kind: crowd.StepDismissed, Words: crowd.StepWords{Class: d.Class}})
	case crowd.Suspected: // told above
	}
	for i, s := range steps {
		words, err := json.Marshal(s.Words)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.pool.Exec(ctx, `insert into place_steps (place, n, at, kind, words) values ($1,$2,$3,$4,$5)`, d.ID, i+1, s.At, s.Kind, words); err != nil {
			w.t.Fatal(err)
		}
	}
	if d.Order != "" {
		w.order(d, stateAt)
	}
}

func (w *town) order(d defect, promoted time.Time) {
	w.t.Helper()
	ctx := context.Background()
	way := []dispatch.State{dispatch.New, dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired, dispatch.Verified}
	switch d.Order {
	case dispatch.Reopened:
		way = []dispatch.State{dispatch.New, dispatch.Accepted, dispatch.InProgress, dispatch.Repaired, dispatch.Reopened}
	case dispatch.Dismissed:
		way = []dispatch.State{dispatch.New, dispatch.Dismissed}
	default:
		way = way[:slices.Index(way, d.Order)+1]
	}
	step := today().Sub(promoted) / time.Duration(len(way)+1)
	last := promoted.Add(step * time.Duration(len(way)-1))
	id := "o" + d.ID[1:]
	_, err := w.pool.Exec(ctx, `insert into orders (id, seq, number, place, class, severity, probability, devices, state, street, body, promoted_at, state_at)
		values ($1,$2,$3,$4,$5,$6,0.94,$7,$8,$9,$10,$11,$12)`, id, 400+w.n, fmt.Sprintf("KR-%04d", 400+w.n), d.ID, d.Class, d.Severity, d.Devices,
		d.Order, d.Street, "City of Krems, Roads", promoted, last)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, st := range way {
		if _, err := w.pool.Exec(ctx, `insert into order_steps (order_id, n, at, state, actor, reason) values ($1,$2,$3,$4,'dispatcher','')`,
			id, i+1, promoted.Add(step*time.Duration(i)), st); err != nil {
			w.t.Fatal(err)
		}
	}
	if d.Order == dispatch.Repaired || d.Order == dispatch.Verified { // as crowd leaves a place that was repaired, and that traffic has verified
		if _, err := w.pool.Exec(ctx, `update places set repaired_at = $2, state = case when $3 then 'faded' else state end where id = $1`,
			d.ID, promoted.Add(step*time.Duration(slices.Index(way, dispatch.Repaired))), d.Order == dispatch.Verified); err != nil {
			w.t.Fatal(err)
		}
	}
}

// announce tells the server of a change, as crowd and dispatch do.
func (w *town) announce(kind, id, place string) {
	w.t.Helper()
	if _, err := w.pool.Exec(context.Background(), `select pg_notify('streetpulse_changes', json_build_object('kind', $1::text, 'id', $2::text, 'place', $3::text)::text)`, kind, id, place); err != nil {
		w.t.Fatal(err)
	}
}

// drive stores coverage: the middle of the town often, its edges seldom, the rest never.
func (w *town) drive() {
	w.t.Helper()
	middle := orb.Point{15.6105, 48.4085}
	events := map[int64]int{}
	for _, s := range w.network.Streets() {
		if !s.Drivable() {
			continue
		}
		for _, p := range s.Line {
			d := geo.Distance(middle, p)
			if d > 1250 {
				continue
			}
			cell, err := geo.FineCell(p.Lat(), p.Lon())
			if err != nil {
				w.t.Fatal(err)
			}
			n := 40
			if d > 900 {
				n = 3
			}
			events[int64(geo.CoverageCell(cell))] = n
		}
	}
	cells, counts := make([]int64, 0, len(events)), make([]int, 0, len(events))
	for cell, n := range events {
		cells, counts = append(cells, cell), append(counts, n)
	}
	if _, err := w.pool.Exec(context.Background(), `insert into coverage (cell, day, events) select cell, $3, n from unnest($1::bigint[], $2::int[]) as c (cell, n)
		on conflict do nothing`, cells, counts, today()); err != nil {
		w.t.Fatal(err)
	}
}

// settle puts some forty places of every kind into the town.
func (w *town) settle() {
	w.t.Helper()
	// The one that pages are tested on has evidence that the engine has judged.
	id := w.judged("Ringstraße", .45, 11, 2)
	for _, d := range defects() {
		w.put(d)
	}
	ctx := context.Background()
	if _, err := w.pool.Exec(ctx, `update evidence set place = 'pringstrasse1' where place = $1`, id); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.pool.Exec(ctx, `delete from places where estimate <> ''`); err != nil {
		w.t.Fatal(err)
	}
	w.drive()
}

func coordinates(lat, lon float64) string { return fmt.Sprintf("%.7f,%.7f", lat, lon) }

// judged has crowd's engine judge jolts of as many devices on a street, and smooth passes of others, and returns the
// place they found.
func (w *town) judged(street string, share float64, jolts, passes int) string {
	w.t.Helper()
	ctx := context.Background()
	p, heading := w.spot(street, share)
	cell, err := geo.FineCell(p.Lat(), p.Lon())
	if err != nil {
		w.t.Fatal(err)
	}
	at := today().AddDate(0, 0, -8)
	for i := range jolts + passes {
		at = at.Add(3 * time.Hour)
		kind, peak := 0, 1.3
		if i >= jolts {
			kind, peak = 1, 0
		}
		_, err := w.pool.Exec(ctx, `
			with e as (insert into events (id, device, kind, time, received, lat, lon, accuracy_m, speed_mps, heading_deg, peak_g,
				duration_s, rate_hz, cell, region) values ($1, $2, $3, $4, $4, $5, $6, 4, 11, $7, $8, 0.15, 0, $9, $10))
			insert into pending (region, arrival, received, size, offsets, times, ids, devices)
				values ($10, nextval('arrivals'), $4, 1, array[0], array[$4::timestamptz], array[$1::text], array[$2::text])`,
			fmt.Sprintf("e%s%04d", street[:3], i), fmt.Sprintf("judged-device-%02d", i), kind, at, p.Lat(), p.Lon(), heading, peak, int64(cell), int64(geo.Region(cell)))
		if err != nil {
			w.t.Fatal(err)
		}
	}
	engine, err := crowd.NewEngine(w.pool, crowd.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := engine.Judge(ctx, at.Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	var id string
	if err := w.pool.QueryRow(ctx, `select id from places where estimate <> '' order by state_at desc, devices desc limit 1`).Scan(&id); err != nil {
		w.t.Fatal(err)
	}
	return id
}
