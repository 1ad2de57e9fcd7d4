package detector

import "math"

// Fix is a position that the satellites gave. Heading is in degrees clockwise from true north; what is not known is NaN, the position
// excepted.
type Fix struct {
	T                   float64 // s on the samples' clock, when it was handed over
	Lat, Lon            float64 // WGS 84, degrees
	Speed, Heading, AcM float64 // m/s, degrees, m (68 %)
}

// Place is where the wheel was. What is not known is NaN.
type Place struct {
	Lat, Lon, AcM  float64
	Speed, Heading float64
}

// Of a Track.
const (
	trackSize = 16     // fixes that are remembered
	longestS  = 6.0    // further from a fix in time, the position is not known
	apartS    = 0.25   // a fix sooner after another one is not needed
	leastM    = 4.0    // metres between fixes from which a heading can be taken
	earthM    = 6371e3 // mean radius
	adriftMPS = 2.5    // error that grows while a position is carried on by speed and heading
)

// Track remembers the latest fixes and tells where the phone was between and after them. Its zero value has none; it needs the
// same memory however long the drive is.
type Track struct {
	LatencyS float64 // age of a fix when it is handed over
	AheadM   float64 // the wheel before the antenna

	fixes [trackSize]Fix
	n     int
}

// Add takes a fix. One that is not a position, is at 0,0, as phones have it before their first, or comes within a quarter of a
// second of the one before, is ignored.
func (k *Track) Add(f Fix) {
	if !(math.Abs(f.Lat) <= 90 && math.Abs(f.Lon) <= 180) || f.Lat == 0 && f.Lon == 0 || !(math.Abs(f.T) < 1e12) {
		return
	}
	f.T -= k.LatencyS
	if k.n > 0 && f.T < k.at(k.n-1).T+apartS {
		return
	}
	k.fixes[k.n%trackSize] = f
	k.n++
}

// Forget forgets all fixes.
func (k *Track) Forget() { k.n = 0 }

func (k *Track) at(i int) *Fix { return &k.fixes[i%trackSize] }

// Place is where the wheel was at a time: between two fixes, or carried on from the nearest one by its speed and heading. There is
// none, and all is NaN, without a fix within 6 s.
func (k *Track) Place(t float64) Place {
	nan := math.NaN()
	p := Place{nan, nan, nan, nan, nan}
	oldest := max(0, k.n-trackSize)
	after := oldest
	for after < k.n && k.at(after).T < t {
		after++
	}
	switch {
	case after > oldest && after < k.n && k.at(after).T-k.at(after-1).T <= longestS: // between two
		a, b := k.at(after-1), k.at(after)
		share := (t - a.T) / (b.T - a.T)
		p.Lat, p.Lon = a.Lat+share*(b.Lat-a.Lat), a.Lon+share*wrapped(b.Lon-a.Lon)
		p.AcM = math.Max(a.AcM, b.AcM)
		p.Speed = a.Speed + share*(b.Speed-a.Speed)
		if math.IsNaN(p.Speed) {
			p.Speed = Metres(*a, *b) / (b.T - a.T)
		}
		p.Heading = k.heading(after-1, share >= 0.5)
	default:
		near := after
		if after == k.n || after > oldest && t-k.at(after-1).T < k.at(after).T-t {
			near = after - 1
		}
		if near < oldest || near >= k.n || math.Abs(t-k.at(near).T) > longestS {
			return p
		}
		f := k.at(near)
		p = Place{f.Lat, f.Lon, f.AcM, f.Speed, k.heading(near, false)}
		if math.IsNaN(p.Speed) && near > oldest && f.T > k.at(near-1).T {
			p.Speed = Metres(*k.at(near - 1), *f) / (f.T - k.at(near-1).T)
		}
		if p.Speed > 0 && !math.IsNaN(p.Heading) {
			p.Lat, p.Lon = moved(p.Lat, p.Lon, p.Heading, p.Speed*(t-f.T))
		}
		p.AcM += adriftMPS * math.Abs(t-f.T)
	}
	if k.AheadM != 0 && !math.IsNaN(p.Heading) {
		p.Lat, p.Lon = moved(p.Lat, p.Lon, p.Heading, k.AheadM)
	}
	p.Lon = wrapped(p.Lon)
	return p
}

// heading is the fix's own, or that of the way between fixes around it that are far enough apart.
func (k *Track) heading(i int, next bool) float64 {
	if next && i+1 < k.n && !math.IsNaN(k.at(i+1).Heading) {
		return k.at(i + 1).Heading
	}
	if h := k.at(i).Heading; !math.IsNaN(h) {
		return h
	}
	oldest := max(0, k.n-trackSize)
	for reach := 1; reach <= 4; reach++ {
		a, b := max(oldest, i-reach+1), min(k.n-1, i+reach)
		if b == i {
			a = max(oldest, i-reach)
		}
		if k.at(b).T-k.at(a).T > 2*longestS {
			break
		}
		if Metres(*k.at(a), *k.at(b)) >= leastM {
			return bearing(k.at(a), k.at(b))
		}
	}
	return math.NaN()
}

// Metres is the distance between two fixes, on a plane: good enough for some hundred metres.
func Metres(a, b Fix) float64 {
	east, north := offset(&a, &b)
	return math.Hypot(east, north)
}

func bearing(a, b *Fix) float64 {
	east, north := offset(a, b)
	return math.Mod(math.Atan2(east, north)*180/math.Pi+360, 360)
}

func offset(a, b *Fix) (east, north float64) {
	const degree = earthM * math.Pi / 180
	return wrapped(b.Lon-a.Lon) * degree * math.Cos(a.Lat*math.Pi/180), (b.Lat - a.Lat) * degree
}

func moved(lat, lon, heading, metres float64) (float64, float64) {
	const degree = earthM * math.Pi / 180
	sin, cos := math.Sincos(heading * math.Pi / 180)
	return lat + metres*cos/degree, lon + metres*sin/(degree*math.Max(0.01, math.Cos(lat*math.Pi/180)))
}

// wrapped is a longitude, or a difference of two, between -180 and 180 degrees.
func wrapped(lon float64) float64 {
	switch {
	case lon > 180:
		return lon - 360
	case lon < -180:
		return lon + 360
	}
	return lon
}
