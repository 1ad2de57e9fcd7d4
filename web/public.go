package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// sight is a place as anybody may see it, with its work order where there is one; or an order that has no place, under the order's id.
type sight struct {
	crowd.PublicPlace
	Order   *dispatch.Order
	Verdict dispatch.Verdict // with which a dispatcher took it off the review list; empty: not, or not read
}

// Called is the class that people call the place by: what an open order is of, whatever has come to be believed since; else what is believed.
func (s sight) Called() crowd.Class {
	if s.Order != nil && s.Order.State.Open() {
		return s.Order.Class
	}
	return s.Class
}

// Mark is the symbol that the place stands under.
func (s sight) Mark() mark {
	if s.Order != nil {
		return markOf(s.State, s.Order.State)
	}
	return markOf(s.State, "")
}

// Placeless says whether it is an order that has no place: a resident has reported it where nobody drives, or it was split off another.
func (s sight) Placeless() bool { return s.Order != nil && s.Order.Place == "" }

// Path is that of its page.
func (s sight) Path() string {
	if s.Placeless() {
		return "/orders/" + s.Order.ID
	}
	return "/places/" + s.ID
}

// Grade is the severity in three steps.
func (s sight) Grade() grade { return gradeOf(s.Severity) }

// Felt is how many independent drivers felt it: after a repair those who had, as what was felt before counts no more.
func (s sight) Felt() int {
	if s.Order != nil {
		return max(s.Devices, s.Order.Devices)
	}
	return s.Devices
}

// Point is where the place is shown.
func (s sight) Point() orb.Point { return orb.Point{s.Lon, s.Lat} }

// seen cuts a place to what the public may see of it, or returns false where that is nothing. What has been ordered
// is public whole, but for exact times.
func (s *Server) seen(p crowd.Place, o *dispatch.Order) (sight, bool) {
	p.Ordered = p.Ordered || o != nil
	shown, ok := s.suspected().Public(p)
	return sight{PublicPlace: shown, Order: o}, ok
}

// errHidden is returned where there is nothing that the public may see.
var errHidden = errors.New("no such place")

// find returns what stands under an id, a public place or an order without one, or errHidden: errJoined where it has turned out to be another place
// that is public.
func (s *Server) find(ctx context.Context, id string) (sight, error) {
	return s.findIn(ctx, fromSights, id)
}

// findPlace is find for places alone.
func (s *Server) findPlace(ctx context.Context, id string) (sight, error) {
	return s.findIn(ctx, fromPlaces, id)
}

// findOrder is find for orders without a place.
func (s *Server) findOrder(ctx context.Context, id string) (sight, error) {
	found, err := s.find(ctx, id)
	if err == nil && !found.Placeless() {
		err = errHidden
	}
	return found, err
}

func (s *Server) findIn(ctx context.Context, from, id string) (sight, error) {
	found, err := s.query(ctx, from, "p.id = $2", "", id)
	if err != nil {
		return sight{}, err
	}
	if len(found) == 0 {
		return sight{}, s.joined(ctx, id)
	}
	return found[0], nil
}

// wholeSQL is the condition under which a place, left joined with its order, is public where it is, whatever the city has chosen for suspected ones.
const wholeSQL = `(o.id is not null or ` + crowd.ConfirmedSQL + `)`

// publicSQL is the condition under which such a place may be shown at all; $1 says whether suspected places are.
const publicSQL = `(` + wholeSQL + ` or $1::boolean and ` + crowd.ShownSQL + `)`

// Where sights are read from: p is what is shown, o its order.
const (
	fromPlaces = `places p left join orders o on o.place = p.id`
	fromSights = `sights p left join orders o on coalesce(o.place, o.id) = p.id`
	// The same for few of them. Without the limit PostgreSQL would rather read every order of the city than look up those of a few thousand.
	fromFew = `sights p left join lateral (select * from orders where coalesce(place, id) = p.id limit 1) o on true`
	// The same for those in ranges of cells, from $2 to $3. With the fence each range is looked up; PostgreSQL thinks that they are wide, and would read
	// every place once instead.
	fromNear = `unnest($2::bigint[], $3::bigint[]) as near (low, high)
		cross join lateral (select * from sights where cell between near.low and near.high offset 0) p
		left join lateral (select * from orders where coalesce(place, id) = p.id limit 1) o on true`
	// The same from the orders on, for those who want them in the orders' order: PostgreSQL looks each one up.
	fromOrders = `orders o cross join lateral (select * from sights where id = coalesce(o.place, o.id) limit 1) p`
)

const sightSQL = `
select p.id, p.region, p.cell, p.lat, p.lon, p.heading_deg, p.uncertainty_m, p.state, p.state_at, p.class, p.belief,
	p.severity, p.devices, p.passes, p.first_at, p.last_at, p.ordered,
	o.id, o.number, o.class, o.severity, o.probability, o.devices, o.state, o.street, o.body, o.promoted_at, o.state_at,
	o.external_id, o.place, o.split_from
from `

// query returns what is public, read from one of these, under a condition; its arguments count from $2, as $1 is the city's choice of
// showing suspected places. Conditions on the position must be wider than asked and be checked again on what comes
// back: a coarse place is shown elsewhere than it is.
func (s *Server) query(ctx context.Context, from, where, tail string, args ...any) ([]sight, error) {
	rows, err := s.config.Pool.Query(ctx, sightSQL+from+" where "+publicSQL+" and "+where+" "+tail, append([]any{s.showsSuspected()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	defer rows.Close()
	var out []sight
	for rows.Next() {
		p, o, err := scanSight(rows)
		if err != nil {
			return nil, fmt.Errorf("read a place: %w", err)
		}
		if shown, ok := s.seen(p, o); ok {
			out = append(out, shown)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return out, nil
}

func (s *Server) showsSuspected() bool { return s.suspected() != crowd.Hidden }

func scanSight(row pgx.Rows) (crowd.Place, *dispatch.Order, error) {
	var p crowd.Place
	var region, cell int64
	var belief []float32
	var o struct {
		id, number, class, state, street, body, external, place, split *string
		severity, probability                                          *float64
		devices                                                        *int
		promoted, at                                                   *time.Time
	}
	err := row.Scan(&p.ID, &region, &cell, &p.Lat, &p.Lon, &p.HeadingDeg, &p.UncertaintyM, &p.State, &p.StateAt, &p.Class,
		&belief, &p.Severity, &p.Devices, &p.Passes, &p.FirstAt, &p.LastAt, &p.Ordered,
		&o.id, &o.number, &o.class, &o.severity, &o.probability, &o.devices, &o.state, &o.street, &o.body,
		&o.promoted, &o.at, &o.external, &o.place, &o.split)
	if err != nil {
		return p, nil, err
	}
	p.Region, p.Cell = geo.Cell(region), geo.Cell(cell)
	for i := range min(len(belief), len(p.Belief)) {
		p.Belief[i] = float64(belief[i])
	}
	if o.id == nil {
		return p, nil, nil
	}
	order := &dispatch.Order{
		ID: *o.id, Number: *o.number, Class: crowd.Class(*o.class), Severity: *o.severity,
		Probability: *o.probability, Devices: *o.devices, State: dispatch.State(*o.state), Street: *o.street, Body: *o.body,
		PromotedAt: crowd.Decided(*o.promoted), StateAt: crowd.Decided(*o.at), ExternalID: *o.external,
		Lat: p.Lat, Lon: p.Lon, HeadingDeg: p.HeadingDeg, UncertaintyM: p.UncertaintyM, Cell: p.Cell,
	}
	if o.place != nil {
		order.Place = *o.place
	}
	if o.split != nil {
		order.SplitFrom = *o.split
	}
	return p, order, nil
}

// metresPerDegree of latitude, WGS 84 mean sphere.
const metresPerDegree = 111319.49

// widen returns b grown by so many metres on every side.
func widen(b orb.Bound, metres float64) orb.Bound {
	lat := metres / metresPerDegree
	lon := lat / max(0.01, math.Cos(b.Center().Lat()*math.Pi/180))
	return orb.Bound{Min: orb.Point{b.Min[0] - lon, b.Min[1] - lat}, Max: orb.Point{b.Max[0] + lon, b.Max[1] + lat}}
}

// coarseShift is how far a coarse place can be shown from where it is: the radius of its resolution 9 cell, with room
// for the largest cells of the globe, metres.
const coarseShift = 300

// within is the condition of a box, for query: lon and lat from $2 to $5.
const within = "p.lon between $2 and $3 and p.lat between $4 and $5"

// inBox returns the public places or sights that are shown within b.
func (s *Server) inBox(ctx context.Context, from string, b orb.Bound, tail string) ([]sight, error) {
	w := widen(b, coarseShift)
	found, err := s.query(ctx, from, within, tail, w.Min[0], w.Max[0], w.Min[1], w.Max[1])
	if err != nil {
		return nil, err
	}
	inside := found[:0]
	for _, f := range found {
		if b.Contains(f.Point()) {
			inside = append(inside, f)
		}
	}
	return inside, nil
}
