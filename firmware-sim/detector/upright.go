package detector

import "math"

// vector is an acceleration in the phone's own axes, m/s².
type vector [3]float64

func (a vector) dot(b vector) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// towards moves a by a share of the way to b.
func (a *vector) towards(b vector, share float64) {
	for i := range a {
		a[i] += share * (b[i] - a[i])
	}
}

// weightlessMPS2 is the size of a mean acceleration below which gravity is not in the samples: some apps take it out.
const weightlessMPS2 = 3

// upright knows which way is up: where the mean acceleration points, as long as gravity is in it. Where it is not, up is taken to
// be the axis along which there is most motion: the only one of a recording of one axis.
type upright struct {
	mean  vector // slow
	quick vector // the same, quick: it shows a turn
	axis  int    // of most motion
}

// turnS is the time constant of the quick mean, s.
const turnS = 0.3

// weightless says whether gravity is not in the samples.
func (u *upright) weightless() bool { return u.mean.dot(u.mean) < weightlessMPS2*weightlessMPS2 }

// follow takes a sample that came dt seconds after the one before.
func (u *upright) follow(a vector, dt, slowS float64) {
	u.quick.towards(a, dt/(turnS+dt))
	u.mean.towards(a, dt/(slowS+dt))
}

// split returns the vertical acceleration without gravity, up positive, and the size of the horizontal one, g.
func (u *upright) split(a vector) (up, side float64) {
	if u.weightless() {
		up = a[u.axis] - u.mean[u.axis]
		for i := range a {
			if i != u.axis {
				side += (a[i] - u.mean[i]) * (a[i] - u.mean[i])
			}
		}
		return up / Gravity, math.Sqrt(side) / Gravity
	}
	size := math.Sqrt(u.mean.dot(u.mean))
	along := a.dot(u.mean) / size
	return (along - size) / Gravity, math.Sqrt(math.Max(0, a.dot(a)-along*along)) / Gravity
}
