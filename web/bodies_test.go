package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

// upload sends a form with a file in the field boundary, or none where file is empty.
func (v *visitor) upload(path string, fields url.Values, field, file string) (*http.Response, string) {
	v.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, values := range fields {
		for _, value := range values {
			if err := form.WriteField(name, value); err != nil {
				v.t.Fatal(err)
			}
		}
	}
	if file != "" {
		part, err := form.CreateFormFile(field, "file")
		if err == nil {
			_, err = part.Write([]byte(file))
		}
		if err != nil {
			v.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		v.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, v.w.http.URL+path, &b)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Origin", v.w.http.URL)
	return v.do(r)
}

// square is the boundary of a square around the middle of Krems, so many degrees to each side, wound the wrong way round.
func square(half float64) string {
	lat, lon := 48.41, 15.60
	return fmt.Sprintf(`{"type":"Polygon","coordinates":[[[%[1]f,%[2]f],[%[1]f,%[4]f],[%[3]f,%[4]f],[%[3]f,%[2]f],[%[1]f,%[2]f]]]}`, lon-half, lat-half, lon+half, lat+half)
}

// bodies puts a city with a district, and a utility, on record.
func (w *town) bodies() {
	w.t.Helper()
	bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[{"properties":{"name":"Krems","level":"city"},"geometry":` + square(.05) + `},
		{"properties":{"name":"Stein","level":"district","parent":"Krems"},"geometry":` + square(.03) + `},{"properties":{"name":"Water","external":true,"classes":["casting"]},"geometry":null}]}`))
	if err == nil {
		_, err = dispatch.SaveBodies(context.Background(), w.pool, bodies)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestBodies has an administrator draw up a hierarchy, and asks where a pothole goes.
func TestBodies(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	root := w.signIn(access.Administrator)
	add := func(name, level, parent, file string, more url.Values) (*http.Response, string) {
		fields := url.Values{"name": {name}, "level": {level}, "parent": {parent}}
		for k, v := range more {
			fields[k] = v
		}
		return root.upload("/admin/bodies", fields, "boundary", file)
	}
	root.read("/admin/bodies", "There are no bodies yet.", "No body has a boundary yet.")
	root.read("/admin/bodies?street=Ringstr", "goes to nobody")
	w.put(defect{ID: "waiting", Street: "Ringstraße", Share: .5, State: "confirmed", Severity: .8, Devices: 5, Days: 3, Order: "new"})
	if _, err := w.pool.Exec(context.Background(), `update orders set body = ''`); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"no json":                                    "is no GeoJSON",
		`{"type":"Point","coordinates":[1,2]}`:       "The geometry is a Point",
		`{"type":"FeatureCollection","features":[]}`: "holds 0 features",
		`{"type":"Polygon","coordinates":[[[1,2],[2,3],[3,1],[1,1]]]}`:                                                          "not closed",
		`{"type":"Polygon","coordinates":[[[448,15],[449,15],[449,16],[448,15]]]}`:                                              "off the globe",
		`{"type":"Polygon","coordinates":[[[15,48],[15.2,48.1],[15.2,48],[15,48.2],[15,48]]]}`:                                  "crosses itself near 48.06",
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[15,48],[15,48],[15,48]]]}}`:                            "3 positions",
		`{"type":"MultiPolygon","coordinates":[[[[15,48],[16,48],[16,49],[15,48]]],[[[15.5,48],[17,48],[15.5,49],[15.5,48]]]]}`: "crosses itself near 48.",
		`{"type":"Polygon","coordinates":[[[15],[15,49],[16,49],[15]]]}`:                                                        "not two numbers",
		`{"type":"Polygon","coordinates":[[[15,48],[16,48],["16",49],[15,48]]]}`:                                                "cannot be read",
		`{"type":"Polygon","coordinates":[[[-60,-50],[60,-50],[60,50],[-60,50],[-60,-50]]]}`:                                    "million km²",
		`{"type":"Polygon","coordinates":[[` + strings.Repeat("[15,48],[15,49],", 10001) + `[16,49],[15,48]]]}`:                 "than 20000",
	} {
		if answer, body := add("Krems", "city", "", file, nil); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, want) || !strings.Contains(body, `value="Krems"`) {
			t.Errorf("%.60s: %s, and no %q", file, answer.Status, want)
		}
	}
	if answer, body := add("Krems <b>", "city", "", `{"type":"Feature","properties":{},"geometry":`+square(.05)+`}`, url.Values{"email": {"works@krems.example"}, "phone": {"+43 2732 801"}}); answer.StatusCode != http.StatusOK ||
		!strings.Contains(body, "The body is added. One open order that was with nobody is with a body now.") || !strings.Contains(body, "<svg class=\"mini\"") {
		t.Fatalf("the city: %s", answer.Status)
	}
	// What is drawn comes as text; what was wrong with it stands there again, and a file goes before it.
	crossed := `{"type":"Polygon","coordinates":[[[15,48],[15.2,48.1],[15.2,48],[15,48.2],[15,48]]]}`
	if answer, body := add("Stein", "district", "krems-b", "", url.Values{"geojson": {crossed}}); answer.StatusCode != http.StatusUnprocessableEntity ||
		!strings.Contains(body, "crosses itself near 48.06") || !strings.Contains(body, html.EscapeString(crossed)) {
		t.Errorf("a drawn boundary that crosses itself: %s", answer.Status)
	}
	if answer, body := add("", "district", "krems-b", "", url.Values{"geojson": {square(.02)}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "15.58") {
		t.Errorf("a drawn boundary without a name: %s", answer.Status)
	}
	add("Stein", "district", "krems-b", square(.03), url.Values{"geojson": {crossed}})
	add("Water", "", "", "", url.Values{"class": {"casting"}, "external": {"1"}})
	add("Roads", "province", "", "", url.Values{"street": {"main"}, "streets": {"motorway, trunk"}})
	if answer, body := add("Stein", "district", "", "", nil); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Another body has this name") {
		t.Errorf("the same name again: %s", answer.Status)
	}
	root.read("/admin/bodies", `class="d1"`, "Krems &lt;b&gt;", "works on its own", "Main streets, motorway, trunk", "Sunken manhole")
	root.read("/admin/bodies?street=Obere+Landstr&class=pothole", "A pothole at Obere Landstraße goes to Stein.", "smallest boundary", "<li>Krems &lt;b&gt;</li>")
	root.read("/admin/bodies?street=48.41,15.6&class=casting", "goes to Water.", "It names this class.")
	root.read("/admin/bodies?street=zzz", "No street begins with")

	// Two administrators at once: the second sees the first one's change.
	city := func(version, name string, more ...string) (*http.Response, string) {
		fields := url.Values{"version": {version}, "name": {name}, "level": {"city"}}
		for i := 0; i+1 < len(more); i += 2 {
			fields.Set(more[i], more[i+1])
		}
		return root.upload("/admin/bodies/krems-b", fields, "boundary", "")
	}
	if answer, body := city("1", "Krems an der Donau", "phone", "+43 2732 802"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Saved.") {
		t.Errorf("rename: %s", answer.Status)
	}
	if n := count(w, `select count(*) from orders where body = 'Krems an der Donau'`); n != 1 {
		t.Error("the order does not follow the name")
	}
	if answer, body := city("1", "Krems!"); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "2732 801 → ") || !strings.Contains(body, `value="Krems!"`) || !strings.Contains(body, `name="version" value="2"`) {
		t.Errorf("over somebody else's change: %s", answer.Status)
	}
	if answer, body := city("2", "Krems", "parent", "stein"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Stein is not on a higher level.") {
		t.Errorf("a city under its district: %s", answer.Status)
	}
	if answer, body := city("2", "Krems", "level", "", "parent", "stein"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "stands under this body itself") {
		t.Errorf("a circle: %s", answer.Status)
	}
	if answer, body := city("2", "", "do", "retire"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Bodies stand under it (1)") {
		t.Errorf("retire what others stand under: %s", answer.Status)
	}
	if answer, _ := root.upload("/admin/bodies/stein", url.Values{"version": {"1"}, "do": {"retire"}}, "", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("retire: %s", answer.Status)
	}
	root.read("/admin/bodies?street=Obere+Landstr", "goes to Krems an der Donau.", "One retired body")
	root.read("/admin/log?action=body", "Retired a body", "retired: no → yes", "boundary: everywhere → ", "name: Krems &lt;b&gt; → Krems an der Donau")

	// The same over the interface.
	var got struct {
		Boundary struct {
			Coordinates [][][][2]float64
		}
		Version int64
		Routed  int
	}
	if answer, body := root.call("GET", "/bodies/krems-b", "", ""); answer.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &got) != nil || got.Version != 2 || len(got.Boundary.Coordinates) != 1 {
		t.Fatalf("the city: %s %s", answer.Status, body)
	}
	if ring := got.Boundary.Coordinates[0][0]; ring[1][0] <= ring[0][0] {
		t.Errorf("the ring is wound as it came: %v", ring)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/bodies", `{"name":"Und","level":"district","parent":"krems-b","boundary":` + square(.01) + `}`, 201, `"id":"und"`},
		{"POST", "/bodies", `{"name":"Egelsee","boundary":{"type":"Polygon","coordinates":[]}}`, 422, ""},
		{"POST", "/bodies", `{"name":"Egelsee","email":"nobody"}`, 422, "e-mail"},
		{"PUT", "/bodies/und", `{"name":"Und","version":1}`, 200, `"version":2`},
		{"PUT", "/bodies/und", `{"name":"Und","version":1}`, 409, "version 2"},
		{"PUT", "/bodies/none", `{"name":"Und","version":1}`, 404, ""},
		{"PUT", "/bodies/und/retirement", `{"retired":true,"version":2}`, 200, `"retired_at":"2026`},
		{"PUT", "/bodies/und", `{"name":"Und","version":3}`, 422, "retired"},
		{"GET", "/bodies", "", 200, `"phone":"+43 2732 802"`},
		{"GET", "/routing?street=48.41,15.6&class=casting", "", 200, `"sentence":"A sunken manhole`},
		{"GET", "/routing?street=zzz", "", 404, ""},
	} {
		if answer, body := root.call(c.method, c.path, c.body, ""); answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %s %s", c.method, c.path, answer.Status, body)
		}
	}
}

// draws has an administrator draw a boundary where a browser shows the page of a body without one: by mouse, by keys and by finger.
func (b *browser) draws(w *town, id string) {
	b.t.Helper()
	b.open(w.http.URL + "/admin/bodies/" + id)
	corners := func(n int) {
		b.t.Helper()
		b.wait(fmt.Sprintf(`bmap.dataset.corners === '%d'`, n))
	}
	at := func(x, y float64) (float64, float64) { // shares of the map
		b.t.Helper()
		box := eval[[]float64](b, `(bmap.scrollIntoView({block: 'center'}), (r => [r.x, r.y, r.width, r.height])(bmap.getBoundingClientRect()))`)
		return box[0] + x*box[2], box[1] + y*box[3]
	}
	click := func(x, y float64) {
		b.t.Helper()
		x, y = at(x, y)
		run(b, chromedp.MouseClickXY(x, y))
	}
	for i, p := range [][2]float64{{.2, .2}, {.7, .2}, {.7, .7}, {.2, .7}} {
		click(p[0], p[1])
		corners(i + 1)
	}
	b.wait(`bmap.board.inSight.length === 8`)
	b.wait(`bmap.glmap.queryRenderedFeatures({layers: ['around']}).some(f => f.properties.name === 'Stein')`)
	drag := func(kind input.DispatchMouseEventType, x, y float64) {
		b.t.Helper()
		x, y = at(x, y)
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
	}
	drag(input.DispatchMouseEventTypeMousePressed, .45, .2) // the middle of a side becomes a corner
	drag(input.DispatchMouseEventTypeMouseMoved, .45, .12)
	drag(input.DispatchMouseEventTypeMouseReleased, .45, .12)
	corners(5)
	if lat := eval[[]float64](b, `JSON.parse(geojson.value).coordinates[0][0].map(c => c[1])`); len(lat) != 6 || lat[1] <= lat[0] {
		b.t.Errorf("what was dragged: %v", lat)
	}

	// A hole by keys: from the middle of the map, three corners that keys set and move.
	eval[chromedp.Void](b, `void bmap.glmap.getCanvas().focus()`)
	for _, key := range []string{"r", "Enter", "Enter", "Enter"} {
		b.press(key)
	}
	corners(8)
	before := eval[string](b, `geojson.value`)
	run(b, chromedp.KeyEvent(kb.ArrowUp))
	b.wait(fmt.Sprintf(`geojson.value !== %q && bmap.dataset.corners === '8'`, before))
	b.press("z") // no key
	run(b, chromedp.KeyEvent(kb.Delete))
	corners(7)
	run(b, chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	corners(8)

	// A finger beside a corner takes it to hand.
	x, y := at(.2, .7)
	call(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x + 15, Y: y}}})
	call(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
	b.wait(`bmap.querySelector('.tell').textContent.startsWith('Corner 5 of 5')`)
	corners(8)
	b.shoot("body-drawn", true)
	b.tap(".body .pri")
	b.reads("Saved.")
	if n := count(w, `select count(*) from bodies where id = $1 and area_m2 between 1e4 and 1e8 and octet_length(shape) > 150`, id); n != 1 {
		b.t.Error("what was drawn is not on record")
	}
	b.wait(`bmap.dataset.corners === '8'`)
	b.clean("drawing")
}
