package zpeak

// Gravity is the standard acceleration of free fall, m/s².
const Gravity = 9.80665

// Bounds of a detector's memory.
const (
	ringSize = 768   // kept samples: two seconds at the densest
	densestS = 0.003 // least time between kept samples, s; faster ones are averaged
	mostRate = 200   // Hz, of a waveform; a faster recording is averaged down
	mostWave = 512   // samples in a waveform
	leastHz  = 4     // below it no waveform is worth anything
)

// Times of a jolt.
const (
	beforeS    = 0.6 // seconds of waveform before the trigger
	afterS     = 1.4 // and after it: no other trigger before, so that both axles give one jolt
	settleS    = 0.4 // seconds in which gravity is first estimated
	gapS       = 1.0 // a longer gap between samples starts anew
	noiseS     = 5.0 // memory of the road's roughness
	highPassS  = 0.6 // time constant of the high-pass: slopes and braking are slower
	turnS      = 0.3 // time constant of the quick estimate of gravity that shows a turn
	slowestMPS = 1.5 // slower, the car stands and the phone is in somebody's hand
)

// Signs that the phone was handled and the car not shaken.
const (
	fallG    = 0.3  // less than this in all is free fall, g
	fallS    = 0.15 // seconds of free fall that make a drop; a wheel in a hole takes the car no further than its springs
	sideways = 3.5  // ratio of horizontal to vertical peak above which it was no road
)

// Parameters are what may differ between kinds of device.
type Parameters struct {
	LeastG    float64 `json:"least_g"`    // least jolt that triggers, at 10 m/s, g
	OverNoise float64 `json:"over_noise"` // how many times the running noise a jolt must be
	GravityS  float64 `json:"gravity_s"`  // time constant of the gravity estimate, s
	TurnedDeg float64 `json:"turned_deg"` // a phone that turns further than this within a jolt was handled, degrees
}

// Standard returns the parameters for a phone in a holder.
func Standard() Parameters {
	return Parameters{LeastG: 0.28, OverNoise: 4, GravityS: 2.5, TurnedDeg: 20}
}
