package unseen

import "math"

const gravity = 9.80665 // m/s²

// vehicle is a car of seven degrees of freedom: heave, pitch and roll of the body, and four wheels. SI units.
type vehicle struct {
	mass, pitch, roll  float64 // sprung mass and its moments of inertia
	front, rear, track float64 // from the centre of gravity to the axles, and half between the wheels
	wheel              [2]float64
	spring             [2]float64
	bound, rebound     [2]float64 // damping when pressed and when let go
	tyre               float64
	harsh              float64 // share of the wheels' accelerations that reaches the dashboard through bushings
	gapM               float64 // travel before the bump stop
}

func newVehicle(d dice) vehicle {
	mass, base := clamp(d.around(1150, 0.25), 700, 2100), d.between(2.42, 2.85)
	if d.chance(0.08) {
		mass, base = d.between(1700, 2600), d.between(3.0, 3.4) // a van
	}
	share := d.between(0.42, 0.55)
	v := vehicle{
		mass: mass, pitch: mass * base * base * d.between(0.20, 0.27), roll: mass * d.between(0.30, 0.42),
		front: base * share, rear: base * (1 - share), track: d.between(0.72, 0.8),
		tyre: d.between(165e3, 240e3), harsh: d.between(0.03, 0.075), gapM: d.between(0.055, 0.09),
	}
	for axle := range 2 {
		on := mass * (1 - share) / 2
		if axle == 1 {
			on = mass * share / 2
		}
		f, worn := 2*math.Pi*d.between(1.1, 1.6), d.between(0.24, 0.42)
		v.wheel[axle] = d.between(32, 48) * math.Sqrt(mass/1150)
		v.spring[axle] = on * f * f
		v.bound[axle] = 2 * worn * on * f * d.between(0.6, 0.9)
		v.rebound[axle] = 2 * worn * on * f * d.between(1.1, 1.6)
	}
	return v
}

// base is the wheelbase, metres.
func (v *vehicle) base() float64 { return v.front + v.rear }

// ride is a pass over a profile: the two tracks' heights, the car's speed, and where the phone hangs.
type ride struct {
	left, right []float64
	speed       float64
	mount       *mount
}

// Integration.
const (
	tick    = 0.001 // seconds between the samples that a ride returns
	quietS  = 0.2   // seconds after the last wheel has left, after which a coarser step will do
	coarser = 2
	hopeS   = 0.12 // seconds after the last wheel has left, after which nothing harder comes
)

// corner is one wheel: its parameters, and its state.
type corner struct {
	line                                            []float64
	x, y, back, spring, bound, rebound, load, light float64 // light: of its mass
	z, w                                            float64 // height and its rate
}

func (v *vehicle) corners(r *ride) (wheels [4]corner) {
	for i := range wheels {
		w, axle := &wheels[i], i/2
		w.line, w.x, w.y = r.left, v.front, v.track
		other := v.rear
		if axle == 1 {
			w.x, w.back, other = -v.rear, v.base(), v.front
		}
		if i&1 == 1 {
			w.line, w.y = r.right, -v.track
		}
		w.spring, w.bound, w.rebound, w.light = v.spring[axle], v.bound[axle], v.rebound[axle], 1/v.wheel[axle]
		w.load = gravity * (v.mass*other/v.base()/2 + v.wheel[axle])
	}
	return wheels
}

// cross drives the car over a profile and appends the mount's vertical acceleration, g, at every tick until the given time, or
// until it is clear that it never reaches the least that matters. It is semi-implicit (symplectic Euler): velocities first,
// then positions with the new velocities. A wheel that loses the road pulls no more than its load.
func (v *vehicle) cross(r ride, untilS, least float64, out []float64) []float64 {
	var z, dz, p, dp, q, dq float64 // heave, pitch (front up), roll (left up)
	wheels := v.corners(&r)
	leavesS := (float64(len(r.left))*stepM + v.base()) / r.speed
	mount, omega2, drag := r.mount, r.mount.omega*r.mount.omega, 2*r.mount.damping*r.mount.omega
	mass, pitchI, rollI := 1/v.mass, 1/v.pitch, 1/v.roll
	var my, mv, hardest float64
	for n, ticks := 0, int(untilS/tick); n < ticks; {
		t, stride := float64(n)*tick, 1
		if t > leavesS+hopeS && hardest < least {
			return out[:0]
		}
		if t > leavesS+quietS {
			stride = coarser
		}
		dt := tick * float64(stride)
		var heave, pitch, roll, wheelsUp float64
		for i := range wheels {
			w := &wheels[i]
			road := 0.0
			if at := (r.speed*t - w.back) * (1 / stepM); at > 0 && at < float64(len(w.line)-1) {
				k := int(at)
				road = w.line[k] + (at-float64(k))*(w.line[k+1]-w.line[k])
			}
			travel, rate := w.z-(z+w.x*p+w.y*q), w.w-(dz+w.x*dp+w.y*dq)
			force := w.spring * travel
			if rate > 0 {
				force += w.bound * rate
			} else {
				force += w.rebound * rate
			}
			if over := math.Abs(travel) - v.gapM; over > 0 {
				force += math.Copysign(3*w.spring*over, travel)
			}
			a := (max(v.tyre*(road-w.z), -w.load) - force) * w.light
			w.w += a * dt
			wheelsUp += a
			heave += force
			pitch += force * w.x
			roll += force * w.y
		}
		az, ap, aq := heave*mass, pitch*pitchI, roll*rollI
		dz, dp, dq = dz+az*dt, dp+ap*dt, dq+aq*dt
		z, p, q = z+dz*dt, p+dp*dt, q+dq*dt
		for i := range wheels {
			wheels[i].z += wheels[i].w * dt
		}
		a := az + ap*mount.ahead + aq*mount.left + v.harsh*wheelsUp
		mv -= (a + drag*mv + omega2*my) * dt
		my += mv * dt
		felt := -(drag*mv + omega2*my) * (1 / gravity)
		hardest = max(hardest, math.Abs(felt))
		for range stride {
			out = append(out, felt)
		}
		n += stride
	}
	return out
}
