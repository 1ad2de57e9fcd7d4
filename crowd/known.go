package crowd

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// known is what others say stands, or is wrong, on some ground: furniture of OpenStreetMap and of registers, and cases of
// 311 systems, filed under their resolution 12 cells.
type known struct {
	furniture map[geo.Cell][]fixture
	cases     map[geo.Cell][]knownCase
}

// fixture is a piece of furniture.
type fixture struct {
	class      Class
	point      orb.Point
	headingDeg *float64 // of the lanes that it lies in; nil: not known, or all
}

// knownCase is a pothole case of a 311 system.
type knownCase struct {
	point  orb.Point
	opened time.Time
	closed time.Time // zero: open
	class  Class     // empty: a pothole
}

func newKnown() *known {
	return &known{furniture: map[geo.Cell][]fixture{}, cases: map[geo.Cell][]knownCase{}}
}

// readKnown reads what is known of the cells, in one query each for furniture and cases, and files it under k. What lies
// about a place is under its cell's disk of diskSteps, which reaches beyond knownReachM.
func (k *known) read(ctx context.Context, tx pgx.Tx, cells []int64) error {
	rows, err := tx.Query(ctx, `select cell, kind, lat, lon, heading_deg from furniture where cell = any($1) order by source, id`, cells)
	if err != nil {
		return fmt.Errorf("read furniture: %w", err)
	}
	var cell int64
	var kind string
	var lat, lon float64
	var heading *float64
	_, err = pgx.ForEachRow(rows, []any{&cell, &kind, &lat, &lon, &heading}, func() error {
		k.furniture[geo.Cell(cell)] = append(k.furniture[geo.Cell(cell)], fixture{Class(kind), orb.Point{lon, lat}, heading})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read furniture: %w", err)
	}
	rows, err = tx.Query(ctx, `select cell, lat, lon, opened, closed from cases where cell = any($1) order by source, id`, cells)
	if err != nil {
		return fmt.Errorf("read cases: %w", err)
	}
	var opened time.Time
	var closed *time.Time
	_, err = pgx.ForEachRow(rows, []any{&cell, &lat, &lon, &opened, &closed}, func() error {
		c := knownCase{point: orb.Point{lon, lat}, opened: opened.UTC()}
		if closed != nil {
			c.closed = closed.UTC()
		}
		k.cases[geo.Cell(cell)] = append(k.cases[geo.Cell(cell)], c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read cases: %w", err)
	}
	return nil
}

// readAll reads everything that is known.
func (k *known) readAll(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `select distinct cell from (select cell from furniture union all select cell from cases) c where cell is not null`)
	if err != nil {
		return fmt.Errorf("read what is known: %w", err)
	}
	cells, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("read what is known: %w", err)
	}
	return k.read(ctx, tx, cells)
}

// around lists what is filed under the cells.
func (k *known) around(cells []geo.Cell) (furniture []fixture, cases []knownCase) {
	for _, c := range cells {
		furniture = append(furniture, k.furniture[c]...)
		cases = append(cases, k.cases[c]...)
	}
	return furniture, cases
}

// forget drops what is filed under the cells, before they are read again.
func (k *known) forget(cells []geo.Cell) {
	for _, c := range cells {
		delete(k.furniture, c)
		delete(k.cases, c)
	}
}

// Distances over which what is known bears on a place, metres. Within nearM a place's position (GPS errs by 3 to 15 m, the
// mean of a few devices by half of that) cannot be told from the thing's own; registers err by a metre or two.
const (
	knownNearM  = 8.0
	knownReachM = 25.0
)

// How long a case speaks. A hole is driven over for some time before somebody reports it; a case that nobody closes is
// forgotten, not open.
const (
	caseBefore = 14 * 24 * time.Hour
	caseLasts  = 90 * 24 * time.Hour
)

// odds says how many times likelier each class is at a place right beside the thing than at a place with nothing known.
// It is P(thing within 8 m | class) / P(thing within 8 m | another class), guessed for an ordinary street:
//   - a speed bump stands every 200 m or so where there are any, so one is near 8 % of other places by chance, and near
//     nine in ten of those that are one: about 11;
//   - a level crossing or a tram line's is rare (2 %), and holes gather beside rails: not 40 but 15;
//   - expansion joints are few, registers of them good: 10;
//   - castings lie every 30 to 40 m, most of them flush, so that 40 % of all places have one near by chance: 2.2;
//   - a 311 case is placed at a house number, some 10 to 30 m off, and is one person's word: 2.5, however many there are.
//
// Whatever the guess, waveforms and drivers' answers are to outweigh it: ln 15 is what one good waveform can say.
func odds(c Class) float64 {
	switch c {
	case SpeedBump:
		return 11
	case Rail:
		return 15
	case Joint:
		return 10
	case Casting:
		return 2.2
	default:
		return 1
	}
}

const (
	caseOdds     = 2.5
	otherLanes   = 0.3  // what a thing in the lanes of the other direction counts
	sameLanesDeg = 60.0 // headings that differ less are one direction
)

// knownPrior returns, for each class, the log of the factor by which what is known about the place changes its prior. Of
// several things of a class only the one that says most counts: OpenStreetMap and a register often mean the same one.
func knownPrior(at orb.Point, headingDeg *float64, t time.Time, furniture []fixture, cases []knownCase) [NumClasses]float64 {
	var shift [NumClasses]float64
	for i, class := range Classes() {
		for _, f := range furniture {
			if f.class != class {
				continue
			}
			w := knownWeight(at, f.point)
			// Speed bumps, rails and joints cross the whole carriageway; a casting lies in one lane.
			if class == Casting && f.headingDeg != nil && headingDeg != nil && geo.HeadingDiff(*f.headingDeg, *headingDeg) > sameLanesDeg {
				w *= otherLanes
			}
			shift[i] = math.Max(shift[i], w*math.Log(odds(class)))
		}
	}
	for _, c := range cases {
		until := c.opened.Add(caseLasts)
		if !c.closed.IsZero() && c.closed.Before(until) {
			until = c.closed
		}
		if t.Before(c.opened.Add(-caseBefore)) || t.After(until) {
			continue
		}
		c.shiftOf(at, &shift)
	}
	return shift
}

// knownWeight is 1 within knownNearM, 0 beyond knownReachM, and falls smoothly between.
func knownWeight(a, b orb.Point) float64 {
	east, north := offset(a, b)
	x := (math.Hypot(east, north) - knownNearM) / (knownReachM - knownNearM)
	return (1 + math.Cos(math.Pi*clamp(x, 0, 1))) / 2
}
