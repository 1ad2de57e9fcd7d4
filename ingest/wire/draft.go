package wire

import "time"

// draft is an event that is being read: what has been seen of it, and the first thing that is wrong with it.
type draft struct {
	Event
	line     bool // device and received count
	device   string
	received *time.Time
	missing  members // what is required and was not there
	fault    string
	waves    []float32 // what WaveG is cut from
	samples  int
	// badSample says that a sample of a Protobuf is not finite; of JSON that is noted at once.
	badSample bool
}

// members is a set of an event's members.
type members uint16

const (
	hasID members = 1 << iota
	hasKind
	hasTime
	hasLat
	hasLon
	hasAccuracy
	hasSpeed
	hasPeak
	hasDuration
	hasRate
	afterMembers
	allMembers = afterMembers - 1
)

// read fills the draft from an object. An error means that the text is not JSON.
func (d *draft) read(s *scanner) error {
	d.missing = allMembers
	for more := s.open('}'); more; {
		key, err := s.key()
		if err != nil {
			return err
		}
		switch key {
		case "id":
			d.ID, err = d.text(s, key, hasID)
		case "kind":
			var kind string
			kind, err = d.text(s, key, hasKind)
			d.Kind = Kind(kind)
		case "time":
			var value *time.Time
			if value, err = d.time(s, key, hasTime); value != nil {
				d.Time = *value
			}
		case "lat":
			d.Lat, err = d.number(s, key, hasLat)
		case "lon":
			d.Lon, err = d.number(s, key, hasLon)
		case "accuracy_m":
			d.AccuracyM, err = d.number(s, key, hasAccuracy)
		case "speed_mps":
			d.SpeedMPS, err = d.number(s, key, hasSpeed)
		case "heading_deg":
			if d.HeadingDeg = nil; s.peek() == 'n' {
				err = s.literal("null")
				break
			}
			var heading float64
			heading, err = d.number(s, key, 0)
			d.HeadingDeg = &heading
		case "peak_g":
			d.PeakG, err = d.number(s, key, hasPeak)
		case "duration_s":
			d.DurationS, err = d.number(s, key, hasDuration)
		case "rate_hz":
			d.RateHz, err = d.number(s, key, hasRate)
		case "wave_g":
			err = d.wave(s)
		case "place":
			d.Place, err = d.text(s, key, 0)
		case "device":
			if !d.line {
				err = s.skip()
				break
			}
			d.device, err = d.text(s, key, 0)
		case "received":
			if !d.line {
				err = s.skip()
				break
			}
			d.received, err = d.time(s, key, 0)
		default:
			err = s.skip()
		}
		if err == nil {
			more, err = s.more('}')
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wrong notes what is wrong with the event; the first thing counts.
func (d *draft) wrong(reason string) {
	if d.fault == "" {
		d.fault = reason
	}
}

// text reads a string member; null is as if it were missing.
func (d *draft) text(s *scanner, key string, member members) (string, error) {
	switch s.peek() {
	case '"':
		value, valid, err := s.str()
		if !valid {
			d.wrong(key + " is not valid text")
		}
		d.missing &^= member
		return value, err
	case 'n':
		d.missing |= member
		return "", s.literal("null")
	}
	d.wrong(key + " is not a string")
	return "", s.skip()
}

// number reads a number member; null is as if it were missing.
func (d *draft) number(s *scanner, key string, member members) (float64, error) {
	switch c := s.peek(); {
	case startsNumber(c):
		value, err := s.number()
		if !finite(value) {
			d.wrong(key + " is not a finite number")
		}
		d.missing &^= member
		return value, err
	case c == 'n':
		d.missing |= member
		return 0, s.literal("null")
	}
	d.wrong(key + " is not a number")
	return 0, s.skip()
}

// time reads a time member; null is as if it were missing.
func (d *draft) time(s *scanner, key string, member members) (*time.Time, error) {
	none := s.peek() == 'n'
	text, err := d.text(s, key, member)
	if err != nil || none {
		return nil, err
	}
	value, ok := parseTime(text)
	if !ok {
		d.wrong(key + " is not a time in RFC 3339")
		return nil, nil
	}
	if value.Year() < minYear || value.Year() > maxYear {
		d.wrong(key + " is in an impossible year")
	}
	return &value, nil
}

// wave reads the samples, rounded to what is stored.
func (d *draft) wave(s *scanner) error {
	d.WaveG, d.samples = nil, 0
	if s.peek() != '[' {
		if s.peek() == 'n' {
			return s.literal("null")
		}
		d.wrong("wave_g is not an array")
		return s.skip()
	}
	first := len(d.waves)
	for more := s.open(']'); more; {
		var err error
		if startsNumber(s.peek()) {
			var sample float64
			sample, err = s.number()
			if !finite(sample) {
				d.wrong("wave_g has a sample that is not a finite number")
			}
			if d.samples++; d.samples <= MaxWaveSamples {
				d.waves = append(d.waves, FromMilliG(MilliG(sample)))
			}
		} else {
			d.wrong("wave_g has a sample that is not a number")
			err = s.skip()
		}
		if err == nil {
			more, err = s.more(']')
		}
		if err != nil {
			return err
		}
	}
	if len(d.waves) > first {
		d.WaveG = d.waves[first:len(d.waves):len(d.waves)]
	}
	return nil
}

// parseTime reads RFC 3339. The form that most devices send, in UTC, is read here, the others by package time.
func parseTime(text string) (time.Time, bool) {
	n := len(text)
	if n < 20 || n > 30 || text[n-1] != 'Z' || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
		text[16] != ':' || n > 20 && (text[19] != '.' || n == 21) {
		value, err := time.Parse(time.RFC3339Nano, text)
		return value.UTC().Truncate(time.Microsecond), err == nil && len(text) <= 64
	}
	ok := true
	digits := func(from, to int) int {
		value := 0
		for _, c := range []byte(text[from:to]) {
			ok = ok && c >= '0' && c <= '9'
			value = value*10 + int(c-'0')
		}
		return value
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	hour, minute, second := digits(11, 13), digits(14, 16), digits(17, 19)
	micros := 0
	for i := 20; i < 26; i++ {
		micros *= 10
		if i < n-1 {
			micros += digits(i, i+1)
		}
	}
	if n > 27 {
		digits(26, n-1) // finer than a microsecond
	}
	if !ok || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	value := time.Date(year, time.Month(month), day, hour, minute, second, micros*1000, time.UTC)
	return value, value.Day() == day
}
