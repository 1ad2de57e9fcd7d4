package firmwaresim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
	"github.com/streetpulse/streetpulse/geo"
)

// DriveOptions say what a simulated drive with raw sensor samples is like. The same options give the same drive.
type DriveOptions struct {
	Seed    uint64
	Road    uint64  // the same number gives the same road to different seeds; 0: the seed's own
	Seconds float64 // of driving and standing; 0: 300
	RateHz  float64 // of the accelerometer; 0: 100
	Jitter  float64 // standard deviation of the interval between samples, as a share of it
	Vehicle string  // one of Vehicles; empty: a saloon
	Mount   string  // one of Mounts; empty: the windscreen
	Physics Physics // PhysicsQuarter or PhysicsHalf; empty: half
	Smooth  bool    // good asphalt on which nothing lies
	Calm    bool    // nobody touches the phone, brakes hard or shuts doors
	NoGPS   bool    // neither position nor speed
}

// Vehicles names the kinds of vehicle.
func Vehicles() []string { return []string{"small_car", "saloon", "van", "lorry", "motorcycle"} }

// Mounts names the ways to carry a phone.
func Mounts() []string { return []string{"windscreen", "dashboard", "cup_holder", "pocket", "loose"} }

// Drive is what a phone's sensors gave during a drive, and what is true of it.
type Drive struct {
	Samples []RawSample
	Met     []Met     // in order of time
	Handled []Handled // in order of time
	Axis    [3]float64
}

// RawSample is one reading of the accelerometer along the phone's axes, m/s² with gravity, and the newest position that the
// phone had been given by then. T is in s. Speed (m/s), position and accuracy (m) are NaN until there is one.
type RawSample struct {
	T                             float64
	Acc                           [3]float64
	SpeedMPS, Lat, Lon, AccuracyM float64
}

// Met is an object that the front wheels met: at T seconds, at a speed in m/s, at a place that the satellites did not have to tell.
type Met struct {
	T, SpeedMPS, Lat, Lon float64
	Class                 string
	SizeM                 float64
}

// Handled is a stretch of time in which what the phone felt came from inside the car.
type Handled struct {
	From, To float64
	Kind     string
}

// Of a drive's phone and satellites.
const (
	fixEveryS  = 1.0
	fixLateS   = 0.25 // from the time that a position is true for until the app is given it
	startOffS  = 6    // seconds that the car stands at first
	standsS    = 7    // at each stop
	gentlest   = 1.8  // m/s², how cars brake and gather speed
	hardest    = 6.0  // m/s², once in a while
	walkingMPS = 0.4
)

// NewDrive drives.
func NewDrive(o DriveOptions) (*Drive, error) {
	kind, way := slices.Index(Vehicles(), o.Vehicle), slices.Index(Mounts(), o.Mount)
	if o.Vehicle == "" {
		kind = int(saloon)
	}
	if o.Mount == "" {
		way = int(windscreen)
	}
	switch {
	case kind < 0:
		return nil, fmt.Errorf("no vehicle %q: use one of %v", o.Vehicle, Vehicles())
	case way < 0:
		return nil, fmt.Errorf("no mount %q: use one of %v", o.Mount, Mounts())
	case o.Physics == PhysicsPulse:
		return nil, fmt.Errorf("physics %q has no road to drive on: use %q or %q", o.Physics, PhysicsQuarter, PhysicsHalf)
	}
	if o.Seconds <= 0 {
		o.Seconds = 300
	}
	if o.RateHz <= 0 {
		o.RateHz = 100
	}
	r := rand.New(rand.NewPCG(o.Seed, 0x647269766573)) // "drives"
	v := newVehicle(r, vehicleKind(kind))
	m := newMount(r, mountKind(way))
	m.rate, m.jitter = o.RateHz, o.Jitter
	pace := 0.85 + 0.3*r.Float64()
	if o.Road == 0 {
		o.Road = o.Seed
	}
	road := newDriveRoad(rand.New(rand.NewPCG(o.Road, 0x726f6164)), o, &v) // "road"
	road.pace = pace
	d := &Drive{Axis: m.axis}
	s := &sensors{o: o, r: r, m: &m, road: road, drive: d, holder: resonance{omega: 2 * math.Pi * m.hz, damping: m.damping}}
	s.knocked = resonance{omega: 4 * math.Pi * math.Min(m.hz, 30), damping: 0.12}
	s.tilt = 3 * math.Pi / 180 * r.NormFloat64()
	s.fixEast, s.fixNorth = 2.5*r.NormFloat64(), 2.5*r.NormFloat64()
	s.last = RawSample{SpeedMPS: math.NaN(), Lat: math.NaN(), Lon: math.NaN(), AccuracyM: math.NaN()}
	if !o.Calm {
		s.handle()
	}
	s.run(&v)
	return d, nil
}

// rolling is a car whose speed can change.
type rolling interface {
	shaker
	keep(speed float64)
}

func (q *quarterCar) keep(speed float64) { q.speed = speed }
func (h *halfCar) keep(speed float64)    { h.speed = speed }

// sensors drive the car over the road and read the phone.
type sensors struct {
	o     DriveOptions
	r     *rand.Rand
	m     *mount
	road  *driveRoad
	drive *Drive

	holder, knocked   resonance
	tilt              float64 // rad between the phone's mount and upright, that braking leaks in by
	fixEast, fixNorth float64 // m
	waiting           []RawSample
	last              RawSample
	nextFix           float64
	plans             []Handled
	spin              float64 // rad by which somebody has turned the phone
}

// run steps through the drive.
func (s *sensors) run(v *vehicle) {
	left := &surface{pavement: s.road.left}
	right := &surface{pavement: s.road.right}
	var car rolling
	switch {
	case s.o.Physics == PhysicsQuarter:
		car = newQuarterCar(v, left, walkingMPS)
	case v.track == 0:
		car = newHalfCar(v, left, left, walkingMPS)
	default:
		car = newHalfCar(v, left, right, walkingMPS)
	}
	x, speed, stand := v.wheelbase, 0.0, float64(startOffS)
	next := 0.0
	var was, is [2]float64 // what the phone felt upwards and along at the last two steps
	for t := 0.0; t < s.o.Seconds; t += stepS {
		before := speed
		if stand > 0 {
			stand -= stepS
			speed = 0
		} else {
			if s.road.stops(x, speed*stepS+stepM) {
				stand = standsS
			}
			speed = s.road.speed(x)
		}
		car.keep(speed)
		x += speed * stepS
		s.meet(t, x, speed)
		up, along := car.step()
		along += s.road.ease(before, speed)
		felt := s.m.gain*s.holder.carry(up) + s.knocked.step(s.blow(t))
		was, is = is, [2]float64{felt, along}
		s.locate(t, x, speed)
		for next <= t {
			share := math.Max(0, 1-(t-next)/stepS)
			s.read(next, was[0]+share*(is[0]-was[0]), was[1]+share*(is[1]-was[1]), speed*speed*s.road.bend(x))
			next += math.Max(0.2, 1+s.o.Jitter*s.r.NormFloat64()) / s.o.RateHz
		}
	}
}

// meet notes what the front wheels have come to.
func (s *sensors) meet(t, x, speed float64) {
	for len(s.road.lying) > 0 && x >= s.road.lying[0].at {
		o := s.road.lying[0]
		s.road.lying = s.road.lying[1:]
		p := s.road.where(x)
		s.drive.Met = append(s.drive.Met, Met{T: t, SpeedMPS: speed, Lat: p.Lat(), Lon: p.Lon(), Class: o.object.Class, SizeM: o.object.SizeM})
	}
}

// read is one reading of the accelerometer: up, along and across are what the phone's place in the car does, m/s².
func (s *sensors) read(t, up, along, across float64) {
	if s.m.rattle > 0 && math.Abs(up) > 1.5 {
		up += s.m.rattle * math.Abs(up) * s.r.NormFloat64()
	}
	g := zpeak.Gravity
	weight := 1.0
	shake := [2]float64{}
	for _, h := range s.plans {
		if t < h.From || t > h.To {
			continue
		}
		switch into := t - h.From; h.Kind {
		case "turned": // lifted and turned by a right angle within 0.7 s, and it stays so
			s.spin = math.Max(s.spin, math.Pi/2*math.Min(1, into/0.7))
			up += 2.5 * math.Sin(2*math.Pi*into/0.8)
		case "dropped": // free fall, a blow, and it lies
			if into < 0.3 {
				weight = 0
				up, along, across = 0, 0, 0
			} else if into < 0.34 {
				up, along = 40, 15
			}
		case "fingers":
			shake = [2]float64{1.5 * s.r.NormFloat64(), 1.5 * s.r.NormFloat64()}
		case "music":
			up += 0.5 * math.Sin(2*math.Pi*73*t)
		}
	}
	noise := func() float64 { return s.m.noise * g * s.r.NormFloat64() }
	axis := turned(s.m.axis, s.spin)
	ahead := perpendicular(axis)
	side := cross(axis, ahead)
	z := g*weight + up + along*math.Sin(s.tilt)
	x, y := along*math.Cos(s.tilt)+shake[0], across+shake[1]
	one := s.last
	one.T = t
	for i := range one.Acc {
		one.Acc[i] = z*axis[i] + x*ahead[i] + y*side[i] + noise()
	}
	s.drive.Samples = append(s.drive.Samples, one)
}

// locate gives the phone a position now and then, late, as satellites do.
func (s *sensors) locate(t, x, speed float64) {
	if s.o.NoGPS {
		return
	}
	for len(s.waiting) > 0 && t >= s.waiting[0].T+fixLateS {
		s.last, s.waiting = s.waiting[0], s.waiting[1:]
	}
	if t < s.nextFix {
		return
	}
	s.nextFix += fixEveryS
	keep := math.Exp(-1.0 / 60)
	s.fixEast = keep*s.fixEast + 3*math.Sqrt(1-keep*keep)*s.r.NormFloat64()
	s.fixNorth = keep*s.fixNorth + 3*math.Sqrt(1-keep*keep)*s.r.NormFloat64()
	p := offset(s.road.where(x), s.fixEast, s.fixNorth)
	s.waiting = append(s.waiting, RawSample{T: t, SpeedMPS: math.Max(0, speed+0.2*s.r.NormFloat64()), Lat: p.Lat(), Lon: p.Lon(), AccuracyM: 4})
}

// handle plans what happens to the phone.
func (s *sensors) handle() {
	for t := 20 + 30*s.r.Float64(); t < s.o.Seconds-10; t += 25 + 40*s.r.Float64() {
		kind := []string{"turned", "dropped", "fingers", "music", "knock"}[s.r.IntN(5)]
		for _, b := range s.plans {
			if kind == "turned" && b.Kind == kind { // once is enough
				kind = "fingers"
			}
		}
		long := map[string]float64{"turned": 0.9, "dropped": 0.5, "fingers": 4, "music": 20, "knock": blowS}[kind]
		s.plans = append(s.plans, Handled{From: t, To: t + long, Kind: kind})
	}
	s.drive.Handled = s.plans
}

// blow is a knock against the phone, m/s².
func (s *sensors) blow(t float64) float64 {
	for _, h := range s.plans {
		if h.Kind == "knock" && t >= h.From && t < h.To {
			return 0.8 * zpeak.Gravity
		}
	}
	return 0
}

// turned is an axis turned about one across it.
func turned(a [3]float64, angle float64) [3]float64 {
	if angle == 0 {
		return a
	}
	b := perpendicular(a)
	sin, cos := math.Sincos(angle)
	return [3]float64{a[0]*cos + b[0]*sin, a[1]*cos + b[1]*sin, a[2]*cos + b[2]*sin}
}

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// where the drives begin: on the ring road of Ghent, far enough from the equator for longitudes to be shorter than latitudes.
func driveBegin() orb.Point { return orb.Point{3.72, 51.05} }

func along(p orb.Point, heading, metres float64) orb.Point {
	return geo.Destination(p, heading, metres)
}
