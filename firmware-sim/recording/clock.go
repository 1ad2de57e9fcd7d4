package recording

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clock reads the time of day as Physics Toolbox writes it, 23:21:29:228, in seconds; ok is false where it is something else.
func clock(text string) (seconds float64, ok bool) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) < 3 || len(parts) > 4 {
		return 0, false
	}
	if len(parts) == 4 {
		parts[2] += "." + parts[3]
	}
	var n [3]float64
	for i := range n {
		p := parts[i]
		if p == "" || strings.Trim(p, "0123456789.") != "" {
			return 0, false
		}
		x, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, false
		}
		n[i] = x
	}
	if n[0] >= 24 || n[1] >= 60 || n[2] >= 61 || n[0] != math.Trunc(n[0]) || n[1] != math.Trunc(n[1]) {
		return 0, false
	}
	return n[0]*3600 + n[1]*60 + n[2], true
}

// date reads a time as ISO 8601 has it, in Unix seconds; one without a zone counts as UTC, and zoned is false.
func date(text string) (seconds float64, zoned, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) < len("2006-01-02T15:04") || text[4] != '-' || text[7] != '-' {
		return 0, false, false
	}
	plain := text[:10] + "T" + strings.Replace(strings.TrimLeft(text[10:], "Tt "), ",", ".", 1)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, plain); err == nil {
			return float64(t.Unix()) + float64(t.Nanosecond())/1e9, strings.Contains(layout, "Z"), true
		}
	}
	return 0, false, false
}

// Of clocks whose unit nobody has told.
const (
	fewest   = 5   // steps from which a unit can be told
	slowestS = 1.5 // so rarely no accelerometer is read: these are no seconds
	rareS    = 0.5 // a jolt lasts a fifth of a second
)

// latest is the newest time that can be meant as seconds, the year 5138; milliseconds since 1970 are above it.
const latest = 1e11

// tellClock finds out what the clock counts, where it counts no seconds: an accelerometer is read many times in one.
func (rec *Recording) tellClock(name string, told bool) {
	step := rec.step()
	if math.IsNaN(step) {
		return
	}
	unit, factor := "", 1.0
	switch {
	case told || step < slowestS:
	case step <= 1e3:
		unit, factor = "ms", 1e-3
	case step <= 1e6:
		unit, factor = "us", 1e-6
	default:
		unit, factor = "ns", 1e-9
	}
	if unit == "" {
		if step > rareS {
			rec.note("samples come every %.3g s: a jolt is over before the next", step)
		}
		return
	}
	rec.note("%s is taken for %s, as samples would come every %.3g s else; --columns t_s=%s:s says that it is seconds", name, unit, step, name)
	for i := range rec.Rows {
		rec.Rows[i].T *= factor
	}
}

// step is the usual time from one sample to the next; NaN where there are too few to tell.
func (rec *Recording) step() float64 {
	var steps []float64
	last := math.NaN()
	for _, r := range rec.Rows {
		if math.IsNaN(r.Acc[0]) {
			continue
		}
		if d := r.T - last; d > 0 { // false for NaN
			steps = append(steps, d)
		}
		last = r.T
	}
	if len(steps) < fewest {
		return math.NaN()
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}
