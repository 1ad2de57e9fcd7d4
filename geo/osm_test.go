package geo_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

const kremsFile = "../firmware-sim/town/krems.osm.gz"

func read(t testing.TB, path string) *geo.Map {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := geo.ReadOSM(context.Background(), file, path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func street(t *testing.T, m *geo.Map, id int64) geo.Street {
	t.Helper()
	for _, s := range m.Streets {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no street %d", id)
	return geo.Street{}
}

func TestReadOSMByHand(t *testing.T) {
	t.Parallel()
	m := read(t, "testdata/crossing.osm")
	if len(m.Streets) != 6 {
		t.Errorf("%d streets, want 6", len(m.Streets))
	}
	long := street(t, m, 100)
	if long.Name != "Lange Gasse" || long.Class != "residential" || long.Lanes != 2 || long.Oneway || !long.Drivable() || len(long.Line) != 4 {
		t.Errorf("Lange Gasse: %+v", long)
	}
	against := street(t, m, 104)
	if !against.Oneway || against.Line[0].Lat() < against.Line[1].Lat() {
		t.Errorf("oneway=-1 is not turned round: %+v", against)
	}
	steps := street(t, m, 105)
	if steps.Drivable() || len(steps.Line) != 3 {
		t.Errorf("a footway cut off at the extract's edge: %+v", steps)
	}
	kinds := map[int64]string{}
	for _, f := range m.Furniture {
		kinds[f.ID] = f.Kind
	}
	if len(kinds) != 3 || kinds[11] != geo.SpeedBump || kinds[12] != geo.Rail || kinds[13] != geo.Casting {
		t.Errorf("furniture: %v", kinds)
	}
	if len(m.Ground) != 2 || m.Ground[0].Kind != geo.Water || m.Ground[0].Name != "Weiher" || m.Ground[1].Kind != geo.RailLine {
		t.Fatalf("ground: %+v", m.Ground)
	}
	lake, ok := m.Ground[0].Shape.(orb.MultiPolygon)
	if !ok || len(lake) != 1 || len(lake[0]) != 2 || lake[0][0].Orientation() != orb.CCW || lake[0][1].Orientation() != orb.CW {
		t.Errorf("lake: %v", m.Ground[0].Shape)
	}
	if m.Attribution != geo.Attribution || m.Bound.Min != (orb.Point{15, 48}) || m.Bound.Max != (orb.Point{15.02, 48.01}) {
		t.Errorf("%s, %v", m.Attribution, m.Bound)
	}
}

func TestReadOSMFormats(t *testing.T) {
	t.Parallel()
	krems := read(t, kremsFile)
	if len(krems.Streets) != 836 || len(krems.Furniture) != 21 {
		t.Errorf("Krems: %d streets, %d pieces of furniture", len(krems.Streets), len(krems.Furniture))
	}
	danube := false
	for _, g := range krems.Ground {
		// The extract has cut the river's banks at both ends.
		danube = danube || g.Kind == geo.Water && g.Name == "Donau" && g.Shape.Bound().Contains(orb.Point{15.63, 48.403})
	}
	if !danube {
		t.Error("no Danube")
	}
	corner := read(t, "testdata/helsinki-corner.osm.pbf")
	castings := 0
	for _, f := range corner.Furniture {
		if f.Kind == geo.Casting {
			castings++
		}
	}
	if len(corner.Streets) == 0 || castings == 0 {
		t.Errorf("Helsinki: %d streets, %d castings", len(corner.Streets), castings)
	}
}

func TestReadOSMRefuses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/crossing.osm")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(kremsFile)
	if err != nil {
		t.Fatal(err)
	}
	pbf, err := os.ReadFile("testdata/helsinki-corner.osm.pbf")
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	zipper := gzip.NewWriter(&page)
	zipper.Write([]byte("<html><body>404</body></html>")) // into memory
	zipper.Close()
	for name, file := range map[string]struct {
		content []byte
		want    string
	}{
		"streets.geojson":   {text, "named .osm"},
		"cut.osm":           {text[:len(text)/2], "cut off"},
		"cut.osm.gz":        {packed[:len(packed)/2], "cut off"},
		"cut.osm.pbf":       {pbf[:len(pbf)/2], "cut off"},
		"cut-head.osm.pbf":  {pbf[:7], "cut off"},
		"not-zipped.osm.gz": {text, "cannot be read"},
		"xml.osm.pbf":       {text, "cannot be read"},
		"empty.osm":         {nil, "nothing of OpenStreetMap"},
		"empty.osm.pbf":     {nil, "nothing of OpenStreetMap"},
		"page.osm.gz":       {page.Bytes(), "nothing of OpenStreetMap"},
		"broken.osm":        {[]byte("<osm><node id='x' lat='1' lon='2'/></osm>"), "cannot be read"},
	} {
		m, err := geo.ReadOSM(t.Context(), bytes.NewReader(file.content), name)
		if err == nil || !strings.Contains(err.Error(), file.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v; want an error with %q", name, m != nil, err, file.want)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := geo.ReadOSM(cancelled, bytes.NewReader(text), "crossing.osm"); err == nil {
		t.Error("read although the context is over")
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	empty, err := geo.Load(t.Context(), pool)
	if err != nil || len(empty.Streets) != 0 {
		t.Fatalf("before any import: %v, %v", empty, err)
	}
	for _, path := range []string{"testdata/helsinki-corner.osm.pbf", "testdata/crossing.osm"} {
		m := read(t, path)
		if err := m.Save(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		loaded, err := geo.Load(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		if len(loaded.Streets) != len(m.Streets) || len(loaded.Furniture) != len(m.Furniture) || len(loaded.Ground) != len(m.Ground) ||
			loaded.Attribution != m.Attribution || loaded.Bound != m.Bound {
			t.Errorf("%s: loaded %d streets of %d", path, len(loaded.Streets), len(m.Streets))
		}
		for i := range m.Streets {
			want, got := m.Streets[i], loaded.Streets[i]
			if !got.Line.Equal(want.Line) || got.Name != want.Name || got.Class != want.Class || got.Oneway != want.Oneway || got.Lanes != want.Lanes {
				t.Fatalf("street %+v, want %+v", got, want)
			}
		}
		for i := range m.Ground {
			if !orb.Equal(loaded.Ground[i].Shape, m.Ground[i].Shape) {
				t.Fatalf("ground %v, want %v", loaded.Ground[i], m.Ground[i])
			}
		}
	}
}

func FuzzReadOSM(f *testing.F) {
	text, err := os.ReadFile("testdata/crossing.osm")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`<osm><node id="1" lat="NaN" lon="1e400"/><node id="2" lat="91" lon="0"/></osm>`))
	f.Add([]byte(`<osm><node id="1" lat="1" lon="1"/><way id="1"><nd ref="1"/><nd ref="1"/><tag k="highway" v="residential"/></way></osm>`))
	f.Add([]byte(`<osm><node id="1" lat="1" lon="1"/><node id="2" lat="1" lon="2"/><way id="1"><nd ref="1"/><nd ref="2"/></way>` +
		`<relation id="1"><member type="way" ref="1" role="outer"/><tag k="type" v="multipolygon"/><tag k="natural" v="water"/></relation></osm>`))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := geo.ReadOSM(t.Context(), bytes.NewReader(content), "fuzz.osm")
		if err != nil {
			return
		}
		n := geo.NewNetwork(m)
		for i := range m.Streets {
			s := &m.Streets[i]
			if len(s.Line) < 2 {
				t.Fatalf("street %d has %d points", s.ID, len(s.Line))
			}
			if _, ok := n.Nearest(s.Line[0], nil, 10); !ok && s.Drivable() {
				t.Fatalf("nothing near the beginning of street %d", s.ID)
			}
		}
		for _, layer := range []string{geo.StreetsLayer, geo.GroundLayer} {
			if _, err := n.Tile(layer, 0, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}
