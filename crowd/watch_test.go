package crowd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// listed is one entry of a list, and what the database says it stands for.
type listed struct {
	ID                     string
	Lat, Lon               float64
	HeadingDeg             float64 `json:"heading_deg"`
	RadiusM                float64 `json:"radius_m"`
	place                  string
	stretch                bool
	region                 int64
	members                int
	since                  time.Time
	offStreetM, offHeading float64
	street                 int64
}

func (l listed) point() orb.Point { return orb.Point{l.Lon, l.Lat} }

// grid is a town of 11 by 11 streets, 200 m apart, around the place where tests put their events.
func grid() *geo.Network { return gridOf(5) }

// gridOf is one of 2n+1 by 2n+1 streets.
func gridOf(n int) *geo.Network {
	var streets []geo.Street
	origin := orb.Point{15.6, 48.41}
	for i := -n; i <= n; i++ {
		at := float64(i) * 200
		var north, east orb.LineString
		for k := -n; k <= n; k++ {
			north = append(north, geo.Destination(geo.Destination(origin, 90, at), 0, float64(k)*200))
			east = append(east, geo.Destination(geo.Destination(origin, 90, float64(k)*200), 0, at))
		}
		streets = append(streets, geo.Street{ID: int64(1000 + i), Class: "residential", Line: north},
			geo.Street{ID: int64(2000 + i), Class: "residential", Line: east})
	}
	return geo.NewNetwork(&geo.Map{Streets: streets})
}

// lists reads every list, as it is published, by region.
func lists(t *testing.T, pool *pgxpool.Pool, network *geo.Network) map[int64][]listed {
	t.Helper()
	ctx := context.Background()
	rows, err := pool.Query(ctx, `select region, payload from watch_lists`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[int64][]listed{}
	for rows.Next() {
		var region int64
		var payload []byte
		if err := rows.Scan(&region, &payload); err != nil {
			t.Fatal(err)
		}
		var entries struct {
			V      int
			Places []map[string]any
		}
		var list struct{ Places []listed }
		if err := json.Unmarshal(payload, &entries); err != nil || entries.V != 1 || entries.Places == nil {
			t.Fatalf("%s: %v", payload, err)
		}
		if err := json.Unmarshal(payload, &list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Places {
			l := &list.Places[i]
			l.region, l.members = region, len(entries.Places[i])
			err := pool.QueryRow(ctx, `select coalesce(place, ''), stretch, since, street from watch_points where id = $1 and region = $2 and until is null`,
				l.ID, region).Scan(&l.place, &l.stretch, &l.since, &l.street)
			if err != nil {
				t.Fatalf("%s is listed and not known: %v", l.ID, err)
			}
			if m, ok := network.Nearest(l.point(), &l.HeadingDeg, 1000); ok {
				l.offStreetM, l.offHeading = m.DistanceM, geo.HeadingDiff(m.HeadingDeg, l.HeadingDeg)
			}
		}
		out[region] = list.Places
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func all(of map[int64][]listed) []listed {
	var out []listed
	for _, list := range of {
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b listed) int { return len(a.place) - len(b.place) })
	return out
}

func renew(t *testing.T, w *crowd.Watch, at time.Time) int {
	t.Helper()
	n, err := w.Renew(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// suspects makes n places on the grid's streets heading north, 40 m or more apart, the even ones known by three devices.
func (w *town) suspects(n int) {
	for i := range n {
		for d := range 1 + 2*((i+1)%2) {
			w.jolt(fmt.Sprintf("car%d-%d", i, d), float64(i)*55-float64(n)*27, 1)
		}
	}
	w.judge(crowd.Config{})
}

func TestListsMixPlacesWithControlPoints(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.suspects(12)
	network := grid()
	if n := renew(t, crowd.NewWatch(w.pool, network, crowd.WatchOptions{}), w.at); n == 0 {
		t.Fatal("no list is new")
	}
	form := regexp.MustCompile(`^[0-9abcdefghjkmnpqrstvwxyz]{16}$`)
	places := map[string]crowd.Place{}
	for _, p := range w.places() {
		places[p.ID] = p
	}
	of := lists(t, w.pool, network)
	real, controls, stretches := 0, 0, map[bool]int{}
	for _, l := range all(of) {
		if !form.MatchString(l.ID) || l.members != 5 || places[l.ID].ID != "" {
			t.Errorf("%+v: an entry's members or id tell what it is", l)
		}
		if l.offStreetM > 1 || l.offHeading > 1 || l.HeadingDeg != math.Trunc(l.HeadingDeg) {
			t.Errorf("%+v does not lie along a street", l)
		}
		if cell, err := geo.FineCell(l.Lat, l.Lon); l.place == "" && (err != nil || int64(geo.Region(cell)) != l.region && l.offStreetM > 30) {
			t.Errorf("%+v is in another region's list", l)
		}
		if l.stretch != (l.RadiusM >= 40 && l.RadiusM <= 75) || !l.stretch && l.RadiusM != 20 {
			t.Errorf("%+v: radius", l)
		}
		if l.place == "" {
			controls++
			if l.stretch {
				stretches[true]++
			}
			for _, p := range places {
				if geo.Distance(l.point(), orb.Point{p.Lon, p.Lat}) < 59 {
					t.Errorf("control point %+v is at place %s", l, p.ID)
				}
			}
			continue
		}
		real++
		p := places[l.place]
		d := geo.Distance(l.point(), orb.Point{p.Lon, p.Lat})
		if l.stretch != (p.Devices == 1) || d > l.RadiusM || !l.stretch && d > 8 {
			t.Errorf("%d devices know the place %.1f m from %+v", p.Devices, d, l)
		}
		if l.stretch {
			stretches[false]++
		}
	}
	if real != 12 || controls < real/2 || stretches[false] != 6 || stretches[true] == 0 {
		t.Errorf("%d places, %d stretches among them; %d control points, %d stretches", real, stretches[false], controls, stretches[true])
	}
}

// Nothing changes while nothing has happened; each day some control points are others and all places as they were; what is
// gone leaves; and the same database gives the same lists to whichever process.
func TestListsChangeWithTheDayAndThePlaces(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	w.suspects(8)
	network := grid()
	watch := crowd.NewWatch(w.pool, network, crowd.WatchOptions{})
	renew(t, watch, w.at)
	first := all(lists(t, w.pool, network))
	if n := renew(t, crowd.NewWatch(w.pool, network, crowd.WatchOptions{}), w.at); n != 0 {
		t.Errorf("%d lists changed for nothing", n)
	}
	names := func(of []listed, control bool) (out []string) {
		for _, l := range of {
			if (l.place == "") == control {
				out = append(out, l.ID)
			}
		}
		slices.Sort(out)
		return out
	}
	pass := func(hours int) []listed {
		if _, err := w.pool.Exec(ctx, `update epoch set hour = hour + $1`, hours); err != nil {
			t.Fatal(err)
		}
		renew(t, watch, w.at)
		return all(lists(t, w.pool, network))
	}
	seen, days := map[string]int{}, 20
	for day := range days {
		now := pass(24)
		if !slices.Equal(names(now, false), names(first, false)) {
			t.Fatalf("day %d: places are published in another way", day)
		}
		for _, id := range names(now, true) {
			seen[id]++
		}
	}
	once, long := 0, 0
	for _, n := range seen {
		if n == 1 {
			once++
		}
		if n > days/2 {
			long++
		}
	}
	if once < days || long == 0 || len(seen) < 3*len(names(first, true)) {
		t.Errorf("%d control points in %d days, %d of them for a day, %d for most of the time", len(seen), days, once, long)
	}
	places := w.places()
	if _, err := w.pool.Exec(ctx, `update places set state = 'dismissed' where id = $1`, places[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Exec(ctx, `update regions set version = version + 1`); err != nil {
		t.Fatal(err)
	}
	for _, l := range pass(1) {
		if l.place == places[0].ID {
			t.Error("a dismissed place is still watched")
		}
	}
}

// The list of a region holds no more than its street allows, and what it leaves out matters least.
func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	w.suspects(30)
	if _, err := w.pool.Exec(ctx, `update places set belief = '{0.01,0,0,0,0,0.99}' where devices = 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Exec(ctx, `update places set belief = '{0.5,0,0,0,0,0.5}' where devices > 1`); err != nil {
		t.Fatal(err)
	}
	var repaired string
	if err := w.pool.QueryRow(ctx, `update places set state = 'confirmed', repaired_at = $1, ordered = true
		where id = (select id from places where devices > 1 limit 1) returning id`, w.at).Scan(&repaired); err != nil {
		t.Fatal(err)
	}
	network := grid()
	roads := geo.NewRoads(network)
	renew(t, crowd.NewWatch(w.pool, network, crowd.WatchOptions{PerKM: 1.2}), w.at)
	found := false
	for region, list := range lists(t, w.pool, network) {
		most := max(1, int(1.2*roads.KM(geo.Cell(region))))
		if len(list) > most {
			t.Errorf("%d positions on %.1f km", len(list), roads.KM(geo.Cell(region)))
		}
		settled, open := 0, 0
		for _, l := range list {
			found = found || l.place == repaired
			if l.place != "" && l.stretch {
				settled++
			} else if l.place != "" {
				open++
			}
		}
		if settled > 0 && open+settled > 8 && open < 5 {
			t.Errorf("region %d: %d settled places are asked about, %d open ones", region, settled, open)
		}
	}
	if !found {
		t.Error("nobody is asked about the repaired place")
	}
	renew(t, crowd.NewWatch(w.pool, network, crowd.WatchOptions{PerKM: -1}), w.at)
	if _, err := w.pool.Exec(ctx, `update epoch set hour = hour + 24`); err != nil {
		t.Fatal(err)
	}
	renew(t, crowd.NewWatch(w.pool, network, crowd.WatchOptions{PerKM: -1}), w.at)
	if n := len(all(lists(t, w.pool, network))); n != 0 {
		t.Errorf("%d positions are watched where nothing shall be", n)
	}
}

// Without streets places and control points come from where devices have been; with streets and no events control points
// alone do.
func TestListsWithoutStreetsAndWithoutEvents(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.suspects(8)
	none := geo.NewNetwork(&geo.Map{})
	renew(t, crowd.NewWatch(w.pool, none, crowd.WatchOptions{}), w.at)
	real, controls := 0, 0
	for _, l := range all(lists(t, w.pool, none)) {
		if l.place == "" {
			controls++
		} else {
			real++
		}
		if geo.HeadingDiff(l.HeadingDeg, 0) > 1 || math.Abs(l.Lon-15.6) > 1e-4 {
			t.Errorf("%+v does not lie where cars drive", l)
		}
	}
	if real == 0 || controls == 0 {
		t.Errorf("%d places, %d control points", real, controls)
	}
	empty := postgrestest.New(t)
	network := grid()
	renew(t, crowd.NewWatch(empty, network, crowd.WatchOptions{}), w.at)
	if n := len(all(lists(t, empty, network))); n < 20 {
		t.Errorf("%d control points on 44 km of street where nobody has driven", n)
	}
}

// However often one device comes back to its place, and wherever GPS puts it, the same stretch is published.
func TestAveragingOverTimeRevealsNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	network := grid()
	watch := crowd.NewWatch(w.pool, network, crowd.WatchOptions{})
	seen := map[listed]bool{}
	for hour := range 12 {
		w.jolt("lonely", 120+float64(hour*7%13)-6, 1)
		w.at = w.at.Add(time.Hour)
		w.judge(crowd.Config{})
		renew(t, watch, w.at)
		for _, l := range all(lists(t, w.pool, network)) {
			if l.place != "" {
				seen[l] = true
			}
		}
	}
	if len(seen) != 1 {
		t.Errorf("one device's place was published in %d ways", len(seen))
	}
}
