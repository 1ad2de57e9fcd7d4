package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/web"
)

// get asks for a path and returns the answer and its body.
func (w *town) get(path string) (*http.Response, string) {
	w.t.Helper()
	return w.send(http.MethodGet, path, "", "", "")
}

func (w *town) send(method, path, body, user, password string) (*http.Response, string) {
	w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = w.http.URL + path
	}
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	answer, err := w.http.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, string(b)
}

type collection struct {
	Type     string
	Features []struct {
		ID         string
		Geometry   struct{ Coordinates [2]float64 }
		Properties map[string]any
	}
	Links []struct{ Rel, Href string }
}

func (w *town) list(path string) collection {
	w.t.Helper()
	answer, body := w.get(path)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/geo+json" {
		w.t.Fatalf("%s: %s %s: %s", path, answer.Status, answer.Header.Get("Content-Type"), body)
	}
	var c collection
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
	if c.Type != "FeatureCollection" {
		w.t.Fatalf("%s is a %s", path, c.Type)
	}
	return c
}

// all follows next links to the end.
func (w *town) all(path string) map[string]bool {
	w.t.Helper()
	seen := map[string]bool{}
	for pages := 0; path != ""; pages++ {
		if pages > 100 {
			w.t.Fatal("next links do not end")
		}
		c := w.list(path)
		path = ""
		for _, f := range c.Features {
			if seen[f.ID] {
				w.t.Errorf("%s is listed twice", f.ID)
			}
			seen[f.ID] = true
		}
		for _, l := range c.Links {
			if l.Rel == "next" {
				path = l.Href
			}
		}
	}
	return seen
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	if n := len(w.list("/api/v1/places").Features); n != 37 {
		t.Errorf("%d places, want 37: 40 less one that rests on one device, a slight joint and a place where nothing is", n)
	}
	if n := len(w.all("/api/v1/places?limit=7")); n != 37 {
		t.Errorf("%d places over pages of 7, want 37", n)
	}
	for _, f := range w.list("/api/v1/places?state=suspected,faded").Features {
		if s := f.Properties["state"]; s != "suspected" && s != "faded" {
			t.Errorf("%s is %s", f.ID, s)
		}
	}
	p, _ := w.spot("Ringstraße", .45)
	near := w.list("/api/v1/places?near=" + coordinates(p.Lat(), p.Lon()) + "&radius_m=30")
	if len(near.Features) != 1 || near.Features[0].ID != "pringstrasse1" {
		t.Errorf("near the place: %v", near.Features)
	}
	for path, status := range map[string]int{
		"/api/v1/places?bbox=1,2,3": 400, "/api/v1/places?near=x": 400, "/api/v1/places?cursor=nonsense": 400, "/api/v1/places?cursor=phidden1": 400, "/api/v1/places?limit=0": 422,
		"/api/v1/places/phidden1": 404, "/api/v1/places/none": 404, "/api/v1/places/phidden1/evidence": 404, "/api/v1/orders/none": 404,
		"/api/v1/orders?cursor=nonsense": 400, "/api/v1/nothing": 404, "/api/v1/places/pringstrasse1": 200,
		"/api/v1/places/pringstrasse1/evidence": 200, "/api/v1/orders/oringstrasse1": 200,
	} {
		answer, body := w.get(path)
		if answer.StatusCode != status {
			t.Errorf("%s: %s, want %d: %s", path, answer.Status, status, body)
		}
		if status >= 400 && answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: an error as %s", path, answer.Header.Get("Content-Type"))
		}
	}
}

// TestCoarse proves that no question brings the position of a suspected place to light.
func TestCoarse(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	p, _ := w.spot("Mitterweg", .4)
	fine, err := geo.FineCell(p.Lat(), p.Lon())
	if err != nil {
		t.Fatal(err)
	}
	middle, err := geo.CoverageCell(fine).LatLng()
	if err != nil {
		t.Fatal(err)
	}
	has := func(c collection) bool {
		for _, f := range c.Features {
			if f.ID == "pmitterweg1" {
				if f.Properties["h3"] != geo.CoverageCell(fine).String() || f.Properties["coarse"] != true || f.Properties["heading_deg"] != nil {
					t.Errorf("the coarse place is given as %v", f.Properties)
				}
				return true
			}
		}
		return false
	}
	if has(w.list("/api/v1/places?near=" + coordinates(p.Lat(), p.Lon()) + "&radius_m=20")) {
		t.Error("a small circle around its true position finds it")
	}
	if !has(w.list("/api/v1/places?near=" + coordinates(middle.Lat, middle.Lng) + "&radius_m=5")) {
		t.Error("a small circle around the middle of its cell does not find it")
	}
	exact := newTown(t, func(c *web.Config) { c.Suspected = crowd.Exact })
	exact.put(defect{ID: "pseen", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Devices: 3, Days: 1})
	if n := len(exact.list("/api/v1/places?near=" + coordinates(p.Lat(), p.Lon()) + "&radius_m=20").Features); n != 1 {
		t.Errorf("%d places where suspected ones are shown exactly, want 1", n)
	}
	hidden := newTown(t, func(c *web.Config) { c.Suspected = crowd.Hidden })
	hidden.put(defect{ID: "pseen", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Devices: 3, Days: 1})
	if n := len(hidden.list("/api/v1/places").Features); n != 0 {
		t.Errorf("%d places where suspected ones are hidden, want 0", n)
	}
	if answer, _ := hidden.get("/places/pseen"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the page of a hidden place: %s", answer.Status)
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	every := w.all("/api/v1/orders?limit=5")
	if len(every) < 20 {
		t.Errorf("%d orders", len(every))
	}
	for _, f := range w.list("/api/v1/orders?state=in_progress").Features {
		for _, key := range []string{"id", "number", "class", "severity", "probability", "devices", "state", "street", "body", "promoted_at", "state_at", "h3", "external_id"} {
			if _, ok := f.Properties[key]; !ok {
				t.Errorf("order %s has no %s", f.ID, key)
			}
		}
		if f.Properties["state"] != "in_progress" {
			t.Errorf("order %s is %v", f.ID, f.Properties["state"])
		}
	}
}

func TestEnrolAndSend(t *testing.T) {
	t.Parallel()
	var in *ingest.Ingest
	w := newTown(t, func(c *web.Config) {
		writer := ingest.NewWriter(c.Pool, ingest.WriterOptions{Log: c.Log})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- writer.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		in = ingest.New(c.Pool, writer, ingest.Wall{}, ingest.Options{Log: c.Log, DeviceRate: 600})
		c.Ingest, c.EnrolLimit, c.MQTT = in, 2, "tcp://127.0.0.1:1883"
		c.Now, c.WebSocket = time.Now, http.NotFoundHandler()
	})
	// Who comes over TLS, as a trusted proxy says, is sent to the broker over TLS; whoever says so himself is not.
	for header, want := range map[string]string{"https": "ssl://city.example:8883", "http": "tcp://city.example:1883"} {
		for i, trusted := range []bool{true, false} {
			w := newTown(t, func(c *web.Config) {
				c.MQTT, c.MQTTS = "tcp://0.0.0.0:1883", "ssl://0.0.0.0:8883"
				if trusted {
					c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
			})
			r, err := http.NewRequest(http.MethodPost, w.http.URL+"/api/v1/devices", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "city.example"
			r.Header.Set("X-Forwarded-Proto", header)
			answer, err := w.http.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if i == 1 {
				want = "tcp://city.example:1883"
			}
			if !strings.Contains(string(body), `"`+want+`"`) {
				t.Errorf("%s, trusted %t: %s", header, trusted, body)
			}
		}
	}
	answer, body := w.send(http.MethodPost, "/api/v1/devices", `{"name":"bus 4","app":"unit","kind":"vehicle"}`, "", "")
	var device struct {
		ID, Secret string
		MQTT       struct{ TCP, WebSocket string }
	}
	if err := json.Unmarshal([]byte(body), &device); err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("enrol: %s %s %v", answer.Status, body, err)
	}
	if device.ID == "" || device.Secret == "" || device.MQTT.TCP != "tcp://127.0.0.1:1883" || !strings.HasSuffix(device.MQTT.WebSocket, "/mqtt") {
		t.Errorf("enrolled: %s", body)
	}
	if answer, body = w.send(http.MethodPost, "/api/v1/devices", "", "", ""); answer.StatusCode/100 != 2 {
		t.Errorf("enrol without a body: %s %s", answer.Status, body)
	}
	if answer, _ = w.send(http.MethodPost, "/api/v1/devices", `{}`, "", ""); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a third device within the hour: %s, Retry-After %q", answer.Status, answer.Header.Get("Retry-After"))
	}

	now := time.Now().UTC().Format(time.RFC3339Nano)
	batch := `{"v":1,"events":[
		{"id":"a","kind":"bump","time":"` + now + `","lat":48.41,"lon":15.6,"accuracy_m":5,"speed_mps":11,"peak_g":1.2,"duration_s":0.2},
		{"id":"b","kind":"dance","time":"` + now + `","lat":48.41,"lon":15.6,"accuracy_m":5,"speed_mps":11}]}`
	for range 2 { // sent again, it changes nothing
		answer, body = w.send(http.MethodPost, "/api/v1/events", batch, device.ID, device.Secret)
		var result struct {
			Accepted int
			Rejected []struct{ ID, Reason string }
		}
		if err := json.Unmarshal([]byte(body), &result); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("send: %s %s %v", answer.Status, body, err)
		}
		if result.Accepted != 1 || len(result.Rejected) != 1 || result.Rejected[0].ID != "b" {
			t.Errorf("sent: %s", body)
		}
	}
	if answer, _ = w.send(http.MethodPost, "/api/v1/events", batch, device.ID, "wrong"); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong secret: %s", answer.Status)
	}
	if answer, _ = w.send(http.MethodPost, "/api/v1/events", batch, "", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("no secret: %s", answer.Status)
	}
	if answer, _ = w.send(http.MethodPost, "/api/v1/events", strings.Repeat("x", 1<<20+1), device.ID, device.Secret); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %s", answer.Status)
	}
	in.Pace().Spend(device.ID, 1200, time.Now())
	in.Pace().Admit(device.ID, time.Now()) // over another connection, meanwhile
	if answer, body = w.send(http.MethodPost, "/api/v1/events", batch, device.ID, device.Secret); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("above its rate: %s %s", answer.Status, body)
	}
}

// TestDescription checks the OpenAPI description: its version, and that each operation says who may call it.
func TestDescription(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	answer, body := w.get("/api/v1/openapi.json")
	var doc struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Servers) == 0 || !strings.HasSuffix(doc.Servers[0].URL, "/api/v1") {
		t.Errorf("OpenAPI %q, servers %v", doc.OpenAPI, doc.Servers)
	}
	for _, path := range []string{"/places", "/places/{id}", "/places/{id}/evidence", "/orders", "/orders/{id}", "/devices", "/devices/{id}", "/devices/{id}/secret", "/devices/{id}/outcomes", "/events", "/stream"} {
		if _, ok := doc.Paths[path]; !ok {
			t.Errorf("%s is not described", path)
		}
	}
	for path, operations := range doc.Paths {
		for method, raw := range operations {
			var op struct {
				Security  *[]map[string][]string
				Responses map[string]any
			}
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			if op.Security == nil { // who may call it is tested with the roles
				t.Errorf("%s %s: security %v", method, path, op.Security)
			}
			if len(op.Responses) == 0 {
				t.Errorf("%s %s answers nothing", method, path)
			}
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.Registry = prometheus.NewRegistry() })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/nothing": 404, "/list?page=x": 400} {
		answer, _ := w.get(path)
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, answer.Status, want)
		}
		for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if answer.Header.Get(h) == "" {
				t.Errorf("%s has no %s", path, h)
			}
		}
	}
	w.pool.Close()
	if answer, _ := w.get("/readyz"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready without a database: %s", answer.Status)
	}
	if answer, _ := w.get("/healthz"); answer.StatusCode != http.StatusOK {
		t.Errorf("not healthy without a database: %s", answer.Status)
	}
}

// TestStream reads a change off the stream itself.
func TestStream(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	answer, err := http.Get(w.http.URL + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("the stream is %s", got)
	}
	w.put(defect{ID: "pnew", Street: "Ringstraße", Share: .5, State: crowd.Confirmed, Severity: .8, Devices: 7, Days: 1, Order: dispatch.New})
	w.put(defect{ID: "pone", Street: "Ringstraße", Share: .6, State: crowd.Suspected, Severity: .8, Devices: 1, Days: 1})
	found := make(chan string)
	go func() {
		b := make([]byte, 1<<16)
		var text strings.Builder
		for {
			n, err := answer.Body.Read(b)
			text.Write(b[:n])
			if s := text.String(); strings.Contains(s, "event: order\n") && strings.HasSuffix(s, "\n\n") || err != nil {
				found <- s
				return
			}
		}
	}()
	// The server may not have begun to listen: say it again until it is heard.
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for end := time.After(30 * time.Second); ; {
		w.announce("place", "pone", "")
		w.announce("order", "onew", "pnew")
		select {
		case text := <-found:
			if !strings.Contains(text, `"id":"pnew"`) || !strings.Contains(text, `"mark":"confirmed"`) {
				t.Errorf("streamed: %s", text)
			}
			if strings.Contains(text, "pone") {
				t.Error("a place that rests on one device was streamed")
			}
			return
		case <-again.C:
		case <-end:
			t.Fatal("nothing was streamed")
		}
	}
}
