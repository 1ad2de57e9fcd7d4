package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/ingest"
)

// deviceLine is a device as those see it who look after devices.
type deviceLine struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	App        string        `json:"app"`
	EnrolledAt time.Time     `json:"enrolled_at"`
	RevokedAt  *time.Time    `json:"revoked_at"`
	Online     bool          `json:"online"`
	Kind       string        `json:"kind"`
	Fleet      string        `json:"fleet"`
	Firmware   string        `json:"firmware"`
	Queued     int64         `json:"queued" doc:"events that wait in it, as it said last"`
	Dropped    int64         `json:"dropped" doc:"events that it had no room for, as it said last"`
	Detector   int64         `json:"detector" doc:"revision of its detector's parameters; 0: it did not say"`
	SeenAt     *time.Time    `json:"seen_at" doc:"when it was last heard; null: never"`
	Jolts      int64         `json:"jolts" doc:"within 14 days"`
	Passes     int64         `json:"passes" doc:"within 14 days"`
	Health     ingest.Health `json:"health" enum:"stuck,loose,full,away,unheard,fine,revoked"`
}

func deviceLineOf(d ingest.Seen) deviceLine {
	return deviceLine{d.ID, d.Name, d.App, d.EnrolledAt.UTC(), d.RevokedAt, d.Online, d.Kind, d.Fleet, d.Firmware, d.Queued, d.Dropped, d.Detector, d.SeenAt,
		d.Jolts, d.Passes, d.Health}
}

type devicesInput struct {
	asked
	Query    string        `query:"q" maxLength:"200" doc:"an id, or part of a name"`
	Kind     string        `query:"kind" maxLength:"200"`
	Firmware string        `query:"firmware" maxLength:"200"`
	Fleet    string        `query:"fleet" maxLength:"200"`
	Health   ingest.Health `query:"health" enum:"stuck,loose,full,away,unheard,fine,revoked"`
	After    string        `query:"after" maxLength:"64" doc:"those enrolled before this device: the last one of the page before"`
	Limit    int           `query:"limit" default:"1000" minimum:"1" maximum:"1000"`
}

type devicesBody struct {
	Devices []deviceLine `json:"devices"`
}

func (s *Server) registerFleet(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.ManageDevices, id, method, path, summary, errs...)
	}
	fleets := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guardedFor(api, access.ManageDevices, true, id, method, path, summary, errs...)
	}
	huma.Register(api, fleets("list-devices", http.MethodGet, "/devices", "The devices and how they are, those enrolled last first", 422), s.apiDevices)
	huma.Register(api, fleets("get-device", http.MethodGet, "/devices/{id}", "A device and how it is", 404, 422), s.apiDevice)
	huma.Register(api, fleets("revoke-device", http.MethodPost, "/devices/{id}/revocation", "Take a device's access away", 404), s.apiRevokeDevice)

	huma.Register(api, op("list-detector-revisions", http.MethodGet, "/detectors", "The detector's parameters as they were given out, newest first"), s.apiRevisions)
	give := op("roll-out-detector", http.MethodPost, "/detectors/{profile}", "Give parameters of the detector to a share of a kind of device", 422)
	give.Description = "Devices learn of it at once and tell by their own id whether they are in the share: whoever is in a share of a revision is in every " +
		"larger one of it. A revision with a share of 1 is for all of them."
	give.DefaultStatus = http.StatusCreated
	huma.Register(api, give, s.apiRollOut)
	huma.Register(api, op("change-detector-share", http.MethodPatch, "/detectors/revisions/{revision}", "Give a revision to another share", 404, 422), s.apiShare)
	huma.Register(api, op("take-back-detector", http.MethodDelete, "/detectors/revisions/{revision}", "Take a revision back", 404, 422), s.apiTakeBack)
}

// revisionBody is parameters as they were given out.
type revisionBody struct {
	Revision   int64           `json:"revision"`
	Profile    string          `json:"profile" example:"vehicle"`
	Parameters json.RawMessage `json:"parameters"`
	Share      float64         `json:"share" doc:"of the devices of that kind, 0 to 1"`
	Note       string          `json:"note"`
	At         time.Time       `json:"at"`
	EndedAt    *time.Time      `json:"ended_at" doc:"when it was taken back; null: it was not"`
}

type rolloutInput struct {
	asked
	Profile string `path:"profile" pattern:"^[a-z0-9_-]{1,64}$"`
	Body    struct {
		Parameters map[string]any `json:"parameters" doc:"of the detector, version 1; what is left out is as in the standard ones"`
		Share      float64        `json:"share" exclusiveMinimum:"0" maximum:"1" doc:"of the devices of that kind"`
		Note       string         `json:"note,omitempty" maxLength:"500"`
	}
}

type shareInput struct {
	asked
	Revision int64 `path:"revision" minimum:"1"`
	Body     struct {
		Share float64 `json:"share" minimum:"0" maximum:"1"`
	}
}

type takeBackInput struct {
	asked
	Revision int64 `path:"revision" minimum:"1"`
}

// usingBody is how many devices of a kind say that they have a revision.
type usingBody struct {
	Profile  string `json:"profile" example:"vehicle"`
	Revision int64  `json:"revision" doc:"0: they have none, or do not say"`
	Devices  int    `json:"devices" doc:"that were heard of within 14 days"`
}

type revisionsBody struct {
	Revisions []revisionBody `json:"revisions"`
	Using     []usingBody    `json:"using" doc:"what devices say that they have"`
}

func (s *Server) apiRevisions(ctx context.Context, _ *ownInput) (*struct{ Body revisionsBody }, error) {
	list, err := ingest.Revisions(ctx, s.config.Pool, "")
	if err != nil {
		return nil, s.failed(ctx, "revision", err)
	}
	using, err := ingest.DetectorsInUse(ctx, s.config.Pool, s.config.Now())
	if err != nil {
		return nil, s.failed(ctx, "revision", err)
	}
	out := revisionsBody{Revisions: []revisionBody{}, Using: []usingBody{}}
	for _, r := range list {
		out.Revisions = append(out.Revisions, revisionBody(r))
	}
	for _, u := range using {
		out.Using = append(out.Using, usingBody(u))
	}
	return &struct{ Body revisionsBody }{out}, nil
}

func (s *Server) apiRollOut(ctx context.Context, in *rolloutInput) (*struct{ Body revisionBody }, error) {
	text, err := json.Marshal(in.Body.Parameters)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	r, err := s.rollOut(ctx, ingest.Revision{Profile: in.Profile, Parameters: text, Share: in.Body.Share, Note: in.Body.Note})
	switch {
	case errors.Is(err, detector.ErrParameters), errors.Is(err, errProfile):
		return nil, huma.Error422UnprocessableEntity(err.Error())
	case err != nil:
		return nil, s.failed(ctx, "revision", err)
	}
	return &struct{ Body revisionBody }{revisionBody(r)}, nil
}

func (s *Server) apiShare(ctx context.Context, in *shareInput) (*struct{}, error) {
	return nil, s.rolled(ctx, s.setShare(ctx, in.Revision, in.Body.Share))
}

func (s *Server) apiTakeBack(ctx context.Context, in *takeBackInput) (*struct{}, error) {
	return nil, s.rolled(ctx, s.takeBack(ctx, in.Revision))
}

func (s *Server) rolled(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ingest.ErrNoRevision):
		return huma.Error404NotFound("There is no such revision, or it was taken back.")
	}
	return s.failed(ctx, "revision", err)
}

func (s *Server) apiDevices(ctx context.Context, in *devicesInput) (*struct{ Body devicesBody }, error) {
	if own := fleetOf(ctx); own != "" {
		if in.Fleet != "" && in.Fleet != own {
			return &struct{ Body devicesBody }{devicesBody{Devices: []deviceLine{}}}, nil
		}
		in.Fleet = own
	}
	list, err := ingest.SearchDevices(ctx, s.config.Pool, ingest.DeviceSearch{Query: in.Query, Kind: in.Kind, Firmware: in.Firmware, Fleet: in.Fleet, Health: in.Health,
		After: in.After, Limit: in.Limit}, s.config.Now())
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	out := devicesBody{Devices: []deviceLine{}}
	for _, d := range list {
		out.Devices = append(out.Devices, deviceLineOf(d))
	}
	return &struct{ Body devicesBody }{out}, nil
}

// missing turns an error about a device into a problem.
func (s *Server) missing(ctx context.Context, err error) error {
	if errors.Is(err, ingest.ErrNoDevice) {
		return huma.Error404NotFound("There is no such device.")
	}
	return s.failed(ctx, "device", err)
}

func (s *Server) apiDevice(ctx context.Context, in *personInput) (*struct{ Body deviceLine }, error) {
	d, err := ingest.FindDevice(ctx, s.config.Pool, in.ID, s.config.Now())
	if err == nil {
		err = others(ctx, d)
	}
	if err != nil {
		return nil, s.missing(ctx, err)
	}
	return &struct{ Body deviceLine }{deviceLineOf(d)}, nil
}

func (s *Server) apiRevokeDevice(ctx context.Context, in *personInput) (*struct{}, error) {
	d, err := ingest.FindDevice(ctx, s.config.Pool, in.ID, s.config.Now())
	if err == nil {
		err = others(ctx, d)
	}
	if err == nil {
		err = s.revokeDevice(ctx, in.ID)
	}
	if err != nil {
		return nil, s.missing(ctx, err)
	}
	return nil, nil
}

// others returns ErrNoDevice for a device of which the key of another fleet is not to know.
func others(ctx context.Context, d ingest.Seen) error {
	if own := fleetOf(ctx); own != "" && d.Fleet != own {
		return ingest.ErrNoDevice
	}
	return nil
}
