package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/access"
)

// ask sends a request as it is, without following where it is sent.
func (w *town) ask(method, path string, head map[string]string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequest(method, w.http.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range head {
		r.Header.Set(name, value)
	}
	answer, err := w.http.Client().Transport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

// TestPublicAnswersAreValidated asks for what is known already, in another language, after a change, and by somebody who has logged in.
func TestPublicAnswersAreValidated(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	person := w.signIn(access.Resident)
	for _, path := range []string{"/", "/panel", "/list", "/places/pringstrasse1", "/stats", "/data", "/judging", "/feeds/orders.atom", "/data/places.csv", "/data/orders.geojson", "/stats/weeks.csv",
		"/api/v1/places", "/api/v1/places/pringstrasse1", "/api/v1/orders", "/api/v1/openapi.json", "/tiles/places.json"} {
		for _, coding := range []string{"identity", "gzip"} {
			first := w.ask(http.MethodGet, path, map[string]string{"Accept-Encoding": coding})
			tag := first.Header.Get("ETag")
			if first.StatusCode != http.StatusOK || !strings.HasPrefix(tag, `W/"`) {
				t.Errorf("%s: %s, ETag %q", path, first.Status, tag)
				continue
			}
			again := w.ask(http.MethodGet, path, map[string]string{"Accept-Encoding": coding, "If-None-Match": `"other", ` + tag})
			if again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag || again.Header.Get("Vary") != first.Header.Get("Vary") || again.Header.Get("Cache-Control") != first.Header.Get("Cache-Control") {
				t.Errorf("%s, known: %s, %v, first %v", path, again.Status, again.Header, first.Header)
			}
			if head := w.ask(http.MethodHead, path, map[string]string{"Accept-Encoding": coding, "If-None-Match": tag}); head.StatusCode != http.StatusNotModified {
				t.Errorf("%s, the head alone: %s", path, head.Status)
			}
			if other := w.ask(http.MethodGet, path, map[string]string{"Accept-Encoding": coding, "If-None-Match": `"other"`}); other.StatusCode != http.StatusOK {
				t.Errorf("%s, another known: %s", path, other.Status)
			}
		}
	}
	tag := w.ask(http.MethodGet, "/list", nil).Header.Get("ETag")
	if answer := w.ask(http.MethodGet, "/list", map[string]string{"If-None-Match": tag, "Accept-Language": "de"}); answer.StatusCode != http.StatusOK {
		t.Errorf("in another language: %s", answer.Status)
	}
	if _, err := w.pool.Exec(t.Context(), `update places set severity = 0.99 where id = 'pringstrasse1'; update orders set severity = 0.99, state = 'repaired' where place = 'pringstrasse1'`); err != nil {
		t.Fatal(err)
	}
	if answer := w.ask(http.MethodGet, "/list", map[string]string{"If-None-Match": tag}); answer.StatusCode != http.StatusOK {
		t.Errorf("after a change: %s", answer.Status)
	}
	answer, _ := person.get("/list")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("ETag") != "" || !strings.Contains(answer.Header.Get("Cache-Control"), "private") {
		t.Errorf("of somebody who has logged in: %s, %v", answer.Status, answer.Header)
	}
	for _, path := range []string{"/nothing", "/places/none", "/api/v1/places/none"} {
		if answer := w.ask(http.MethodGet, path, nil); answer.Header.Get("ETag") != "" {
			t.Errorf("%s has a validator", path)
		}
	}
}

// TestOtherMethods asks known addresses by methods that they do not take, and with a slash too much.
func TestOtherMethods(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/list": "GET, HEAD", "/report": "GET, HEAD, POST", "/places/pringstrasse1/votes": "POST", "/data/orders.csv": "GET, HEAD", "/stats": "GET, HEAD",
		"/tiles/places/1/0/0.mvt": "GET, HEAD", "/tiles/places.json": "GET, HEAD", "/feeds/orders.atom": "GET, HEAD", "/healthz": "GET, HEAD",
		"/api/v1/places": "GET, HEAD", "/api/v1/reports": "POST", "/api/v1/stream": "GET, HEAD",
	} {
		for _, method := range []string{"PUT", "DELETE", "OPTIONS"} {
			answer := w.ask(method, path, nil)
			if got := answer.Header.Get("Allow"); answer.StatusCode != http.StatusMethodNotAllowed || !strings.HasPrefix(got, allow) {
				t.Errorf("%s %s: %s, Allow %q", method, path, answer.Status, got)
			}
			kind := "text/html; charset=utf-8"
			if strings.HasPrefix(path, "/api/") {
				kind = "application/problem+json"
			}
			if got := answer.Header.Get("Content-Type"); got != kind {
				t.Errorf("%s %s: %s", method, path, got)
			}
		}
	}
	for path, want := range map[string]string{"/list/?page=2": "/list?page=2", "/stats/": "/stats", "/places/pringstrasse1/": "/places/pringstrasse1", "/api/v1/places/": "/api/v1/places", "/data/": "/data"} {
		answer := w.ask(http.MethodGet, path, nil)
		if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusPermanentRedirect || got != want {
			t.Errorf("%s: %s to %q", path, answer.Status, got)
		}
	}
	for _, path := range []string{"/nothing", "/nothing/", "/nothing/at/all", "/api/v1/nothing", "/api/v1/nothing/", "/%2F%2Fexample.org/"} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			if answer := w.ask(method, path, nil); answer.StatusCode != http.StatusNotFound && (answer.StatusCode/100 != 3 || strings.Contains(answer.Header.Get("Location"), "//")) {
				t.Errorf("%s %s: %s %s", method, path, answer.Status, answer.Header.Get("Location"))
			}
		}
	}
}
