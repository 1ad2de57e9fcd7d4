package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/web"
)

// TestWhatIsNoTextIsRefused asks every route with zero characters and broken UTF-8, and every operation with zero characters in its body.
func TestWhatIsNoTextIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) {
		writer := ingest.NewWriter(c.Pool, ingest.WriterOptions{Log: c.Log})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- writer.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		c.Ingest = ingest.New(c.Pool, writer, ingest.Wall{}, ingest.Options{Log: c.Log})
	})
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.New})
	root := w.signIn(access.Administrator)
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, w.http.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, text := root.do(r)
		return answer.StatusCode, text
	}
	variable := regexp.MustCompile(`\{[a-z]+\}`)
	for _, pattern := range w.server.Patterns() {
		method, path, found := strings.Cut(pattern, " ")
		if !found {
			method, path = http.MethodGet, pattern
		}
		path = strings.TrimSuffix(path, "{$}")
		for _, wrong := range []string{"%00", "%FF"} {
			for _, path := range []string{variable.ReplaceAllString(path, "1") + "?place=" + wrong + "&q=1", variable.ReplaceAllString(path, wrong)} {
				if !strings.Contains(path, wrong) {
					continue
				}
				if status, _ := ask(method, path, ""); status != http.StatusBadRequest {
					t.Errorf("%s %s: %d", method, path, status)
				}
			}
		}
	}
	for _, o := range w.operations() {
		if strings.Contains(o.path, "{") {
			if status, text := ask(o.method, variable.ReplaceAllString(o.path, "a%00b"), "{}"); status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", o.id, status, text)
			}
		}
		if o.method == http.MethodGet || o.id == "send-events" || o.id == "crew-photo" {
			continue
		}
		root = w.signIn(access.Administrator) // the last operation may have ended the session
		status, text := ask(o.method, variable.ReplaceAllString(o.path, "1"), `{"name":"a\u0000b","words":["\u0000"]}`)
		if status >= 500 || status < 300 && o.method != http.MethodDelete || status == http.StatusUnauthorized && whoCalls()[o.id] != device {
			t.Errorf("%s with zero characters: %d %s", o.id, status, text)
		}
	}
	form := w.at("Ringstraße", .45)
	status, text := ask(http.MethodPost, "/api/v1/reports", `{"lat":`+form["lat"]+`,"lon":`+form["lon"]+`,"category":"pothole","email":"anna@example.org","words":"deep\u0000"}`)
	if status != http.StatusBadRequest || !strings.Contains(text, "zero character") {
		t.Errorf("a report over the interface: %d %s", status, text)
	}
	if status, _ := ask(http.MethodPost, "/api/v1/reports", `{"lat":`+form["lat"]+`,"lon":`+form["lon"]+`,"category":"pothole","email":"anna@example.org","words":"C:\\u0000"}`); status != http.StatusAccepted {
		t.Errorf("a backslash before u0000: %d", status)
	}
	form["words"], form["email"] = "de\x00ep\xff", "ben@example.org"
	if answer, _ := root.report(form); answer.Request.URL.Path != "/report/sent" {
		t.Errorf("a report by form: %s", answer.Status)
	}
	if n := count(w, `select count(*) from reports where words = 'deep' and email = 'ben@example.org'`); n != 1 {
		t.Errorf("%d reports", n)
	}
	w.zeroEvents()
}

// zeroEvents sends events whose texts hold zero characters: they are refused one by one.
func (w *town) zeroEvents() {
	w.t.Helper()
	var unit struct{ ID, Secret string }
	_, body := w.send(http.MethodPost, "/api/v1/devices", "{}", "", "")
	if err := json.Unmarshal([]byte(body), &unit); err != nil {
		w.t.Fatal(err)
	}
	rest := `"kind":"pass","time":"` + time.Now().UTC().Format(time.RFC3339) + `","lat":48.41,"lon":15.6,"accuracy_m":5,"speed_mps":11}`
	answer, body := w.send(http.MethodPost, "/api/v1/events", `{"v":1,"events":[{"id":"a\u0000",`+rest+`,{"id":"b","place":"\u0000",`+rest+`,{"id":"c",`+rest+`]}`, unit.ID, unit.Secret)
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, `"accepted":2`) || !strings.Contains(body, "zero character") {
		w.t.Errorf("events: %s %s", answer.Status, body)
	}
	for _, raw := range []string{"\x00", `{"v":1,"x\u0000":"\u0000","events":[]}`, "{\"v\":1,\"events\":[{\"id\":\"\xff\"," + rest + "]}"} {
		if answer, body := w.send(http.MethodPost, "/api/v1/events", raw, unit.ID, unit.Secret); answer.StatusCode != http.StatusOK {
			w.t.Errorf("%q: %s %s", raw, answer.Status, body)
		}
	}
	if answer, _ := w.send(http.MethodPost, "/api/v1/events", "{}", "dev\x00ice", unit.Secret); answer.StatusCode != http.StatusBadRequest {
		w.t.Errorf("a device's id with a zero character: %s", answer.Status)
	}
}
