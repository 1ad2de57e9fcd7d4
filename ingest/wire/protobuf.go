package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of ingest/streetpulse.proto.
const (
	fieldVersion = 1
	fieldEvents  = 2

	fieldID       = 1
	fieldKind     = 2
	fieldTime     = 3
	fieldLat      = 4
	fieldLon      = 5
	fieldAccuracy = 6
	fieldSpeed    = 7
	fieldHeading  = 8
	fieldPeak     = 9
	fieldDuration = 10
	fieldRate     = 11
	fieldWave     = 12
	fieldPlace    = 13
)

// ReadProtobuf is Read for the batch as Protobuf. It refuses what Read refuses, in the same words; where a payload is
// no Protobuf it is refused whole. Text that is not UTF-8, for which general decoders refuse a message, costs its event.
func ReadProtobuf(payload []byte, now time.Time) (Reading, error) {
	if len(payload) > MaxPayloadBytes {
		return Reading{}, ErrTooLong
	}
	b := gathering{now: now}
	b.waves = make([]float32, 0, len(payload)/4)
	b.reading.Good = make([]Event, 0, min(MaxBatchEvents, 1+len(payload)/64))
	version := uint32(Version)
	err := fields(payload, func(number int, kind protowire.Type, value []byte) error {
		switch {
		case number == fieldVersion && kind == protowire.VarintType:
			if version = uint32(varint(value)); version == 0 { // as if it were not set
				version = Version
			}
		case number == fieldEvents && kind == protowire.BytesType:
			if b.count++; b.count > MaxBatchEvents {
				return ErrTooMany
			}
			d := draft{waves: b.waves}
			if err := d.readProtobuf(content(value)); err != nil {
				return err
			}
			b.waves = d.waves
			b.take(&d)
		}
		return nil
	})
	switch {
	case err != nil:
		return Reading{}, err
	case version != Version:
		return Reading{}, ErrVersion
	case b.count == 0:
		return Reading{}, ErrEmpty
	}
	return b.reading, nil
}

// fields calls each with every field of a message, in their order. An error of its own means that the message is no
// Protobuf.
func fields(message []byte, each func(number int, kind protowire.Type, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return notProtobuf(protowire.ParseError(n))
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return notProtobuf(protowire.ParseError(n))
		}
		if err := each(int(number), kind, message[:n]); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

func notProtobuf(why error) error { return fmt.Errorf("not Protobuf: %w", why) }

// varint and content return what a value that fields has found to be whole holds.
func varint(value []byte) uint64 {
	v, _ := protowire.ConsumeVarint(value)
	return v
}

func content(value []byte) []byte {
	v, _ := protowire.ConsumeBytes(value)
	return v
}

// readProtobuf fills the draft from a message. Of a field that is given twice the last one counts. A field of another type
// than the schema's is an unknown one.
func (d *draft) readProtobuf(message []byte) error {
	d.missing = allMembers
	var micros int64
	var heading *float64
	err := fields(message, func(number int, kind protowire.Type, value []byte) error {
		switch kind {
		case protowire.VarintType:
			switch number {
			case fieldKind:
				d.Kind = kindOf(int32(varint(value)))
			case fieldTime:
				micros = int64(varint(value))
			}
		case protowire.Fixed64Type:
			switch number {
			case fieldLat:
				d.Lat = d.double(value, hasLat)
			case fieldLon:
				d.Lon = d.double(value, hasLon)
			}
		case protowire.Fixed32Type:
			switch number {
			case fieldAccuracy:
				d.AccuracyM = d.single(value, hasAccuracy)
			case fieldSpeed:
				d.SpeedMPS = d.single(value, hasSpeed)
			case fieldHeading:
				degrees := d.single(value, 0)
				heading = &degrees
			case fieldPeak:
				d.PeakG = d.single(value, hasPeak)
			case fieldDuration:
				d.DurationS = d.single(value, hasDuration)
			case fieldRate:
				d.RateHz = d.single(value, hasRate)
			case fieldWave: // samples that are not packed
				d.samplesOf(value)
			}
		case protowire.BytesType:
			switch number {
			case fieldID:
				d.ID = string(content(value))
			case fieldPlace:
				d.Place = string(content(value))
			case fieldWave:
				packed := content(value)
				if len(packed)%4 != 0 {
					return notProtobuf(errors.New("packed samples end in the middle of one"))
				}
				d.samplesOf(packed)
			}
		default: // groups, which the schema has none of
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.HeadingDeg = heading
	d.settle(micros)
	return nil
}

// double and single read a number and note that it is there.
func (d *draft) double(value []byte, member members) float64 {
	d.missing &^= member
	return math.Float64frombits(binary.LittleEndian.Uint64(value))
}

func (d *draft) single(value []byte, member members) float64 {
	d.missing &^= member
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(value)))
}

// samplesOf appends samples to the draft's waveform, rounded to what is stored.
func (d *draft) samplesOf(packed []byte) {
	for ; len(packed) > 0; packed = packed[4:] {
		sample := float64(math.Float32frombits(binary.LittleEndian.Uint32(packed)))
		if !finite(sample) {
			d.badSample = true
		}
		if d.samples++; d.samples <= MaxWaveSamples {
			d.waves = append(d.waves, FromMilliG(MilliG(sample)))
		}
	}
}

// settle notes what is missing and what is wrong in the values that were read last.
func (d *draft) settle(micros int64) {
	if d.ID != "" {
		d.missing &^= hasID
	}
	if d.Kind != "" {
		d.missing &^= hasKind
	}
	if micros != 0 {
		d.missing &^= hasTime
		d.Time = time.UnixMicro(micros).UTC()
	}
	if kept := min(d.samples, MaxWaveSamples); kept > 0 {
		n := len(d.waves)
		d.WaveG = d.waves[n-kept : n : n]
	}
	if !utf8.ValidString(d.ID) {
		d.wrong("id is not valid text")
	}
	if d.missing&hasTime == 0 && (d.Time.Year() < minYear || d.Time.Year() > maxYear) {
		d.wrong("time is in an impossible year")
	}
	for _, number := range [...]struct {
		name  string
		value float64
	}{{"lat", d.Lat}, {"lon", d.Lon}, {"accuracy_m", d.AccuracyM}, {"speed_mps", d.SpeedMPS}, {"heading_deg", headingOr0(d.HeadingDeg)},
		{"peak_g", d.PeakG}, {"duration_s", d.DurationS}, {"rate_hz", d.RateHz}} {
		if !finite(number.value) {
			d.wrong(number.name + " is not a finite number")
		}
	}
	if d.badSample {
		d.wrong("wave_g has a sample that is not a finite number")
	}
	if !utf8.ValidString(d.Place) {
		d.wrong("place is not valid text")
	}
}

func headingOr0(degrees *float64) float64 {
	if degrees == nil {
		return 0
	}
	return *degrees
}

func finite(number float64) bool { return !math.IsNaN(number) && !math.IsInf(number, 0) }

// kindOf returns the kind of a number, "" of 0, which is not set.
func kindOf(number int32) Kind {
	switch number {
	case 0:
		return ""
	case 1:
		return Bump
	case 2:
		return Pass
	}
	return "unknown"
}
