package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// GivenBody is a body as an administrator gives it.
type GivenBody struct {
	Name     string         `json:"name" maxLength:"120"`
	Level    dispatch.Level `json:"level,omitempty" enum:",district,city,region,province" doc:"empty: it stands in no hierarchy"`
	Parent   string         `json:"parent,omitempty" maxLength:"200" doc:"the id of the body above; empty: none"`
	Email    string         `json:"email,omitempty" maxLength:"254" doc:"of the office, not of a person: it is told of deadlines; empty: nobody is"`
	Language string         `json:"language,omitempty" enum:",en,de" doc:"of what it is told; empty: English"`
	Phone    string         `json:"phone,omitempty" maxLength:"40"`
	External bool           `json:"external,omitempty" doc:"it works on its own: orders are handed over to it"`
	Classes  []crowd.Class  `json:"classes,omitempty" maxItems:"6" doc:"of place, that it answers for; none: all"`
	Streets  []string       `json:"streets,omitempty" maxItems:"40" doc:"values of highway=, or main, collector, local, path; none: all"`
	Boundary map[string]any `json:"boundary,omitempty" doc:"a GeoJSON Polygon or MultiPolygon; left out: everywhere"`
}

// bodyBody is a body as it stands.
type bodyBody struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Level     dispatch.Level   `json:"level"`
	Parent    string           `json:"parent"`
	Email     string           `json:"email"`
	Language  string           `json:"language"`
	Phone     string           `json:"phone"`
	External  bool             `json:"external"`
	Classes   []crowd.Class    `json:"classes"`
	Streets   []string         `json:"streets"`
	Boundary  *json.RawMessage `json:"boundary,omitempty" doc:"a GeoJSON MultiPolygon, where one is asked for; left out: everywhere"`
	AreaM2    float64          `json:"area_m2"`
	RetiredAt *time.Time       `json:"retired_at" doc:"null: it gets orders"`
	Version   int64            `json:"version" doc:"to be named by who changes it"`
}

func bodyBodyOf(b dispatch.Responsible, whole bool) (bodyBody, error) {
	out := bodyBody{ID: b.ID, Name: b.Name, Level: b.Level, Parent: b.Parent, Email: b.Email, Language: b.Language, Phone: b.Phone, External: b.External,
		Classes: append([]crowd.Class{}, b.Classes...), Streets: append([]string{}, b.Streets...), AreaM2: round(b.AreaM2, 0), Version: b.Version}
	if !b.RetiredAt.IsZero() {
		out.RetiredAt = &b.RetiredAt
	}
	if whole && b.Shape != nil {
		text, err := json.Marshal(geojson.NewGeometry(b.Shape))
		if err != nil {
			return out, err
		}
		raw := json.RawMessage(text)
		out.Boundary = &raw
	}
	return out, nil
}

func (g GivenBody) body() (dispatch.Responsible, error) {
	b := dispatch.Responsible{Name: g.Name, Level: g.Level, Parent: g.Parent, Email: g.Email, Language: g.Language, Phone: g.Phone, External: g.External, Classes: g.Classes, Streets: g.Streets}
	if g.Boundary == nil {
		return b, nil
	}
	text, err := json.Marshal(g.Boundary)
	if err != nil {
		return b, err
	}
	b.Shape, err = dispatch.ReadBoundary(text)
	return b, err
}

type bodiesInput struct {
	asked
	Retired bool `query:"retired" doc:"those too that are retired"`
}

type bodyInput struct {
	asked
	ID string `path:"id" maxLength:"200"`
}

type addBodyInput struct {
	asked
	Spoken
	Body GivenBody
}

type changeBodyInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		GivenBody
		Version int64 `json:"version" minimum:"1" doc:"that was seen; where it is another by now, nothing is changed (409)"`
	}
}

type retireBodyInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		Retired bool  `json:"retired" doc:"true: it gets no orders from now on; false: it does again"`
		Version int64 `json:"version" minimum:"1"`
	}
}

type routingInput struct {
	asked
	Spoken
	Street string      `query:"street" required:"true" minLength:"1" maxLength:"200" doc:"the beginning of its name, or latitude, longitude"`
	Class  crowd.Class `query:"class" enum:"pothole,casting,joint,rail,speed_bump,nothing" default:"pothole"`
}

type routingBody struct {
	Sentence    string     `json:"sentence" doc:"the same in words"`
	Street      string     `json:"street" doc:"that was found; empty: none"`
	StreetClass string     `json:"street_class" doc:"its value of highway="`
	Bodies      []bodyBody `json:"bodies" doc:"who is responsible there; the first gets the order"`
}

type savedBody struct {
	bodyBody
	Routed int `json:"routed" doc:"open orders that were with nobody and are with a body now"`
}

func (s *Server) registerBodies(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, path, summary, errs...)
	}
	huma.Register(api, op("list-bodies", http.MethodGet, "/bodies", "Who is responsible where, without boundaries", 422), s.apiBodies)
	huma.Register(api, op("get-body", http.MethodGet, "/bodies/{id}", "A body with its boundary", 404, 422), s.apiBody)
	add := op("add-body", http.MethodPost, "/bodies", "Add a body", 422)
	add.DefaultStatus, add.MaxBodyBytes = http.StatusCreated, mostBoundary
	huma.Register(api, add, each(s, (*face).apiAddBody, func(in *addBodyInput) Spoken { return in.Spoken }))
	change := op("change-body", http.MethodPut, "/bodies/{id}", "Change a body", 404, 409, 422)
	change.MaxBodyBytes = mostBoundary
	change.Description = "What is left out is not set, the boundary too. Orders stay with the body that they have."
	huma.Register(api, change, each(s, (*face).apiChangeBody, func(in *changeBodyInput) Spoken { return in.Spoken }))
	huma.Register(api, op("retire-body", http.MethodPut, "/bodies/{id}/retirement", "Take a body out of use, or back into it", 404, 409, 422),
		each(s, (*face).apiRetireBody, func(in *retireBodyInput) Spoken { return in.Spoken }))
	huma.Register(api, op("preview-routing", http.MethodGet, "/routing", "Who would get a defect at a street", 404, 422),
		each(s, (*face).apiRouting, func(in *routingInput) Spoken { return in.Spoken }))
}

func (s *Server) apiBodies(ctx context.Context, in *bodiesInput) (*struct {
	Body struct {
		Bodies []bodyBody `json:"bodies"`
	}
}, error) {
	list, err := dispatch.Bodies(ctx, s.config.Pool, in.Retired)
	if err != nil {
		return nil, s.failed(ctx, "body", err)
	}
	out := &struct {
		Body struct {
			Bodies []bodyBody `json:"bodies"`
		}
	}{}
	out.Body.Bodies = []bodyBody{}
	for _, b := range list {
		one, err := bodyBodyOf(b, false)
		if err != nil {
			return nil, s.failed(ctx, "body", err)
		}
		out.Body.Bodies = append(out.Body.Bodies, one)
	}
	return out, nil
}

func (s *Server) apiBody(ctx context.Context, in *bodyInput) (*struct{ Body bodyBody }, error) {
	b, err := s.body(ctx, in.ID)
	if err != nil {
		return nil, s.failed(ctx, "body", err)
	}
	one, err := bodyBodyOf(b, true)
	if err != nil {
		return nil, s.failed(ctx, "body", err)
	}
	return &struct{ Body bodyBody }{one}, nil
}

// laid turns an error about what an administrator lays down into a problem.
func (s *face) laid(ctx context.Context, what string, err error) error {
	var stale *dispatch.Stale
	switch faults := dispatch.FaultsOf(err); {
	case faults != nil:
		var details []error
		for _, f := range faults {
			details = append(details, &huma.ErrorDetail{Location: strings.TrimSuffix("body."+f.Field, "."), Message: s.texts.T("wrong."+f.Kind, f.Pairs...)})
		}
		return huma.Error422UnprocessableEntity(s.texts.T("admin.refused"), details...)
	case errors.As(err, &stale):
		return huma.Error409Conflict(s.texts.T("admin.stale.api", "n", stale.Version))
	case errors.Is(err, dispatch.ErrNoBody):
		return huma.Error404NotFound("There is no such body.")
	}
	return s.failed(ctx, what, err)
}

func (s *face) apiSaveBody(ctx context.Context, g GivenBody, id string, version int64) (*struct{ Body savedBody }, error) {
	b, err := g.body()
	if err != nil {
		return nil, s.laid(ctx, "body", err)
	}
	b.ID, b.Version = id, version
	after, routed, err := s.saveBody(ctx, b)
	if err != nil {
		return nil, s.laid(ctx, "body", err)
	}
	one, err := bodyBodyOf(after, true)
	if err != nil {
		return nil, s.failed(ctx, "body", err)
	}
	return &struct{ Body savedBody }{savedBody{one, routed}}, nil
}

func (s *face) apiAddBody(ctx context.Context, in *addBodyInput) (*struct{ Body savedBody }, error) {
	return s.apiSaveBody(ctx, in.Body, "", 0)
}

func (s *face) apiChangeBody(ctx context.Context, in *changeBodyInput) (*struct{ Body savedBody }, error) {
	return s.apiSaveBody(ctx, in.Body.GivenBody, in.ID, in.Body.Version)
}

func (s *face) apiRetireBody(ctx context.Context, in *retireBodyInput) (*struct{ Body bodyBody }, error) {
	after, err := s.retireBody(ctx, in.ID, in.Body.Version, in.Body.Retired)
	if err != nil {
		return nil, s.laid(ctx, "body", err)
	}
	one, err := bodyBodyOf(after, false)
	if err != nil {
		return nil, s.failed(ctx, "body", err)
	}
	return &struct{ Body bodyBody }{one}, nil
}

func (s *face) apiRouting(ctx context.Context, in *routingInput) (*struct{ Body routingBody }, error) {
	answer, err := s.route(ctx, routeAsked{Street: in.Street, Class: in.Class})
	if err != nil {
		return nil, s.failed(ctx, "routing", err)
	}
	if answer.at == (orb.Point{}) {
		return nil, huma.Error404NotFound(answer.Sentence)
	}
	out := routingBody{Sentence: answer.Sentence, Street: answer.street, StreetClass: answer.class, Bodies: []bodyBody{}}
	for _, b := range answer.bodies {
		one, err := bodyBodyOf(b, false)
		if err != nil {
			return nil, s.failed(ctx, "body", err)
		}
		out.Bodies = append(out.Bodies, one)
	}
	return &struct{ Body routingBody }{out}, nil
}
