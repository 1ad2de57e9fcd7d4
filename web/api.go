package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const apiPath = "/api/v1"

// registerAPI puts the JSON interface on mux, described at /api/v1/openapi.json.
func (s *Server) registerAPI(mux *routes) {
	config := huma.DefaultConfig("Streetpulse", "1.0.0")
	config.Info.Description = "Road defects of a city, found by the cars that drive over them. Lists are GeoJSON, " +
		"paged by next links. Errors are problem details (RFC 9457). What is public needs no credentials."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/openapi", "", ""
	config.CreateHooks = nil
	config.Formats = map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()}
	config.Servers = []*huma.Server{{URL: s.config.PublicURL + apiPath}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"device":  {Type: "http", Scheme: "basic", Description: "A device's id and secret."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Somebody who has logged in."},
		"key":     {Type: "http", Scheme: "bearer", Description: "A key that somebody made for a program in their account, with the scopes named."},
	}
	inner := http.NewServeMux()
	api := humago.NewWithPrefix(inner, apiPath, config)
	s.registerPlaces(api)
	s.registerVotes(api)
	s.registerStats(api)
	s.registerSupervisionAPI(api)
	s.registerReports(api)
	s.registerFollows(api)
	s.registerOrders(api)
	s.registerDevices(api)
	s.registerAccount(api)
	s.registerWorks(api)
	s.registerKeys(api)
	s.registerPeople(api)
	s.registerStream(api)
	inner.HandleFunc(apiPath+"/", func(w http.ResponseWriter, r *http.Request) {
		if elsewhere(inner, apiPath+"/", w, r) {
			return
		}
		if others := w.Header().Get("Allow"); others != "" {
			problem(w, http.StatusMethodNotAllowed, "This address takes "+others+".")
			return
		}
		problem(w, http.StatusNotFound, "There is nothing at "+r.URL.Path+". What there is stands in "+apiPath+"/openapi.json.")
	})
	mux.Handle(apiPath+"/", compressed(validated(inner)))
	mux.Handle("GET "+apiPath+"/stream", inner) // compressing would hold events back
	mux.Handle("GET "+apiPath+"/orders/stream", inner)
}

// open describes an operation that anybody may call.
func open(id, method, path, summary string, errs ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Errors: errs,
		Security: []map[string][]string{}, MaxBodyBytes: mostOpenBody,
	}
}

// problem answers with problem details where huma does not come to it.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"title":%q,"status":%d,"detail":%q}`+"\n", http.StatusText(status), status, detail)
}

// failed turns an error into problem details, and logs what is our own fault.
func (s *Server) failed(ctx context.Context, what string, err error) error {
	var unreadable badRequest
	switch {
	case errors.Is(err, errHidden):
		return huma.Error404NotFound("There is no such " + what + ", or it is not public.")
	case errors.As(err, &unreadable):
		return huma.Error400BadRequest(string(unreadable))
	}
	if ctx.Err() == nil {
		s.config.Log.Error("the interface failed", "what", what, "error", err)
	}
	if away(err) {
		return huma.Error503ServiceUnavailable("The database does not answer. Try again in a minute.")
	}
	return huma.Error500InternalServerError("Something broke here. Try again in a minute.")
}

// link is where more of a list is.
type link struct {
	Rel  string `json:"rel" example:"next"`
	Href string `json:"href" format:"uri-reference"`
	Type string `json:"type" example:"application/geo+json"`
}

// pointGeometry is a GeoJSON point: longitude, latitude.
type pointGeometry struct {
	Type        string     `json:"type" enum:"Point"`
	Coordinates [2]float64 `json:"coordinates" doc:"longitude, latitude, WGS 84 degrees"`
}

func pointAt(lat, lon float64) pointGeometry {
	return pointGeometry{"Point", [2]float64{round(lon, 6), round(lat, 6)}}
}

// geojsonBody is an answer in GeoJSON.
type geojsonBody[T any] struct {
	ContentType string `header:"Content-Type"`
	Link        string `header:"Link" doc:"the next page, as in the body (RFC 8288)"`
	Body        T
}

func asGeoJSON[T any](body T) *geojsonBody[T] {
	return &geojsonBody[T]{ContentType: "application/geo+json", Body: body}
}

// nextLink returns the link to the rest of a list, none where there is no rest.
func nextLink(href string) ([]link, string) {
	if href == "" {
		return []link{}, ""
	}
	return []link{{Rel: "next", Href: href, Type: "application/geo+json"}}, "<" + href + `>; rel="next"`
}
