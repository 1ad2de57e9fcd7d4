package elsewhere

import (
	"math"
	"math/rand/v2"
)

// step is the distance between a shape's heights, m.
const step = 0.02

// flat is level road of so many metres.
func flat(lengthM float64) []float64 { return make([]float64, max(1, int(lengthM/step))) }

// bowl is a pothole: broken edges, the far one steeper, an uneven bottom, and sometimes a rim that stands up.
func bowl(depth, lengthM float64, r *rand.Rand) []float64 {
	h := flat(lengthM)
	entry, exit := 0.1+0.35*r.Float64(), 0.03+0.17*r.Float64()
	wave, phase, rim := 0.05+0.2*r.Float64(), 2*math.Pi*r.Float64(), 0.004*r.Float64()
	for i := range h {
		x := (float64(i) + 0.5) / float64(len(h))
		edge := min(1, x/entry, (1-x)/exit)
		h[i] = -depth * (0.5 - 0.5*math.Cos(math.Pi*edge)) * (1 + wave*math.Sin(9*x+phase))
	}
	h[0] += rim
	h[len(h)-1] += rim
	return h
}

// lid is a casting: level with sharp edges, and the road about it has settled or was patched.
func lid(height float64, r *rand.Rand) []float64 {
	width, apron := 0.5+0.25*r.Float64(), 0.1+0.5*r.Float64()
	settled := height * 0.5 * r.Float64()
	var h []float64
	slope := flat(apron)
	for i := range slope {
		h = append(h, settled*float64(i+1)/float64(len(slope)))
	}
	for range flat(width) {
		h = append(h, height)
	}
	for i := range slope {
		h = append(h, settled*(1-float64(i+1)/float64(len(slope))))
	}
	return h
}

// seam is a joint across the road: an expansion joint's lips and gap, a trench that was filled, or a step that fades.
func seam(height float64, r *rand.Rand) []float64 {
	var h []float64
	switch r.IntN(3) {
	case 0:
		lip, gap := flat(0.05+0.1*r.Float64()), flat(0.04+0.08*r.Float64())
		for range lip {
			h = append(h, height)
		}
		for range gap {
			h = append(h, -height)
		}
		for range lip {
			h = append(h, height*0.9)
		}
	case 1:
		if r.IntN(2) == 0 {
			height = -height
		}
		n := len(flat(0.7 + 1.2*r.Float64()))
		for i := range n {
			h = append(h, height*min(1, float64(i+1)/4, float64(n-i)/4))
		}
	default:
		h = append(h, 0.3*height, 0.7*height)
		fade := flat(1.5 + 2*r.Float64())
		for i := range fade {
			h = append(h, height*(1-float64(i)/float64(len(fade))))
		}
	}
	return h
}

// tracks is a level crossing: one or two tracks of two rails in a panel that stands a little proud.
func tracks(height float64, r *rand.Rand) []float64 {
	const gauge, head, groove = 1.435, 0.08, 0.06
	number := 1 + r.IntN(2)
	panel := 0.02 * r.Float64()
	n := len(flat(2.4 + 3.8*float64(number-1)))
	h := make([]float64, n)
	for i := range h {
		h[i] = panel * min(1, float64(i)/30, float64(n-1-i)/30)
	}
	for track := range number {
		for rail := range 2 {
			at := int((0.48 + 3.8*float64(track) + gauge*float64(rail)) / step)
			proud := height * (0.7 + 0.6*r.Float64())
			for i := range int(head / step) {
				h[at+i] += proud
			}
			for i := range int(groove / step) {
				h[at+int(head/step)+i] -= 0.02
			}
		}
	}
	return h
}

// hump is a speed bump, and its height: a long sinusoid, a short one, or a table with ramps.
func hump(r *rand.Rand) ([]float64, float64) {
	height, length, ramp := 0.06+0.04*r.Float64(), 2.8+1.6*r.Float64(), 0.5
	switch r.IntN(4) {
	case 0:
		height, length = 0.03+0.025*r.Float64(), 0.4+0.5*r.Float64()
	case 1:
		height, length = 0.06+0.03*r.Float64(), 5+3*r.Float64()
		ramp = (0.8 + 0.6*r.Float64()) / length
	}
	h := flat(length)
	for i := range h {
		x := (float64(i) + 0.5) / float64(len(h))
		h[i] = height * (0.5 - 0.5*math.Cos(math.Pi*min(1, x/ramp, (1-x)/ramp)))
	}
	return h, height
}

// tandem is what a tyre makes of a shape: the mean of the lift of two elliptical cams, one behind the other.
type tandem struct {
	cam  []float64 // by how much the cam's rim is above its lowest point, from its middle outwards
	half int       // steps from the axle to either cam
}

// newTandem makes the cams of a tyre of the given radius. They are half as long again as they are high.
func newTandem(radius float64) tandem {
	t := tandem{half: 3}
	for i := 0; i <= 6; i++ {
		x := float64(i) * step / (1.05 * radius)
		t.cam = append(t.cam, 1.05*radius*(1-math.Pow(1-math.Pow(x, 1.8), 1/1.8)))
	}
	return t
}

// margin is how many steps longer the path of the axle is at either end.
func (t tandem) margin() int { return len(t.cam) + t.half }

// over writes the path of the axle over a shape with its heights scaled into path.
func (t tandem) over(path, shape []float64, scale float64) []float64 {
	m, reach := t.margin(), len(t.cam)-1
	road := func(i int) float64 {
		if i < 0 || i >= len(shape) {
			return 0
		}
		return scale * shape[i]
	}
	lift := func(i int) float64 {
		high := math.Inf(-1)
		for k := -reach; k <= reach; k++ {
			high = max(high, road(i+k)-t.cam[max(k, -k)])
		}
		return high
	}
	path = path[:0]
	for i := -m; i < len(shape)+m; i++ {
		path = append(path, (lift(i-t.half)+lift(i+t.half))/2)
	}
	return path
}
