package crowd

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestWhatIsKnownShiftsThePrior(t *testing.T) {
	t.Parallel()
	here := orb.Point{15.6, 48.41}
	north, south := 0.0, 180.0
	now := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	at := func(metres float64) orb.Point { return shift(here, metres, 0) }
	of := func(class Class, shift [NumClasses]float64) float64 {
		for i, c := range Classes() {
			if c == class {
				return math.Exp(shift[i])
			}
		}
		return 0
	}
	furniture := func(f ...fixture) [NumClasses]float64 { return knownPrior(here, &north, now, f, nil) }
	cases := func(c ...knownCase) float64 { return of(Pothole, knownPrior(here, &north, now, nil, c)) }
	hour := time.Hour
	for name, test := range map[string]struct{ got, want float64 }{
		"nothing known":            {of(SpeedBump, furniture()), 1},
		"a bump right here":        {of(SpeedBump, furniture(fixture{SpeedBump, at(7), &south})), 11},
		"a bump too far":           {of(SpeedBump, furniture(fixture{SpeedBump, at(25.1), nil})), 1},
		"halfway":                  {of(SpeedBump, furniture(fixture{SpeedBump, at(16.5), nil})), math.Sqrt(11)},
		"other classes stay":       {of(Pothole, furniture(fixture{SpeedBump, at(0), nil})), 1},
		"twice the same":           {of(Rail, furniture(fixture{Rail, at(1), nil}, fixture{Rail, at(3), nil})), 15},
		"a casting":                {of(Casting, furniture(fixture{Casting, at(3), &north})), 2.2},
		"a casting across":         {of(Casting, furniture(fixture{Casting, at(3), &south})), math.Pow(2.2, 0.3)},
		"an open case":             {cases(knownCase{at(5), now.Add(-hour), time.Time{}, ""}), 2.5},
		"two people's":             {cases(knownCase{at(5), now.Add(-hour), time.Time{}, ""}, knownCase{at(5), now.Add(-2 * hour), time.Time{}, ""}), 2.5},
		"reported later":           {cases(knownCase{at(5), now.Add(13 * 24 * hour), time.Time{}, ""}), 2.5},
		"reported much later":      {cases(knownCase{at(5), now.Add(15 * 24 * hour), time.Time{}, ""}), 1},
		"closed":                   {cases(knownCase{at(5), now.Add(-hour), now.Add(-time.Minute), ""}), 1},
		"never closed":             {cases(knownCase{at(5), now.Add(-91 * 24 * hour), time.Time{}, ""}), 1},
		"closed after a long time": {cases(knownCase{at(5), now.Add(-91 * 24 * hour), now.Add(hour), ""}), 1},
	} {
		if math.Abs(test.got-test.want) > 0.02*test.want {
			t.Errorf("%s: %.3f, want %.3f", name, test.got, test.want)
		}
	}
}

// What is known never speaks against a class, never beyond its bound, and less with distance.
func TestWhatIsKnownFadesWithDistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		here := orb.Point{rapid.Float64Range(-180, 179).Draw(t, "lon"), rapid.Float64Range(-70, 70).Draw(t, "lat")}
		d := rapid.Float64Range(0, 40).Draw(t, "metres")
		class := rapid.SampledFrom([]Class{SpeedBump, Rail, Joint, Casting}).Draw(t, "class")
		near := knownPrior(here, nil, time.Time{}, []fixture{{class, shift(here, 0, d), nil}}, nil)
		far := knownPrior(here, nil, time.Time{}, []fixture{{class, shift(here, 0, d+1), nil}}, nil)
		for i := range near {
			if near[i] < far[i]-1e-9 || far[i] < 0 || near[i] > math.Log(15)+1e-9 {
				t.Fatalf("%v at %g m, %v one farther", near, d, far)
			}
		}
	})
}

func TestWhatIsKnownIsReadByCell(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	here := orb.Point{15.6, 48.41}
	m := geo.Map{Furniture: []geo.Furniture{{ID: 7, Kind: geo.Rail, Point: shift(here, 24.5, 0)}, {ID: 8, Kind: geo.Casting, Point: shift(here, 300, 0)}}}
	if err := m.Save(ctx, pool); err != nil {
		t.Fatal(err)
	}
	cell, err := geo.FineCell(here.Lat(), here.Lon())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `insert into cases values ('works', '1', $1, $2, $3, now(), null)`, here.Lat(), here.Lon(), int64(cell)); err != nil {
		t.Fatal(err)
	}
	disk := geo.Disk(cell, diskSteps)
	var numbers []int64
	for _, c := range disk {
		numbers = append(numbers, int64(c))
	}
	k := newKnown()
	for range 2 {
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return k.read(ctx, tx, numbers) }); err != nil {
			t.Fatal(err)
		}
		furniture, cases := k.around(disk)
		if len(furniture) != 1 || furniture[0].class != Rail || len(cases) != 1 || !cases[0].closed.IsZero() {
			t.Errorf("%+v %+v", furniture, cases)
		}
		k.forget(disk)
	}
}
