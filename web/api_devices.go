package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

func (s *Server) registerDevices(api huma.API) {
	enrol := open("enrol-device", http.MethodPost, "/devices", "Enrol a device", 403, 422, 429, 503)
	enrol.Description = "The secret is shown this once. The body may be left out."
	huma.Register(api, enrol, s.apiEnrol)

	forget := open("erase-device", http.MethodDelete, "/devices/{id}", "Erase a device", 401, 403, 404, 503)
	forget.Description = "Everything about the device goes: its events, what is known of it, its credentials. It cannot log in any more at " +
		"once, the rest follows within a minute. What it said at places stays as counts that name nobody. A revoked device may ask for it too, with its " +
		"last secret. Asked again it answers the same, and 404 once nothing is kept any more."
	forget.Security = []map[string][]string{{"device": {}}}
	forget.DefaultStatus = http.StatusAccepted
	huma.Register(api, forget, s.apiErase)
	s.registerOwn(api)

	send := open("send-events", http.MethodPost, "/events", "Send a batch of events", 401, 413, 429, 503)
	send.Description = "The batch that a device sends over MQTT (at most 200 events, 1 MiB). The answer comes after the " +
		"commit: what it accepts is stored. Sending again changes nothing; after 503 it should be sent again, and after 429 (the device is above its rate) once Retry-After has passed."
	send.Security = []map[string][]string{{"device": {}}}
	send.BodyReadTimeout = 30 * time.Second
	send.SkipValidateBody = true // event by event, the good ones are kept
	send.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: batchSchema()},
	}}
	send.MaxBodyBytes = mostBatch
	s.weighed(api, &send, newBulk(mostBatches, mostBatches), http.StatusServiceUnavailable) // a whole fleet may come from one address
	huma.Register(api, send, s.apiEvents)
}

// batchSchema describes a batch loosely: what is wrong with an event is answered for each, and unknown members are
// ignored.
func batchSchema() *huma.Schema {
	number := &huma.Schema{Type: huma.TypeNumber}
	text := &huma.Schema{Type: huma.TypeString}
	event := &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"id", "kind", "time", "lat", "lon", "accuracy_m", "speed_mps"},
		Properties: map[string]*huma.Schema{
			"id": text, "kind": {Type: huma.TypeString, Enum: []any{string(wire.Bump), string(wire.Pass)}},
			"time": {Type: huma.TypeString, Format: "date-time"}, "lat": number, "lon": number, "accuracy_m": number,
			"speed_mps": number, "heading_deg": {Type: huma.TypeNumber, Nullable: true}, "peak_g": number, "duration_s": number,
			"rate_hz": number, "wave_g": {Type: huma.TypeArray, Items: number}, "place": text,
		},
		AdditionalProperties: true,
	}
	most := wire.MaxBatchEvents
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"v", "events"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"v":      {Type: huma.TypeInteger, Enum: []any{wire.Version}},
			"events": {Type: huma.TypeArray, Items: event, MaxItems: &most},
		},
	}
}

// asked keeps the request that an operation was called with, for what huma does not pass on.
type asked struct{ request *http.Request }

// Resolve is called by huma before the operation.
func (a *asked) Resolve(ctx huma.Context) []error {
	a.request, _ = humago.Unwrap(ctx)
	return nil
}

type enrolInput struct {
	asked
	Body *struct {
		Name string `json:"name,omitempty" maxLength:"200"`
		App  string `json:"app,omitempty" maxLength:"200"`
		Kind string `json:"kind,omitempty" maxLength:"200"`
		Code string `json:"code,omitempty" maxLength:"200" doc:"enrolment code of a fleet"`
	} `required:"false"`
}

// enrolled is a new device, with all that it needs to send.
type enrolled struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	MQTT   struct {
		TCP       string `json:"tcp,omitempty" example:"tcp://city.example:1883"`
		WebSocket string `json:"websocket,omitempty" example:"wss://city.example/mqtt"`
	} `json:"mqtt"`
}

type enrolOutput struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Body         enrolled
}

func (s *Server) apiEnrol(ctx context.Context, in *enrolInput) (*enrolOutput, error) {
	var e ingest.Enrolment
	if in.Body != nil {
		e = ingest.Enrolment{Name: in.Body.Name, App: in.Body.App, Kind: in.Body.Kind, Code: in.Body.Code}
	}
	if e.Code != "" { // it bounds its fleet itself; a wrong one counts as a try
		device, secret, err := ingest.Enrol(ctx, s.config.Pool, e, s.config.Now())
		if !errors.Is(err, ingest.ErrCode) {
			return s.enrolledAs(ctx, in, device, secret, err)
		}
	}
	if wait, ok := s.enrols.take(s.client(in.request), s.config.Now()); !ok {
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests("This address has enrolled as many devices as it may in an hour. Try again later."),
			http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()) + 1)}})
	}
	if e.Code != "" || s.config.EnrolCodes {
		return nil, huma.Error403Forbidden("Devices need an enrolment code here, and this one is unknown, used up or past its time.")
	}
	device, secret, err := ingest.Enrol(ctx, s.config.Pool, e, s.config.Now())
	return s.enrolledAs(ctx, in, device, secret, err)
}

// enrolledAs answers an enrolment.
func (s *Server) enrolledAs(ctx context.Context, in *enrolInput, device ingest.Device, secret string, err error) (*enrolOutput, error) {
	if errors.Is(err, ingest.ErrInvalid) {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	out := &enrolOutput{Status: http.StatusCreated, CacheControl: "no-store", Body: enrolled{ID: device.ID, Secret: secret}}
	origin := s.origin(in.request)
	broker := s.config.MQTT
	if secure := s.config.MQTTS; secure != "" && (broker == "" || strings.HasPrefix(origin, "https://")) { // who came over TLS stays with it
		broker = secure
	}
	out.Body.MQTT.TCP = brokerAddress(broker, origin)
	if s.config.WebSocket != nil {
		out.Body.MQTT.WebSocket = "ws" + strings.TrimPrefix(origin, "http") + "/mqtt"
	}
	return out, nil
}

// brokerAddress returns the broker's address as it is seen from outside: one that means "here" stands for the host
// that was asked.
func brokerAddress(broker, origin string) string {
	b, err := url.Parse(broker)
	o, errOrigin := url.Parse(origin)
	if err != nil || errOrigin != nil || broker == "" {
		return broker
	}
	addr, err := netip.ParseAddr(b.Hostname())
	if here := err == nil && (addr.IsUnspecified() || addr.IsLoopback()); here || b.Hostname() == "" || b.Hostname() == "localhost" {
		b.Host = net.JoinHostPort(o.Hostname(), b.Port())
	}
	return b.String()
}

type eraseInput struct {
	asked
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) apiErase(ctx context.Context, in *eraseInput) (*struct{}, error) {
	device, err := s.owner(ctx, in.request, in.ID)
	if err != nil {
		return nil, err
	}
	_, err = crowd.AskErasure(ctx, s.config.Pool, device, time.Now())
	if errors.Is(err, crowd.ErrNoDevice) {
		return nil, nil // it is gone already
	}
	if err != nil {
		return nil, s.failed(ctx, "device", err)
	}
	return nil, nil
}

type eventsInput struct {
	asked
	RawBody []byte
}

func (s *Server) apiEvents(ctx context.Context, in *eventsInput) (*struct{ Body ingest.Result }, error) {
	device, secret, ok := in.request.BasicAuth()
	if !ok {
		return nil, unauthorized("A device's id and secret are needed (Basic).")
	}
	err := s.credentials.Authenticate(ctx, device, secret)
	if errors.Is(err, ingest.ErrUnauthorized) {
		return nil, unauthorized("The device is not known, or its secret is wrong.")
	}
	if err == nil && s.config.Ingest == nil {
		err = ingest.ErrUnavailable
	}
	var result ingest.Result
	if err == nil {
		wait, ok := s.config.Ingest.Pace().Admit(device, s.config.Now())
		if !ok {
			return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests("This device sends more than it may. Nothing is lost: send the batch again later."),
				http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()) + 1)}})
		}
		result, err = s.submit(ctx, device, in.RawBody, wait)
	}
	if err != nil {
		s.config.Log.Warn("events could not be taken", "device", device, "error", err)
		return nil, huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("Events cannot be stored at the moment. Send them again."),
			http.Header{"Retry-After": {"5"}})
	}
	return &struct{ Body ingest.Result }{result}, nil
}

// submit takes a batch after a wait: a device above its rate is read more slowly.
func (s *Server) submit(ctx context.Context, device string, batch []byte, wait time.Duration) (result ingest.Result, err error) {
	events := 1 // a batch of nothing costs as well
	defer func() { s.config.Ingest.Pace().Settle(device, events, s.config.Now()) }()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return result, ctx.Err()
		}
	}
	result, err = s.config.Ingest.Submit(ctx, device, batch, "http")
	events = max(events, result.Accepted+len(result.Rejected))
	return result, err
}

func unauthorized(why string) error {
	return huma.ErrorWithHeaders(huma.Error401Unauthorized(why), http.Header{"Www-Authenticate": {`Basic realm="Streetpulse devices"`}})
}
