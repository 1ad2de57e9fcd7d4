package evaluate

import (
	"math"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Naive is the published rule: a pothole is where n different devices have felt a jolt within 15 m of each other. A jolt
// joins the nearest cluster whose mean is within that distance.
func Naive(lines []wire.Line, n int) []Found {
	type cluster struct {
		lat, lon float64
		jolts    float64
		devices  map[string]bool
		found    int // index in the result, -1: not yet
	}
	type square struct{ x, y int }
	const side = 0.0003 // degrees: 33 m
	grid := map[square][]*cluster{}
	key := func(lat, lon float64) square {
		return square{int(math.Floor(lon / side)), int(math.Floor(lat / side))}
	}
	var out []Found
	for _, l := range lines {
		if l.Kind != wire.Bump {
			continue
		}
		var best *cluster
		least := nearM
		k := key(l.Lat, l.Lon)
		for dx := -1; dx <= 1; dx++ {
			for dy := -1; dy <= 1; dy++ {
				for _, c := range grid[square{k.x + dx, k.y + dy}] {
					if d := geo.Distance(orb.Point{l.Lon, l.Lat}, orb.Point{c.lon, c.lat}); d <= least {
						best, least = c, d
					}
				}
			}
		}
		if best == nil {
			best = &cluster{lat: l.Lat, lon: l.Lon, devices: map[string]bool{}, found: -1}
			grid[k] = append(grid[k], best)
		}
		best.jolts++
		best.lat += (l.Lat - best.lat) / best.jolts
		best.lon += (l.Lon - best.lon) / best.jolts
		best.devices[l.Device] = true
		if best.found < 0 && len(best.devices) >= n {
			best.found = len(out)
			out = append(out, Found{At: l.Time})
		}
		if best.found >= 0 {
			out[best.found].Lat, out[best.found].Lon = best.lat, best.lon
		}
	}
	return out
}
