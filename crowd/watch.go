package crowd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/geo"
)

// WatchLists is the channel on which a new watch list is announced; the payload is its region in decimal.
const WatchLists = "streetpulse_watch"

// lockWatch is the advisory lock under which one process at a time makes lists.
const lockWatch = 7_310_003

// WatchOptions say how much is asked of passing devices; the zero value is good.
type WatchOptions struct {
	PerKM  float64      // most watched positions per kilometre of street in a region; 0: 6, negative: none at all
	Most   int          // most positions in a region's list; 0: 200
	Random io.Reader    // where the key comes from when the first list is made; nil: the system's
	Log    *slog.Logger // nil: slog.Default()
}

// Watch makes the watch lists: the questions to passing devices. A list holds suspected places and those that were
// repaired and wait for traffic to verify it, mixed with control points on ordinary streets. Who reads a list cannot tell
// them apart: all have ids of one form that stand for nothing outside, lie on a street's line and head along it, come with
// the same radii, and come and go at the same pace. What each stands for is in the table watch_points.
type Watch struct {
	pool    *pgxpool.Pool
	network *geo.Network
	roads   *geo.Roads
	options WatchOptions
	hour    int64 // the epoch that this process has last seen lists made in
}

// NewWatch makes a Watch over the streets of the network, which may be empty.
func NewWatch(pool *pgxpool.Pool, network *geo.Network, options WatchOptions) *Watch {
	if options.PerKM == 0 {
		options.PerKM = 6
	}
	if options.Most == 0 {
		options.Most = 200
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	return &Watch{pool: pool, network: network, roads: geo.NewRoads(network), options: options}
}

// Work makes lists anew whenever an epoch has passed, until ctx ends. now is the clock of decisions, for as long as no
// event has come.
func (w *Watch) Work(ctx context.Context, now func() time.Time) error {
	const look = time.Second
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if _, err := w.Renew(ctx, now()); err != nil && ctx.Err() == nil {
			w.options.Log.Error("watch lists could not be made; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Renew makes the lists of regions that have changed since lists were made, if an epoch has passed since, and of all of
// them once a day. It returns how many are other than before. Where another process is at it, it leaves it to that.
func (w *Watch) Renew(ctx context.Context, now time.Time) (changed int, err error) {
	err = pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		changed, err = w.renewIn(ctx, tx, now)
		return err
	})
	if err != nil {
		w.hour = 0
		return 0, fmt.Errorf("make watch lists: %w", err)
	}
	return changed, nil
}

func (w *Watch) renewIn(ctx context.Context, tx pgx.Tx, now time.Time) (int, error) {
	hour := epochOf(now)
	err := tx.QueryRow(ctx, `select hour from epoch`).Scan(&hour)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, err
	}
	if hour == w.hour || err != nil && now.IsZero() { // a clock that events move has not begun
		return 0, nil
	}
	var free bool
	if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, lockWatch).Scan(&free); err != nil || !free {
		return 0, err
	}
	key, err := w.key(ctx, tx, hour)
	if err != nil {
		return 0, err
	}
	at := epochStart(hour)
	if err := SumAnswers(ctx, tx, at); err != nil {
		return 0, err
	}
	stale, err := w.stale(ctx, tx, at)
	if err != nil {
		return 0, err
	}
	changed := 0
	for chunk := range slices.Chunk(stale, 200) {
		n, err := w.renewRegions(ctx, tx, key, chunk, at)
		if err != nil {
			return 0, err
		}
		changed += n
	}
	if _, err := tx.Exec(ctx, `delete from watch_points where until < $1`, at.Add(-pointsKept)); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `update watch_state set hour = $1`, hour); err != nil {
		return 0, err
	}
	w.hour = hour
	return changed, nil
}

// renewRegions makes the lists of some regions.
func (w *Watch) renewRegions(ctx context.Context, tx pgx.Tx, key watchKey, stale []*ground, at time.Time) (int, error) {
	if err := w.load(ctx, tx, stale); err != nil {
		return 0, err
	}
	lists := map[geo.Cell][]watchPoint{}
	for _, g := range stale {
		lists[g.region] = w.choose(key, g, at)
	}
	if err := savePoints(ctx, tx, lists, at); err != nil {
		return 0, err
	}
	return saveLists(ctx, tx, stale, lists, at)
}

// choose makes one region's list.
func (w *Watch) choose(key watchKey, g *ground, at time.Time) []watchPoint {
	if w.options.PerKM < 0 {
		return nil
	}
	g.km = w.roads.KM(g.region)
	streets, least := g.km > 0, 1
	if !streets {
		g.km, least = float64(g.driven)*kmPerDrivenCell, leastRoom
	}
	room := min(w.options.Most, max(least, int(w.options.PerKM*g.km)))
	controls := min((room+1)/2, max(len(g.candidates), int(controlsPerKM*g.km+0.5)))
	g.rank(at)
	var list []watchPoint
	stretches := 0
	for _, c := range g.candidates {
		if len(list) == room-controls {
			break
		}
		p, ok := w.point(key, c, g.before[c.ID], streets, at)
		if !ok {
			continue
		}
		if p.stretch {
			stretches++
		}
		list = append(list, p)
	}
	if places := len(list); places > 0 {
		stretches = (controls*stretches + places/2) / places
	} else {
		stretches = controls / 2
	}
	list = w.addControls(key, g, list, controls-stretches, false, at)
	return w.addControls(key, g, list, stretches, true, at)
}

// byID orders a list: its ids are random, so that the order tells nothing.
func byID(list []watchPoint) []watchPoint {
	points := map[string]watchPoint{}
	for _, p := range list {
		points[p.id] = p
	}
	out := make([]watchPoint, 0, len(points))
	for _, id := range slices.Sorted(maps.Keys(points)) {
		out = append(out, points[id])
	}
	return out
}
