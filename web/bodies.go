package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	orbgeo "github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/planar"
	"github.com/paulmach/orb/simplify"

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

// bodyView is the page of one body, or of one to be.
type bodyView struct {
	head
	refusal
	Section string
	Notice  string
	Body    dispatch.Responsible
	Above   []dispatch.Responsible // what it may stand under
	Levels  []dispatch.Level
	Classes []crowd.Class
	Groups  []dispatch.StreetGroup
	Others  string // classes of street beside the groups
	Map     template.HTML
	Size    string
	Drawn   string                     // the boundary as GeoJSON, or what was given as such
	Bounds  string                     // of the map: west,south,east,north
	Around  *geojson.FeatureCollection // the boundaries of other bodies; nil: none has one
	Texts   string                     // those of the map's script, JSON
}

// Is says whether the body is of a class or has a group of streets.
func (v *bodyView) Is(what any) bool {
	switch x := what.(type) {
	case crowd.Class:
		return slices.Contains(v.Body.Classes, x)
	case dispatch.StreetGroup:
		return slices.Contains(v.Body.Streets, string(x))
	}
	return false
}

func (s *face) bodyPage(w http.ResponseWriter, r *http.Request) error {
	b := dispatch.Responsible{Level: dispatch.District}
	if id := r.PathValue("id"); id != "" {
		var err error
		if b, err = s.body(r.Context(), id); err != nil {
			return err
		}
	}
	return s.showBody(w, r, http.StatusOK, b, func(v *bodyView) {
		switch done := r.URL.Query().Get("done"); done {
		case "added", "saved", "retired", "restored":
			v.Notice = s.texts.T("bodies.done." + done)
			if n, err := strconv.Atoi(r.URL.Query().Get("routed")); err == nil && n > 0 {
				v.Notice += " " + s.texts.N("bodies.routed", n)
			}
		}
	})
}

// body finds one, or says that it is not there.
func (s *Server) body(ctx context.Context, id string) (dispatch.Responsible, error) {
	b, err := dispatch.FindBody(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrNoBody) {
		return b, errHidden
	}
	return b, err
}

func (s *face) showBody(w http.ResponseWriter, r *http.Request, status int, b dispatch.Responsible, change func(*bodyView)) error {
	ctx := r.Context()
	v := &bodyView{head: head{Page: "body", Title: b.Name}, Section: "bodies", Body: b, Levels: dispatch.Levels(), Groups: dispatch.StreetGroups(), refusal: refusal{Wrong: map[string]string{}}}
	if b.ID == "" {
		v.Title = s.texts.T("bodies.add")
	}
	all, err := dispatch.Bodies(ctx, s.config.Pool, false)
	if err != nil {
		return err
	}
	v.Above = slices.DeleteFunc(all, func(o dispatch.Responsible) bool { return o.ID == b.ID })
	for _, c := range crowd.Classes() {
		if c != crowd.Nothing || v.Is(c) {
			v.Classes = append(v.Classes, c)
		}
	}
	var others []string
	for _, st := range b.Streets {
		if !slices.Contains(v.Groups, dispatch.StreetGroup(st)) {
			others = append(others, st)
		}
	}
	v.Others = strings.Join(others, " ")
	if err := s.drawBoundary(ctx, v); err != nil {
		return err
	}
	if b.ID != "" {
		if v.Log, err = s.readLog(ctx, access.Search{What: b.ID, Action: "body.", Limit: 20}); err != nil {
			return err
		}
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

// drawBoundary fills in what the page shows of a boundary, and what its map begins with.
func (s *face) drawBoundary(ctx context.Context, v *bodyView) (err error) {
	v.Texts, v.Around = s.textsUnder("bodies.draw."), boundariesOf(v.Above)
	shape := v.Body.Shape
	if shape == nil {
		v.Bounds, err = s.bounds(ctx)
		return err
	}
	text, err := json.Marshal(geojson.NewGeometry(shape))
	if err != nil {
		return fmt.Errorf("boundary of %s: %w", v.Body.Name, err)
	}
	v.Drawn, v.Bounds = string(text), bounds(shape.Bound())
	v.Map = s.boundaryMap([]dispatch.Responsible{v.Body}, nil, s.texts.T("bodies.map.one", "body", v.Body.Name))
	v.Size = s.texts.T("bodies.km2", "n", s.texts.Decimal(orbgeo.Area(shape)/1e6, 1))
	return nil
}

// boundariesOf returns bodies' boundaries with their names, to half a metre; nil where none has one.
func boundariesOf(bodies []dispatch.Responsible) *geojson.FeatureCollection {
	const halfAMetre = 5e-6 // degrees
	out := geojson.NewFeatureCollection()
	for _, b := range bodies {
		if b.Shape == nil || len(out.Features) == bodiesOnAMap {
			continue
		}
		f := geojson.NewFeature(simplify.DouglasPeucker(halfAMetre).MultiPolygon(b.Shape.Clone()))
		f.Properties["name"] = b.Name
		out.Append(f)
	}
	if len(out.Features) == 0 {
		return nil
	}
	return out
}

// bodyPost adds, changes, retires or takes back a body.
func (s *face) bodyPost(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 2*mostBoundary+64<<10) // a file, and what is drawn
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return badRequest("The form cannot be read, or what was sent is too large.")
	}
	ctx, id := r.Context(), r.PathValue("id")
	b := dispatch.Responsible{}
	var err error
	if id != "" {
		if b, err = s.body(ctx, id); err != nil {
			return err
		}
	}
	seen, _ := strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	b.Version = seen
	done, routed := "saved", 0
	switch do := r.PostForm.Get("do"); do {
	case "retire", "restore":
		done = map[string]string{"retire": "retired", "restore": "restored"}[do]
		_, err = s.retireBody(ctx, id, seen, do == "retire")
	case "", "save":
		if err = readBody(r, &b); err == nil {
			done = map[bool]string{true: "added", false: "saved"}[id == ""]
			b, routed, err = s.saveBody(ctx, b)
		}
	default:
		return badRequest("do is one of save, retire, restore.")
	}
	if err == nil {
		if id == "" {
			id = b.ID
		}
		http.Redirect(w, r, fmt.Sprintf("%s/%s?done=%s&routed=%d", bodiesPath, url.PathEscape(id), done, routed), http.StatusSeeOther)
		return nil
	}
	return s.bodyRefused(w, r, b, err)
}

// bodyRefused shows what was given again, and why it was not taken.
func (s *face) bodyRefused(w http.ResponseWriter, r *http.Request, b dispatch.Responsible, err error) error {
	status, stands, say := s.refusalOf(err, b.Name)
	if say == nil {
		return err
	}
	b.Version = cmp.Or(stands, b.Version)
	return s.showBody(w, r, status, b, func(v *bodyView) {
		say(&v.refusal)
		if v.Wrong["shape"] != "" {
			v.Drawn = r.PostForm.Get("geojson")
		}
	})
}

// wrongs says in words what is wrong, by the field that it is wrong in.
func (s *face) wrongs(faults dispatch.Faults) map[string]string {
	out := map[string]string{}
	for _, f := range faults {
		text := s.texts.T("wrong."+f.Kind, f.Pairs...)
		if before, ok := out[f.Field]; ok {
			text = before + " " + text
		}
		out[f.Field] = text
	}
	return out
}

// readBody takes over what a form says of a body.
func readBody(r *http.Request, b *dispatch.Responsible) error {
	f := r.PostForm
	b.Name, b.Level, b.Parent = f.Get("name"), dispatch.Level(f.Get("level")), f.Get("parent")
	b.Email, b.Phone, b.External = f.Get("email"), f.Get("phone"), f.Get("external") != ""
	if b.Language = f.Get("language"); !slices.Contains(languages(), b.Language) {
		b.Language = ""
	}
	b.Classes = nil
	for _, c := range f["class"] {
		b.Classes = append(b.Classes, crowd.Class(c))
	}
	b.Streets = append(slices.Clone(f["street"]), strings.FieldsFunc(f.Get("streets"), func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '\n' || r == '\r' })...)
	return readBoundary(r, b)
}

// readBoundary takes over the boundary that a form says: its file, else what is drawn. Without either it stays.
func readBoundary(r *http.Request, b *dispatch.Responsible) error {
	text := []byte(strings.TrimSpace(r.PostForm.Get("geojson")))
	file, _, err := r.FormFile("boundary")
	if err == nil {
		defer file.Close()
		var uploaded []byte
		if uploaded, err = io.ReadAll(file); len(uploaded) > 0 {
			text = uploaded
		}
	} else if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		err = nil
	}
	switch {
	case err != nil:
		return badRequest("The file cannot be read.")
	case len(text) > 0:
		b.Shape, err = dispatch.ReadBoundary(text)
	case r.PostForm.Has("geojson"):
		b.Shape = nil
	}
	return err
}

// saveBody adds or changes a body, as who is logged in, and notes it in the log.
func (s *Server) saveBody(ctx context.Context, b dispatch.Responsible) (after dispatch.Responsible, routed int, err error) {
	after = b
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		if b.ID == "" {
			added, n, err := dispatch.AddBody(ctx, tx, b)
			if err != nil {
				return access.Entry{}, err
			}
			after, routed = added, n
			return access.Entry{Action: "body.add", What: added.ID, Detail: added.Since(dispatch.Responsible{})}, nil
		}
		before, changed, n, err := dispatch.ChangeBody(ctx, tx, b)
		if err != nil {
			return access.Entry{}, err
		}
		after, routed = changed, n
		return access.Entry{Action: "body.change", What: b.ID, Detail: changed.Since(before)}, nil
	})
	return after, routed, err
}

// retireBody takes a body out of use or back, as who is logged in.
func (s *Server) retireBody(ctx context.Context, id string, seen int64, retired bool) (after dispatch.Responsible, err error) {
	action := map[bool]string{true: "body.retire", false: "body.restore"}[retired]
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := dispatch.RetireBody(ctx, tx, id, seen, retired, s.config.Now())
		after = changed
		return access.Entry{Action: action, What: id, Detail: changed.Since(before)}, err
	})
	return after, err
}

// administering does something in a transaction and notes it in the log, as who is logged in; what changes nothing leaves no line.
func (s *Server) administering(ctx context.Context, do func(pgx.Tx) (access.Entry, error)) error {
	by, _ := personOf(ctx)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		e, err := do(tx)
		if err != nil || e.Detail == "" {
			return err
		}
		e.At, e.Person = s.config.Now(), by.ID
		return access.Record(ctx, tx, e)
	})
}
