package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	orbgeo "github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/simplify"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

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
	asText(r.PostForm)
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
