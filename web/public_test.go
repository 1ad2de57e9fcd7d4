package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/web"
)

// walk asks for everything that anybody may read: every page that a link leads to, every GET of the interface's
// description, with what those name, and whatever else is given.
func (w *town) walk(more ...string) map[string]string {
	w.t.Helper()
	bodies := map[string]string{}
	queue := append([]string{"/", "/list", "/panel", "/api/v1/openapi.json", "/metrics", "/api/v1/orders", "/api/v1/places"}, more...)
	_, text := w.get("/api/v1/openapi.json")
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		w.t.Fatal(err)
	}
	ids := map[string]bool{}
	link := regexp.MustCompile(`(?:href|action|data-open)="([^"#]+)`)
	named := regexp.MustCompile(`"(?:id|place|order)":"([a-z0-9]+)"`)
	seen := map[string]bool{}
	for len(queue) > 0 {
		path := strings.ReplaceAll(queue[0], "&amp;", "&")
		queue = queue[1:]
		if u, err := url.Parse(path); err != nil || u.Host != "" && u.Host != strings.TrimPrefix(w.http.URL, "http://") {
			continue
		} else if u.Host != "" {
			path = u.RequestURI()
		}
		if !strings.HasPrefix(path, "/") {
			path = "/places/" + path // what the map opens
		}
		if seen[path] || strings.HasPrefix(path, "/assets/") || strings.HasPrefix(path, "/api/v1/stream") || strings.Contains(path, "lang=") {
			continue
		}
		seen[path] = true
		if len(seen) > 3000 {
			w.t.Fatal("there is no end to the pages")
		}
		answer, body := w.get(path)
		if answer.StatusCode >= 500 {
			w.t.Errorf("%s: %s", path, answer.Status)
		}
		bodies[path] = body
		for _, l := range link.FindAllStringSubmatch(body, -1) {
			queue = append(queue, l[1])
		}
		for _, id := range named.FindAllStringSubmatch(body, -1) {
			if ids[id[1]] {
				continue
			}
			ids[id[1]] = true
			for p, operations := range doc.Paths {
				if operations["get"] != nil && strings.Contains(p, "{id}") {
					queue = append(queue, "/api/v1"+strings.ReplaceAll(p, "{id}", id[1]))
				}
			}
		}
	}
	for p, operations := range doc.Paths {
		if operations["get"] != nil && !strings.Contains(p, "{") && !strings.HasSuffix(p, "stream") {
			if _, ok := bodies["/api/v1"+p]; !ok {
				_, bodies["/api/v1"+p] = w.get("/api/v1" + p)
			}
		}
	}
	return bodies
}

// TestNothingPublicTells walks every public answer under each choice that a city has for suspected places, and looks for
// what must never stand there.
func TestNothingPublicTells(t *testing.T) {
	t.Parallel()
	for _, choice := range []crowd.Visibility{crowd.Hidden, crowd.Coarse, crowd.Exact} {
		t.Run(string(choice), func(t *testing.T) {
			t.Parallel()
			w := newTown(t, func(c *web.Config) { c.Suspected = choice })
			suspected := w.judged("Mitterweg", .4, 3, 0)
			if _, err := w.pool.Exec(context.Background(), `update places set state = 'suspected', class = 'pothole', severity = 0.5 where id = $1`, suspected); err != nil {
				t.Fatal(err)
			}
			w.put(defect{ID: "palone1", Street: "Lindengasse", Share: .5, State: crowd.Suspected, Severity: .9, Devices: 1, Days: 1})
			w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
			w.put(defect{ID: "prepaired1", Street: "Ringstraße", Share: .7, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 40, Order: dispatch.Verified})
			w.put(defect{ID: "pdismissed1", Street: "Ringstraße", Share: .9, State: crowd.Dismissed, Severity: .5, Devices: 5, Days: 30})
			w.put(defect{ID: "pdropped1", Street: "Ringstraße", Share: .32, State: crowd.Suspected, Class: crowd.Casting, Severity: .7, Devices: 5, Days: 30})
			w.dropped("pdropped1")
			w.put(defect{ID: "previewed1", Street: "Ringstraße", Share: .2, State: crowd.Confirmed, Class: crowd.Casting, Severity: .7, Devices: 5, Days: 30})
			for _, sql := range []string{`update places set first_at = date_trunc('hour', first_at) + '7 min 13 s', last_at = date_trunc('hour', last_at) + '7 min 13 s',
					state_at = date_trunc('hour', state_at) + '7 min 13 s'`, `update place_steps set at = date_trunc('hour', at) + '7 min 13 s'`,
				`update orders set promoted_at = date_trunc('hour', promoted_at) + '7 min 13 s', state_at = date_trunc('hour', state_at) + '7 min 13 s'`,
				`update order_steps set at = date_trunc('hour', at) + '7 min 13 s'`} {
				if _, err := w.pool.Exec(context.Background(), sql); err != nil {
					t.Fatal(err)
				}
			}
			w.regions()
			bodies := w.walk("/api/v1/orders?limit=1", "/api/v1/places?limit=1", "/feeds/places/pordered1.atom", "/data/orders.geojson", "/data/places.geojson", "/places/"+suspected, "/?place="+suspected, "/panel?place="+suspected, "/panel?places="+suspected+",palone1",
				"/places/palone1", "/?place=palone1", "/api/v1/places/palone1", "/api/v1/places/"+suspected+"/evidence", "/api/v1/places/"+suspected+"/votes",
				"/places/pdropped1", "/?place=pdropped1", "/panel?place=pdropped1", "/api/v1/places/pdropped1", "/list?state=dismissed", "/?show=dismissed", "/data/places.csv", "/feeds/places/pdropped1.atom")
			at := w.position(suspected)
			fine, err := geo.FineCell(at.Lat(), at.Lon())
			if err != nil {
				t.Fatal(err)
			}
			never := w.position("pdropped1")
			neverCell, err := geo.FineCell(never.Lat(), never.Lon())
			if err != nil {
				t.Fatal(err)
			}
			alone := w.position("palone1")
			lonely, err := geo.FineCell(alone.Lat(), alone.Lon())
			if err != nil {
				t.Fatal(err)
			}
			clock := regexp.MustCompile(`\d\d:07(:13|\b)`)
			told := regexp.MustCompile(`"(?:first|last)_at":"[^"]*T(?:0[1-9]|[12]\d)`)
			hidden := regexp.MustCompile(`cursor=([\w-]{12,})`)
			person := regexp.MustCompile(`judged-device|@`)
			shown, dropped := 0, 0
			for path, body := range bodies {
				near := func(p orb.Point) bool {
					return beside(body, fmt.Sprintf("%.4f", p.Lat()), fmt.Sprintf("%.4f", p.Lon()))
				}
				if strings.Contains(body, suspected) && !strings.Contains(path, suspected) {
					shown++
				}
				if strings.Contains(body, "pdropped1") && !strings.Contains(path, "pdropped1") {
					dropped++
				}
				for _, c := range hidden.FindAllStringSubmatch(body, -1) {
					if b, err := base64.RawURLEncoding.DecodeString(c[1]); err == nil && clock.Match(b) {
						t.Errorf("%s has a cursor that tells when somebody passed: %s", path, b)
					}
				}
				switch {
				case person.MatchString(strings.ReplaceAll(body, "@context", "")) && !strings.Contains(path, "openapi"):
					t.Errorf("%s names a device or a person: %s", path, person.FindString(body))
				case clock.MatchString(body):
					t.Errorf("%s tells when somebody passed: %s", path, clock.FindString(body))
				case told.MatchString(body):
					t.Errorf("%s tells the hour of a jolt: %s", path, told.FindString(body))
				case strings.Contains(body, "palone1") && !strings.Contains(path, "palone1") || near(alone) || strings.Contains(body, lonely.String()):
					t.Errorf("%s tells of a place that rests on one device", path)
				case choice != crowd.Exact && (near(never) || strings.Contains(body, neverCell.String())):
					t.Errorf("%s tells where a place is that was dismissed and never confirmed", path)
				case choice == crowd.Hidden && strings.Contains(body, "pdropped1") && !strings.Contains(path, "pdropped1"):
					t.Errorf("%s tells of a place that was dismissed and never confirmed", path)
				case choice != crowd.Exact && (near(at) || strings.Contains(body, fine.String())):
					t.Errorf("%s tells where a suspected place is", path)
				case choice == crowd.Hidden && (strings.Contains(body, suspected) && !strings.Contains(path, suspected) || strings.Contains(body, "Mitterweg") && strings.Contains(body, "Pothole near")):
					t.Errorf("%s tells of a suspected place", path)
				}
			}
			if len(bodies) < 25 || choice != crowd.Hidden && (shown == 0 || dropped == 0) {
				t.Errorf("%d answers, of which %d show the suspected place and %d the dismissed one", len(bodies), shown, dropped)
			}
			if answer, _ := w.get("/api/v1/places/pdropped1"); (answer.StatusCode == http.StatusOK) != (choice != crowd.Hidden) {
				t.Errorf("the dismissed place: %s", answer.Status)
			}
			w.walkTiles(choice, suspected, at, alone)
			w.walkTiles(choice, "pdropped1", never, alone)
			w.listenFor(choice, suspected)
			w.listenFor(choice, "pdropped1")
		})
	}
}

// beside says whether two numbers stand within 80 characters of each other, as those of one position do; corners of the cells of several coarse
// places can have one each.
func beside(text, a, b string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], a)
		if i < 0 {
			return false
		}
		from += i + len(a)
		if strings.Contains(text[max(0, from-len(a)-80):min(len(text), from+80)], b) {
			return true
		}
	}
}

// dropped lets a dispatcher dismiss a place from the review list.
func (w *town) dropped(id string) {
	w.t.Helper()
	w.regions()
	if _, err := w.pool.Exec(context.Background(), `with r as (insert into reviews (place, class, at) select id, class, state_at from places where id = $1)
		update places set steps = (select max(n) from place_steps where place = $1) where id = $1`, id); err != nil {
		w.t.Fatal(err)
	}
	answer, body := w.signIn(access.Dispatcher).send("/console/reviews/"+id, url.Values{"do": {"dismiss"}, "verdict": {"not_defect"}})
	if answer.StatusCode != http.StatusOK || count(w, `select count(*) from places where id = $1 and state = 'dismissed'`, id) != 1 {
		w.t.Fatalf("dismissed: %s %s", answer.Status, body)
	}
}

func (w *town) position(id string) orb.Point {
	w.t.Helper()
	var p orb.Point
	if err := w.pool.QueryRow(context.Background(), `select lon, lat from places where id = $1`, id).Scan(&p[0], &p[1]); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// walkTiles looks into every tile around a suspected place and one that rests on one device.
func (w *town) walkTiles(choice crowd.Visibility, id string, at, alone orb.Point) {
	w.t.Helper()
	shown := false
	for layer, zooms := range map[string][]maptile.Zoom{"places": {11, 13, 14, 15, 17}, "orders": {14, 17}, "cells": {11, 14}} {
		for _, zoom := range zooms {
			for _, f := range w.tilesAround(layer, zoom, "", at, alone) {
				text := fmt.Sprint(f.Properties)
				if strings.Contains(text, ":07") {
					w.t.Errorf("tiles of %s at zoom %d tell when somebody passed: %s", layer, zoom, text)
				}
				shown = shown || strings.Contains(text, id)
				if strings.Contains(text, "palone1") || choice == crowd.Hidden && (strings.Contains(text, id) || strings.Contains(text, "suspected")) {
					w.t.Errorf("tiles of %s at zoom %d hold %s", layer, zoom, text)
				}
				if p, ok := f.Geometry.(orb.Point); ok && zoom > 13 && (geo.Distance(p, alone) < 15 || choice != crowd.Exact && geo.Distance(p, at) < 15) {
					w.t.Errorf("tiles of %s at zoom %d show where %v is", layer, zoom, f.Properties)
				}
			}
		}
	}
	if shown != (choice != crowd.Hidden) {
		w.t.Errorf("tiles show the suspected place: %t", shown)
	}
}

// listenFor hears what the stream says when the suspected place changes; it must be what the pages say.
func (w *town) listenFor(choice crowd.Visibility, id string) {
	w.t.Helper()
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.http.URL+"/api/v1/stream", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.http.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	go func() { // until it is heard: the server may not have begun to listen
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for ctx.Err() == nil {
			_, _ = w.pool.Exec(ctx, `select pg_notify('streetpulse_changes', json_build_object('kind', 'place', 'id', k, 'place', k)::text) from unnest($1::text[]) k`,
				[]string{id, "palone1", "pordered1"})
			select {
			case <-again.C:
			case <-ctx.Done():
			}
		}
	}()
	var heard strings.Builder
	b := make([]byte, 1<<16)
	for !strings.Contains(heard.String(), "pordered1") || !strings.HasSuffix(heard.String(), "\n\n") {
		n, err := answer.Body.Read(b)
		heard.Write(b[:n])
		if err != nil {
			w.t.Fatal(err)
		}
	}
	text := heard.String()
	if strings.Contains(text, "palone1") || strings.Contains(text, id) != (choice != crowd.Hidden) || regexp.MustCompile(`\d\d:07:13`).MatchString(text) {
		w.t.Errorf("the stream says, where suspected places are %q: %s", choice, text)
	}
}
