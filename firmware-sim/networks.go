package firmwaresim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// streets makes the city's street network.
func (o CityOptions) streets() (*geo.Map, error) {
	if o.Streets != nil {
		return o.Streets, nil
	}
	r := o.stream(purposeStreets, 0)
	switch o.Network {
	case NetworkGrid:
		return gridTown(r, o.Blocks), nil
	case NetworkRadial:
		return radialTown(r, o.Blocks), nil
	case NetworkOrganic:
		return organicTown(r, o.Blocks), nil
	case NetworkTown:
		return TownStreets(context.Background())
	}
	return nil, fmt.Errorf("there is no street network %q: use grid, radial, organic or town", o.Network)
}

// origin is where a made-up city lies.
func origin(r *rand.Rand) orb.Point { return orb.Point{3.70 + r.Float64(), 50.9 + r.Float64()} }

// offset moves a point by metres east and north.
func offset(p orb.Point, east, north float64) orb.Point {
	return geo.Destination(geo.Destination(p, 90, east), 0, north)
}

// survey gathers a made-up city's streets.
type survey struct{ m geo.Map }

func (s *survey) add(class, name string, line orb.LineString) {
	if len(line) > 1 {
		s.m.Streets = append(s.m.Streets, geo.Street{ID: int64(len(s.m.Streets) + 1), Name: name, Class: class, Line: line})
	}
}

// gridTown makes a town of straight streets: every fifth is an arterial, blocks are 110 to 190 m long.
func gridTown(r *rand.Rand, blocks int) *geo.Map {
	from := origin(r)
	xs, ys := make([]float64, blocks+1), make([]float64, blocks+1)
	for i := 1; i <= blocks; i++ {
		xs[i], ys[i] = xs[i-1]+110+80*r.Float64(), ys[i-1]+110+80*r.Float64()
	}
	s := &survey{}
	for k := 0; k <= blocks; k++ {
		class := "residential"
		if k%5 == 2 {
			class = []string{"primary", "secondary", "tertiary"}[k/5%3]
		}
		var a, b orb.LineString
		for j := 0; j <= blocks; j++ {
			a, b = append(a, offset(from, xs[k], ys[j])), append(b, offset(from, xs[j], ys[k]))
		}
		s.add(class, fmt.Sprintf("%d Street", k+1), a)
		s.add(class, fmt.Sprintf("%d Avenue", k+1), b)
	}
	return &s.m
}

// radialTown makes a town of rings around a centre, 110 to 200 m apart, joined by streets that point to it. Main streets
// begin at the centre; with each doubling of the circumference as many side streets begin.
func radialTown(r *rand.Rand, blocks int) *geo.Map {
	from := origin(r)
	rings := max(3, blocks*6/10)
	main := 5 + r.IntN(4)
	const sectors = 64 // directions in which anything may lie
	radii := make([]float64, rings+1)
	squash := 0.75 + 0.5*r.Float64() // no town is round
	for i := 1; i <= rings; i++ {
		radii[i] = radii[i-1] + 110 + 90*r.Float64()
	}
	wobble := [2]float64{0.12 * r.Float64(), 6 * r.Float64()}
	at := func(ring, sector int) orb.Point {
		angle := 2 * math.Pi * float64(sector) / sectors
		d := radii[ring] * (1 + wobble[0]*math.Sin(2*angle+wobble[1]))
		return offset(from, d*math.Cos(angle), d*math.Sin(angle)*squash)
	}
	s := &survey{}
	begins := make([]int, sectors) // the ring at which a street in this direction begins; 0: none
	for k := range main {
		begins[k*sectors/main] = 1
	}
	for ring := 2; ring < rings; ring *= 2 {
		for sector := range sectors {
			if begins[sector] == 0 && sector%max(1, sectors/(8*ring)) == 0 && r.Float64() < 0.75 {
				begins[sector] = ring
			}
		}
	}
	for ring := 1; ring <= rings; ring++ {
		class := "residential"
		if ring%5 == 3 {
			class = []string{"secondary", "primary"}[r.IntN(2)]
		}
		var line orb.LineString
		gap := r.IntN(sectors)
		for k := range sectors + 1 {
			if class == "residential" && ring > 2 && (gap+k)%23 == 0 { // side streets do not run all the way round
				s.add(class, fmt.Sprintf("Ring %d", ring), line)
				line = nil
				continue
			}
			line = append(line, at(ring, k%sectors))
		}
		s.add(class, fmt.Sprintf("Ring %d", ring), line)
	}
	for sector, first := range begins {
		if first == 0 {
			continue
		}
		class := "residential"
		var line orb.LineString
		if first == 1 {
			class = []string{"primary", "secondary", "tertiary"}[r.IntN(3)]
			line = append(line, from)
		}
		for ring := first; ring <= rings; ring++ {
			line = append(line, at(ring, sector))
		}
		s.add(class, fmt.Sprintf("%d Road", sector+1), line)
	}
	return &s.m
}

// organicTown makes a town that grew: a net that is bent and torn, whose streets curve, with a fifth to a third of them
// missing and short dead ends.
func organicTown(r *rand.Rand, blocks int) *geo.Map {
	from := origin(r)
	const block = 150.0 // metres, about
	type wave struct{ kx, ky, phase, size float64 }
	var bends [2][4]wave
	for i := range bends {
		for k := range bends[i] {
			length := (3 + 9*r.Float64()) * block
			angle := 2 * math.Pi * r.Float64()
			bends[i][k] = wave{2 * math.Pi / length * math.Cos(angle), 2 * math.Pi / length * math.Sin(angle), 6 * r.Float64(), length * 0.035}
		}
	}
	bent := func(x, y float64) orb.Point {
		moved := [2]float64{x, y}
		for i := range bends {
			for _, w := range bends[i] {
				moved[i] += w.size * math.Sin(w.kx*x+w.ky*y+w.phase)
			}
		}
		return offset(from, moved[0], moved[1])
	}
	corner := make([][2]float64, (blocks+1)*(blocks+1))
	for i := range corner {
		x, y := float64(i/(blocks+1))*block, float64(i%(blocks+1))*block
		corner[i] = [2]float64{x + 28*r.NormFloat64(), y + 28*r.NormFloat64()}
	}
	s := &survey{}
	missing := 0.18 + 0.14*r.Float64()
	street := func(class string, a, b [2]float64) {
		name := fmt.Sprintf("%d Lane", len(s.m.Streets)+1)
		sag := 0.12 * r.NormFloat64()
		const pieces = 5
		var line orb.LineString
		for k := range pieces + 1 {
			f := float64(k) / pieces
			bow := sag * 4 * f * (1 - f)
			line = append(line, bent(a[0]+f*(b[0]-a[0])-bow*(b[1]-a[1]), a[1]+f*(b[1]-a[1])+bow*(b[0]-a[0])))
		}
		s.add(class, name, line)
	}
	classOf := func(k int) string {
		if k%6 != 2 && k%6 != 5 || k%4 == 1 {
			return "residential"
		}
		return []string{"secondary", "primary", "tertiary"}[k%3]
	}
	for i := 0; i <= blocks; i++ {
		for j := 0; j <= blocks; j++ {
			here := corner[i*(blocks+1)+j]
			if class := classOf(j); i < blocks && (class != "residential" || r.Float64() > missing) {
				street(class, here, corner[(i+1)*(blocks+1)+j])
			}
			if class := classOf(i); j < blocks && (class != "residential" || r.Float64() > missing) {
				street(class, here, corner[i*(blocks+1)+j+1])
			}
			if r.Float64() < 0.08 {
				angle, length := 2*math.Pi*r.Float64(), 40+60*r.Float64()
				street("living_street", here, [2]float64{here[0] + length*math.Cos(angle), here[1] + length*math.Sin(angle)})
			}
		}
	}
	return &s.m
}
