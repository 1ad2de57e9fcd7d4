package geo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func register(t *testing.T, text, usual string) *geo.Register {
	t.Helper()
	r, err := geo.ReadRegister(strings.NewReader(text), usual)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const hydraulics = "Asset ID;Type;Latitude;Longitude;Heading_deg\r\n" +
	"M-1;Manhole cover;48,4101;15,6001;\r\n" +
	"M-2;Valve;48.4102;15.6002;450\r\n" + // no angle
	"M-3;Birdbath;48.4103;15.6003;\r\n" +
	"M-4;Gully;;15.6003;\r\n" +
	"M-5;Gully;5364000;592000;\r\n" +
	"M-6;Gully;48.4106\r\n" +
	"\"M-7\";\"Speed hump\";48.4107;15.6007;-90\r\n"

func TestARegisterAsCSV(t *testing.T) {
	t.Parallel()
	r := register(t, strings.ReplaceAll(hydraulics, "Asset ID", "id"), "")
	if len(r.Fixtures) != 2 || !r.Whole {
		t.Fatalf("%+v", r)
	}
	first, last := r.Fixtures[0], r.Fixtures[1]
	if first.ID != "M-1" || first.Kind != geo.Casting || first.Point != (orb.Point{15.6001, 48.4101}) || first.HeadingDeg != nil {
		t.Errorf("%+v", first)
	}
	if last.ID != "M-7" || last.Kind != geo.SpeedBump || last.HeadingDeg == nil || *last.HeadingDeg != 270 {
		t.Errorf("%+v", last)
	}
	want := []geo.RefusedRow{
		{Line: 3, Reason: "heading_deg"}, {Line: 4, Reason: `kind "Birdbath"`}, {Line: 5, Reason: "lat"}, {Line: 6, Reason: "WGS 84"}, {Line: 7, Reason: "3 columns"},
	}
	if len(r.Refused) != len(want) {
		t.Fatalf("%+v", r.Refused)
	}
	for i, w := range want {
		if got := r.Refused[i]; got.Line != w.Line || !strings.Contains(got.Reason, w.Reason) {
			t.Errorf("refused %+v, want %+v", got, w)
		}
	}
}

func TestARegisterOfOneKindNeedsNoColumn(t *testing.T) {
	t.Parallel()
	r := register(t, "lat,lon\n48.41,15.6\n48.42,15.6\n48.410000,15.60000\n", geo.Casting)
	if len(r.Fixtures) != 2 || r.Repeated != 1 || r.Fixtures[0].Kind != geo.Casting || r.Fixtures[0].ID == r.Fixtures[1].ID {
		t.Errorf("%+v", r)
	}
	if _, err := geo.ReadRegister(strings.NewReader("lat,lon\n48.41,15.6\n"), ""); err == nil || !strings.Contains(err.Error(), "--kind") {
		t.Error(err)
	}
}

const bumps = `{"type":"FeatureCollection","name":"bumps","features":[
 {"type":"Feature","id":7,"properties":{"traffic_calming":"cushion","heading_deg":10},"geometry":{"type":"Point","coordinates":[15.6,48.41]}},
 {"type":"Feature","properties":{"kind":"level_crossing","id":"x"},"geometry":{"type":"Point","coordinates":[15.61,48.41,200]}},
 {"type":"Feature","properties":{"kind":"joint"},"geometry":{"type":"LineString","coordinates":[[15.61,48.41],[15.62,48.41]]}},
 {"type":"Feature","properties":{"kind":"joint"},
  "geometry":null},
 {"type":"Feature","properties":{"kind":"speed_table","id":"x"},"geometry":{"type":"Point","coordinates":[15.62,48.41]}},
 17
]}`

func TestARegisterAsGeoJSON(t *testing.T) {
	t.Parallel()
	r := register(t, "\ufeff"+bumps, "")
	if len(r.Fixtures) != 2 || !r.Whole || r.Fixtures[0].ID != "7" || r.Fixtures[0].Kind != geo.SpeedBump || r.Fixtures[1].Kind != geo.Rail {
		t.Errorf("%+v", r)
	}
	var lines []int
	for _, refused := range r.Refused {
		lines = append(lines, refused.Line)
	}
	if fmt.Sprint(lines) != "[4 5 7 8]" || !strings.Contains(r.Refused[2].Reason, "on line 3") {
		t.Errorf("%+v", r.Refused)
	}
	begin, _, _ := strings.Cut(bumps, "LineString")
	cut := register(t, begin, "")
	if len(cut.Fixtures) != 2 || cut.Whole || len(cut.Refused) != 1 || cut.Refused[0].Line != 4 {
		t.Errorf("cut off: %+v", cut)
	}
	for _, other := range []string{"", "[]", "{}", `{"features":{}}`, "id,name\n1,x\n"} {
		if _, err := geo.ReadRegister(strings.NewReader(other), ""); err == nil {
			t.Errorf("%q is a register", other)
		}
	}
}

// A register and OpenStreetMap's furniture live side by side; the same file again changes nothing.
func TestSourcesAreKeptApart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	m := read(t, "testdata/crossing.osm")
	m.Furniture = []geo.Furniture{{ID: 1, Kind: geo.Rail, Point: orb.Point{15.6, 48.41}}}
	save := func(text, source string, want string) {
		t.Helper()
		saved, err := register(t, text, "").Save(ctx, pool, source)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(saved.Added, saved.Changed, saved.Same, saved.Removed, len(saved.Cells)); got != want {
			t.Errorf("added, changed, same, removed, cells: %s, want %s", got, want)
		}
	}
	count := func(where string) (n int) {
		if err := pool.QueryRow(ctx, "select count(*) from furniture where "+where).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		if err := m.Save(ctx, pool); err != nil {
			t.Fatal(err)
		}
		if loaded, err := geo.Load(ctx, pool); err != nil || len(loaded.Furniture) != 1 || loaded.Furniture[0] != m.Furniture[0] {
			t.Fatalf("%+v, %v", loaded.Furniture, err)
		}
	}
	two := "id,kind,lat,lon\n1,hump,48.41,15.6\n2,valve,48.42,15.6\n"
	save(two, "works", "2 0 0 0 2")
	save(two, "works", "0 0 2 0 0")
	save(two, "water", "2 0 0 0 2")
	save("id,kind,lat,lon\n2,valve,48.43,15.6\n", "works", "0 1 0 1 3")
	save(`{"features":[{"type":"Feature","properties":{"kind":"hump","id":"3"},"geometry":{"type":"Point","coordinates":[15,48]}},`, "works", "1 0 0 0 1")
	if err := m.Save(ctx, pool); err != nil {
		t.Fatal(err)
	}
	if o, w, c := count("source = 'openstreetmap'"), count("source = 'works'"), count("cell is null"); o != 1 || w != 2 || c != 0 {
		t.Error(o, w, c)
	}
	if _, err := pool.Exec(ctx, `update furniture set cell = null`); err != nil {
		t.Fatal(err)
	}
	if n, err := geo.PlaceFurniture(ctx, pool); err != nil || n != 5 || count("cell is null") != 0 {
		t.Error(n, err)
	}
	if _, err := register(t, two, "").Save(ctx, pool, geo.OpenStreetMap); err == nil {
		t.Error("a register took OpenStreetMap's name")
	}
}

// Whatever a file holds, an entry is either kept, or a repetition, or refused with its line.
func FuzzReadRegister(f *testing.F) {
	for _, seed := range []string{hydraulics, bumps, bumps[:200], "", "lat,lon,kind\n1,2,hump\n", "lat\tlon\tkind\n\"1\t2\thump\n", "\ufefflat;lon;kind\n1,5;2;rail",
		"lat,lon\nNaN,inf\n1e999,0\n", `{"features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"id":"\u0000"}}]}`,
		`{"features":[[[[[`, `{"features":[null,{},{"type":"Feature","id":1e400}]} trailing`, "id,lat,lon\n\xff,1,1\n", "{\"features\":[\n\n}"} {
		f.Add([]byte(seed), geo.Casting)
		f.Add([]byte(seed), "")
	}
	f.Fuzz(func(t *testing.T, text []byte, usual string) {
		if usual != "" {
			usual = geo.Casting
		}
		r, err := geo.ReadRegister(strings.NewReader(string(text)), usual)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, fixture := range r.Fixtures {
			if seen[fixture.ID] || fixture.ID == "" {
				t.Errorf("id %q twice, or none", fixture.ID)
			}
			seen[fixture.ID] = true
			if kind, err := geo.ParseKind(fixture.Kind); err != nil || kind != fixture.Kind {
				t.Errorf("kind %q", fixture.Kind)
			}
			if _, err := geo.FineCell(fixture.Point.Lat(), fixture.Point.Lon()); err != nil {
				t.Error(err)
			}
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, refused := range r.Refused {
			if refused.Line < 1 || refused.Line > lines {
				t.Errorf("line %d of %d: %s", refused.Line, lines, refused.Reason)
			}
		}
		var collection struct{ Features []json.RawMessage }
		if json.Unmarshal(text, &collection) == nil && r.Whole {
			if n := len(r.Fixtures) + r.Repeated + len(r.Refused); n != len(collection.Features) {
				t.Errorf("%d of %d features are accounted for", n, len(collection.Features))
			}
		}
	})
}
