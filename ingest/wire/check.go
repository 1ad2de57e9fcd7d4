package wire

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Events outside these years are a clock's mistake.
const minYear, maxYear = 2000, 2199

// requirement is a member that must be there, and what is said where it is not.
type requirement struct {
	member members
	reason string
}

// required returns the members that every event must have, and then those of bumps.
func required() [9]requirement {
	return [...]requirement{
		{hasID, "id is missing"}, {hasKind, "kind is missing"}, {hasTime, "time is missing"}, {hasLat, "lat is missing"},
		{hasLon, "lon is missing"}, {hasAccuracy, "accuracy_m is missing"}, {hasSpeed, "speed_mps is missing"},
		{hasPeak, "peak_g is missing"}, {hasDuration, "duration_s is missing"},
	}
}

const hasAlways = hasID | hasKind | hasTime | hasLat | hasLon | hasAccuracy | hasSpeed

// check returns why the event is refused, "" where it is good, and brings a good one into the form that is stored.
func (d *draft) check(now time.Time) string {
	needed := hasAlways
	if d.Kind == Bump {
		needed |= hasPeak | hasDuration
	}
	switch {
	case d.fault != "":
		return d.fault
	case d.missing&needed != 0:
		for _, r := range required() {
			if d.missing&needed&r.member != 0 {
				return r.reason
			}
		}
	case d.ID == "":
		return "id is empty"
	case len(d.ID) > MaxIDLength && utf8.RuneCountInString(d.ID) > MaxIDLength:
		return "id is longer than 64 characters"
	case strings.IndexByte(d.ID, 0) >= 0:
		return "id holds a zero character"
	case d.Kind != Bump && d.Kind != Pass:
		return "kind is neither bump nor pass"
	case math.Abs(d.Lat) > 90:
		return "lat is off the globe"
	case math.Abs(d.Lon) > 180:
		return "lon is off the globe"
	case d.Lat == 0 && d.Lon == 0:
		return "lat and lon are 0,0"
	case d.AccuracyM < 0:
		return "accuracy_m is negative"
	case d.AccuracyM > MaxAccuracyM:
		return "accuracy_m is over 100"
	case d.SpeedMPS < 0:
		return "speed_mps is negative"
	case d.SpeedMPS > MaxSpeedMPS:
		return "speed_mps is over 70"
	case !now.IsZero() && d.Time.Sub(now) > MaxAhead:
		return "time is more than 5 minutes ahead"
	case !now.IsZero() && now.Sub(d.Time) > MaxAge:
		return "time is more than 14 days ago"
	}
	if reason := d.checkKind(); reason != "" {
		return reason
	}
	d.store()
	return ""
}

// checkKind checks what only bumps or only passes have, and drops what the event's kind has not.
func (d *draft) checkKind() string {
	if d.Kind == Pass {
		d.PeakG, d.DurationS, d.RateHz, d.WaveG = 0, 0, 0, nil
		// A place that cannot be one of ours is ignored as any unknown place: the position decides.
		if len(d.Place) > MaxIDLength || strings.IndexByte(d.Place, 0) >= 0 {
			d.Place = ""
		}
		return ""
	}
	d.Place = ""
	switch {
	case d.samples > MaxWaveSamples:
		return "wave_g has more than 512 samples"
	case d.PeakG < 0:
		return "peak_g is negative"
	case d.PeakG > math.MaxFloat32:
		return "peak_g is too large"
	case d.DurationS < 0:
		return "duration_s is negative"
	case d.DurationS > math.MaxFloat32:
		return "duration_s is too large"
	case len(d.WaveG) > 0 && d.missing&hasRate != 0:
		return "rate_hz is missing"
	case d.RateHz < 0 || len(d.WaveG) > 0 && float32(d.RateHz) == 0:
		return "rate_hz is not positive"
	case d.RateHz > math.MaxFloat32:
		return "rate_hz is too large"
	}
	return ""
}

// store rounds the event to what the database keeps.
func (d *draft) store() {
	for _, p := range []*float64{&d.AccuracyM, &d.SpeedMPS, &d.PeakG, &d.DurationS, &d.RateHz} {
		*p = float64(float32(*p))
	}
	if d.HeadingDeg != nil {
		heading := math.Mod(*d.HeadingDeg, 360)
		if heading < 0 {
			heading += 360
		}
		heading = float64(float32(heading))
		if heading >= 360 || heading == 0 { // rounding may reach 360; no negative zero
			heading = 0
		}
		d.HeadingDeg = &heading
	}
	if d.Lat == 0 {
		d.Lat = 0 // no negative zero
	}
	if d.Lon == 0 {
		d.Lon = 0
	}
}

// MilliG returns a sample in g as it is stored: whole thousandths, at most ±32.767 g.
func MilliG(g float64) int16 {
	milli := math.Round(g * 1000)
	switch {
	case milli >= math.MaxInt16:
		return math.MaxInt16
	case milli <= -math.MaxInt16:
		return -math.MaxInt16
	}
	return int16(milli) // not a number gives 0: its event is refused
}

// FromMilliG returns a stored sample in g.
func FromMilliG(milli int16) float32 { return float32(milli) / 1000 }

// ValidDevice says whether id can be a device's: 1 to 64 letters, digits, dots, underscores or hyphens.
func ValidDevice(id string) bool {
	if len(id) == 0 || len(id) > MaxIDLength {
		return false
	}
	for _, c := range []byte(id) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// printable shortens an id that was sent to what can be sent back.
func printable(id string) string {
	id = strings.ToValidUTF8(id, "\uFFFD")
	count := 0
	for at := range id {
		if count == MaxIDLength {
			return id[:at]
		}
		count++
	}
	return id
}

// Error makes a Rejection the error of a line of a replay file.
func (r Rejection) Error() string { return "refused: " + r.Reason }

// Member returns the member of the event that the reason is about, for counting.
func (r Rejection) Member() string {
	member, _, _ := strings.Cut(r.Reason, " ")
	return member
}
