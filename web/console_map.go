package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// selections remembers where the orders of the views that are open lie, until something changes: one view of the map asks for many tiles,
// and each would read the whole queue.
type selections struct {
	mu      sync.Mutex // held while one is read, so that it is read once
	changes int
	views   map[string]*selection
}

// selection is what one view of the console shows, on the map.
type selection struct {
	at     time.Time
	spots  []spot                      // the mildest first
	plates map[int]map[geo.Cell]*plate // by resolution
}

const (
	mostSelections = 32 // that are remembered
	freshSelection = time.Minute
)

// selected returns what a view shows. The box that the queue may be bound to is the map's own: it leaves out nothing here.
func (s *Server) selected(ctx context.Context, v sought) (*selection, error) {
	v.Bbox, v.view.Bounds, v.Sort = "", nil, dispatch.Worst
	all := &s.selections
	all.mu.Lock()
	defer all.mu.Unlock()
	now := s.config.Now()
	if changes := s.gathered.heard(); all.views == nil || all.changes != changes || len(all.views) >= mostSelections || !s.hub.listening.Load() {
		all.changes, all.views = changes, map[string]*selection{}
	}
	key := v.Query()
	if known, ok := all.views[key]; ok && now.Sub(known.at).Abs() < freshSelection { // deadlines pass meanwhile
		return known, nil
	}
	spots, err := s.spotsOf(ctx, v, now)
	if err != nil {
		return nil, err
	}
	all.views[key] = &selection{now, spots, map[int]map[geo.Cell]*plate{}}
	return all.views[key], nil
}

// spotsOf reads what a view shows.
func (s *Server) spotsOf(ctx context.Context, v sought, now time.Time) ([]spot, error) {
	if v.Name == reviewView {
		reviews, err := s.desk().ReviewsIn(ctx, v.view)
		var out []spot
		for _, r := range slices.Backward(reviews) {
			out = append(out, spot{id: r.ID, at: orb.Point{r.Lon, r.Lat}, group: geo.CoverageCell(r.Cell), mark: markOf(crowd.Suspected, ""), class: r.Class, severity: r.Severity, uncertainty: r.UncertaintyM, heading: r.HeadingDeg})
		}
		return out, err
	}
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, err
	}
	orders, err := dispatch.Spots(ctx, s.config.Pool, v.view, works, now)
	if err != nil {
		return nil, err
	}
	out := make([]spot, len(orders))
	for i, o := range orders {
		out[i] = spot{id: o.ID, at: o.At, group: geo.CoverageCell(o.Cell), mark: markOf("", o.State), class: o.Class, severity: o.Severity, uncertainty: o.UncertaintyM, heading: o.HeadingDeg}
	}
	return out, nil
}

// gathered returns the groups that a selection is drawn as far out. It is called by one at a time.
func (l *selection) gathered(resolution int) map[geo.Cell]*plate {
	if known, ok := l.plates[resolution]; ok {
		return known
	}
	out := map[geo.Cell]*plate{}
	for _, p := range l.spots {
		if above, err := p.group.Parent(resolution); err == nil {
			out[above] = out[above].with(p)
		}
	}
	l.plates[resolution] = out
	return out
}

// consoleTile draws the marks of a view: what the queue lists, under the ids that it has there.
func (s *face) consoleTile(w http.ResponseWriter, r *http.Request) error {
	t, err := parseTile(r.PathValue("z"), r.PathValue("x"), r.PathValue("y"))
	if err != nil {
		return errHidden
	}
	l, err := s.selected(r.Context(), parseSought(r.URL.Query()))
	if err != nil {
		return err
	}
	var body []byte
	resolution := geo.CoverageRes
	if t.Z < singlesZoom {
		resolution = min(plateResolution(t.Z), resolution)
	}
	s.selections.mu.Lock()
	groups := l.gathered(resolution)
	s.selections.mu.Unlock()
	if t.Z < singlesZoom {
		body, err = drawPlates(t, "places", groups)
	} else {
		body, err = drawSpots(t, "places", groups, l.spots)
	}
	if err != nil {
		return err
	}
	answerTile(w, r, body, "private, no-cache")
	return nil
}

// ranked is a row with its place in the queue, or -1 where the view does not have it.
type ranked struct {
	Index int `json:"index"`
	Row   row `json:"row"`
}

// consoleAt says which row of the queue was clicked on in the map.
func (s *face) consoleAt(w http.ResponseWriter, r *http.Request) error {
	ctx, id, v := r.Context(), r.PathValue("id"), parseSought(r.URL.Query())
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	if v.Name == reviewView {
		rows, _, err := s.reviewRows(ctx, d, v.view, 0, mostExported)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(r row) bool { return r.ID == id })
		if i < 0 {
			return errHidden
		}
		return answerJSON(w, ranked{i, rows[i]})
	}
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrNotFound) {
		return errHidden
	}
	if err != nil {
		return err
	}
	out := ranked{-1, s.row(o, d)}
	if out.Index, err = dispatch.Rank(ctx, s.config.Pool, v.view, id, d.works, d.now); errors.Is(err, dispatch.ErrNotFound) {
		out.Index, err = -1, nil
	}
	if err != nil {
		return err
	}
	return answerJSON(w, out)
}
