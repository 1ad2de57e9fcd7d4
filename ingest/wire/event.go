package wire

import "time"

// Kind says what a device noticed.
type Kind string

const (
	Bump Kind = "bump" // the device felt a jolt
	Pass Kind = "pass" // the device passed a watched place and felt nothing
)

// Limits of version 1 of the format.
const (
	Version         = 1
	MaxBatchEvents  = 200     // events in one batch; a longer batch is refused whole
	MaxPayloadBytes = 1 << 20 // bytes of one message
	MaxWaveSamples  = 512
	MaxIDLength     = 64
	MaxAccuracyM    = 100 // metres
	MaxSpeedMPS     = 70  // metres per second
	MaxAhead        = 5 * time.Minute
	MaxAge          = 14 * 24 * time.Hour
)

// Event is one jolt or one smooth pass, as a device sent it. Positions are WGS 84 degrees, lengths
// metres, speeds m/s, angles degrees clockwise from true north, accelerations g.
type Event struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	Time       time.Time `json:"time"`
	Lat        float64   `json:"lat"`
	Lon        float64   `json:"lon"`
	AccuracyM  float64   `json:"accuracy_m"`
	SpeedMPS   float64   `json:"speed_mps"`
	HeadingDeg *float64  `json:"heading_deg,omitempty"` // nil where the device knows none
	PeakG      float64   `json:"peak_g,omitempty"`      // bumps only: largest magnitude of the jolt
	DurationS  float64   `json:"duration_s,omitempty"`  // bumps only: time above 30 % of the peak
	RateHz     float64   `json:"rate_hz,omitempty"`     // of WaveG
	WaveG      []float32 `json:"wave_g,omitempty"`      // vertical acceleration without gravity, from about 0.6 s before the trigger to 1.4 s after
	Place      string    `json:"place,omitempty"`       // passes only: the watched place that was asked about
}

// Batch is what one MQTT message or one HTTP request carries.
type Batch struct {
	V      int     `json:"v"`
	Events []Event `json:"events"`
}

// Line is one line of a replay file: an event, its device and, where known, when it was received.
type Line struct {
	Device   string     `json:"device"`
	Received *time.Time `json:"received,omitempty"`
	Event
}

// Rejection says which event of a batch was refused, and why.
type Rejection struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}
