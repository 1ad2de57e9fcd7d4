package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// wave is one jolt as a device felt it.
type wave struct {
	Path  template.HTMLAttr // d="…", of numbers alone
	Peak  string
	Speed string
}

// shape is a typical jolt of a class, with how like it the newest one is.
type shape struct {
	Path     template.HTMLAttr
	Mean     template.HTMLAttr // of the jolts that were felt here
	Class    string
	Likeness string
}

const (
	mostFelt  = 80
	mostWaves = 3
	waveW     = 118.0 // of a small picture, pixels
	waveH     = 52.0
	waveRate  = 100 // Hz, that shapes and means are drawn at
	waveS     = 2.0
)

// fillEvidence tells what was felt at the place and when: jolts as stems, smooth passes below, and the newest waveforms beside what each
// class typically feels like.
func (s *face) fillEvidence(ctx context.Context, out *detail, p crowd.Place) error {
	felt, err := crowd.FeltAt(ctx, s.config.Pool, p.ID, mostFelt)
	if err != nil {
		return err
	}
	if len(felt) > 0 {
		out.Chart = s.feltChart(felt, out)
	}
	var newest []crowd.Felt
	for i := len(felt) - 1; i >= 0 && len(newest) < mostWaves; i-- {
		if len(felt[i].Wave) > 0 {
			newest = append(newest, felt[i])
		}
	}
	if len(newest) == 0 {
		return nil
	}
	top := 0.3
	for _, f := range newest {
		top = max(top, f.PeakG)
	}
	mean := make([]float64, int(waveS*waveRate))
	for _, f := range newest {
		samples := resample(f)
		for i := range mean {
			mean[i] += samples[i] / float64(len(newest))
		}
		out.Waves = append(out.Waves, wave{Path: pathOf(samples, top), Peak: s.texts.Decimal(f.PeakG, 2) + " g",
			Speed: s.texts.T("console.speed", "kmh", int(math.Round(f.SpeedMPS*3.6)))})
	}
	reader, err := crowd.StandardClassifier()
	if err != nil {
		return err
	}
	var like crowd.Belief
	for _, f := range newest {
		b := reader.Classify(f.PeakG, f.DurationS, f.SpeedMPS, f.RateHz, f.Wave)
		for i := range like {
			like[i] += b[i] / float64(len(newest))
		}
	}
	classes := crowd.Classes()
	likest := slices.SortedStableFunc(slices.Values(classes[:]), func(a, b crowd.Class) int { return cmp.Compare(like.Of(b), like.Of(a)) })
	for _, c := range likest {
		if c == crowd.Nothing {
			continue // it has no shape of its own
		}
		typical := typicalJolt(c, math.Max(3, newest[0].SpeedMPS))
		out.Shapes = append(out.Shapes, shape{Path: pathOf(typical, peakOf(typical)), Mean: pathOf(mean, math.Max(0.05, peakOf(mean))),
			Class: s.texts.T("class." + string(c)), Likeness: s.texts.Decimal(like.Of(c), 2)})
	}
	return nil
}

// resample brings a waveform to the rate that pictures are drawn at.
func resample(f crowd.Felt) []float64 {
	out := make([]float64, int(waveS*waveRate))
	rate := f.RateHz
	if rate <= 0 {
		rate = waveRate
	}
	for i := range out {
		x := float64(i) / waveRate * rate
		k := int(x)
		if k+1 >= len(f.Wave) {
			break
		}
		out[i] = float64(f.Wave[k]) + (float64(f.Wave[k+1])-float64(f.Wave[k]))*(x-float64(k))
	}
	return out
}

func peakOf(samples []float64) (peak float64) {
	for _, v := range samples {
		peak = math.Max(peak, math.Abs(v))
	}
	return peak
}

// pathOf draws samples as the path of a small picture whose height is twice top.
func pathOf(samples []float64, top float64) template.HTMLAttr {
	var b strings.Builder
	b.WriteString(`d="M`)
	for i, v := range samples {
		if i > 0 {
			b.WriteByte(' ')
		}
		x := waveW * float64(i) / float64(len(samples)-1)
		y := waveH/2 - v/math.Max(top, 1e-6)*(waveH/2-2)
		b.WriteString(strconv.FormatFloat(x, 'f', 1, 64) + " " + strconv.FormatFloat(y, 'f', 1, 64))
	}
	b.WriteByte('"')
	return template.HTMLAttr(b.String())
}

// The picture of what was felt, pixels.
const (
	feltW, feltH       = 392.0, 132.0
	feltLeft, feltBase = 44.0, 94.0
	feltTop, passesY   = 18.0, 110.0
)

// feltChart draws jolts over time as stems as high as their peaks, and smooth passes below.
func (s *face) feltChart(felt []crowd.Felt, out *detail) template.HTML {
	from, to := felt[0].Time, s.config.Now()
	if last := felt[len(felt)-1].Time; last.After(to) {
		to = last
	}
	if to.Sub(from) < 24*time.Hour {
		from = to.Add(-24 * time.Hour)
	}
	top := 0.5
	jolts, passes := 0, 0
	for _, f := range felt {
		top = max(top, math.Ceil(f.PeakG*2)/2)
		if f.Kind == wire.Bump {
			jolts++
		} else {
			passes++
		}
	}
	x := func(at time.Time) float64 {
		return feltLeft + (feltW-feltLeft-6)*at.Sub(from).Seconds()/to.Sub(from).Seconds()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="evs" viewBox="0 0 %g %g" role="img" aria-label="%s">`, feltW, feltH, template.HTMLEscapeString(s.texts.T("console.chart", "jolts", jolts, "passes", passes)))
	for _, g := range []float64{top, top / 2} {
		y := feltBase - (feltBase-feltTop)*g/top
		fmt.Fprintf(&b, `<path class="grid" d="M%g %.1fH%g"/><text class="end" x="%g" y="%.1f">%s</text>`, feltLeft, y, feltW, feltLeft-4, y+4,
			template.HTMLEscapeString(s.texts.Decimal(g, 2))+" g")
	}
	fmt.Fprintf(&b, `<path class="base" d="M%g %gH%g"/><text class="end" x="%g" y="%g">%s</text>`, feltLeft, feltBase, feltW, feltLeft-4, passesY+4, template.HTMLEscapeString(s.texts.T("console.chart.passes")))
	if o := out.Order; o != nil && o.PromotedAt.After(from) && o.PromotedAt.Before(to) {
		at := x(o.PromotedAt)
		side, anchor := 4.0, ""
		if at > feltW*0.75 {
			side, anchor = -4, ` end`
		}
		fmt.Fprintf(&b, `<path class="confirmed" d="M%.1f 4V%g"/><text class="when%s" x="%.1f" y="12">%s</text>`, at, passesY+8, anchor, at+side, template.HTMLEscapeString(s.texts.T("console.chart.confirmed")))
	}
	for _, f := range felt {
		if f.Kind == wire.Bump {
			y := feltBase - (feltBase-feltTop)*math.Min(1, f.PeakG/top)
			fmt.Fprintf(&b, `<path class="stem" d="M%.1f %gV%.1f"/><circle class="head" cx="%.1f" cy="%.1f" r="2.6"/>`, x(f.Time), feltBase, y, x(f.Time), y)
		} else {
			fmt.Fprintf(&b, `<rect class="pass" x="%.1f" y="%g" width="7" height="3"/>`, x(f.Time)-3.5, passesY-1.5)
		}
	}
	for i := range 5 {
		at := from.Add(to.Sub(from) * time.Duration(i) / 4)
		anchor := "mid"
		switch i {
		case 0:
			anchor = "start"
		case 4:
			anchor = "end"
		}
		fmt.Fprintf(&b, `<text class="%s" x="%.1f" y="%g">%s</text>`, anchor, x(at), feltH-2, template.HTMLEscapeString(s.texts.T("date.short", "day", at.Day(), "month", s.texts.T(fmt.Sprint("month.", int(at.Month()))))))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
