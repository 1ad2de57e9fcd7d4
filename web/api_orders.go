package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// orderProperties are the properties of a work order in GeoJSON.
type orderProperties struct {
	ID           string         `json:"id"`
	Number       string         `json:"number"`
	Place        string         `json:"place" doc:"empty: it has none, as a resident has reported it where nobody drives, or it was split off another; it is shown as one that was confirmed"`
	Class        crowd.Class    `json:"class" enum:"pothole,casting,joint,rail,speed_bump,nothing"`
	Severity     float64        `json:"severity" minimum:"0" maximum:"1"`
	Probability  float64        `json:"probability" doc:"of the class, when it was promoted"`
	Devices      int            `json:"devices" doc:"independent devices, when it was promoted"`
	State        dispatch.State `json:"state" enum:"new,accepted,assigned,in_progress,repaired,verified,reopened,dismissed"`
	Street       string         `json:"street"`
	Body         string         `json:"body"`
	PromotedAt   time.Time      `json:"promoted_at" doc:"to the hour: it was promoted when somebody who drove there sent what they had felt"`
	StateAt      time.Time      `json:"state_at" doc:"since when it is in this state, to the hour"`
	H3           string         `json:"h3" doc:"H3 cell, resolution 12"`
	ExternalID   string         `json:"external_id"`
	HeadingDeg   *float64       `json:"heading_deg"`
	UncertaintyM float64        `json:"uncertainty_m"`
	Page         string         `json:"page" format:"uri-reference"`
}

type orderFeature struct {
	Type       string          `json:"type" enum:"Feature"`
	ID         string          `json:"id"`
	Geometry   pointGeometry   `json:"geometry"`
	Properties orderProperties `json:"properties"`
}

type orderCollection struct {
	Type     string         `json:"type" enum:"FeatureCollection"`
	Features []orderFeature `json:"features"`
	Links    []link         `json:"links"`
}

func (s *Server) orderFeature(o dispatch.Order) orderFeature {
	return orderFeature{Type: "Feature", ID: o.ID, Geometry: pointAt(o.Lat, o.Lon), Properties: orderProperties{
		ID: o.ID, Number: o.Number, Place: o.Place, Class: o.Class, Severity: round(o.Severity, 3),
		Probability: round(o.Probability, 4), Devices: o.Devices, State: o.State, Street: o.Street, Body: o.Body,
		PromotedAt: crowd.Decided(o.PromotedAt).UTC(), StateAt: crowd.Decided(o.StateAt).UTC(), H3: o.Cell.String(), ExternalID: o.ExternalID,
		HeadingDeg: o.Heading(), UncertaintyM: round(o.UncertaintyM, 1), Page: s.orderPage(o),
	}}
}

// orderPage is where an order is shown.
func (s *Server) orderPage(o dispatch.Order) string {
	return s.config.PublicURL + orderPath(o)
}

// orderPath is the page of an order's place, or of an order that has none.
func orderPath(o dispatch.Order) string {
	if o.Place == "" {
		return "/orders/" + o.ID
	}
	return "/places/" + o.Place
}

type ordersInput struct {
	BBox   string   `query:"bbox" doc:"west,south,east,north in degrees" example:"15.58,48.39,15.65,48.43"`
	State  []string `query:"state" doc:"one or more states of orders, by commas" enum:"new,accepted,assigned,in_progress,repaired,verified,reopened,dismissed"`
	Limit  int      `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor string   `query:"cursor" doc:"as given by a next link"`
}

func (s *Server) registerOrders(api huma.API) {
	huma.Register(api, open("list-orders", http.MethodGet, "/orders", "Work orders, newest first", 400, 503), s.apiOrders)
	huma.Register(api, open("get-order", http.MethodGet, "/orders/{id}", "One work order and its steps", 404, 503), s.apiOrder)
}

func (s *Server) apiOrders(ctx context.Context, in *ordersInput) (*geojsonBody[orderCollection], error) {
	f := dispatch.Filter{Limit: in.Limit + 1}
	for _, st := range in.State {
		f.States = append(f.States, dispatch.State(st))
	}
	var err error
	if f.Bounds, err = parseBox(in.BBox); err != nil {
		return nil, s.failed(ctx, "list", err)
	}
	if f.Before, err = s.orderCursor(ctx, in.Cursor); err != nil {
		return nil, s.failed(ctx, "list", err)
	}
	found, err := dispatch.Orders(ctx, s.config.Pool, f)
	if err != nil {
		return nil, s.failed(ctx, "list", err)
	}
	more := len(found) > in.Limit
	if more {
		found = found[:in.Limit]
	}
	body := orderCollection{Type: "FeatureCollection", Features: make([]orderFeature, 0, len(found))}
	for _, o := range found {
		body.Features = append(body.Features, s.orderFeature(o))
	}
	next := ""
	if more {
		next = in.next(s.config.PublicURL, found[len(found)-1])
	}
	var header string
	body.Links, header = nextLink(next)
	out := asGeoJSON(body)
	out.Link = header
	return out, nil
}

func (in *ordersInput) next(origin string, last dispatch.Order) string {
	q := url.Values{"cursor": {last.ID}, "limit": {strconv.Itoa(in.Limit)}}
	if in.BBox != "" {
		q.Set("bbox", in.BBox)
	}
	if len(in.State) > 0 {
		q.Set("state", strings.Join(in.State, ","))
	}
	return origin + apiPath + "/orders?" + q.Encode()
}

// orderCursor returns where a list goes on. The cursor is an order's id alone: its time could tell too much.
func (s *Server) orderCursor(ctx context.Context, id string) (dispatch.Cursor, error) {
	if id == "" {
		return dispatch.Cursor{}, nil
	}
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrNotFound) {
		return dispatch.Cursor{}, badRequest("The cursor is not one of this list. Begin again without it.")
	}
	return dispatch.Cursor{At: o.PromotedAt, ID: o.ID}, err
}

// orderStep is one step of an order's life; its actor is a role, never a person.
type orderStep struct {
	Day    string         `json:"day" format:"date"`
	State  dispatch.State `json:"state"`
	Actor  string         `json:"actor"`
	Reason string         `json:"reason"`
}

type orderRecord struct {
	orderFeature
	Steps []orderStep `json:"steps"`
}

func (s *Server) apiOrder(ctx context.Context, in *placeInput) (*geojsonBody[orderRecord], error) {
	o, steps, err := dispatch.FindOrder(ctx, s.config.Pool, in.ID)
	if errors.Is(err, dispatch.ErrNotFound) {
		err = errHidden
	}
	if err != nil {
		return nil, s.failed(ctx, "work order", err)
	}
	body := orderRecord{orderFeature: s.orderFeature(o), Steps: []orderStep{}}
	for _, st := range steps {
		body.Steps = append(body.Steps, orderStep{st.At.UTC().Format(time.DateOnly), st.State, string(st.Actor), st.Reason})
	}
	return asGeoJSON(body), nil
}
