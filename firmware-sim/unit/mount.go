package unit

import (
	"math"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Mount is how the phone sits.
type Mount int

// How a phone sits.
const (
	Settling Mount = iota // not known yet
	Firm
	Loose // it swings, slips, or is in somebody's hand
)

// When a holder counts as loose: gravity has turned, or the phone turns as no car does. Braking tilts what is felt of gravity by 25°
// at most and a car turns at 0.8 rad/s at most.
const (
	tiltDeg   = 35.0
	turnRads  = 1.8
	quickS    = 0.5 // time constants, s
	calmS     = 10.0
	looseS    = 6.0 // so long it counts as loose afterwards
	settledS  = 2.0
	pauseS    = 1.0 // samples that pause for longer begin anew
	stillMPS2 = 0.2 // a sensor's noise stirs less, any car that drives more
)

// mount watches how the phone sits.
type mount struct {
	began       bool
	from, last  float64 // s
	quick, calm [3]float64
	turn        float64 // rad/s, smoothed
	stir        float64 // how far what is felt lies from gravity, m/s², smoothed
	looseTo     float64 // s
	gap         float64 // when samples last began anew, s
}

func (m *mount) take(s detector.Sample) {
	size := math.Abs(s.T) + math.Abs(s.Acc[0]) + math.Abs(s.Acc[1]) + math.Abs(s.Acc[2])
	dt := s.T - m.last
	if !(size < 1e12) || m.began && dt <= 0 && dt > -setBackS { // true for NaN as well
		return
	}
	if !m.began || dt > pauseS || dt < 0 {
		if m.looseTo = math.Min(m.looseTo, s.T+looseS); !m.began { // the clock may have been set
			m.looseTo = math.Inf(-1)
		}
		m.began, m.from, m.gap, m.last, m.turn, m.stir = true, s.T, s.T, s.T, 0, 0
		m.quick, m.calm = s.Acc, s.Acc
		return
	}
	m.last = s.T
	calm := math.Min(calmS, math.Max(quickS, s.T-m.from)) // a plain mean at first
	off := 0.0
	for i := range s.Acc {
		off += (s.Acc[i] - m.quick[i]) * (s.Acc[i] - m.quick[i])
		m.quick[i] += dt / (quickS + dt) * (s.Acc[i] - m.quick[i])
		m.calm[i] += dt / (calm + dt) * (s.Acc[i] - m.calm[i])
	}
	m.stir += dt / (calmS + dt) * (math.Sqrt(off) - m.stir)
	if s.Turn >= 0 { // false for NaN
		m.turn += dt / (quickS + dt) * (s.Turn - m.turn)
	}
	if s.T-m.from < settledS {
		return
	}
	if m.turn > turnRads || tilted(m.quick, m.calm) {
		m.looseTo = s.T + looseS
		m.calm = m.quick // wherever it comes to rest is right
		m.from = s.T - settledS
	}
}

// tilted says whether what was felt of gravity has turned.
func tilted(a, b [3]float64) bool {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	if sizes := math.Sqrt(aa * bb); sizes > 1 {
		return ab < math.Cos(tiltDeg*math.Pi/180)*sizes
	}
	return false // some phones take gravity out
}

// loose says whether the phone sat loosely at a time that is not long past, or does now.
func (m *mount) loose(t float64) bool { return t < m.looseTo || m.last < m.looseTo }

// still says whether the phone lies still.
func (m *mount) still() bool { return m.began && m.stir < stillMPS2 }

func (m *mount) state(now float64) Mount {
	switch {
	case !m.began || now-m.gap < settledS:
		return Settling
	case now < m.looseTo:
		return Loose
	}
	return Firm
}
