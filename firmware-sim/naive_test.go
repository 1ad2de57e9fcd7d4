package firmwaresim_test

import (
	"math"

	"github.com/paulmach/orb"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

const nearM = 15 // metres within which two positions are one place

// counted is what counting phones comes to.
type counted struct{ promoted, right, found, potholes, inventions int }

func (n counted) precision() float64 { return float64(n.right) / float64(max(1, n.promoted)) }
func (n counted) recall() float64    { return float64(n.found) / float64(max(1, n.potholes)) }

// heap is what fell within nearM of its first jolt.
type heap struct {
	at     orb.Point
	phones map[string]bool
}

// countPhones applies the rule of Street Bump: a place is a pothole once so many phones have felt something there. Potholes
// that count for recall were passed by eight trips of four honest phones.
func countPhones(sent []firmwaresim.Sent, truth firmwaresim.Truth, need int) counted {
	type square [2]int
	squareOf := func(p orb.Point) square {
		return square{int(math.Floor(p.Lat() / 0.0004)), int(math.Floor(p.Lon() / 0.0004))} // at least nearM wide below 68° of latitude
	}
	squares := map[square][]*heap{}
	var heaps []*heap
	for _, s := range sent {
		if s.Kind != wire.Bump {
			continue
		}
		p := orb.Point{s.Lon, s.Lat}
		var best *heap
		least := float64(nearM)
		here := squareOf(p)
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				for _, h := range squares[square{here[0] + dy, here[1] + dx}] {
					if d := geo.Distance(h.at, p); d < least {
						best, least = h, d
					}
				}
			}
		}
		if best == nil {
			best = &heap{p, map[string]bool{}}
			squares[here] = append(squares[here], best)
			heaps = append(heaps, best)
		}
		best.phones[s.Device] = true
	}
	var n counted
	found, lied := map[*firmwaresim.Object]bool{}, map[*firmwaresim.Invention]bool{}
	for _, h := range heaps {
		if len(h.phones) < need {
			continue
		}
		n.promoted++
		for _, o := range truth.Objects {
			if o.Class == "pothole" && !found[o] && geo.Distance(h.at, orb.Point{o.Lon, o.Lat}) < nearM {
				found[o] = true
				n.right++
				break
			}
		}
		for _, i := range truth.Inventions {
			if i.Adversary == "inventor" && geo.Distance(h.at, orb.Point{i.Lon, i.Lat}) < nearM {
				lied[i] = true
			}
		}
	}
	n.inventions = len(lied)
	for _, o := range truth.Objects {
		if o.Class == "pothole" && o.Trips >= 8 && o.Devices >= 4 {
			n.potholes++
			if found[o] {
				n.found++
			}
		}
	}
	return n
}
