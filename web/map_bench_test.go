package web_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/web"
)

// BenchmarkTiles is a city of a million places on 30 by 28 km, all of them public: how long the server takes for a tile.
func BenchmarkTiles(b *testing.B) {
	w := newTown(b, func(c *web.Config) { c.Suspected = crowd.Exact })
	w.crowded(1_000_000, 30_000, 28_000)
	for layer, zooms := range map[string][]maptile.Zoom{"places": {9, 10, 11, 12, 13, 14, 15, 16, 17}, "coverage": {10, 11, 12, 13, 14}} {
		for _, zoom := range zooms {
			b.Run(fmt.Sprintf("%s-z%d", layer, zoom), func(b *testing.B) {
				for b.Loop() {
					w.timeTiles(b, layer, zoom)
				}
			})
		}
	}
}

// BenchmarkMap is a map of 200,000 places on 22 by 22 km: how many frames a second a browser without a graphics card draws while it pans and
// zooms.
func BenchmarkMap(b *testing.B) {
	w := newTown(b, func(c *web.Config) { c.Suspected = crowd.Exact })
	w.crowded(200_000, 22_000, 22_000)
	page := newBrowser(b, strings.TrimPrefix(w.http.URL, "http://"))
	page.view(1440, 900, false)
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			page.open(w.http.URL + "/data")
			frames(b, page, drawNothing)
		}
	})
	for _, move := range []struct{ name, at, script string }{
		{"pan-z12", "12/48.41/15.61", pan},
		{"pan-z14", "14/48.41/15.61", pan},
		{"pan-z15", "15/48.41/15.61", pan},
		{"pan-z17", "17/48.41/15.61", pan},
		{"zoom", "11/48.41/15.61", zoomIn},
	} {
		b.Run(move.name, func(b *testing.B) {
			for b.Loop() {
				page.open(w.http.URL + "/#map=" + move.at)
				eval[chromedp.Void](page, move.script+".then(() => undefined)") // compiles the shaders
				frames(b, page, move.script)
			}
		})
	}
}

// What moves, told as a promise that is kept when it stands still again.
const (
	pan = `new Promise(done => {
		const map = document.getElementById('map').glmap;
		let left = 4;
		const next = () => left-- > 0 ? map.once('moveend', next).panBy(left % 2 ? [700, 300] : [300, -700], {duration: 1500, easing: t => t, essential: true}) : done();
		next();
	})`
	zoomIn = `new Promise(done => {
		const map = document.getElementById('map').glmap;
		map.once('moveend', () => map.once('moveend', done).easeTo({zoom: 12, duration: 3000, easing: t => t, essential: true}))
			.easeTo({zoom: 17, duration: 4000, easing: t => t, essential: true});
	})`
	// Fills as many pixels as the map has, once a frame.
	drawNothing = `new Promise(done => {
		const canvas = Object.assign(document.createElement('canvas'), {width: 1024, height: 840});
		document.body.prepend(canvas);
		const gl = canvas.getContext('webgl2'), began = performance.now();
		const draw = now => {
			gl.clearColor(now % 1000 / 1000, 0, 0, 1);
			gl.clear(gl.COLOR_BUFFER_BIT);
			now - began < 4000 ? requestAnimationFrame(draw) : done();
		};
		requestAnimationFrame(draw);
	})`
)

// frames reports how many frames a second were drawn while something moved, and how long the slowest of twenty took.
func frames(b *testing.B, p *browser, move string) {
	b.Helper()
	before := p.worked()
	took := eval[[]float64](p, `(async () => {
		const at = [];
		let moving = true;
		const tick = now => { at.push(now); if (moving) requestAnimationFrame(tick); };
		requestAnimationFrame(tick);
		await `+move+`;
		moving = false;
		return at.slice(1).map((t, i) => t - at[i]);
	})()`)
	sum := 0.0
	for _, t := range took {
		sum += t
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/sum*1000, "fps")
	b.ReportMetric(took[len(took)*95/100], "p95-ms")
	b.ReportMetric(0, "ns/op")
	busy := 0.0
	for id, seconds := range p.worked() {
		busy += seconds - before[id]
	}
	b.ReportMetric(busy*1000/float64(len(took)), "cpu-ms/frame")
}

// worked returns how long each of the browser's processes has kept a core busy, seconds: what others do on the machine at the time does
// not count.
func (b *browser) worked() map[int64]float64 {
	b.t.Helper()
	info, err := chromedp.CallBrowser(b.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[int64]float64{}
	for _, process := range info.ProcessInfo {
		out[process.ID] = process.CPUTime
	}
	return out
}

// timeTiles asks for tiles of a layer and a zoom all over the places, one after another, and reports how long they take.
func (w *town) timeTiles(b *testing.B, layer string, zoom maptile.Zoom) {
	b.Helper()
	low, high := maptile.At(orb.Point{15.41, 48.535}, zoom), maptile.At(orb.Point{15.81, 48.285}, zoom)
	r := rand.New(rand.NewPCG(uint64(zoom), 1))
	var took []float64
	size := 0
	handler := w.server.Handler()
	for range 300 {
		x, y := low.X+r.Uint32N(high.X-low.X+1), low.Y+r.Uint32N(high.Y-low.Y+1)
		answer := httptest.NewRecorder()
		start := time.Now()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/tiles/%s/%d/%d/%d.mvt", layer, zoom, x, y), nil))
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		if answer.Code != http.StatusOK && answer.Code != http.StatusNoContent {
			b.Fatalf("tile %d/%d/%d: %d", zoom, x, y, answer.Code)
		}
		size = max(size, answer.Body.Len())
	}
	b.ReportMetric(took[0], "first-ms")
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
	b.ReportMetric(float64(size)/1024, "largest-KiB")
	b.ReportMetric(0, "ns/op")
}

// crowded puts n places onto so many metres from west to east and from south to north, two fifths of them with orders, where all ground is driven.
func (w *town) crowded(n int, wide, high float64) {
	w.t.Helper()
	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	regions, driven := map[geo.Cell]bool{}, map[geo.Cell]bool{}
	var coverage [][]any
	var places, orders [][]any
	orderStates := []string{"new", "assigned", "in_progress", "repaired", "verified"}
	for i := range n {
		p := geo.Destination(geo.Destination(orb.Point{15.61, 48.41}, 90, (r.Float64()-.5)*wide), 0, (r.Float64()-.5)*high)
		cell, err := geo.FineCell(p.Lat(), p.Lon())
		if err != nil {
			w.t.Fatal(err)
		}
		regions[geo.Region(cell)] = true
		if covered := geo.CoverageCell(cell); !driven[covered] {
			driven[covered] = true
			coverage = append(coverage, []any{int64(covered), today(), 1 + r.IntN(56)})
		}
		id, state, severity := fmt.Sprintf("place%011d", i), "suspected", math.Round(r.Float64()*100)/100
		if i%5 < 3 {
			state = "confirmed"
		}
		if i%5 < 2 {
			orders = append(orders, []any{"order" + id[5:], i + 1, fmt.Sprintf("KR-%06d", i), id, "pothole", severity, .9, 7, orderStates[i/5%5], "Ringstraße", "Krems", today(), today(), today()})
		}
		places = append(places, []any{id, int64(geo.Region(cell)), int64(cell), p.Lat(), p.Lon(), 180.0 * float64(r.IntN(2)), 4.0, state, today(), "pothole",
			[]float32{.9, .02, .02, .02, .02, .02}, severity, 2 + r.IntN(9), r.IntN(9), today(), today(), true, false, 1, []byte{}})
	}
	for region := range regions {
		if _, err := w.pool.Exec(ctx, `insert into regions (region) values ($1)`, int64(region)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, table := range []struct {
		name    string
		columns []string
		rows    [][]any
	}{
		{"places", []string{"id", "region", "cell", "lat", "lon", "heading_deg", "uncertainty_m", "state", "state_at", "class", "belief",
			"severity", "devices", "passes", "first_at", "last_at", "shown", "reviewed", "steps", "estimate"}, places},
		{"coverage", []string{"cell", "day", "events"}, coverage},
		{"orders", []string{"id", "seq", "number", "place", "class", "severity", "probability", "devices", "state", "street", "body", "promoted_at", "state_at", "clock_from"}, orders},
	} {
		if _, err := w.pool.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, pgx.CopyFromRows(table.rows)); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.pool.Exec(ctx, `analyze`); err != nil {
		w.t.Fatal(err)
	}
}
