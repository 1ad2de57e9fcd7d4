package web

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	orbgeo "github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/planar"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

const (
	bodiesPath     = "/admin/bodies"
	mostBoundary   = 4 << 20 // bytes of an uploaded boundary, and of a request that holds one
	bodiesOnAMap   = 200
	lettersOnAMap  = 28
	routesInSight  = 5
	metresOfMargin = 50 // around a boundary on its map
)

// registerAdministration puts the pages on which an administrator lays down how the city works.
func (s *Server) registerAdministration(page func(string, pageFunc)) {
	page("GET "+bodiesPath, only(access.Administer, (*face).bodiesPage))
	page("POST "+bodiesPath, only(access.Administer, (*face).bodyPost))
	page("GET "+bodiesPath+"/new", only(access.Administer, (*face).bodyPage))
	page("GET "+bodiesPath+"/{id}", only(access.Administer, (*face).bodyPage))
	page("POST "+bodiesPath+"/{id}", only(access.Administer, (*face).bodyPost))
	page("GET "+deadlinesPath, only(access.Administer, (*face).deadlinesPage))
	page("POST "+deadlinesPath, only(access.Administer, (*face).deadlinesPost))
	page("GET "+settingsPath, only(access.Administer, (*face).settingsPage))
	page("POST "+settingsPath, only(access.Administer, (*face).settingsPost))
	page("POST "+lookPath, only(access.Administer, (*face).lookPost))
	page("GET "+categoriesPath, only(access.Administer, (*face).categoriesPage))
	page("POST "+categoriesPath, only(access.Administer, (*face).categoriesPost))
	page("GET "+crewsPath, only(access.Supervise, (*face).teamsPage))
	page("POST "+crewsPath, only(access.Supervise, (*face).teamPost))
	page("GET "+crewsPath+"/new", only(access.Supervise, (*face).teamPage))
	page("GET "+crewsPath+"/{id}", only(access.Supervise, (*face).teamPage))
	page("POST "+crewsPath+"/{id}", only(access.Supervise, (*face).teamPost))
	page("GET "+repliesPath, only(access.Supervise, (*face).repliesPage))
	page("POST "+repliesPath, only(access.Supervise, (*face).replyPost))
	page("GET "+repliesPath+"/new", only(access.Supervise, (*face).replyPage))
	page("GET "+repliesPath+"/{id}", only(access.Supervise, (*face).replyPage))
	page("POST "+repliesPath+"/{id}", only(access.Supervise, (*face).replyPost))
}

// bodyRow is a body in the list of all, as deep as it stands in the hierarchy.
type bodyRow struct {
	dispatch.Responsible
	Depth int
	For   string // what it answers for
	KM2   string // empty: everywhere
}

// bodiesView is the page of all bodies.
type bodiesView struct {
	head
	Section string
	Notice  string
	Bodies  []bodyRow
	Retired []bodyRow
	Map     template.HTML
	Asked   routeAsked
	Answer  *routeAnswer
}

// routeAsked is where and what a routing is tried with.
type routeAsked struct {
	Street string // or a position: latitude, longitude
	Class  crowd.Class
}

// routeAnswer says who would get a defect.
type routeAnswer struct {
	Sentence, Why string
	Others        []string // who is responsible there as well, in order
	Map           template.HTML

	bodies []dispatch.Responsible
	street string
	class  string
	at     orb.Point
}

func (s *face) bodiesPage(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	v := &bodiesView{head: head{Page: "bodies", Title: s.texts.T("bodies.title")}, Section: "bodies",
		Asked: routeAsked{Street: strings.TrimSpace(q.Get("street")), Class: crowd.Class(q.Get("class"))}}
	if classes := crowd.Classes(); !slices.Contains(classes[:], v.Asked.Class) {
		v.Asked.Class = crowd.Pothole
	}
	bodies, err := dispatch.Bodies(ctx, s.config.Pool, true)
	if err != nil {
		return err
	}
	var shown []dispatch.Responsible
	for _, row := range s.hierarchy(bodies) {
		if row.RetiredAt.IsZero() {
			v.Bodies = append(v.Bodies, row)
			shown = append(shown, row.Responsible)
		} else {
			v.Retired = append(v.Retired, row)
		}
	}
	v.Map = s.boundaryMap(shown, nil, s.texts.T("bodies.map"))
	if v.Asked.Street != "" {
		if v.Answer, err = s.route(ctx, v.Asked); err != nil {
			return err
		}
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

// hierarchy lists bodies with each one's children below it.
func (s *face) hierarchy(bodies []dispatch.Responsible) (out []bodyRow) {
	known := map[string]bool{}
	for _, b := range bodies {
		known[b.ID] = true
	}
	var under func(parent string, depth int)
	under = func(parent string, depth int) {
		for _, b := range bodies {
			above := b.Parent
			if !known[above] {
				above = ""
			}
			if above == parent && len(out) < len(bodies) {
				row := bodyRow{Responsible: b, Depth: min(depth, 4), For: s.answersFor(b)}
				if b.Shape != nil {
					row.KM2 = s.texts.T("bodies.km2", "n", s.texts.Decimal(b.AreaM2/1e6, 1))
				}
				out = append(out, row)
				under(b.ID, depth+1)
			}
		}
	}
	under("", 0)
	return out
}

// answersFor says in words what a body is responsible for.
func (s *face) answersFor(b dispatch.Responsible) string {
	var classes, streets []string
	for _, c := range b.Classes {
		classes = append(classes, s.texts.T("class."+string(c)))
	}
	for _, st := range b.Streets {
		if key := "streets." + st; s.texts.Has(key) {
			st = s.texts.T(key)
		}
		streets = append(streets, st)
	}
	var out []string
	for _, part := range [][]string{classes, streets} {
		if len(part) > 0 {
			out = append(out, strings.Join(part, ", "))
		}
	}
	if out == nil {
		return s.texts.T("bodies.for.all")
	}
	return strings.Join(out, "; ")
}

// route says who would get a defect of a class at a street.
func (s *face) route(ctx context.Context, asked routeAsked) (*routeAnswer, error) {
	out := &routeAnswer{}
	at, ok := position(asked.Street)
	network := s.network()
	if ok && network != nil {
		out.street, out.class = dispatch.OnStreets(network)(at, nil)
	}
	if !ok && network != nil {
		if found := network.Search(asked.Street, 1); len(found) > 0 {
			at, ok, out.street, out.class = found[0].Point, true, found[0].Name, classAt(network, found[0])
		}
	}
	if !ok {
		out.Sentence = s.texts.T("bodies.route.nowhere", "street", asked.Street)
		return out, nil
	}
	out.at = at
	var err error
	if out.bodies, err = dispatch.WhoGets(ctx, s.config.Pool, at, asked.Class, out.class); err != nil {
		return nil, err
	}
	words := []any{"what", s.texts.T("class.a." + string(asked.Class)), "street", out.street}
	if out.street == "" {
		words[3] = s.texts.T("bodies.route.position", "lat", fmt.Sprintf("%.5f", at.Lat()), "lon", fmt.Sprintf("%.5f", at.Lon()))
	}
	if len(out.bodies) == 0 {
		out.Sentence = capital(s.texts.T("bodies.route.nobody", words...))
		return out, nil
	}
	first := out.bodies[0]
	out.Sentence = capital(s.texts.T("bodies.route.goes", append(words, "body", first.Name)...))
	out.Why = s.texts.T("bodies.route.why." + whyFirst(first))
	for _, b := range out.bodies[1:min(len(out.bodies), routesInSight)] {
		out.Others = append(out.Others, b.Name)
	}
	out.Map = s.boundaryMap(out.bodies[:1], &at, s.texts.T("bodies.route.map", "body", first.Name))
	return out, nil
}

// classAt is the class of a street where a search has found it: streets change their class along the way, and some are no cars' streets.
func classAt(n *geo.Network, found geo.Found) (class string) {
	nearest := math.Inf(1)
	streets := n.Streets()
	for i := range streets {
		if streets[i].Name != found.Name {
			continue
		}
		for _, p := range streets[i].Line {
			if d := geo.Distance(p, found.Point); d < nearest {
				nearest, class = d, streets[i].Class
			}
		}
	}
	return class
}

// whyFirst says by what a body comes before others.
func whyFirst(b dispatch.Responsible) string {
	switch {
	case len(b.Classes) > 0:
		return "class"
	case len(b.Streets) > 0:
		return "street"
	case b.Shape == nil:
		return "everywhere"
	}
	return "smallest"
}

// positionForm is two numbers with a point or a comma in each, and white space, a comma or a semicolon between them.
var positionForm = regexp.MustCompile(`^\s*(-?\d+(?:[.,]\d+)?)\s*[\s,;]\s*(-?\d+(?:[.,]\d+)?)\s*$`)

// position reads latitude and longitude in degrees.
func position(text string) (orb.Point, bool) {
	found := positionForm.FindStringSubmatch(text)
	if found == nil {
		return orb.Point{}, false
	}
	y, err := strconv.ParseFloat(strings.Replace(found[1], ",", ".", 1), 64)
	x, err2 := strconv.ParseFloat(strings.Replace(found[2], ",", ".", 1), 64)
	return orb.Point{x, y}, err == nil && err2 == nil && math.Abs(y) <= 90 && math.Abs(x) <= 180
}

// boundaryMap draws boundaries over the streets, and a pin where one is asked for; empty where there is nothing to be drawn.
func (s *face) boundaryMap(bodies []dispatch.Responsible, pin *orb.Point, label string) template.HTML {
	bound := orb.Bound{Min: orb.Point{math.Inf(1), math.Inf(1)}, Max: orb.Point{math.Inf(-1), math.Inf(-1)}}
	drawn := 0
	for _, b := range bodies {
		if b.Shape != nil {
			bound, drawn = bound.Union(b.Shape.Bound()), drawn+1
		}
	}
	if pin != nil {
		bound = bound.Extend(*pin)
	} else if drawn == 0 {
		return ""
	}
	bound = orbgeo.BoundPad(bound, metresOfMargin)
	m := &mini{centre: bound.Center(), perPixel: 1}
	low, high := m.at(bound.Min), m.at(bound.Max)
	m.perPixel = max(miniMetres, (high[0]-low[0])/(miniWidth-40), (low[1]-high[1])/(miniHeight-40))
	fmt.Fprintf(&m.svg, `<svg class="mini" viewBox="0 0 %g %g" role="img" aria-label="%s">`, miniWidth, miniHeight, template.HTMLEscapeString(label))
	if n := s.network(); n != nil {
		m.groundAround(n)
		m.streets(n)
	}
	for _, b := range bodies[:min(len(bodies), bodiesOnAMap)] {
		m.shape(b.Shape, "bound")
	}
	above := map[string]bool{} // those lie below others' names
	for _, b := range bodies {
		above[b.Parent] = true
	}
	for _, b := range bodies[:min(len(bodies), bodiesOnAMap)] {
		if !above[b.ID] {
			m.nameBoundary(b, drawn)
		}
	}
	if pin != nil {
		p := m.at(*pin)
		fmt.Fprintf(&m.svg, `<use href="#i-pin" x="%.1f" y="%.1f" width="30" height="38"/>`, p[0]-15, p[1]-38)
	}
	m.svg.WriteString(`</svg>`)
	return template.HTML(m.svg.String())
}

// nameBoundary writes a body's name into its boundary where there are several.
func (m *mini) nameBoundary(b dispatch.Responsible, drawn int) {
	if b.Shape == nil || drawn < 2 || len([]rune(b.Name)) > lettersOnAMap {
		return
	}
	middle, _ := planar.CentroidArea(b.Shape)
	p := m.at(middle)
	if clip.LineString(m.window(), orb.LineString{p, p}) == nil {
		return
	}
	fmt.Fprintf(&m.svg, `<text class="lb" x="%.1f" y="%.1f">%s</text>`, p[0], p[1], template.HTMLEscapeString(b.Name))
}

// administering does something in a transaction and notes it in the log, as who is logged in; what changes nothing leaves no line.
func (s *Server) administering(ctx context.Context, do func(pgx.Tx) (access.Entry, error)) error {
	by, _ := personOf(ctx)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		e, err := do(tx)
		if err != nil || e.Detail == "" {
			return err
		}
		e.At, e.Person, e.Detail = s.config.Now(), by.ID, byKey(ctx, e.Detail)
		return access.Record(ctx, tx, e)
	})
}
