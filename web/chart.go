package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// Charts are SVG that the server draws: they are there without scripts, and every one of them also stands as a table.

// series is one line of a chart: a value for each week, NaN where there is none.
type series struct {
	Name   string
	Class  string // of its colour and dashes, in site.css
	Values []float64
}

// chart is a line chart over weeks.
type chart struct {
	Label  string // what it says, for those who do not see it
	Weeks  []time.Time
	Lines  []series
	Band   bool    // fill between the first line and the ground
	Limit  float64 // a horizontal line, 0: none
	limit  string  // its words
	number func(float64) string
}

const (
	chartWidth, chartHeight             = 480.0, 190.0
	chartLeft, chartTop                 = 34.0, 12.0
	chartRight, chartBottom             = 380.0, 160.0
	chartGap                            = 15.0 // least distance of the words at the lines' ends
	sparkWidth, sparkHeight, sparkRight = 160.0, 62.0, 120.0
)

// niceTop returns a round number at or above the largest value, and the step between marks.
func niceTop(most float64) (top, step float64) {
	if most <= 0 || math.IsInf(most, 0) {
		most = 1
	}
	step = math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10} {
		if s := step * f; s*4 >= most && (s >= 1 || most < 2 && f != 0.25) {
			step = s
			break
		}
	}
	return step * math.Ceil(most/step), step
}

func most(lines []series, least float64) float64 {
	m := least
	for _, l := range lines {
		for _, v := range l.Values {
			if !math.IsNaN(v) {
				m = math.Max(m, v)
			}
		}
	}
	return m
}

// trace draws a line through what there is, across weeks in which there is nothing.
func trace(values []float64, x func(int) float64, y func(float64) float64) string {
	var b strings.Builder
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		verb := byte('L')
		if b.Len() == 0 {
			verb = 'M'
		}
		fmt.Fprintf(&b, "%c%.1f %.1f", verb, x(i), y(v))
	}
	return b.String()
}

func last(values []float64) (int, float64) {
	for i := len(values) - 1; i >= 0; i-- {
		if !math.IsNaN(values[i]) {
			return i, values[i]
		}
	}
	return -1, math.NaN()
}

// draw returns the chart. It is made of numbers and escaped text only.
func (c *chart) draw(month func(time.Time) string) template.HTML {
	var b strings.Builder
	n := len(c.Weeks)
	top, step := niceTop(most(c.Lines, c.Limit*1.1))
	x := func(i int) float64 { return chartLeft + (chartRight-chartLeft)*float64(i)/float64(max(1, n-1)) }
	y := func(v float64) float64 { return chartBottom - (chartBottom-chartTop)*v/top }
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.Label))
	for v := 0.0; v <= top+step/2; v += step {
		class := "grid"
		if v == 0 {
			class = "ground"
		}
		fmt.Fprintf(&b, `<path class="%s" d="M%g %.1fH%g"/><text class="tick end" x="%g" y="%.1f">%s</text>`,
			class, chartLeft, y(v), chartRight, chartLeft-7, y(v)+4.5, template.HTMLEscapeString(c.number(v)))
	}
	c.months(&b, x, month)
	if c.Band && len(c.Lines) > 0 {
		if d := trace(c.Lines[0].Values, x, y); d != "" {
			i, _ := last(c.Lines[0].Values)
			first := slices.IndexFunc(c.Lines[0].Values, func(v float64) bool { return !math.IsNaN(v) })
			fmt.Fprintf(&b, `<path class="band" d="%sL%.1f %.1fL%.1f %.1fZ"/>`, d, x(i), y(0), x(first), y(0))
		}
	}
	if c.Limit > 0 {
		fmt.Fprintf(&b, `<path class="limit" d="M%g %.1fH%g"/>`, chartLeft, y(c.Limit), chartRight)
	}
	for _, l := range c.Lines {
		fmt.Fprintf(&b, `<path class="line %s" d="%s"/>`, l.Class, trace(l.Values, x, y))
	}
	if c.Limit > 0 { // over the lines, which it stands out from by its halo
		fmt.Fprintf(&b, `<text class="tick limit-text" x="%g" y="%.1f">%s</text>`, chartLeft+4, y(c.Limit)-5, template.HTMLEscapeString(c.limit))
	}
	c.ends(&b, x, y)
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// months names the months, or the years where there are many.
func (c *chart) months(b *strings.Builder, x func(int) float64, month func(time.Time) string) {
	lastAt, lastName := -1000.0, ""
	for i, w := range c.Weeks {
		name := month(w)
		if len(c.Weeks) > 60 {
			name = fmt.Sprint(w.Year())
		}
		if name == lastName {
			continue
		}
		lastName = name
		if at := x(i); at-lastAt > 34 {
			fmt.Fprintf(b, `<text class="tick mid" x="%.1f" y="%g">%s</text>`, at, chartBottom+18, template.HTMLEscapeString(name))
			lastAt = at
		}
	}
}

// ends names each line at its end, none over another.
func (c *chart) ends(b *strings.Builder, x func(int) float64, y func(float64) float64) {
	type end struct {
		at, x, y    float64
		class, text string
	}
	var ends []end
	for _, l := range c.Lines {
		if i, v := last(l.Values); i >= 0 {
			ends = append(ends, end{y(v), x(i), y(v), l.Class, l.Name + " " + c.number(v)})
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return int(math.Copysign(1, a.y-b.y)) })
	for i := 1; i < len(ends); i++ {
		ends[i].y = math.Max(ends[i].y, ends[i-1].y+chartGap)
	}
	if n := len(ends); n > 0 {
		for i, over := n-1, ends[n-1].y-chartBottom; i >= 0 && over > 0; i-- {
			ends[i].y -= over
			if i > 0 {
				over = ends[i-1].y + chartGap - ends[i].y
			}
		}
	}
	for _, e := range ends {
		fmt.Fprintf(b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"/><text class="name %s" x="%g" y="%.1f">%s</text>`,
			e.class, e.x, e.at, e.class, chartRight+9, e.y+4.5, template.HTMLEscapeString(e.text))
	}
}

// spark is a small chart of one area beside the whole city, to the same scale as its neighbours.
func spark(label string, own, all []float64, limit, top float64, number func(float64) string) template.HTML {
	var b strings.Builder
	x := func(i int) float64 { return 2 + (sparkRight-2)*float64(i)/float64(max(1, len(own)-1)) }
	y := func(v float64) float64 { return sparkHeight - 4 - (sparkHeight-14)*math.Min(1.05, v/top) }
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %g %g" role="img" aria-label="%s"><path class="ground" d="M2 %.1fH%g"/>`,
		sparkWidth, sparkHeight, template.HTMLEscapeString(label), y(0), sparkRight)
	if limit > 0 {
		fmt.Fprintf(&b, `<path class="limit" d="M2 %.1fH%g"/>`, y(limit), sparkRight)
	}
	fmt.Fprintf(&b, `<path class="line l-all" d="%s"/><path class="line l-half" d="%s"/>`, trace(all, x, y), trace(own, x, y))
	if i, v := last(own); i >= 0 {
		fmt.Fprintf(&b, `<circle class="dot l-half" cx="%.1f" cy="%.1f" r="3"/><text class="name l-half" x="%.1f" y="%.1f">%s</text>`,
			x(i), y(v), math.Max(x(i)+7, 20), y(v)+4.5, template.HTMLEscapeString(number(v)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
