package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest"
)

// ownLimit is how often an address may ask for what is kept about its devices, an hour.
const ownLimit = 30

// registerOwn registers what a device may ask about itself.
func (s *Server) registerOwn(api huma.API) {
	renew := open("renew-device-secret", http.MethodPost, "/devices/{id}/secret", "Renew a device's secret", 401, 403, 503)
	renew.Description = "Gives a new secret in place of the one that is shown. That one stays good until the new one is first used, so that " +
		"an answer which is lost on its way locks nobody out."
	renew.Security = []map[string][]string{{"device": {}}}
	huma.Register(api, renew, s.apiRenew)

	own := open("device-data", http.MethodGet, "/devices/{id}/data", "Everything that is kept about a device", 401, 403, 404, 429, 503)
	own.Description = "One JSON object, for the device's owner: `device` (its enrolment, last status and contact), `days` (what it said, counted), `learned` (how it " +
		"differs from others), `places` (where it felt something), `answers` (counted), `unreadable` (payloads) and `events`, as replay lines have them. A " +
		"revoked device may read it too, with its last secret. Of nobody else is anything in it."
	own.Security = []map[string][]string{{"device": {}}}
	own.Responses = map[string]*huma.Response{"200": {Description: "The object.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
	}}}
	huma.Register(api, own, s.apiOwn)

	outcomes := open("device-outcomes", http.MethodGet, "/devices/{id}/outcomes", "What became of what a device felt, and how it is", 401, 403, 503)
	outcomes.Description = "The public places that a device has given evidence of, as far as the server still knows that it did; the latest " +
		"changed first, 50 at most."
	outcomes.Security = []map[string][]string{{"device": {}}}
	huma.Register(api, outcomes, each(s, (*face).apiOutcomes, func(in *outcomesInput) Spoken { return in.Spoken }))
}

// itself returns the device that a request comes from and the secret that it shows; an answer in the API's form where the request does
// not come from the device by that id.
func (s *Server) itself(ctx context.Context, r *http.Request, id string) (device, secret string, err error) {
	device, secret, ok := r.BasicAuth()
	if !ok {
		return "", "", unauthorized("The device's id and secret are needed (Basic).")
	}
	err = s.credentials.Authenticate(ctx, device, secret)
	switch {
	case errors.Is(err, ingest.ErrUnauthorized):
		return "", "", unauthorized("The device is not known, or its secret is wrong.")
	case err != nil:
		return "", "", s.failed(ctx, "device", err)
	case device != id:
		return "", "", huma.Error403Forbidden("A device can do this for itself, and for no other.")
	}
	return device, secret, nil
}

// owner returns the device that a request comes from, revoked or not; an answer in the API's form where it does not come from the one by that id.
func (s *Server) owner(ctx context.Context, r *http.Request, id string) (string, error) {
	device, secret, ok := r.BasicAuth()
	if !ok {
		return "", unauthorized("The device's id and secret are needed (Basic).")
	}
	err := s.credentials.Owns(ctx, device, secret)
	switch {
	case errors.Is(err, ingest.ErrNoDevice):
		return "", huma.Error404NotFound("There is no such device: nothing is kept about it.")
	case errors.Is(err, ingest.ErrUnauthorized):
		return "", unauthorized("The secret is wrong.")
	case err != nil:
		return "", s.failed(ctx, "device", err)
	case device != id:
		return "", huma.Error403Forbidden("A device can do this for itself, and for no other.")
	}
	return device, nil
}

type keptInput struct {
	asked
	ID string `path:"id" maxLength:"64"`
}

// apiOwn writes all that is kept about a device. Events are not indexed by device: one search at a time is enough.
func (s *Server) apiOwn(ctx context.Context, in *keptInput) (*huma.StreamResponse, error) {
	device, err := s.owner(ctx, in.request, in.ID)
	if err != nil {
		return nil, err
	}
	if wait, ok := s.owns.take(s.client(in.request), s.config.Now()); !ok {
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests("This address has asked for as much as it may in an hour. Try again later."),
			http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()) + 1)}})
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		r, w := humago.Unwrap(out)
		s.own(w, r, device)
	}}, nil
}

func (s *Server) own(w http.ResponseWriter, r *http.Request, device string) {
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", `attachment; filename="streetpulse-`+device+`.json"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute)) // it may be long
	out := bufio.NewWriterSize(w, 64<<10)
	err := crowd.Own(r.Context(), s.config.Pool, device, out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil && r.Context().Err() == nil {
		s.config.Log.Error("what is kept about a device could not be written", "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes half of it for all
	}
}

type renewInput struct {
	asked
	ID string `path:"id" maxLength:"64"`
}

type renewed struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

type renewOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         renewed
}

func (s *Server) apiRenew(ctx context.Context, in *renewInput) (*renewOutput, error) {
	device, secret, err := s.itself(ctx, in.request, in.ID)
	if err != nil {
		return nil, err
	}
	fresh, err := ingest.Renew(ctx, s.config.Pool, device, secret)
	s.credentials.Forget(device)
	if errors.Is(err, ingest.ErrUnauthorized) {
		return nil, unauthorized("The device is not known, or its secret is wrong.")
	}
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	return &renewOutput{CacheControl: "no-store", Body: renewed{device, fresh}}, nil
}

type outcomesInput struct {
	asked
	Spoken
	ID string `path:"id" maxLength:"64"`
}

// outcome is what became of a place that a device has felt.
type outcome struct {
	Place string `json:"place"`
	State string `json:"state" doc:"of its order, where it has one, or of the place"`
	Mark  string `json:"mark" enum:"suspected,confirmed,ordered,progress,repaired,verified,dismissed" doc:"the symbol that it stands under"`
	Class string `json:"class"`
	Title string `json:"title" example:"Pothole, Ringstraße"`
	Word  string `json:"word" example:"In progress" doc:"the state in words"`
	Felt  string `json:"felt" format:"date" doc:"the day on which the device first said something there"`
	Since string `json:"since" format:"date" doc:"the day since which it is so"`
}

type outcomesOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Outcomes []outcome     `json:"outcomes"`
		Health   ingest.Health `json:"health" enum:"stuck,loose,full,away,unheard,fine,revoked" doc:"how the device seems to be; stuck, loose and full are for its driver to look at"`
	}
}

func (s *face) apiOutcomes(ctx context.Context, in *outcomesInput) (*outcomesOutput, error) {
	device, _, err := s.itself(ctx, in.request, in.ID)
	if err != nil {
		return nil, err
	}
	out := &outcomesOutput{CacheControl: "no-store"}
	untold, newest, err := dispatch.Untold(ctx, s.config.Pool, device)
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	if out.Body.Outcomes, err = s.outcomes(ctx, device); err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	if len(untold) > 0 {
		if err := dispatch.Told(ctx, s.config.Pool, device, newest); err != nil {
			return nil, s.failed(ctx, "device", err)
		}
	}
	d, err := ingest.FindDevice(ctx, s.config.Pool, device, s.config.Now())
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	out.Body.Health = d.Health
	return out, nil
}

// outcomes returns what became of what a device felt. A place that rests on it alone is not among them, as it is not public.
func (s *face) outcomes(ctx context.Context, device string) ([]outcome, error) {
	const most = 50
	found, err := s.query(ctx, fromPlaces, `p.id in (select place from evidence where device = $2 and hits > 0)`,
		`order by `+changedSQL+` desc, p.id limit $3`, device, most)
	if err != nil {
		return nil, err
	}
	felt := map[string]time.Time{}
	var place string
	var at time.Time
	rows, err := s.config.Pool.Query(ctx, `select place, first_at from evidence where device = $1 and hits > 0`, device)
	if err != nil {
		return nil, fmt.Errorf("read what a device felt: %w", err)
	}
	if _, err := pgx.ForEachRow(rows, []any{&place, &at}, func() error { felt[place] = at; return nil }); err != nil {
		return nil, fmt.Errorf("read what a device felt: %w", err)
	}
	out := make([]outcome, len(found))
	for i, f := range found {
		d := s.describe(f)
		out[i] = outcome{Place: f.ID, State: string(f.State), Mark: string(f.Mark()), Class: string(f.Class), Title: d.Title, Word: d.State,
			Felt: felt[f.ID].UTC().Format(time.DateOnly), Since: f.StateAt.UTC().Format(time.DateOnly)}
		if f.Order != nil {
			out[i].State, out[i].Since = string(f.Order.State), f.Order.StateAt.UTC().Format(time.DateOnly)
		}
	}
	return out, nil
}
