package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// placeProperties are the properties of a place in GeoJSON.
type placeProperties struct {
	ID           string             `json:"id"`
	State        crowd.State        `json:"state" enum:"suspected,confirmed,faded,dismissed"`
	Mark         mark               `json:"mark" enum:"suspected,confirmed,ordered,progress,repaired,verified,dismissed" doc:"the symbol on the map, from the place's state and its order's"`
	Class        crowd.Class        `json:"class" enum:"pothole,casting,joint,rail,speed_bump,nothing"`
	Belief       map[string]float64 `json:"belief" doc:"the probability of each class"`
	Severity     float64            `json:"severity" minimum:"0" maximum:"1"`
	Devices      int                `json:"devices" doc:"independent devices that felt it"`
	Passes       int                `json:"passes" doc:"smooth passes"`
	FirstAt      time.Time          `json:"first_at" doc:"the day of the first jolt"`
	LastAt       time.Time          `json:"last_at" doc:"the day of the last jolt"`
	StateAt      time.Time          `json:"state_at" doc:"since when it is in this state, to the hour; the day only, until the place is confirmed"`
	HeadingDeg   *float64           `json:"heading_deg" doc:"direction of travel; null: both, or not known"`
	UncertaintyM float64            `json:"uncertainty_m" doc:"standard error of the position, metres"`
	Coarse       bool               `json:"coarse" doc:"the position is the middle of the cell h3, on purpose"`
	H3           string             `json:"h3" doc:"H3 cell: resolution 12, or 9 where the position is coarse"`
	Area         [][2]float64       `json:"area,omitempty" doc:"the outline of the cell of a coarse place, longitude and latitude"`
	Title        string             `json:"title"`
	Where        string             `json:"where"`
	Order        string             `json:"order,omitempty" doc:"the id of its work order"`
	Number       string             `json:"number,omitempty" doc:"the number of its work order"`
	Page         string             `json:"page" format:"uri-reference"`
}

// placeFeature is a place in GeoJSON.
type placeFeature struct {
	Type       string          `json:"type" enum:"Feature"`
	ID         string          `json:"id"`
	Geometry   pointGeometry   `json:"geometry"`
	Properties placeProperties `json:"properties"`
}

// placeCollection is a page of places.
type placeCollection struct {
	Type     string         `json:"type" enum:"FeatureCollection"`
	Features []placeFeature `json:"features"`
	Links    []link         `json:"links"`
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

func (s *face) placeFeature(p titled) placeFeature {
	props := placeProperties{
		ID: p.ID, State: p.sight.State, Mark: p.Mark(), Class: p.Class, Belief: beliefByName(p.Belief),
		Severity: round(p.Severity, 3), Devices: p.Devices, Passes: p.Passes,
		FirstAt: p.FirstAt.UTC(), LastAt: p.LastAt.UTC(), StateAt: p.StateAt.UTC(),
		UncertaintyM: round(p.UncertaintyM, 1), Coarse: p.Coarse, H3: p.Cell.String(),
		Title: p.Title, Where: p.Where, Page: s.config.PublicURL + "/places/" + p.ID,
	}
	if p.HeadingDeg != nil {
		h := round(*p.HeadingDeg, 1)
		props.HeadingDeg = &h
	}
	for _, q := range area(p.sight) {
		props.Area = append(props.Area, [2]float64{round(q[0], 6), round(q[1], 6)})
	}
	if p.Order != nil {
		props.Order, props.Number = p.Order.ID, p.Order.Number
	}
	return placeFeature{Type: "Feature", ID: p.ID, Geometry: pointAt(p.Lat, p.Lon), Properties: props}
}

func beliefByName(b crowd.Belief) map[string]float64 {
	out := map[string]float64{}
	for i, c := range crowd.Classes() {
		out[string(c)] = round(b[i], 3)
	}
	return out
}

// placesInput are the filters of the list of places.
type placesInput struct {
	Spoken
	BBox    string   `query:"bbox" doc:"west,south,east,north in degrees" example:"15.58,48.39,15.65,48.43"`
	Near    string   `query:"near" doc:"lat,lon; with radius_m" example:"48.41,15.61"`
	RadiusM float64  `query:"radius_m" doc:"metres around near" default:"500" exclusiveMinimum:"0" maximum:"50000"`
	State   []string `query:"state" doc:"one or more states of places, by commas" enum:"suspected,confirmed,faded,dismissed"`
	Limit   int      `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor  string   `query:"cursor" doc:"as given by a next link"`
}

type placeInput struct {
	Spoken
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) registerPlaces(api huma.API) {
	one := func(in *placeInput) Spoken { return in.Spoken }
	huma.Register(api, open("list-places", http.MethodGet, "/places", "Places, newest change first", 400, 503),
		each(s, (*face).apiPlaces, func(in *placesInput) Spoken { return in.Spoken }))
	huma.Register(api, open("get-place", http.MethodGet, "/places/{id}", "One place and its story", 308, 404, 503), each(s, (*face).apiPlace, one))
	huma.Register(api, open("get-evidence", http.MethodGet, "/places/{id}/evidence", "Why a place is believed", 308, 404, 503), each(s, (*face).apiEvidence, one))
}

func (s *face) apiPlaces(ctx context.Context, in *placesInput) (*geojsonBody[placeCollection], error) {
	box, err := in.box()
	if err != nil {
		return nil, s.failed(ctx, "list", err)
	}
	found, next, err := s.placesPage(ctx, in, box)
	if err != nil {
		return nil, s.failed(ctx, "list", err)
	}
	body := placeCollection{Type: "FeatureCollection", Features: make([]placeFeature, 0, len(found))}
	for _, p := range found {
		body.Features = append(body.Features, s.placeFeature(s.describe(p)))
	}
	var header string
	body.Links, header = nextLink(in.next(s.config.PublicURL, next))
	out := asGeoJSON(body)
	out.Link = header
	return out, nil
}

// placesPage collects one page. What the database finds in a wider box is checked where it is shown, so it takes
// more than one look where little of it stays. The cursor is a place's id alone: its time could tell too much.
func (s *Server) placesPage(ctx context.Context, in *placesInput, box *orb.Bound) (page []sight, next string, err error) {
	after := in.Cursor
	if after != "" {
		if err := s.known(ctx, after); err != nil {
			return nil, "", err
		}
	}
	for {
		found, err := s.placesAfter(ctx, in, box, after)
		if err != nil {
			return nil, "", err
		}
		for _, p := range found {
			if in.holds(box, p) {
				if len(page) == in.Limit {
					return page, page[in.Limit-1].ID, nil
				}
				page = append(page, p)
			}
		}
		if len(found) <= in.Limit {
			return page, "", nil
		}
		after = found[len(found)-1].ID
	}
}

// placesAfter returns the next places in the database's order, one more than a page holds. Only the conditions that
// are asked for are put, so that each question finds its index.
func (s *Server) placesAfter(ctx context.Context, in *placesInput, box *orb.Bound, after string) ([]sight, error) {
	where, args := "true", []any{}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args)+1)
	}
	if box != nil {
		w := widen(*box, coarseShift)
		where += " and p.lon between " + arg(w.Min[0]) + " and " + arg(w.Max[0]) + " and p.lat between " + arg(w.Min[1]) + " and " + arg(w.Max[1])
	}
	if len(in.State) > 0 {
		where += " and p.state = any(" + arg(in.State) + "::text[])"
	}
	if after != "" {
		where += " and (p.state_at, p.id) < (select state_at, id from places where id = " + arg(after) + ")"
	}
	return s.query(ctx, fromPlaces, where, "order by p.state_at desc, p.id desc limit "+arg(in.Limit+1), args...)
}

// known says whether a cursor still stands for a place that anybody may see. One that is hidden and one that there is not answer alike.
func (s *Server) known(ctx context.Context, cursor string) error {
	_, err := s.findPlace(ctx, cursor)
	if errors.Is(err, errHidden) {
		return badRequest("The cursor is not one of this list, or has run out. Begin again without it.")
	}
	return err
}

func (in *placesInput) holds(box *orb.Bound, p sight) bool {
	if len(in.State) > 0 && !slices.Contains(in.State, string(p.State)) || box != nil && !box.Contains(p.Point()) {
		return false
	}
	near, ok, _ := in.near()
	return !ok || geo.Distance(near, p.Point()) <= in.RadiusM
}

// box returns what the filters leave of the globe, nil where that is all of it.
func (in *placesInput) box() (*orb.Bound, error) {
	near, ok, err := in.near()
	if err != nil {
		return nil, err
	}
	if ok {
		b := widen(orb.Bound{Min: near, Max: near}, in.RadiusM)
		return &b, nil
	}
	return parseBox(in.BBox)
}

func parseBox(text string) (*orb.Bound, error) {
	if text == "" {
		return nil, nil
	}
	v, ok := floats(text, 4)
	if !ok || v[0] > v[2] || v[1] > v[3] || v[1] < -90 || v[3] > 90 || v[0] < -180 || v[2] > 180 {
		return nil, badRequest("bbox is four numbers by commas: west,south,east,north in degrees.")
	}
	return &orb.Bound{Min: orb.Point{v[0], v[1]}, Max: orb.Point{v[2], v[3]}}, nil
}

func (in *placesInput) near() (orb.Point, bool, error) {
	if in.Near == "" {
		return orb.Point{}, false, nil
	}
	v, ok := floats(in.Near, 2)
	if !ok || math.Abs(v[0]) > 90 || math.Abs(v[1]) > 180 {
		return orb.Point{}, false, badRequest("near is two numbers by a comma: latitude,longitude in degrees.")
	}
	return orb.Point{v[1], v[0]}, true, nil
}

// floats reads n finite numbers by commas.
func floats(text string, n int) ([]float64, bool) {
	parts := strings.Split(text, ",")
	if len(parts) != n {
		return nil, false
	}
	out := make([]float64, n)
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (in *placesInput) next(origin, cursor string) string {
	if cursor == "" {
		return ""
	}
	q := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(in.Limit)}}
	if in.BBox != "" {
		q.Set("bbox", in.BBox)
	}
	if in.Near != "" {
		q.Set("near", in.Near)
		q.Set("radius_m", strconv.FormatFloat(in.RadiusM, 'f', -1, 64))
	}
	if len(in.State) > 0 {
		q.Set("state", strings.Join(in.State, ","))
	}
	return origin + apiPath + "/places?" + q.Encode()
}

// storyStep is one step of a place's story, dated by day.
type storyStep struct {
	Day  string `json:"day" format:"date"`
	Step string `json:"step" doc:"what happened, in words"`
	Text string `json:"text"`
}

// placeRecord is a place with its story.
type placeRecord struct {
	placeFeature
	Story []storyStep `json:"story"`
}

func (s *face) apiPlace(ctx context.Context, in *placeInput) (*geojsonBody[placeRecord], error) {
	rec, err := s.record(ctx, in.ID)
	if err != nil {
		return nil, s.failedPlace(ctx, "", err)
	}
	body := placeRecord{placeFeature: s.placeFeature(s.describe(rec.sight)), Story: []storyStep{}}
	for _, c := range s.tell(rec.sight, rec.Steps, rec.OrderSteps) {
		if !c.Todo {
			body.Story = append(body.Story, storyStep{c.At.UTC().Format(time.DateOnly), c.Head, c.Text})
		}
	}
	return asGeoJSON(body), nil
}

// evidence is what the belief in a place rests on.
type evidence struct {
	Place string `json:"place"`
	explained
	Promotion *promotion `json:"promotion,omitempty" doc:"the same as it stood when its order was written; it never changes"`
}

// promotion is an explanation as it stood when an order was written.
type promotion struct {
	Order string    `json:"order"`
	At    time.Time `json:"at"`
	explained
}

// explained is an explanation as counts and in words.
type explained struct {
	Class       crowd.Class        `json:"class" enum:"pothole,casting,joint,rail,speed_bump,nothing"`
	Probability float64            `json:"probability" doc:"of the class"`
	Line        float64            `json:"line" doc:"the probability from which a place becomes work"`
	Belief      map[string]float64 `json:"belief"`
	Devices     int                `json:"devices" doc:"independent devices that felt it"`
	Passes      int                `json:"passes" doc:"smooth passes"`
	Reasons     []reason           `json:"reasons"`
	Changes     []lever            `json:"would_change" doc:"what would change it, tried on the real belief with further devices like those before"`
}

type reason struct {
	crowd.Reason
	Text string `json:"text"`
}

type lever struct {
	crowd.Change
	Text string `json:"text"`
}

func (s *face) explained(e crowd.Explanation, p sight) explained {
	out := explained{Class: e.Class, Probability: round(e.Probability, 3), Line: round(e.Line, 3), Belief: beliefByName(e.Belief),
		Devices: e.Devices, Passes: e.Passes, Reasons: []reason{}, Changes: []lever{}}
	for _, r := range e.Reasons {
		one := reason{Reason: r}
		for _, w := range s.reasons([]crowd.Reason{r}, e.Passes, p) {
			one.Text = w.Text
		}
		out.Reasons = append(out.Reasons, one)
	}
	for i, text := range s.changes(e.Changes) {
		out.Changes = append(out.Changes, lever{e.Changes[i], text})
	}
	return out
}

func (s *face) apiEvidence(ctx context.Context, in *placeInput) (*struct{ Body evidence }, error) {
	rec, err := s.record(ctx, in.ID)
	if err != nil {
		return nil, s.failedPlace(ctx, "/evidence", err)
	}
	body := evidence{Place: rec.ID, explained: s.explained(rec.Why, rec.sight)}
	if rec.Grounds != nil && rec.Order != nil {
		body.Promotion = &promotion{rec.Order.ID, rec.Order.PromotedAt.UTC(), s.explained(*rec.Grounds, rec.sight)}
	}
	return &struct{ Body evidence }{body}, nil
}
