package wire

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Append appends the batch as JSON. Every number must be finite. Decode of it returns the same events where they
// are in the form that is stored, as Decode returns them.
func (b Batch) Append(dst []byte) []byte {
	dst = append(dst, `{"v":`...)
	dst = strconv.AppendInt(dst, int64(b.V), 10)
	dst = append(dst, `,"events":[`...)
	for i := range b.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		dst = b.Events[i].appendMembers(dst)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// Append appends the line as JSON, without a line feed.
func (l Line) Append(dst []byte) []byte {
	dst = append(dst, `{"device":`...)
	dst = appendText(dst, l.Device)
	if l.Received != nil {
		dst = append(dst, `,"received":`...)
		dst = appendTime(dst, *l.Received)
	}
	dst = append(dst, ',')
	dst = l.Event.appendMembers(dst)
	return append(dst, '}')
}

func (e *Event) appendMembers(dst []byte) []byte {
	dst = append(dst, `"id":`...)
	dst = appendText(dst, e.ID)
	dst = append(dst, `,"kind":`...)
	dst = appendText(dst, string(e.Kind))
	dst = append(dst, `,"time":`...)
	dst = appendTime(dst, e.Time)
	dst = append(dst, `,"lat":`...)
	dst = strconv.AppendFloat(dst, e.Lat, 'f', -1, 64)
	dst = append(dst, `,"lon":`...)
	dst = strconv.AppendFloat(dst, e.Lon, 'f', -1, 64)
	dst = appendSingle(dst, "accuracy_m", e.AccuracyM)
	dst = appendSingle(dst, "speed_mps", e.SpeedMPS)
	if e.HeadingDeg != nil {
		dst = appendSingle(dst, "heading_deg", *e.HeadingDeg)
	}
	if e.Kind == Bump {
		dst = appendSingle(dst, "peak_g", e.PeakG)
		dst = appendSingle(dst, "duration_s", e.DurationS)
		if e.RateHz != 0 {
			dst = appendSingle(dst, "rate_hz", e.RateHz)
		}
		if len(e.WaveG) > 0 {
			dst = append(dst, `,"wave_g":[`...)
			for i, sample := range e.WaveG {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = strconv.AppendFloat(dst, float64(sample), 'f', -1, 32)
			}
			dst = append(dst, ']')
		}
	}
	if e.Place != "" {
		dst = append(dst, `,"place":`...)
		dst = appendText(dst, e.Place)
	}
	return dst
}

// appendSingle appends a member that is kept in single precision.
func appendSingle(dst []byte, name string, value float64) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	format := byte('f')
	if value > 1e9 || value < 1e-6 && value > 0 {
		format = 'e'
	}
	return strconv.AppendFloat(dst, value, format, -1, 32)
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999Z")
	return append(dst, '"')
}

// appendText appends a JSON string.
func appendText(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
