package geo_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/maptile"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/geo"
)

func heading(deg float64) *float64 { return &deg }

func TestNearest(t *testing.T) {
	t.Parallel()
	n := geo.NewNetwork(read(t, "testdata/crossing.osm"))
	const north, south = 48.00505, 48.00495 // 5.6 m from Lange Gasse
	for name, test := range map[string]struct {
		p        orb.Point
		heading  *float64
		street   int64
		towards  float64
		side     string
		from, to string
	}{
		"eastbound, over the seam of two ways": {orb.Point{15.007, south}, heading(80), 100, 90, geo.Right, "Am Bach", "Äußere Straße"},
		"westbound":                            {orb.Point{15.007, south}, heading(275), 100, 270, geo.Right, "Äußere Straße", "Am Bach"},
		"on the way drawn the other way":       {orb.Point{15.010, south}, heading(90), 101, 90, geo.Left, "Am Bach", "Äußere Straße"},
		"no heading: it drives on the right":   {orb.Point{15.007, north}, nil, 100, 270, geo.Left, "Äußere Straße", "Am Bach"},
		"beyond the last cross street":         {orb.Point{15.013, south}, heading(90), 101, 90, geo.Left, "Äußere Straße", ""},
		"the heading decides at the corner":    {orb.Point{15.01105, 48.00504}, heading(2), 103, 0, geo.Right, "Lange Gasse", ""},
		"and for the other street":             {orb.Point{15.01105, 48.00504}, heading(92), 101, 90, geo.Right, "Äußere Straße", ""},
		"one way, whatever the heading":        {orb.Point{15.00798, 48.0065}, heading(0), 104, 180, geo.Right, "", "Lange Gasse"},
	} {
		m, ok := n.Nearest(test.p, test.heading, 30)
		if !ok {
			t.Errorf("%s: nothing", name)
			continue
		}
		if m.Street.ID != test.street || geo.HeadingDiff(m.HeadingDeg, test.towards) > 0.1 || m.Side != test.side || m.From != test.from || m.To != test.to {
			t.Errorf("%s: %d %.1f° %s from %q to %q", name, m.Street.ID, m.HeadingDeg, m.Side, m.From, m.To)
		}
	}
	m, _ := n.Nearest(orb.Point{15.007, south}, nil, 30)
	if math.Abs(m.DistanceM-5.56) > 0.01 || math.Abs(m.AlongM-372) > 1 {
		t.Errorf("%.2f m away, %.1f m along", m.DistanceM, m.AlongM)
	}
	if _, ok := n.Nearest(orb.Point{15.007, 48.0058}, nil, 30); ok {
		t.Error("a street 89 m away is near")
	}
	if m, ok := n.Nearest(orb.Point{15.007, 48.02}, nil, 5000); !ok || m.DistanceM < 1000 {
		t.Error("nothing within 5 km")
	}
	if _, ok := n.Nearest(orb.Point{15.0065, 48.008}, nil, 30); ok {
		t.Error("a footway is no street for cars")
	}
}

func TestAnEmptyNetwork(t *testing.T) {
	t.Parallel()
	n := geo.NewNetwork(&geo.Map{})
	if _, ok := n.Nearest(orb.Point{15, 48}, nil, 1e9); ok || !n.Empty() || n.Search("a", 5) != nil {
		t.Error("found something")
	}
	if tile, err := n.Tile(geo.StreetsLayer, 0, 0, 0); err != nil || len(tile) != 0 {
		t.Errorf("%d bytes, %v", len(tile), err)
	}
}

// Nearest is what a look at every street would have found.
func TestNearestFindsTheNearest(t *testing.T) {
	t.Parallel()
	m := read(t, kremsFile)
	n := geo.NewNetwork(m)
	rapid.Check(t, func(t *rapid.T) {
		p := orb.Point{
			rapid.Float64Range(m.Bound.Min.Lon()-0.01, m.Bound.Max.Lon()+0.01).Draw(t, "lon"),
			rapid.Float64Range(m.Bound.Min.Lat()-0.01, m.Bound.Max.Lat()+0.01).Draw(t, "lat"),
		}
		reach := rapid.Float64Range(1, 3000).Draw(t, "reach")
		least := math.Inf(1)
		for i := range m.Streets {
			if s := &m.Streets[i]; s.Drivable() {
				least = min(least, distanceToLine(p, s.Line))
			}
		}
		match, ok := n.Nearest(p, nil, reach)
		if ok != (least <= reach) && math.Abs(least-reach) > 0.5 {
			t.Fatalf("found %v; the nearest is %g m away, the reach %g", ok, least, reach)
		}
		if ok && math.Abs(match.DistanceM-least) > 0.01+least/1000 {
			t.Errorf("%g m, want %g", match.DistanceM, least)
		}
	})
}

// distanceToLine measures on a flat map around p.
func distanceToLine(p orb.Point, line orb.LineString) float64 {
	least := math.Inf(1)
	east, north := geo.Distance(p, orb.Point{p[0] + 0.001, p[1]})*1000, geo.Distance(p, orb.Point{p[0], p[1] + 0.001})*1000
	for i := range len(line) - 1 {
		ax, ay := (line[i][0]-p[0])*east, (line[i][1]-p[1])*north
		bx, by := (line[i+1][0]-p[0])*east, (line[i+1][1]-p[1])*north
		share := -(ax*(bx-ax) + ay*(by-ay)) / ((bx-ax)*(bx-ax) + (by-ay)*(by-ay))
		share = max(0, min(1, share))
		least = min(least, math.Hypot(ax+share*(bx-ax), ay+share*(by-ay)))
	}
	return least
}

func TestSearch(t *testing.T) {
	t.Parallel()
	n := geo.NewNetwork(read(t, "testdata/crossing.osm"))
	for query, want := range map[string][]string{
		"lan":                         {"Lange Gasse"},
		"GASSE":                       {"Lange Gasse"},
		"aussere s":                   {"Äußere Straße"},
		"a":                           {"Am Bach", "Äußere Straße"},
		"s":                           {"Steig", "Äußere Straße"},
		"":                            nil,
		"zzz":                         nil,
		"Lange Gasse 12a, 3500 Krems": {"Lange Gasse"},
		"12 Lange Gasse":              {"Lange Gasse"},
		"langegasse":                  {"Lange Gasse"},
		"Lange G.":                    {"Lange Gasse"},
		"aeussere str.":               {"Äußere Straße"},
		"Am Xyz":                      nil,
		", ;":                         nil,
	} {
		var got []string
		for _, found := range n.Search(query, 10) {
			got = append(got, found.Name)
			if _, ok := n.Nearest(found.Point, nil, 1); !ok && found.Name != "Steig" {
				t.Errorf("%s is not on its street", found.Name)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
	if got := n.Search("a", 1); len(got) != 1 {
		t.Errorf("limit 1: %v", got)
	}
}

func TestTiles(t *testing.T) {
	t.Parallel()
	m := read(t, kremsFile)
	n := geo.NewNetwork(m)
	if got := fmt.Sprint(n.Search("Ringstr. 7", 9)); !strings.Contains(got, "{Ringstraße ") || !strings.Contains(got, "{Retzer Bundesstraße / Ringstraße ") {
		t.Errorf("a street with two names: %s", got)
	}
	for _, street := range n.Streets() {
		if street.Name != "" || !street.Drivable() {
			continue
		}
		if near := n.NearestName(street.Line[0], 400); near != "" && n.NearestName(street.Line[0], 1e4) != near || n.NearestName(street.Line[0], 1e4) == "" {
			t.Errorf("the name near way %d: %q", street.ID, near)
		}
	}
	classes := func(z maptile.Zoom) map[string]bool {
		tile := maptile.At(orb.Point{15.6082, 48.4095}, z)
		encoded, err := n.Tile(geo.StreetsLayer, uint32(z), tile.X, tile.Y)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := mvt.Unmarshal(encoded)
		if err != nil || len(layers) != 1 || layers[0].Name != geo.StreetsLayer {
			t.Fatalf("%d layers, %v", len(layers), err)
		}
		seen := map[string]bool{}
		for _, f := range layers[0].Features {
			seen[f.Properties.MustString("class")] = true
			if _, ok := f.Properties["oneway"].(bool); !ok {
				t.Fatalf("properties %v", f.Properties)
			}
			if b := f.Geometry.Bound(); b.Min[0] < -256 || b.Max[1] > 4096+256 {
				t.Fatalf("beyond the buffer: %v", b)
			}
		}
		return seen
	}
	for z, want := range map[maptile.Zoom][3]bool{11: {true, false, false}, 13: {true, true, false}, 14: {true, true, true}} {
		seen := classes(z)
		if got := [3]bool{seen["trunk"], seen["residential"], seen["footway"] || seen["service"]}; got != want {
			t.Errorf("zoom %d: %v", z, seen)
		}
	}
	tile := maptile.At(orb.Point{15.63, 48.403}, 13)
	encoded, err := n.Tile(geo.GroundLayer, 13, tile.X, tile.Y)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := mvt.Unmarshal(encoded)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, f := range layers[0].Features {
		kinds[f.Properties.MustString("kind")] = true
	}
	if !kinds[geo.Water] || !kinds[geo.Wood] || !kinds[geo.RailLine] {
		t.Errorf("ground: %v", kinds)
	}
	again, err := geo.NewNetwork(read(t, kremsFile)).Tile(geo.GroundLayer, 13, tile.X, tile.Y)
	if err != nil || !bytes.Equal(again, encoded) {
		t.Error("the same tile differs")
	}
	for _, bad := range [][3]uint32{{1, 2, 0}, {30, 0, 0}} {
		if _, err := n.Tile(geo.StreetsLayer, bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("tile %v", bad)
		}
	}
	if _, err := n.Tile("places", 0, 0, 0); err == nil {
		t.Error("a layer of somebody else's")
	}
}

func TestANetworkServesManyAtOnce(t *testing.T) {
	t.Parallel()
	n := geo.NewNetwork(read(t, kremsFile))
	tile := maptile.At(orb.Point{15.6082, 48.4095}, 14)
	want, err := n.Tile(geo.StreetsLayer, 14, tile.X, tile.Y)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				got, err := n.Tile(geo.StreetsLayer, 14, tile.X, tile.Y)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("another tile, %v", err)
				}
				n.Nearest(orb.Point{15.6082, 48.4095}, nil, 100)
			}
		})
	}
	all.Wait()
}

func ExampleNetwork_Nearest() {
	file, err := os.Open("testdata/crossing.osm")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	m, err := geo.ReadOSM(context.Background(), file, file.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	east := 88.0
	match, _ := geo.NewNetwork(m).Nearest(orb.Point{15.007, 48.00495}, &east, 30)
	fmt.Printf("%s between %s and %s, %.0f°\n", match.Street.Name, match.From, match.To, match.HeadingDeg)
	// Output: Lange Gasse between Am Bach and Äußere Straße, 90°
}

func BenchmarkTile(b *testing.B) {
	n := geo.NewNetwork(read(b, kremsFile))
	for _, layer := range []string{geo.StreetsLayer, geo.GroundLayer} {
		for _, z := range []maptile.Zoom{12, 14, 16} {
			b.Run(fmt.Sprintf("%s/z%d", layer, z), func(b *testing.B) {
				tile := maptile.At(orb.Point{15.6082, 48.4095}, z)
				for b.Loop() {
					if _, err := n.Tile(layer, uint32(z), tile.X, tile.Y); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	n := geo.NewNetwork(read(b, kremsFile))
	east := 90.0
	for b.Loop() {
		n.Nearest(orb.Point{15.6082, 48.4095}, &east, 50)
	}
}
