package firmwaresim

import (
	"math"
	"math/rand/v2"
)

const (
	marginM   = 1.4   // of a relief before and after its object
	gaugeM    = 1.435 // standard gauge of a railway
	crossingM = 3.9   // a speed bump that is longer is a raised crossing
)

// relief is the height of an object along the wheels' way, m, from marginM before its near edge.
type relief []float64

// put adds a height between two points, counted from the near edge; share goes from 0 to 1 between them.
func (p relief) put(fromM, toM float64, height func(share float64) float64) {
	from, to := int((marginM+fromM)/stepM), int((marginM+toM)/stepM)
	for i := max(from, 0); i < min(to, len(p)); i++ {
		p[i] += height(float64(i-from) / float64(max(1, to-from)))
	}
}

// block adds something level whose near and far edges are ramps of these lengths, within it.
func (p relief) block(fromM, toM, nearM, farM, height float64) {
	length := toM - fromM
	near, far := math.Max(nearM, stepM)/length, math.Max(farM, stepM)/length
	p.put(fromM, toM, func(s float64) float64 { return height * math.Min(1, math.Min(s/near, (1-s)/far)) })
}

// hump adds a round rise, or below 0 a dip.
func (p relief) hump(middleM, halfM, height float64) {
	p.put(middleM-halfM, middleM+halfM, func(s float64) float64 { return height * (1 - math.Cos(2*math.Pi*s)) / 2 })
}

// step adds a step that the road makes good within some metres.
func (p relief) step(atM, withinM, height float64) {
	p.put(atM, atM+withinM, func(s float64) float64 { return height * (1 - s) })
}

// relief is what a wheel meets that meets the object; grown is the share of its full depth. Each pass meets another line through it.
func (o *Object) relief(r *rand.Rand, grown float64) relief {
	p := make(relief, int((o.lengthM()+2*marginM)/stepM)+1)
	b := &o.built
	switch o.Class {
	case "pothole":
		o.hole(p, r, o.SizeM*grown)
	case "casting":
		switch b.form {
		case 0: // a lid, the asphalt around it more or less broken
			p.block(0, o.LengthM, o.LengthM/12, o.LengthM/12, o.SizeM)
			if o.ragged > 0 {
				rim := -math.Abs(o.SizeM) * o.ragged * (0.5 + 0.5*r.Float64())
				p.put(-0.2, 0, func(s float64) float64 { return rim * s })
				p.step(o.LengthM, 0.2, rim)
			}
		case 1: // a lid with a crisp rim in a patch that has sunk or risen with it
			p.block(0, o.LengthM, 0, 0, 0.55*o.SizeM)
			p.hump(o.LengthM/2, o.LengthM/2+b.wideM, 0.45*o.SizeM)
		case 2: // asphalt ramps lead to the lid
			p.block(-b.wideM, o.LengthM+b.wideM, b.wideM, b.wideM, o.SizeM)
		default: // the lid is level, the asphalt around it gone
			worn := b.wideM / 2
			p.block(-worn, 0, 0.04, 0, -math.Abs(o.SizeM))
			p.block(o.LengthM, o.LengthM+worn, 0, 0.04, -math.Abs(o.SizeM)*b.second)
		}
	case "joint":
		switch b.form {
		case 0: // a gap and a step
			p.block(0, o.LengthM, 0, 0, -o.SizeM)
			p.step(o.LengthM, b.wideM+1, b.sign*0.5*o.SizeM)
		case 1: // a gap between edges that stand out
			p.block(0, o.LengthM, 0, 0, -o.SizeM)
			p.hump(-0.08, 0.1, b.lip*o.SizeM)
			p.hump(o.LengthM+0.08, 0.1, b.lip*o.SizeM)
		case 2: // a strip of another material
			p.block(0, o.LengthM+0.1, 0.03, 0.03, b.sign*0.6*o.SizeM)
		default: // two gaps
			for _, x := range []float64{0, o.LengthM + b.wideM} {
				p.block(x, x+o.LengthM, 0, 0, -o.SizeM)
			}
			p.step(2*o.LengthM+b.wideM, 1.5, b.sign*0.3*o.SizeM)
		}
	case "rail":
		for track := range b.tracks {
			p.track(float64(track)*trackM, o.SizeM, b)
		}
	case "speed_bump": // a round hump, a cushion, or a raised crossing
		if b.form == 0 || o.LengthM < 0.4 {
			p.put(0, o.LengthM, func(s float64) float64 { return o.SizeM * math.Pow(math.Sin(math.Pi*s), b.second) })
			break
		}
		ramp := math.Min(b.wideM, 0.45*o.LengthM)
		p.block(0, o.LengthM, ramp, ramp, o.SizeM)
	}
	return p
}

// hole is a pothole's relief: a ragged floor between broken edges, and what often is around it.
func (o *Object) hole(p relief, r *rand.Rand, depth float64) {
	b := &o.built
	var floor [4]float64
	for i := range floor {
		floor[i] = 1 + (0.1+0.3*o.ragged)*r.NormFloat64()
	}
	near, far := b.nearM/o.LengthM, b.farM/o.LengthM
	p.put(0, o.LengthM, func(s float64) float64 {
		edge := math.Min(1, math.Min(s/near, (1-s)/far))
		if b.form == 1 { // a bowl
			edge = math.Sin(math.Pi * s)
		}
		return -depth * edge * floor[int(s*3.99)]
	})
	p.hump(-0.08, 0.13, b.lip*depth)
	p.hump(o.LengthM+0.08, 0.13, b.lip*depth*b.second)
	if b.apron > 0 {
		p.block(o.LengthM, o.LengthM+b.wideM, 0, b.wideM/2, -b.apron)
	}
	if b.pair > 0 {
		p.block(o.LengthM+0.35, 1.4*o.LengthM+0.35, 0.06, 0.06, -depth*b.pair)
	}
}

const trackM = 3.3 // between the tracks of a railway

// track is one railway track's relief.
func (p relief) track(at, size float64, b *built) {
	for _, x := range []float64{at, at + gaugeM} {
		switch b.form {
		case 0: // the surface has sunk on both sides of each rail
			p.block(x, x+0.3, 0, 0, -size)
			p.block(x+0.37, x+0.6, 0, 0, -0.7*size)
		case 1: // heads and grooves
			p.hump(x, 0.09, 0.4*size)
			p.block(x+0.06, x+0.12, 0, 0, -size)
		case 2: // the panels have risen or sunk with them
			p.block(x, x+0.06, 0, 0, -size)
			p.hump(x+0.13, 0.09, 0.3*size)
		default: // one side of each rail is higher
			p.block(x, x+0.12, 0, 0, -size)
			p.step(x+0.12, 1, b.sign*0.3*size)
		}
	}
	if b.form == 2 {
		p.block(at-0.5, at+gaugeM+0.6, 0.4, 0.4, b.sign*0.5*size)
	}
}

// lengthM is how far the object's relief reaches.
func (o *Object) lengthM() float64 {
	switch o.Class {
	case "pothole":
		return 1.4*o.LengthM + 0.6
	case "joint":
		return 2*o.LengthM + o.built.wideM + 1.5
	case "rail":
		return gaugeM + 1.2 + trackM*float64(o.built.tracks-1)
	}
	return o.LengthM
}

// roll is the way of a wheel's lowest point over a profile: a tyre bridges what is shorter than itself. A rigid one has firm 1.
func roll(profile []float64, firm float64) []float64 {
	const radius, reach = 0.31, 11 // m, steps
	out := make([]float64, len(profile))
	for i := range profile {
		out[i] = profile[i]
		for k := 1; k <= reach; k++ {
			x := float64(k) * stepM
			drop := firm * (radius - math.Sqrt(radius*radius-x*x))
			if i-k >= 0 {
				out[i] = math.Max(out[i], profile[i-k]-drop)
			}
			if i+k < len(profile) {
				out[i] = math.Max(out[i], profile[i+k]-drop)
			}
		}
	}
	return out
}
