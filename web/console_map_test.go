package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/access"
)

// TestConsoleMapIsTheQueue compares what the map draws with what the queue lists, near and far out.
func TestConsoleMapIsTheQueue(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	anna := w.signIn(access.Dispatcher)
	rows := func(query string) map[string]int {
		t.Helper()
		var list struct{ Rows []struct{ ID string } }
		if _, body := anna.get("/console/rows?offset=0&limit=500&" + query); json.Unmarshal([]byte(body), &list) != nil {
			t.Fatalf("%s: %s", query, body)
		}
		out := map[string]int{}
		for i, r := range list.Rows {
			out[r.ID] = i
		}
		return out
	}
	for _, query := range []string{"view=todo", "view=open", "view=crews", "view=checked", "view=review", "state=dismissed", "class=pothole", "q=Ring", "view=overdue",
		"severity=3", "view=review&class=rail", "view=review&q=zzzzz", "view=review&severity=2", "view=review&state=new"} {
		listed := rows(query)
		for _, zoom := range []maptile.Zoom{12, 14} {
			drawn := map[string]bool{}
			n := 0
			for _, f := range anna.consoleTiles(zoom, query) {
				n += f.Properties.MustInt("n")
				if id := f.Properties.MustString("id", ""); id != "" {
					drawn[id] = true
				}
			}
			if n != len(listed) {
				t.Errorf("%s: the map draws %d at zoom %d, and the queue lists %d", query, n, zoom, len(listed))
			}
			for id := range drawn {
				if _, ok := listed[id]; !ok {
					t.Errorf("%s: the map draws %s, and the queue does not list it", query, id)
				}
			}
		}
	}

	// The review list is narrowed as the queue is: its rows, its count and its file.
	for query, want := range map[string]string{"": "true", "&class=rail": "p.class = 'rail'", "&q=zzzzz": "false", "&severity=2": "p.severity >= 0.34", "&severity=3": "p.severity >= 0.67", "&crew=crew-1": "false"} {
		n := count(w, `select count(*) from reviews r join places p on p.id = r.place where `+want)
		var answer struct {
			Total  int
			Counts map[string]int
		}
		_, body := anna.get("/console/rows?offset=0&limit=1&counts=1&view=review" + query)
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Total != n || answer.Counts["review"] != n {
			t.Errorf("review list%s: %s, want %d", query, body, n)
		}
		if _, file := anna.get("/console/export/orders.csv?view=review" + query); strings.Count(file, "\n") != n+1 {
			t.Errorf("review list%s as a file: %s, want %d rows", query, file, n)
		}
	}

	// What is clicked on is found in the queue; what the queue does not list is there all the same.
	var at struct {
		Index int
		Row   struct{ ID string }
	}
	for _, c := range []struct {
		query, id string
		index     int
	}{{"view=open", "oringstrasse1", rows("view=open")["oringstrasse1"]}, {"view=checked", "oringstrasse1", -1}, {"view=review", slices.Collect(maps.Keys(rows("view=review")))[0], 0}} {
		_, body := anna.get("/console/at/" + c.id + "?" + c.query)
		if c.query == "view=review" {
			c.index = rows(c.query)[c.id]
		}
		if err := json.Unmarshal([]byte(body), &at); err != nil || at.Row.ID != c.id || at.Index != c.index {
			t.Errorf("%s: %s", c.query, body)
		}
	}

	// The queue bound to the map's window.
	var lat, lon float64
	if err := w.pool.QueryRow(t.Context(), `select lat, lon from places where id = 'pringstrasse1'`).Scan(&lat, &lon); err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("&bbox=%f,%f,%f,%f", lon-.0005, lat-.0005, lon+.0005, lat+.0005)
	if all, near := rows("view=open"), rows("view=open"+here); len(near) == 0 || len(near) >= len(all) {
		t.Errorf("%d of %d lie in the window", len(near), len(all))
	}
	if n := len(rows("view=review" + here)); n != 0 {
		t.Errorf("%d places to be reviewed lie in the window", n)
	}
}

// consoleTiles are all features of the console's map.
func (v *visitor) consoleTiles(zoom maptile.Zoom, query string) (out []*geojson.Feature) {
	v.t.Helper()
	low, high := maptile.At(orb.Point{15.54, 48.45}, zoom), maptile.At(orb.Point{15.70, 48.36}, zoom)
	for x := low.X; x <= high.X; x++ {
		for y := low.Y; y <= high.Y; y++ {
			answer, body := v.get(fmt.Sprintf("/console/tiles/%d/%d/%d.mvt?%s", zoom, x, y, query))
			if answer.StatusCode == http.StatusNoContent {
				continue
			}
			layers, err := mvt.Unmarshal([]byte(body))
			if err != nil {
				v.t.Fatalf("%s: %v", answer.Status, err)
			}
			for _, l := range layers {
				if l.Name == "places" {
					out = append(out, l.Features...)
				}
			}
		}
	}
	return out
}

// approved has an order that was split off repaired, and verified by hand: no traffic is asked about it.
func (w *town) approved(anna *visitor, ask func(path, body string, want int) worked) {
	w.t.Helper()
	var id, place string
	if err := w.pool.QueryRow(w.t.Context(), `select id, place from orders where state = 'new' and place is not null limit 1`).Scan(&id, &place); err != nil {
		w.t.Fatal(err)
	}
	part := ask("/orders/"+id+"/split", `{"do":"split","lat":48.4103,"lon":15.6105}`, 200).Orders[0].Made
	ask("/orders/"+part+"/assignment", `{"do":"assign","crew":"crew-1"}`, 200)
	ask("/orders/"+part+"/transitions", `{"do":"repair"}`, 200)
	anna.read("/console/orders/"+part, `id="verify"`, "The repair is good")
	anna.read("/console?view=checked", "To be looked at")
	anna.send("/console/orders/"+part, url.Values{"do": {"verify"}, "reason": {"Seen on the way."}})
	anna.read("/console/orders/"+part, "Verified by hand", "Seen on the way.")
	anna.read("/places/"+place, "Verified by hand")
}

// worked is what the interface answers to what was done.
type worked struct {
	Message, Detail string
	Orders          []struct {
		Why     string
		Changed bool
		Made    string
	}
}
