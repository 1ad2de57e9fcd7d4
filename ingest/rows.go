package ingest

import (
	"encoding/binary"
	"io"
	"math"
	"time"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Rows in PostgreSQL's binary COPY format (its manual, COPY, "Binary Format"). They are encoded by those who append,
// side by side, while the one writer waits for a commit.

const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// postgresEpoch is 2000-01-01 in Unix microseconds, from which PostgreSQL counts.
const postgresEpoch = 946_684_800_000_000

const eventColumns = `id, device, kind, time, received, lat, lon, accuracy_m, speed_mps, heading_deg, peak_g, duration_s, rate_hz, ` +
	`wave, place, cell, region`

// appendEventRow appends the record as a row of eventColumns.
func appendEventRow(b []byte, r *Record) []byte {
	b = binary.BigEndian.AppendUint16(b, 17)
	b = appendTextField(b, r.ID)
	b = appendTextField(b, r.Device)
	b = binary.BigEndian.AppendUint32(b, 2)
	b = binary.BigEndian.AppendUint16(b, uint16(kindNumber(r.Kind)))
	b = appendTimeField(b, r.Time)
	b = appendTimeField(b, r.Received)
	b = appendUint64Field(b, math.Float64bits(r.Lat))
	b = appendUint64Field(b, math.Float64bits(r.Lon))
	b = appendSingleField(b, r.AccuracyM)
	b = appendSingleField(b, r.SpeedMPS)
	if r.HeadingDeg == nil {
		b = appendNull(b)
	} else {
		b = appendSingleField(b, *r.HeadingDeg)
	}
	b = appendSingleField(b, r.PeakG)
	b = appendSingleField(b, r.DurationS)
	b = appendSingleField(b, r.RateHz)
	if len(r.WaveG) == 0 {
		b = appendNull(b)
	} else {
		b = binary.BigEndian.AppendUint32(b, uint32(2*len(r.WaveG)))
		b = appendWave(b, r.WaveG)
	}
	if r.Place == "" {
		b = appendNull(b)
	} else {
		b = appendTextField(b, r.Place)
	}
	b = appendUint64Field(b, uint64(r.Cell))
	return appendUint64Field(b, uint64(r.Region))
}

func appendNull(b []byte) []byte { return binary.BigEndian.AppendUint32(b, math.MaxUint32) }

func appendTextField(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

func appendUint64Field(b []byte, value uint64) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, value)
}

func appendTimeField(b []byte, t time.Time) []byte {
	return appendUint64Field(b, uint64(t.UnixMicro()-postgresEpoch))
}

func appendSingleField(b []byte, value float64) []byte {
	b = binary.BigEndian.AppendUint32(b, 4)
	return binary.BigEndian.AppendUint32(b, math.Float32bits(float32(value)))
}

// appendWave appends samples as they are stored: int16 milli-g, little endian.
func appendWave(b []byte, samples []float32) []byte {
	for _, g := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(wire.MilliG(float64(g))))
	}
	return b
}

// kindNumber is how the database writes a kind.
func kindNumber(kind wire.Kind) int16 {
	if kind == wire.Pass {
		return 1
	}
	return 0
}

// parts reads one byte slice after the other.
type parts [][]byte

func (p *parts) Read(into []byte) (int, error) {
	n := 0
	for n < len(into) && len(*p) > 0 {
		taken := copy(into[n:], (*p)[0])
		n += taken
		if (*p)[0] = (*p)[0][taken:]; len((*p)[0]) == 0 {
			*p = (*p)[1:]
		}
	}
	if n == 0 && len(into) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
