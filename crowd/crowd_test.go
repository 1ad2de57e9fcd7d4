package crowd_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// town writes events straight into the log, as ingest would, for a test to judge.
type town struct {
	t    *testing.T
	pool *pgxpool.Pool
	n    int
	at   time.Time
}

func newTown(t *testing.T) *town {
	t.Helper()
	return &town{t: t, pool: postgrestest.New(t), at: time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)}
}

const metre = 1 / 111319.49 // degrees of latitude

// jolt stores a bump of a device, metres north of the origin, heading north.
func (w *town) jolt(device string, north float64, peak float64) { w.event(device, 0, north, peak) }

// pass stores a smooth pass.
func (w *town) pass(device string, north float64) { w.event(device, 1, north, 0) }

func (w *town) event(device string, kind int, north, peak float64) {
	w.t.Helper()
	w.n++
	w.at = w.at.Add(7 * time.Minute)
	lat, lon := 48.41+north*metre, 15.6
	cell, err := geo.FineCell(lat, lon)
	if err != nil {
		w.t.Fatal(err)
	}
	id := fmt.Sprintf("e%06d", w.n)
	_, err = w.pool.Exec(context.Background(), `
		with e as (insert into events (id, device, kind, time, received, lat, lon, accuracy_m, speed_mps, heading_deg, peak_g,
			duration_s, rate_hz, cell, region) values ($1, $2, $3, $4, $4, $5, $6, 5, 11, 0, $7, 0.2, 0, $8, $9))
		insert into pending (region, arrival, received, size, offsets, times, ids, devices)
			values ($9, nextval('arrivals'), $4, 1, array[0], array[$4::timestamptz], array[$1::text], array[$2::text])`,
		id, device, kind, w.at, lat, lon, peak, int64(cell), int64(geo.Region(cell)))
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) judge(config crowd.Config) int {
	w.t.Helper()
	engine, err := crowd.NewEngine(w.pool, config)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := engine.Judge(context.Background(), w.at.Add(time.Minute))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *town) places() []crowd.Place {
	w.t.Helper()
	places, err := crowd.Places(context.Background(), w.pool, crowd.Filter{})
	if err != nil {
		w.t.Fatal(err)
	}
	return places
}

func TestOneDeviceNeverConfirms(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for range 40 {
		w.jolt("lonely", 0, 2)
	}
	confirmed := 0
	if n := w.judge(crowd.Config{Confirmed: func(context.Context, pgx.Tx, crowd.Confirmation) error { confirmed++; return nil }}); n != 40 {
		t.Fatalf("judged %d of 40", n)
	}
	places := w.places()
	if len(places) != 1 || places[0].Devices != 1 || confirmed != 0 {
		t.Fatalf("want one suspected place of one device, got %d confirmed and %+v", confirmed, places)
	}
	if _, public := crowd.Exact.Public(places[0]); public {
		t.Error("a place that rests on one device is public")
	}
}

func TestJoltsNearEachOtherAreOnePlace(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for i := range 9 {
		w.jolt(fmt.Sprintf("car%d", i), float64(i%3-1)*5, 1)
	}
	w.jolt("far", 300, 1)
	w.judge(crowd.Config{})
	places := w.places()
	if len(places) != 2 {
		t.Fatalf("want two places, got %d", len(places))
	}
	for _, p := range places {
		if p.Devices == 9 {
			if off := math.Abs(p.Lat-48.41) / metre; off > 1 {
				t.Errorf("position is off by %.1f m", off)
			}
			if p.UncertaintyM > 3 {
				t.Errorf("nine devices leave %.1f m of uncertainty", p.UncertaintyM)
			}
		}
	}
}

func TestSmoothPassesSpeakAgainst(t *testing.T) {
	t.Parallel()
	with, without := newTown(t), newTown(t)
	for i := range 2 {
		with.jolt(fmt.Sprintf("car%d", i), 0, 1)
		without.jolt(fmt.Sprintf("car%d", i), 0, 1)
	}
	for i := range 12 {
		with.pass(fmt.Sprintf("smooth%d", i), 0)
	}
	with.judge(crowd.Config{})
	without.judge(crowd.Config{})
	a, b := with.places()[0], without.places()[0]
	if a.Belief.Of(crowd.Nothing) <= b.Belief.Of(crowd.Nothing) {
		t.Errorf("twelve smooth passes leave nothing at %.3f, without them %.3f", a.Belief.Of(crowd.Nothing), b.Belief.Of(crowd.Nothing))
	}
	if a.Passes != 12 {
		t.Errorf("%d passes counted, want 12", a.Passes)
	}
}

func TestThePublicSeesDefectsOnly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		class    crowd.Class
		severity float64
		state    crowd.State
		public   bool
	}{
		{crowd.Pothole, 0.1, crowd.Suspected, true},
		{crowd.Casting, 0.2, crowd.Suspected, false},
		{crowd.Casting, 0.7, crowd.Suspected, true},
		{crowd.SpeedBump, 0.9, crowd.Suspected, false},
		{crowd.Nothing, 0.9, crowd.Suspected, false},
		{crowd.SpeedBump, 0.2, crowd.Dismissed, true}, // what was decided stays public, as suspected places are
	} {
		cell, err := geo.FineCell(48.41, 15.6)
		if err != nil {
			t.Fatal(err)
		}
		p := crowd.Place{Class: test.class, Severity: test.severity, State: test.state, Devices: 5, Cell: cell, Lat: 48.41, Lon: 15.6}
		shown, ok := crowd.Coarse.Public(p)
		if ok != test.public {
			t.Errorf("%s of severity %g, %s: public is %t", test.class, test.severity, test.state, ok)
		}
		if ok && (!shown.Coarse || shown.Lat == p.Lat) {
			t.Errorf("%s is %s, was never confirmed, and is shown where it is", test.class, test.state)
		}
		if _, ok := crowd.Hidden.Public(p); ok {
			t.Errorf("%s is %s, was never confirmed, and is shown in a city that hides those", test.class, test.state)
		}
		p.Ordered = true
		for _, v := range []crowd.Visibility{crowd.Hidden, crowd.Coarse, crowd.Exact} {
			if shown, ok := v.Public(p); !ok || shown.Coarse {
				t.Errorf("%s is %s, was confirmed, and is not shown where it is under %q", test.class, test.state, v)
			}
		}
	}
}
