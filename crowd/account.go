package crowd

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// account is what one device has said at one place: the sums that its evidence is computed from.
type account struct {
	hits, misses int
	first, last  time.Time
	east, north  float64                // sum of precision-weighted offsets from the place's anchor, metres / m²
	precision    float64                // sum of 1/σ², 1/m²
	sin, cos     float64                // sums of the headings' unit vectors; both 0 where none was known
	plain, wave  Scores                 // sums over its jolts without and with a waveform
	plainShape   [plainFeatures]float32 // sums of their standardised features
	waveShape    [waveFeatures]float32
	waves, drops int // waveforms seen, and how many begin with a drop
	slow         int // jolts below walking pace or so
	roughness    float64
	firstHit     int64    // Unix milliseconds of the earliest jolt; 0: none
	lastHits     [4]int64 // Unix milliseconds of the newest jolts, for telling two phones in one car
	alone        lonely
	copied       copied
	imprints     []imprint // of the first jolts, mostImprints at most
	shadow       bool      // it only ever felt this place together with another device
}

const accountVersion = 5

var errAccount = errors.New("evidence account is damaged")

// encode appends the account's fixed binary form.
func (a *account) encode() []byte {
	b := make([]byte, 0, 320+imprintBytes*len(a.imprints))
	b = append(b, accountVersion, flag(a.shadow))
	for _, n := range []int{a.waves, a.drops, a.slow} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, f := range []float64{a.east, a.north, a.precision, a.sin, a.cos, a.roughness} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	for _, f := range append(a.plain[:], a.wave[:]...) {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	if a.hits > a.waves {
		b = appendSingles(b, a.plainShape[:])
	}
	if a.waves > 0 {
		b = appendSingles(b, a.waveShape[:])
	}
	b = binary.AppendVarint(b, a.firstHit)
	for _, t := range a.lastHits {
		b = binary.AppendVarint(b, t)
	}
	for i := range a.imprints {
		b = a.imprints[i].encode(b)
	}
	return b
}

// decode reads what encode wrote. The account knows its jolts already.
func (a *account) decode(b []byte) error {
	if len(b) < 2 || b[0] != accountVersion {
		return errAccount
	}
	a.shadow = b[1] == 1
	b = b[2:]
	for _, p := range []*int{&a.waves, &a.drops, &a.slow} {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			return errAccount
		}
		*p, b = int(n), b[used:]
	}
	floats := []*float64{&a.east, &a.north, &a.precision, &a.sin, &a.cos, &a.roughness}
	for i := range a.plain {
		floats = append(floats, &a.plain[i])
	}
	for i := range a.wave {
		floats = append(floats, &a.wave[i])
	}
	if len(b) < 8*len(floats) {
		return errAccount
	}
	for _, p := range floats {
		*p, b = math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
	}
	var err error
	if a.hits > a.waves {
		if b, err = readSingles(b, a.plainShape[:]); err != nil {
			return err
		}
	}
	if a.waves > 0 {
		if b, err = readSingles(b, a.waveShape[:]); err != nil {
			return err
		}
	}
	times := []*int64{&a.firstHit}
	for i := range a.lastHits {
		times = append(times, &a.lastHits[i])
	}
	for _, p := range times {
		t, used := binary.Varint(b)
		if used <= 0 {
			return errAccount
		}
		*p, b = t, b[used:]
	}
	if len(b)%imprintBytes != 0 || len(b) > mostImprints*imprintBytes {
		return errAccount
	}
	a.imprints = nil
	for ; len(b) > 0; b = b[imprintBytes:] {
		var i imprint
		i.decode(b)
		a.imprints = append(a.imprints, i)
	}
	return nil
}

// doubles is the fixed binary form of numbers, readDoubles its inverse.
func doubles(numbers []*float64) []byte {
	var b []byte
	for _, p := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(*p))
	}
	return b
}

func readDoubles(b []byte, into []*float64) error {
	if len(b) != 8*len(into) {
		return errAccount
	}
	for i, p := range into {
		*p = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

func appendSingles(b []byte, x []float32) []byte {
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func readSingles(b []byte, x []float32) ([]byte, error) {
	if len(b) < 4*len(x) {
		return nil, errAccount
	}
	for i := range x {
		x[i], b = math.Float32frombits(binary.LittleEndian.Uint32(b)), b[4:]
	}
	return b, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// firstOf is the earlier of two times that are known; 0: none is.
func firstOf(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// rides says whether every jolt that both accounts still remember came within the same seconds: two phones in one
// car, or one person with two.
func (a *account) rides(b *account) bool {
	const together = 3000 // milliseconds
	shared := 0
	for _, t := range a.lastHits {
		if t == 0 {
			continue
		}
		near := false
		for _, u := range b.lastHits {
			if u != 0 && abs64(t-u) <= together {
				near = true
			}
		}
		if !near {
			return false
		}
		shared++
	}
	return shared > 0
}

func abs64(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
