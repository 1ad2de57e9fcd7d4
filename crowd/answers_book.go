package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// answerBook remembers, for one engine and as long as lists do not change, what was published in regions.
type answerBook struct {
	hour    int64
	began   time.Time
	regions map[geo.Cell]bool
	named   map[string]*watchPoint
	filed   map[geo.Cell][]*watchPoint // control points listed now, by resolution 12 cell
}

// note queues what the judged passes tell of their devices, to be summed when the epoch has passed (SumAnswers). It judges
// nothing, so that the order of regions makes no difference.
func (k *answerBook) note(ctx context.Context, tx pgx.Tx, b *pgx.Batch, judged []*arrival) error {
	passes := make([]*arrival, 0, len(judged))
	for _, a := range judged {
		if a.Kind == wire.Pass {
			passes = append(passes, a)
		}
	}
	if len(passes) == 0 {
		return nil
	}
	if ok, err := k.open(ctx, tx); err != nil || !ok {
		return wrap(err, "read watch lists")
	}
	if err := k.readRegions(ctx, tx, passes); err != nil {
		return err
	}
	strange, err := k.strangers(ctx, tx, passes)
	if err != nil {
		return err
	}
	var m answerMarks
	for _, a := range passes {
		var said *saidOf
		var near *watchPoint
		if a.Place == "" {
			near = k.under(a)
		} else if point := k.named[a.Place]; point != nil {
			said = &saidOf{point: point}
		} else {
			said = strange[a.Place]
		}
		switch v, p := weighAnswer(said, near, k.began, a); v {
		case saysPassed:
			m.add(a, p)
		case cannotBe:
			m.add(a, nil)
		case sayNothing:
		}
	}
	m.queue(b)
	return nil
}

// open brings the book up to date. It is not ok where no list was ever made.
func (k *answerBook) open(ctx context.Context, tx pgx.Tx) (bool, error) {
	var hour int64
	var began time.Time
	err := tx.QueryRow(ctx, `select hour, began from watch_state`).Scan(&hour, &began)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if hour != k.hour || k.regions == nil {
		*k = answerBook{hour: hour, began: began.UTC(), regions: map[geo.Cell]bool{}, named: map[string]*watchPoint{}, filed: map[geo.Cell][]*watchPoint{}}
	}
	return true, nil
}

// readRegions reads what was published in the passes' regions.
func (k *answerBook) readRegions(ctx context.Context, tx pgx.Tx, passes []*arrival) error {
	var need []int64
	for _, a := range passes {
		for _, r := range a.regions {
			if !k.regions[r] {
				k.regions[r] = true
				need = append(need, int64(r))
			}
		}
	}
	if len(need) == 0 {
		return nil
	}
	return k.read(ctx, tx, `region = any($1)`, need)
}

func (k *answerBook) read(ctx context.Context, tx pgx.Tx, where string, argument any) error {
	rows, err := tx.Query(ctx, `select `+pointColumns+` from watch_points where `+where, argument)
	if err != nil {
		return fmt.Errorf("read watched points: %w", err)
	}
	points, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (watchPoint, error) { return scanPoint(row) })
	if err != nil {
		return fmt.Errorf("read watched points: %w", err)
	}
	for i := range points {
		p := &points[i]
		if k.named[p.id] == nil && p.place == "" && p.until.IsZero() {
			k.filed[p.cell] = append(k.filed[p.cell], p)
		}
		k.named[p.id] = p
	}
	return nil
}

// strangers looks up names that nothing of these regions has: points of other regions, or places' own names.
func (k *answerBook) strangers(ctx context.Context, tx pgx.Tx, passes []*arrival) (map[string]*saidOf, error) {
	out := map[string]*saidOf{}
	var names []string
	for _, a := range passes {
		if a.Place != "" && k.named[a.Place] == nil && out[a.Place] == nil {
			out[a.Place] = &saidOf{}
			names = append(names, a.Place)
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	if err := k.read(ctx, tx, `id = any($1)`, names); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `select id from places where id = any($1)`, names)
	if err != nil {
		return nil, fmt.Errorf("read named places: %w", err)
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read named places: %w", err)
	}
	for _, id := range places {
		out[id].place = true
	}
	return out, nil
}

// under returns the control point that a pass fell on, nil where there is none.
func (k *answerBook) under(a *arrival) *watchPoint {
	var best *watchPoint
	for _, cell := range a.around {
		for _, p := range k.filed[cell] {
			if p.fallsOn(a) && (best == nil || p.id < best.id) {
				best = p
			}
		}
	}
	return best
}

// answerMarks gathers rows of the table answer_marks.
type answerMarks struct {
	epoch, street, cell []int64
	device              []string
	point               []*string
	time                []time.Time
	lat, lon, radius    []float64
}

// add notes an answer for a control point or, where p is nil, one that cannot be.
func (m *answerMarks) add(a *arrival, p *watchPoint) {
	m.epoch, m.device, m.time = append(m.epoch, epochOf(a.Received)), append(m.device, a.Device), append(m.time, a.Time)
	if p == nil {
		p = &watchPoint{}
		m.point = append(m.point, nil)
	} else {
		m.point = append(m.point, &p.id)
	}
	m.lat, m.lon, m.radius = append(m.lat, p.at.Lat()), append(m.lon, p.at.Lon()), append(m.radius, p.radiusM)
	m.street, m.cell = append(m.street, p.street), append(m.cell, int64(geo.CoverageCell(p.cell)))
}

func (m *answerMarks) queue(b *pgx.Batch) {
	if len(m.device) == 0 {
		return
	}
	b.Queue(`insert into answer_marks (epoch, device, time, point, lat, lon, radius_m, street, cell)
		select * from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::float8[], $6::float8[], $7::float8[],
			$8::bigint[], $9::bigint[])`, m.epoch, m.device, m.time, m.point, m.lat, m.lon, m.radius, m.street, m.cell)
}
