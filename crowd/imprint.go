package crowd

import (
	"encoding/binary"
	"math"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Of a waveform is kept what the body of a car does, and not where in the recording it begins: the tones from 0.5 to 12 Hz, turned so
// that the middle of the jolt is at no time. So a copy has the same imprint when it is louder, shifted, at another rate or under a
// little noise.
const (
	imprintTones   = 24
	imprintStepHz  = 0.5
	imprintLeastHz = 40.0 // samples a second; below, other jolts look alike
	imprintLeastS  = 1.0  // length
	imprintPoints  = 96   // at which the middle of a jolt is looked for, over two seconds
)

// mostImprints is how many an account keeps: of the first jolts of the device at the place.
const mostImprints = 3

// imprint is what is kept of a jolt's waveform to find copies of it.
type imprint struct {
	tones    [2 * imprintTones]int8 // real parts, then imaginary ones; the largest is 127
	at       int64                  // Unix milliseconds
	lat, lon int32                  // 10⁻⁷ degrees
	filed    int32                  // where it was found among all of them, plus 1: a hint
}

// newImprint takes the imprint of a jolt, if its waveform is good enough for one.
func newImprint(e *wire.Event) (imprint, bool) {
	i := imprint{at: e.Time.UnixMilli(), lat: int32(math.Round(e.Lat * 1e7)), lon: int32(math.Round(e.Lon * 1e7))}
	if e.RateHz < imprintLeastHz || float64(len(e.WaveG)) < imprintLeastS*e.RateHz {
		return i, false
	}
	re, im := tonesOf(e.WaveG, e.RateHz)
	middle := middleOf(&re, &im)
	top := 0.0
	for k := range re {
		sin, cos := math.Sincos(2 * math.Pi * imprintStepHz * float64(k+1) * middle)
		re[k], im[k] = re[k]*cos-im[k]*sin, re[k]*sin+im[k]*cos
		top = math.Max(top, math.Max(math.Abs(re[k]), math.Abs(im[k])))
	}
	if top < 1e-6 {
		return i, false
	}
	for k := range re {
		i.tones[k] = int8(math.Round(127 * re[k] / top))
		i.tones[imprintTones+k] = int8(math.Round(127 * im[k] / top))
	}
	return i, true
}

// tonesOf measures the tones of a waveform (Goertzel 1958).
func tonesOf(wave []float32, rate float64) (re, im [imprintTones]float64) {
	mean := 0.0
	for _, x := range wave {
		mean += float64(x)
	}
	mean /= float64(len(wave))
	for k := range re {
		sin, cos := math.Sincos(2 * math.Pi * imprintStepHz * float64(k+1) / rate)
		var s, before float64
		for _, x := range wave {
			s, before = float64(x)-mean+2*cos*s-before, s
		}
		// That is the phase as of the last sample: turned back to the first one.
		r, i := s-before*cos, before*sin
		sin, cos = math.Sincos(-2 * math.Pi * imprintStepHz * float64(k+1) / rate * float64(len(wave)-1))
		re[k], im[k] = (r*cos-i*sin)/rate, (r*sin+i*cos)/rate
	}
	return re, im
}

// middleOf is the time about which the jolt lies: the mean, weighed by the fourth power, so that noise counts for nothing.
func middleOf(re, im *[imprintTones]float64) float64 {
	const step = 2.0 / imprintPoints
	sin1, cos1 := math.Sincos(2 * math.Pi * imprintStepHz * step)
	turn := complex(cos1, sin1)
	var sum, weights float64
	at := complex(1, 0) // the first tone's phase
	for p := range imprintPoints {
		y, z := 0.0, at
		for k := range re {
			y += re[k]*real(z) - im[k]*imag(z)
			z *= at
		}
		w := y * y * y * y
		sum += w * step * float64(p)
		weights += w
		at *= turn
	}
	if weights == 0 {
		return 0
	}
	return sum / weights
}

// norm is the length of the imprint.
func (i *imprint) norm() float64 {
	sum := int32(0)
	for _, t := range i.tones {
		sum += int32(t) * int32(t)
	}
	return math.Sqrt(float64(sum))
}

const imprintBytes = 2*imprintTones + 16

func (i *imprint) encode(b []byte) []byte {
	for _, t := range i.tones {
		b = append(b, byte(t))
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(i.at))
	b = binary.LittleEndian.AppendUint32(b, uint32(i.lat))
	return binary.LittleEndian.AppendUint32(b, uint32(i.lon))
}

// decode reads imprintBytes bytes.
func (i *imprint) decode(b []byte) {
	for k := range i.tones {
		i.tones[k] = int8(b[k])
	}
	b = b[len(i.tones):]
	i.at = int64(binary.LittleEndian.Uint64(b))
	i.lat, i.lon = int32(binary.LittleEndian.Uint32(b[8:])), int32(binary.LittleEndian.Uint32(b[12:]))
}
