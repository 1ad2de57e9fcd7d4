package firmwaresim

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/paulmach/orb"
)

// driveRoad is a long winding road: its heights under both tracks, what lies on it, and how fast one drives where.
type driveRoad struct {
	left, right []float64 // heights every stepM, m
	lying       []lyingObject
	paces       []float64 // m/s every paceM
	pace        float64   // this driver's, times that
	halts       []float64 // m
	points      []orb.Point
	headings    []float64 // degrees every paceM
}

type lyingObject struct {
	at     float64 // m
	object *Object
}

const paceM = 1.0

// newDriveRoad makes a road long enough for the drive.
func newDriveRoad(r *rand.Rand, o DriveOptions, v *vehicle) *driveRoad {
	length := 60 + 17*o.Seconds
	d := &driveRoad{}
	d.pave(r, o, v, length)
	if !o.Smooth {
		d.litter(r, v, length)
	}
	d.plan(r, o, length)
	d.wind(r, length)
	return d
}

// pave lays pieces of pavement, 150 to 500 m each. Heights go on where the piece before ends.
func (d *driveRoad) pave(r *rand.Rand, o DriveOptions, v *vehicle, length float64) {
	kinds := []int{goodPavement, fairPavement, fairPavement, poorPavement}
	if o.Smooth {
		kinds = []int{goodPavement}
	}
	var pieces [pavements][2][]float64
	for at := 0.0; at < length; {
		kind := kinds[r.IntN(len(kinds))]
		for side := range 2 {
			if pieces[kind][side] == nil {
				pieces[kind][side] = smooth(roughness(r, spectrumOf(kind), math.Min(pavedM, length)), v.contact)
			}
		}
		n := int((150 + 350*r.Float64()) / stepM)
		from := r.IntN(len(pieces[kind][0]))
		d.left = extend(d.left, pieces[kind][0], from, n)
		d.right = extend(d.right, pieces[kind][1], from, n)
		at += float64(n) * stepM
	}
}

func extend(heights, piece []float64, from, n int) []float64 {
	h := 0.0
	if len(heights) > 0 {
		h = heights[len(heights)-1]
	}
	for i := 1; i <= n; i++ {
		k := (from + i) % len(piece)
		if k == 0 {
			heights = append(heights, h)
			continue
		}
		h += piece[k] - piece[k-1]
		heights = append(heights, h)
	}
	return heights
}

// litter lays defects and furniture, one every 40 to 150 m.
func (d *driveRoad) litter(r *rand.Rand, v *vehicle, length float64) {
	c := City{worn: 0.15}
	c.habits = plainHabits()
	for at := 80 + 40*r.Float64(); at < length-40; at += 40 + 110*r.Float64() {
		class := []string{"pothole", "pothole", "pothole", "casting", "joint", "rail", "speed_bump"}[r.IntN(7)]
		o := &Object{Class: class, side: -1}
		c.shape(o, r)
		o.grows, o.begins = 0, 1
		if class == "pothole" || class == "casting" {
			o.side = r.IntN(2)
		}
		shape := c.underTyre(o, v, 1, r)
		first := int((at - marginM) / stepM)
		for i, h := range shape {
			switch {
			case o.side < 0:
				d.left[first+i] += h
				d.right[first+i] += h
			case o.side == 0 || v.track == 0:
				d.left[first+i] += oneSided * h
			default:
				d.right[first+i] += oneSided * h
			}
		}
		d.lying = append(d.lying, lyingObject{at, o})
	}
}

// plan says how fast to drive: between 5 and 16 m/s, slower over speed bumps, with stops, braking gently but for a few times.
func (d *driveRoad) plan(r *rand.Rand, o DriveOptions, length float64) {
	n := int(length/paceM) + 1
	d.paces = make([]float64, n)
	for at := 0; at < n; {
		pace := 5 + 11*r.Float64()
		until := min(n, at+100+r.IntN(300))
		for ; at < until; at++ {
			d.paces[at] = pace
		}
	}
	for _, l := range d.lying {
		if l.object.Class == "speed_bump" {
			pace := 3.5 + 4.5*r.Float64()
			for k := int(l.at) - 2; k <= int(l.at+l.object.LengthM)+4; k++ {
				d.paces[k] = math.Min(d.paces[k], pace)
			}
		}
	}
	brakes := make([]float64, n)
	for i := range brakes {
		brakes[i] = gentlest
	}
	for at := 150 + 300*r.Float64(); at < length; at += 250 + 500*r.Float64() {
		d.halts = append(d.halts, math.Floor(at))
		d.paces[int(at)] = walkingMPS
		if !o.Calm && r.Float64() < 0.3 {
			for k := max(0, int(at)-40); k < int(at); k++ {
				brakes[k] = hardest
			}
		}
	}
	d.paces[0] = walkingMPS
	for i := 1; i < n; i++ {
		d.paces[i] = math.Min(d.paces[i], math.Sqrt(d.paces[i-1]*d.paces[i-1]+2*gentlest*paceM))
	}
	for i := n - 2; i >= 0; i-- {
		d.paces[i] = math.Min(d.paces[i], math.Sqrt(d.paces[i+1]*d.paces[i+1]+2*brakes[i]*paceM))
	}
}

// wind bends the road, as streets do.
func (d *driveRoad) wind(r *rand.Rand, length float64) {
	p, heading, phase := driveBegin(), 360*r.Float64(), 2*math.Pi*r.Float64()
	for x := 0.0; x <= length; x += paceM {
		d.points = append(d.points, p)
		h := heading + 50*math.Sin(x/110+phase)
		d.headings = append(d.headings, h)
		p = along(p, h, paceM)
	}
}

// speed is how fast to drive x metres on, m/s.
func (d *driveRoad) speed(x float64) float64 {
	i := min(int(x/paceM), len(d.paces)-2)
	share := x/paceM - float64(i)
	return math.Max(walkingMPS, d.pace*(d.paces[i]+share*(d.paces[i+1]-d.paces[i])))
}

// stops says whether a stop lies within the next metres.
func (d *driveRoad) stops(x, ahead float64) bool {
	i := sort.SearchFloat64s(d.halts, x)
	if i < len(d.halts) && d.halts[i] < x+ahead {
		d.halts = slices.Delete(d.halts, i, i+1)
		return true
	}
	return false
}

// ease is the acceleration from one step's speed to the next one's, m/s², with what is sudden at a stop's end rounded off.
func (d *driveRoad) ease(before, speed float64) float64 {
	return math.Min(math.Max((speed-before)/stepS, -hardest), gentlest)
}

// where is the position x metres on.
func (d *driveRoad) where(x float64) orb.Point {
	i := min(int(x/paceM), len(d.points)-1)
	return along(d.points[i], d.headings[i], x-float64(i)*paceM)
}

// bend is the road's curvature x metres on, 1/m.
func (d *driveRoad) bend(x float64) float64 {
	i := min(int(x/paceM), len(d.headings)-2)
	return (d.headings[i+1] - d.headings[i]) * math.Pi / 180 / paceM
}
