package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
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
	huma.Register(api, op("list-devices", http.MethodGet, "/devices", "The devices and how they are, those enrolled last first", 422), s.apiDevices)
	huma.Register(api, op("get-device", http.MethodGet, "/devices/{id}", "A device and how it is", 404, 422), s.apiDevice)
	huma.Register(api, op("revoke-device", http.MethodPost, "/devices/{id}/revocation", "Take a device's access away", 404), s.apiRevokeDevice)
}

func (s *Server) apiDevices(ctx context.Context, in *devicesInput) (*struct{ Body devicesBody }, error) {
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
	if err != nil {
		return nil, s.missing(ctx, err)
	}
	return &struct{ Body deviceLine }{deviceLineOf(d)}, nil
}

func (s *Server) apiRevokeDevice(ctx context.Context, in *personInput) (*struct{}, error) {
	if err := s.revokeDevice(ctx, in.ID); err != nil {
		return nil, s.missing(ctx, err)
	}
	return nil, nil
}
