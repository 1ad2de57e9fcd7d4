package crowd_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Late deliveries: how much later than it happened an event may arrive here, and what then may differ in the end. The
// tolerances are measured (TestOrderOfDelivery logs what came out) and stated in docs/decisions.md.
const (
	latest          = 48 * time.Hour
	toleranceM      = 1.0  // between two positions of one place, 95 of 100
	toleranceBelief = 0.10 // between two beliefs in one place, 95 of 100
)

// heard is an event with its device and the time of its arrival.
type heard struct {
	device   string
	event    wire.Event
	received time.Time
}

// drive makes a street of things that shake cars, and some days of cars that drive along it both ways. Everything arrives when it
// happens. The same seed gives the same.
func drive(seed uint64, spots, trips int) []heard {
	r := rand.New(rand.NewPCG(seed, 1))
	type thing struct{ at, hit, peak, duration, speed float64 }
	kinds := []thing{
		{hit: 0.5, peak: 1.8, duration: 0.15, speed: 11},  // like a pothole
		{hit: 0.45, peak: 0.8, duration: 0.1, speed: 11},  // like a casting
		{hit: 0.95, peak: 1.2, duration: 0.35, speed: 4},  // like a speed bump
		{hit: 0.03, peak: 0.6, duration: 0.08, speed: 11}, // knocks
	}
	var things []thing
	at := 0.0
	for range spots {
		at += 30 + r.Float64()*90
		k := kinds[r.IntN(len(kinds))]
		k.at = at
		things = append(things, k)
	}
	start := time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)
	var out []heard
	for trip := range trips {
		device := fmt.Sprintf("car%02d", r.IntN(80))
		t := start.Add(time.Duration(r.Float64() * float64(6*24*time.Hour)))
		heading := float64(r.IntN(2) * 180)
		from := r.Float64() * at * 0.7
		to := from + at*0.3
		east, north := r.NormFloat64()*3, r.NormFloat64()*3
		for i, th := range things {
			if heading == 180 && th.speed > 10 || th.at < from || th.at > to {
				continue // holes and castings lie in one lane; no car drives all of it
			}
			e := wire.Event{ID: fmt.Sprintf("t%d.%d", trip, i), Kind: wire.Pass, AccuracyM: 4, SpeedMPS: th.speed, HeadingDeg: &heading,
				Time: t.Add(time.Duration(th.at / th.speed * 1e9)), Lat: 48.41 + (th.at+north+r.NormFloat64()*1.5)*metre,
				Lon: 15.6 + (east+r.NormFloat64()*1.5)*metre*1.5}
			if r.Float64() < th.hit {
				e.Kind, e.PeakG, e.DurationS = wire.Bump, th.peak*math.Exp(r.NormFloat64()*0.2), th.duration
			} else if r.Float64() < 0.2 {
				continue // nobody asked
			}
			out = append(out, heard{device, e, e.Time.Add(time.Second)})
		}
	}
	return inOrder(out)
}

// inOrder sorts by arrival.
func inOrder(hs []heard) []heard {
	slices.SortFunc(hs, func(a, b heard) int {
		return cmp.Or(a.received.Compare(b.received), cmp.Compare(a.device, b.device), cmp.Compare(a.event.ID, b.event.ID))
	})
	return hs
}

// late delays every event by some of the time that it may be late.
func late(hs []heard, seed uint64) []heard {
	r := rand.New(rand.NewPCG(seed, 2))
	out := slices.Clone(hs)
	for i := range out {
		out[i].received = out[i].received.Add(time.Duration(r.Float64() * float64(latest)))
	}
	return inOrder(out)
}

// rehearse judges in memory.
func rehearse(t interface{ Fatal(...any) }, hs []heard) []crowd.Place {
	r, err := crowd.NewRehearsal(eager())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hs {
		if err := r.Judge(h.device, h.event, h.received); err != nil {
			t.Fatal(err)
		}
	}
	return r.Places()
}

// difference is how two ends of the same events differ.
type difference struct {
	places, alone       int // places that several devices felt; those of them without a counterpart
	otherClass, ordered int // counterparts of another class; of which one has an order and the other not
	metres, beliefs     []float64
}

func compare(a, b []crowd.Place) (d difference) {
	several := func(p crowd.Place) bool { return p.Devices >= 3 }
	for _, p := range a {
		if !several(p) {
			continue
		}
		d.places++
		best, nearest := crowd.Place{}, 17.0
		for _, q := range b {
			away := geo.Distance([2]float64{p.Lon, p.Lat}, [2]float64{q.Lon, q.Lat})
			alike := p.HeadingDeg == nil || q.HeadingDeg == nil || geo.HeadingDiff(*p.HeadingDeg, *q.HeadingDeg) < 60
			if alike && away < nearest {
				best, nearest = q, away
			}
		}
		if best.ID == "" {
			d.alone++
			continue
		}
		d.metres = append(d.metres, nearest)
		most := 0.0
		for c := range p.Belief {
			most = max(most, math.Abs(p.Belief[c]-best.Belief[c]))
		}
		d.beliefs = append(d.beliefs, most)
		if best.Class != p.Class {
			d.otherClass++
		}
		if best.Ordered != p.Ordered {
			d.ordered++
		}
	}
	return d
}

func (d *difference) add(o difference) {
	d.places, d.alone, d.otherClass, d.ordered = d.places+o.places, d.alone+o.alone, d.otherClass+o.otherClass, d.ordered+o.ordered
	d.metres, d.beliefs = append(d.metres, o.metres...), append(d.beliefs, o.beliefs...)
}

// at is a quantile.
func at(xs []float64, q float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	if len(xs) == 0 {
		return 0
	}
	return xs[min(len(xs)-1, int(q*float64(len(xs))))]
}

func quantiles(xs []float64) string {
	if len(xs) == 0 {
		return "none"
	}
	return fmt.Sprintf("half within %.3f, 95 %% within %.3f, 99 %% within %.3f, all within %.3f", at(xs, 0.5), at(xs, 0.95), at(xs, 0.99), at(xs, 1))
}

// The same events in any order of delivery end in the same places. What differs is what was decided on the way: a place that hovers about
// the line may have been promoted in one order and not in the other.
// That is arithmetic in memory, which the race detector makes ten times slower: with -short it is left to a run without the detector.
func TestOrderOfDelivery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not with -short")
	}
	var all difference
	for seed := range uint64(12) {
		hs := drive(seed, 30, 300)
		all.add(compare(rehearse(t, hs), rehearse(t, late(hs, seed))))
	}
	t.Logf("%d places, %d without a counterpart, %d of another class, %d promoted in one order only; metres: %s; belief: %s",
		all.places, all.alone, all.otherClass, all.ordered, quantiles(all.metres), quantiles(all.beliefs))
	if all.places < 200 {
		t.Fatalf("%d places prove nothing", all.places)
	}
	if all.alone*100 > all.places || all.otherClass*16 > all.places || all.ordered*20 > all.places {
		t.Error("more than 1 % have no counterpart, 6 % another class, or 5 % an order in one order only")
	}
	if at(all.metres, 0.95) > toleranceM || at(all.beliefs, 0.95) > toleranceBelief {
		t.Errorf("95 %% lie within %.2f m and %.3f, tolerated are %.1f m and %.2f", at(all.metres, 0.95), at(all.beliefs, 0.95), toleranceM, toleranceBelief)
	}
}

// Whatever street and delay is drawn: every jolt is somewhere, and a place's position and its devices do not depend on the order.
func TestAnyOrderCountsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hs := drive(rapid.Uint64Range(1000, 1e6).Draw(t, "city"), rapid.IntRange(1, 6).Draw(t, "things"), rapid.IntRange(5, 60).Draw(t, "trips"))
		a, b := rehearse(t, hs), rehearse(t, late(hs, rapid.Uint64().Draw(t, "delays")))
		d := compare(a, b)
		if d.alone*5 > max(5, d.places) || at(d.metres, 1) > 17 {
			t.Fatalf("of %d places %d have no counterpart; the farthest is %.1f m off", d.places, d.alone, at(d.metres, 1))
		}
	})
}

// store puts events into the database as they arrive, and returns when they have.
func (w *town) store(hs []heard, chunk int) {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	writer := ingest.NewWriter(w.pool, ingest.WriterOptions{})
	ended := make(chan error, 1)
	go func() { ended <- writer.Run(ctx) }()
	for some := range slices.Chunk(hs, chunk) {
		var records []ingest.Record
		for _, h := range some {
			record, err := ingest.NewRecord(h.event, h.device, h.received)
			if err != nil {
				w.t.Fatal(err)
			}
			records = append(records, record)
			w.at = h.received
		}
		if _, err := writer.Append(ctx, records); err != nil {
			w.t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		w.t.Fatal(err)
	}
}

// Sent twice, or again and again, whole or in parts, before and after it was judged: it is what was sent once.
func TestDuplicatesChangeNothing(t *testing.T) {
	t.Parallel()
	hs := drive(5, 8, 60)
	once, often := newTown(t), newTown(t)
	once.store(hs, 100)
	once.judge(office())
	r := rand.New(rand.NewPCG(5, 5))
	some := func(of []heard) []heard {
		again := slices.Clone(of)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		return again[:len(again)/2]
	}
	half := len(hs) / 2
	often.store(hs[:half], 100)
	often.store(some(hs[:half]), 37)
	often.judge(office())
	often.store(some(hs[:half]), 100) // these have been judged
	often.store(hs[half:], 100)
	often.store(some(hs), 60)
	often.at = hs[len(hs)-1].received
	often.judge(office())
	a, b := remember(t, once.pool), remember(t, often.pool)
	for table := range a {
		if len(a[table]) == 0 || !slices.Equal(a[table], b[table]) {
			t.Errorf("%s: %d rows and %d; %s", table, len(a[table]), len(b[table]), firstDifference(a[table], b[table]))
		}
	}
}

// What memory shows of late deliveries holds in the database too.
func TestOrderOfDeliveryInTheDatabase(t *testing.T) {
	t.Parallel()
	hs := drive(11, 10, 100)
	onTime, delayed := newTown(t), newTown(t)
	onTime.store(hs, 50)
	onTime.judge(office())
	delayed.store(late(hs, 3), 50)
	delayed.judge(office())
	d := compare(onTime.places(), delayed.places())
	t.Logf("%+v", d)
	if d.places < 6 || d.alone > 0 || d.otherClass > 2 || at(d.metres, 1) > 4*toleranceM {
		t.Errorf("%+v", d)
	}
	rehearsed, stored := rehearse(t, late(hs, 3)), delayed.places()
	if d := compare(rehearsed, stored); d.alone+d.otherClass+d.ordered > 0 || at(d.beliefs, 1) > 1e-4 || len(rehearsed) != len(stored) {
		t.Errorf("memory and database differ: %+v", d)
	}
}
