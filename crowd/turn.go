package crowd

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// arrival is an event that waits to be judged.
type arrival struct {
	wire.Event
	Device   string
	Received time.Time
	Cell     geo.Cell
	Region   geo.Cell
	turn     int64  // its place in the order of arrival: that of its commit and its offset there
	about    string // the place that a pass answers for, whatever a watch list called it
	commit   int64
	offset   int32
	around   []geo.Cell // the cells that may hold its place
	regions  []geo.Cell // their regions, its own among them
	jolt     Jolt
	scores   Scores
	standard [waveFeatures]float64 // the jolt's standardised features
	unpaired bool                  // its device counts even where it rides along with another: experiments only
}

// survey lists the cells that may hold the event's place, and their regions.
func (a *arrival) survey() {
	a.around = geo.Disk(a.Cell, diskSteps)
	for _, c := range a.around {
		if r := geo.Region(c); !slices.Contains(a.regions, r) {
			a.regions = append(a.regions, r)
		}
	}
}

// turn is one transaction: it leases regions with pending events, takes those events in order of arrival and judges
// them. It returns how many it judged and whether more may be waiting now.
func (e *Engine) turn(ctx context.Context, until time.Time) (judged int, more bool, err error) {
	timer := prometheus.NewTimer(e.took)
	err = pgx.BeginFunc(ctx, e.pool, func(tx pgx.Tx) error {
		judged, more, err = e.judgeIn(ctx, tx, until)
		return err
	})
	if err != nil {
		e.cache.clear()
		return 0, false, fmt.Errorf("judge: %w", err)
	}
	if judged > 0 {
		e.judged.Add(float64(judged))
		timer.ObserveDuration()
	}
	return judged, more, nil
}

func (e *Engine) judgeIn(ctx context.Context, tx pgx.Tx, until time.Time) (int, bool, error) {
	epoch, next, ok, err := e.currentEpoch(ctx, tx)
	if err != nil || !ok {
		return 0, false, err
	}
	if e.config.RulesNow != nil {
		rules, err := e.config.RulesNow(ctx, tx)
		if err != nil {
			return 0, false, err
		}
		e.line = newLine(rules)
	}
	if err := e.trust.load(ctx, tx, epoch, e.reader); err != nil {
		return 0, false, err
	}
	e.epoch = epoch
	limit := epochStart(next)
	if until.Before(limit) {
		limit = until
	}
	waiting, err := waitingRegions(ctx, tx, limit)
	if err != nil || len(waiting) == 0 {
		return 0, false, err
	}
	l, err := e.lease(ctx, tx, waiting)
	if err != nil {
		return 0, false, err
	}
	e.wait = false
	if len(l.versions) == 0 {
		e.wait = true
		return 0, true, nil
	}
	batch, err := take(ctx, tx, l.held(), limit, epochStart(epoch), share{e.config.MaxBatch, math.MaxInt64})
	if err != nil {
		return 0, false, err
	}
	if len(batch) == 0 {
		return 0, false, dropOrphans(ctx, tx, l.held(), limit)
	}
	ready, err := e.settleLeases(ctx, tx, l, waiting, batch, limit)
	if err != nil {
		return 0, false, err
	}
	if len(ready) == 0 {
		e.wait = true
		return 0, true, nil
	}
	if err := e.cache.prepare(ctx, tx, l, ready); err != nil {
		return 0, false, err
	}
	turn := newOutcome()
	for _, a := range ready {
		e.mind.judge(a, turn)
	}
	if err := e.save(ctx, tx, l, ready, turn); err != nil {
		return 0, false, err
	}
	e.wait = len(ready) < len(batch)
	return len(ready), len(batch) >= e.config.MaxBatch || e.wait, nil
}

// share says how much of what waits is taken: whole commits, in order of arrival, until there are most events, or up to
// and with the commit of a turn.
type share struct {
	most    int
	through int64
}

// take reads pending events of the regions in order of arrival. No decision is dated before the epoch it is made in.
func take(ctx context.Context, tx pgx.Tx, regions []int64, limit, epoch time.Time, s share) ([]*arrival, error) {
	rows, err := tx.Query(ctx, `
		with waiting as (
			select region, arrival, sum(size) over (order by arrival) - sum(size) over (partition by arrival) as before
			from pending where region = any($1) and received < $2 and arrival <= $4),
		take as materialized (
			select p.arrival + e.at as turn, p.arrival, e.at, e.received, p.region, e.id, e.device
			from waiting w join pending p using (region, arrival), unnest(p.offsets, p.times, p.ids, p.devices) as e (at, received, id, device)
			where w.before < $3 and e.received < $2)
		select t.turn, t.arrival, t.at, t.received, t.region, e.id, e.device, e.kind, e.time, e.lat, e.lon, e.accuracy_m, e.speed_mps,
			e.heading_deg, e.peak_g, e.duration_s, e.rate_hz, e.wave, e.place, w.place, e.cell
		from take t join events e on e.id = t.id and e.device = t.device left join watch_points w on w.id = e.place
		order by t.turn`, regions, limit, s.most, s.through)
	if err != nil {
		return nil, fmt.Errorf("take pending events: %w", err)
	}
	defer rows.Close()
	var batch []*arrival
	for rows.Next() {
		var (
			a                  arrival
			kind               int16
			region, cell       int64
			accuracy, speed    float32
			peak, duration, hz float32
			heading            *float32
			wave               []byte
			place, listed      *string
		)
		if err := rows.Scan(&a.turn, &a.commit, &a.offset, &a.Received, &region, &a.ID, &a.Device, &kind, &a.Time, &a.Lat, &a.Lon, &accuracy,
			&speed, &heading, &peak, &duration, &hz, &wave, &place, &listed, &cell); err != nil {
			return nil, fmt.Errorf("read a pending event: %w", err)
		}
		a.Kind = wire.Bump
		if kind == 1 {
			a.Kind = wire.Pass
		}
		a.AccuracyM, a.SpeedMPS = float64(accuracy), float64(speed)
		a.PeakG, a.DurationS, a.RateHz = float64(peak), float64(duration), float64(hz)
		if heading != nil {
			h := float64(*heading)
			a.HeadingDeg = &h
		}
		if place != nil {
			a.Place, a.about = *place, *place
		}
		if listed != nil {
			a.about = *listed
		}
		a.WaveG = decodeWave(wave)
		a.Region, a.Cell = geo.Cell(region), geo.Cell(cell)
		if a.Received.Before(epoch) {
			a.Received = epoch
		}
		a.survey()
		batch = append(batch, &a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("take pending events: %w", err)
	}
	return batch, nil
}

// decodeWave reads a stored waveform: int16 milli-g, little endian.
func decodeWave(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	w := make([]float32, len(b)/2)
	for i := range w {
		w[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:]))) / 1000
	}
	return w
}

// settleLeases returns the events that may be judged now. An event near a border also needs the regions across it.
// Judging follows the order of arrival in every region, as if there were one worker: where a needed region is held
// elsewhere the event waits, and so does everything that arrived after it in the regions that it touches.
func (e *Engine) settleLeases(ctx context.Context, tx pgx.Tx, l *leases, waiting []int64, batch []*arrival, limit time.Time) ([]*arrival, error) {
	missing := map[int64]bool{}
	for _, a := range batch {
		for _, r := range a.regions {
			if !l.holds(r) {
				missing[int64(r)] = true
			}
		}
	}
	if len(missing) > 0 {
		if err := e.leaseMore(ctx, tx, l, keys(missing)); err != nil {
			return nil, err
		}
	}
	foreign := slices.DeleteFunc(slices.Clone(waiting), func(r int64) bool { return l.took(r) })
	for r := range missing {
		// Leased only for the border: its own pending events were not taken, so those that touch ours come first.
		if !slices.Contains(foreign, r) {
			foreign = append(foreign, r)
		}
	}
	blocked := map[geo.Cell]int64{}
	block := func(regions []geo.Cell, at int64) {
		for _, r := range regions {
			if was, ok := blocked[r]; !ok || at < was {
				blocked[r] = at
			}
		}
	}
	if len(foreign) > 0 {
		others, err := take(ctx, tx, foreign, limit, time.Time{}, share{math.MaxInt32, batch[len(batch)-1].commit})
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			if len(o.regions) > 1 || l.holds(o.Region) {
				block(o.regions, o.turn)
			}
		}
	}
	ready := make([]*arrival, 0, len(batch))
	for _, a := range batch {
		free := true
		for _, r := range a.regions {
			at, isBlocked := blocked[r]
			if !l.holds(r) || isBlocked && at < a.turn {
				free = false
			}
		}
		if !free {
			block(a.regions, a.turn)
			continue
		}
		ready = append(ready, a)
	}
	return ready, nil
}

func keys(m map[int64]bool) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, cmp.Compare[int64])
	return out
}
