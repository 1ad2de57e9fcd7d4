package detector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Gravity is the standard acceleration of free fall, m/s².
const Gravity = 9.80665

// Version is the version of Parameters that this package reads.
const Version = 1

// Parameters are what may differ between kinds of device. As JSON they are what the retained topic detector/{profile} carries.
type Parameters struct {
	Version     int     `json:"version"`
	LeastG      float64 `json:"least_g"`       // least jolt that counts at 10 m/s and at speeds not known, g
	LeastSlowG  float64 `json:"least_slow_g"`  // the same at 5 Hz, where single samples have to tell
	SpeedPower  float64 `json:"speed_power"`   // the least jolt grows with speed to this power: a hole's edge is felt harder the faster one drives
	NoiseG      float64 `json:"noise_g"`       // roughness of the road (rms) for which LeastG holds, g
	NoisePower  float64 `json:"noise_power"`   // the least jolt grows with the road's roughness to this power
	SlowShare   float64 `json:"slow_share"`    // share of the vertical acceleration that counts besides how fast it changes
	HighPassS   float64 `json:"high_pass_s"`   // time constant of the high-pass, s: slopes and braking are slower
	GravityS    float64 `json:"gravity_s"`     // time constant of the gravity estimate, s
	TurnedDeg   float64 `json:"turned_deg"`    // a phone that turns further than this within a jolt was handled, degrees
	SlowestMPS  float64 `json:"slowest_mps"`   // slower, the car stands and the phone is in somebody's hand, m/s
	FixLatencyS float64 `json:"fix_latency_s"` // age of a position when it is handed over, s
	AheadM      float64 `json:"ahead_m"`       // the front axle before the antenna, m
}

// Standard returns the parameters for a phone in a holder.
func Standard() Parameters {
	return Parameters{Version: Version, LeastG: 0.16, LeastSlowG: 0.21, SpeedPower: 0.25, NoiseG: 0.05, NoisePower: 0.4, SlowShare: 0.5, HighPassS: 0.4, GravityS: 2.5, TurnedDeg: 20,
		SlowestMPS: 0.7, FixLatencyS: 0.3, AheadM: 1}
}

// ErrParameters is what is wrong with parameters that cannot be used.
var ErrParameters = errors.New("detector parameters")

// Check returns nil for parameters that a detector can run with, and otherwise an ErrParameters that names the first one out of
// range.
func (p Parameters) Check() error {
	if p.Version != Version {
		return fmt.Errorf("%w: version %d, want %d", ErrParameters, p.Version, Version)
	}
	var wrong error
	p.Each(func(name string, value *float64, low, high float64) {
		if wrong == nil && !(*value >= low && *value <= high) { // false for NaN
			wrong = fmt.Errorf("%w: %s is %g, want %g to %g", ErrParameters, name, *value, low, high)
		}
	})
	return wrong
}

// Each hands over every parameter but the version: its name in JSON, and from where to where it may lie.
func (p *Parameters) Each(do func(name string, value *float64, low, high float64)) {
	do("least_g", &p.LeastG, 0.05, 2)
	do("least_slow_g", &p.LeastSlowG, 0.05, 2)
	do("speed_power", &p.SpeedPower, 0, 1.5)
	do("noise_g", &p.NoiseG, 0.005, 1)
	do("noise_power", &p.NoisePower, 0, 1)
	do("slow_share", &p.SlowShare, 0, 1)
	do("high_pass_s", &p.HighPassS, 0.1, 5)
	do("gravity_s", &p.GravityS, 0.5, 60)
	do("turned_deg", &p.TurnedDeg, 5, 180)
	do("slowest_mps", &p.SlowestMPS, 0, 10)
	do("fix_latency_s", &p.FixLatencyS, 0, 3)
	do("ahead_m", &p.AheadM, -20, 20)
}

// Parse reads parameters from JSON. What is left out is as in Standard, but for the version; members that this version does not
// know are ignored. What is out of range is an ErrParameters, and the device keeps the parameters that it has.
func Parse(text []byte) (Parameters, error) {
	p := Standard()
	p.Version = 0
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&p); err != nil {
		return Parameters{}, fmt.Errorf("%w: %w", ErrParameters, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Parameters{}, fmt.Errorf("%w: more follows the object", ErrParameters)
	}
	if err := p.Check(); err != nil {
		return Parameters{}, err
	}
	return p, nil
}
