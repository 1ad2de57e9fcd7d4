package web

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// gathered remembers what the public places of the whole city come to, by coverage cell, and what was made of that: one view far out asks
// for many tiles, every open page for counts after every change, and each would read every place. Of what changes the cells around are read again,
// and everything every now and then, as time passes for places as well.
type gathered struct {
	reading sync.Mutex // held while sums are read or used
	sums    map[geo.Cell][]cellSum
	plates  map[plateKey]map[geo.Cell]*plate
	counts  map[crowd.Class]counts

	hearing sync.Mutex
	changes int             // heard so far
	all     bool            // anything may have changed since the sums were read
	stale   map[string]bool // what has, by id
	since   map[string]bool // what has since everything is being read once more; nil: it is not, or anything has
}

// cellSum is how many public places of one kind lie in a coverage cell.
type cellSum struct {
	cell     geo.Cell
	mark     mark
	class    crowd.Class
	ordered  bool
	n        int
	lat, lon float64 // sums
	id       string  // of the first
	severity float64 // the greatest
}

type plateKey struct {
	resolution int
	show       filter
	orders     bool
}

const (
	freshSums   = time.Minute // after which everything is read again
	mostStale   = 1000        // places of which the surroundings are read; when more have changed everything is
	mostFilters = 30          // whose plates are remembered
	sumsWait    = time.Minute // for reading them
)

// changed notes that a place, or an order that has none, is no longer what it was; empty: that anything may have changed.
func (g *gathered) changed(id string) {
	g.hearing.Lock()
	defer g.hearing.Unlock()
	g.changes++
	if id == "" {
		g.all, g.since = true, nil
		return
	}
	if g.stale == nil {
		g.stale = map[string]bool{}
	}
	g.stale[id] = true
	if g.since != nil {
		g.since[id] = true
	}
}

// heard returns how many changes were heard of so far.
func (g *gathered) heard() int {
	g.hearing.Lock()
	defer g.hearing.Unlock()
	return g.changes
}

// take returns what has changed since it was last called.
func (g *gathered) take() (stale []string, all bool) {
	g.hearing.Lock()
	defer g.hearing.Unlock()
	for id := range g.stale {
		stale = append(stale, id)
	}
	all = g.all || len(stale) > mostStale
	g.stale, g.all = nil, false
	return stale, all
}

// gather calls use with the sums as they are now. They are read for others too: whoever asked first may go meanwhile.
func (s *Server) gather(ctx context.Context, use func(*gathered)) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), sumsWait)
	defer stop()
	g := &s.gathered
	g.reading.Lock()
	defer g.reading.Unlock()
	stale, all := g.take()
	if g.sums == nil || all || !s.hub.listening.Load() {
		sums, err := s.sumCells(ctx)
		if err != nil {
			g.changed("")
			return err
		}
		g.put(sums)
	} else if len(stale) > 0 {
		if err := s.sumAround(ctx, stale); err != nil {
			g.changed("")
			return err
		}
	}
	use(g)
	return nil
}

// put replaces the sums.
func (g *gathered) put(sums map[geo.Cell][]cellSum) {
	g.sums, g.plates, g.counts = sums, map[plateKey]map[geo.Cell]*plate{}, nil
}

// keepSums reads everything again every minute, beside those who use what is known, until ctx ends.
func (s *Server) keepSums(ctx context.Context) {
	again := time.NewTicker(freshSums)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		if err := s.sumAgain(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("places could not be summed up again", "error", err)
		}
	}
}

// sumAgain reads everything again, if it has been read before. What changes meanwhile is stale afterwards; where anything may have, as when the
// city shows less from now on, what was read is forgotten.
func (s *Server) sumAgain(ctx context.Context) error {
	g := &s.gathered
	g.reading.Lock()
	unused := g.sums == nil
	g.reading.Unlock()
	if unused {
		return nil
	}
	g.hearing.Lock()
	g.since = map[string]bool{}
	g.hearing.Unlock()
	sums, err := s.sumCells(ctx)
	g.reading.Lock()
	defer g.reading.Unlock()
	g.hearing.Lock()
	defer g.hearing.Unlock()
	since := g.since
	g.since = nil
	if err != nil || since == nil {
		return err
	}
	g.put(sums)
	g.stale = since
	return nil
}

// plates gathers the public places within b by cells of a resolution. What it returns is not to be changed.
func (s *Server) plates(ctx context.Context, b orb.Bound, resolution int, show filter, orders bool) (map[geo.Cell]*plate, error) {
	out := map[geo.Cell]*plate{}
	key := plateKey{resolution, show, orders}
	return out, s.gather(ctx, func(g *gathered) {
		if g.plates[key] == nil {
			if len(g.plates) >= mostFilters {
				clear(g.plates)
			}
			g.plates[key] = g.platesOf(key)
		}
		for cell, p := range g.plates[key] {
			if b.Contains(p.middle()) {
				out[cell] = p
			}
		}
	})
}

func (g *gathered) platesOf(key plateKey) map[geo.Cell]*plate {
	out := map[geo.Cell]*plate{}
	for _, cell := range sortedCells(g.sums) { // sums of the same come out the same
		above, err := cell.Parent(min(key.resolution, geo.CoverageRes))
		if err != nil {
			continue
		}
		for _, c := range g.sums[cell] {
			if !key.show.wants(c.mark, c.class) || key.orders && !c.ordered {
				continue
			}
			p, ok := out[above]
			if !ok {
				p = &plate{mix: map[mark]int{}, id: c.id}
				out[above] = p
			}
			p.n += c.n
			p.lat += c.lat
			p.lon += c.lon
			p.mix[c.mark] += c.n
			p.size = max(p.size, gradeOf(c.severity).Pixels())
		}
	}
	return out
}

// count returns the number of public places of a class, empty: of all, under each mark. What it returns is not to be changed.
func (s *Server) count(ctx context.Context, class crowd.Class) (out counts, err error) {
	return out, s.gather(ctx, func(g *gathered) {
		if g.counts == nil {
			g.counts = map[crowd.Class]counts{"": {}}
			for _, sums := range g.sums {
				for _, c := range sums {
					if g.counts[c.class] == nil {
						g.counts[c.class] = counts{}
					}
					g.counts[c.class][c.mark] += c.n
					g.counts[""][c.mark] += c.n
				}
			}
		}
		out = g.counts[class]
	})
}

// parentSQL is the H3 cell of p at a resolution, by the layout of H3 indexes: 4 bits of resolution from bit 52, and
// three bits for each finer digit, all set.
func parentSQL(resolution int) string {
	return fmt.Sprintf("((p.cell & ~(15::bigint << 52)) | (%d::bigint << 52) | ((1::bigint << %d) - 1))", resolution, 3*(15-resolution))
}

// sumSQL sums the places of a source up by coverage cell and kind.
func sumSQL(from string) string {
	return `select ` + parentSQL(geo.CoverageRes) + `, o.id is not null, p.state, coalesce(o.state, ''), ` + calledSQL + `,
			count(*), sum(p.lat), sum(p.lon), min(p.id), max(p.severity), ` + wholeSQL + ` as whole
		from ` + from + ` where ` + publicSQL + ` group by 1, 2, 3, 4, 5, whole order by 1, 2, 3, 4, 5, whole`
}

// sumCells sums all public places by coverage cell.
func (s *Server) sumCells(ctx context.Context) (map[geo.Cell][]cellSum, error) {
	sums := map[geo.Cell][]cellSum{}
	return sums, s.readSums(ctx, sums, sumSQL(fromSights), s.showsSuspected())
}

// sumAround reads the sums of the cells where places have changed again, and of those around, where they may have been. One that was
// joined to another is looked for there.
func (s *Server) sumAround(ctx context.Context, ids []string) error {
	rows, err := s.config.Pool.Query(ctx, `
		select distinct `+parentSQL(geo.CoverageRes)+` from sights p
		where id = any($1) or id = any(select into_ from places_gone where id = any($1))`, ids)
	if err != nil {
		return fmt.Errorf("find what has changed: %w", err)
	}
	again := map[geo.Cell]bool{}
	var low, high []int64
	var changed int64
	if _, err := pgx.ForEachRow(rows, []any{&changed}, func() error {
		for _, cell := range geo.Disk(geo.Cell(changed), 1) {
			if !again[cell] {
				again[cell] = true
				l, h := geo.FineRange(cell)
				low, high = append(low, int64(l)), append(high, int64(h))
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("find what has changed: %w", err)
	}
	sums := map[geo.Cell][]cellSum{}
	if err := s.readSums(ctx, sums, sumSQL(fromNear), s.showsSuspected(), low, high); err != nil {
		return err
	}
	g := &s.gathered
	for cell := range again {
		delete(g.sums, cell)
	}
	for cell, c := range sums {
		g.sums[cell] = c
	}
	g.put(g.sums)
	return nil
}

// readSums reads sums by cell. A coarse place counts at the middle of its cell, or the middle of a group would give it away.
func (s *Server) readSums(ctx context.Context, into map[geo.Cell][]cellSum, query string, args ...any) error {
	rows, err := s.config.Pool.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("gather places: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c cellSum
		var cell int64
		var state crowd.State
		var order dispatch.State
		var whole bool
		if err := rows.Scan(&cell, &c.ordered, &state, &order, &c.class, &c.n, &c.lat, &c.lon, &c.id, &c.severity, &whole); err != nil {
			return fmt.Errorf("gather places: %w", err)
		}
		c.cell, c.mark = geo.Cell(cell), markOf(state, order)
		if !whole && s.suspected() == crowd.Coarse {
			middle, err := c.cell.LatLng()
			if err != nil {
				continue
			}
			c.lat, c.lon = middle.Lat*float64(c.n), middle.Lng*float64(c.n)
		}
		into[c.cell] = append(into[c.cell], c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("gather places: %w", err)
	}
	return nil
}
