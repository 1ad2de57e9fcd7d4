package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// history is what was felt at a place over time, as a chart and as a table.
type history struct {
	Chart  template.HTML
	Rows   []historyRow // the newest first
	Weekly bool
}

// historyRow is one line of the table.
type historyRow struct {
	Day      time.Time // of a week, its Monday
	Jolts    int
	Passes   int
	Severity string
}

// mostDays is how many days a chart shows one by one; a longer time is shown by weeks.
const mostDays = 62

// event is a day that the chart marks with a line.
type event struct {
	day    time.Time
	symbol mark
	text   string
}

// history returns what was felt at a place, nil where nothing is on record.
func (s *face) history(days []crowd.Day, steps []dispatch.Step) *history {
	if len(days) == 0 {
		return nil
	}
	h := &history{Weekly: days[len(days)-1].Day.Sub(days[0].Day) >= mostDays*24*time.Hour}
	if h.Weekly {
		days = weekly(days)
	}
	for _, d := range slices.Backward(days) {
		row := historyRow{Day: d.Day, Jolts: d.Jolts, Passes: d.Passes, Severity: "–"}
		if d.Severity != nil {
			row.Severity = s.texts.T("history.severity", "grade", s.texts.T(fmt.Sprint("grade.", int(gradeOf(*d.Severity)))),
				"n", s.texts.Decimal(*d.Severity, 2))
		}
		h.Rows = append(h.Rows, row)
	}
	var events []event
	for _, st := range steps {
		key := "history." + string(st.State)
		if s.texts.Has(key) {
			events = append(events, event{st.At.UTC().Truncate(24 * time.Hour), markOf(crowd.Confirmed, st.State), s.texts.T(key)})
		}
	}
	h.Chart = s.historyChart(days, events, h.Weekly)
	return h
}

// weekly sums days by week. The severity of a week is that of its last day.
func weekly(days []crowd.Day) []crowd.Day {
	var out []crowd.Day
	for _, d := range days {
		monday := d.Day.AddDate(0, 0, -(int(d.Day.Weekday())+6)%7)
		if n := len(out); n > 0 && out[n-1].Day.Equal(monday) {
			out[n-1].Jolts += d.Jolts
			out[n-1].Passes += d.Passes
			out[n-1].Severity = d.Severity
			continue
		}
		d.Day = monday
		out = append(out, d)
	}
	return out
}

// Sizes of the chart: the severity above, the counts below, on the same days.
const (
	histWidth, histHeight    = 440.0, 236.0
	histLeft, histRight      = 62.0, 436.0
	histTop, histFoot        = 20.0, 104.0 // of the severity
	histBarTop, histBarFoot  = 124.0, 206.0
	histLabel, histLeastWide = 18.0, 58.0
)

// historyChart draws it. It is made of numbers and escaped text only.
func (s *face) historyChart(days []crowd.Day, events []event, weeks bool) template.HTML {
	t := s.texts
	first, last := days[0].Day, days[len(days)-1].Day
	step := 24 * time.Hour
	if weeks {
		step *= 7
	}
	slots := max(7, int(last.Sub(first)/step)+1)
	wide := (histRight - histLeft) / float64(slots)
	x := func(day time.Time) float64 { return histLeft + wide*(float64(day.Sub(first)/step)+0.5) }
	jolts, passes, busiest := 0, 0, 0
	for _, d := range days {
		jolts, passes, busiest = jolts+d.Jolts, passes+d.Passes, max(busiest, d.Jolts+d.Passes)
	}
	var b strings.Builder
	key := "history.label"
	if weeks {
		key += ".week"
	}
	label := t.T(key, "from", t.Date(first), "to", t.Date(last), "jolts", jolts, "passes", passes)
	fmt.Fprintf(&b, `<svg class="chart history" viewBox="0 0 %g %g" role="img" aria-label="%s">`, histWidth, histHeight, template.HTMLEscapeString(label))
	s.drawEvents(&b, events, x, first.Add(-step), first.Add(time.Duration(slots)*step))
	s.drawSeverity(&b, days, x)
	s.drawCounts(&b, days, x, wide, float64(busiest))
	at := -100.0
	for i := range slots {
		day := first.Add(time.Duration(i) * step)
		if x(day)-at >= histLeastWide && x(day) <= histRight-histLabel {
			fmt.Fprintf(&b, `<text class="tick mid" x="%.1f" y="%g">%s</text>`, x(day), histBarFoot+histLabel, template.HTMLEscapeString(t.T("date.short", "day", day.Day(), "month", s.month(day))))
			at = x(day)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// drawEvents marks days that changed the place's life.
func (s *face) drawEvents(b *strings.Builder, events []event, x func(time.Time) float64, after, before time.Time) {
	free := -100.0
	for _, e := range events {
		if !e.day.After(after) || !e.day.Before(before) {
			continue
		}
		at := x(e.day)
		fmt.Fprintf(b, `<path class="event c-%s" d="M%.1f %gV%g"/>`, e.symbol.Colour(), at, histTop-4, histBarFoot)
		if at < free {
			continue
		}
		class, room := "", 7*float64(len([]rune(e.text)))
		if at+room > histWidth {
			class = " end"
		}
		fmt.Fprintf(b, `<text class="event%s c-%s" x="%.1f" y="%g">%s</text>`, class, e.symbol.Colour(), at, histTop-8, template.HTMLEscapeString(e.text))
		free = at + room
	}
}

// drawSeverity draws the severity between the grades that people are told.
func (s *face) drawSeverity(b *strings.Builder, days []crowd.Day, x func(time.Time) float64) {
	y := func(v float64) float64 { return histFoot - (histFoot-histTop)*v }
	for _, v := range []float64{0, 0.34, 0.67, 1} {
		class := "grid"
		if v == 0 {
			class = "ground"
		}
		fmt.Fprintf(b, `<path class="%s" d="M%g %.1fH%g"/>`, class, histLeft, y(v), histRight)
	}
	for i, middle := range []float64{0.17, 0.505, 0.835} {
		fmt.Fprintf(b, `<text class="tick end" x="%g" y="%.1f">%s</text>`, histLeft-6, y(middle)+4.5, template.HTMLEscapeString(s.texts.T(fmt.Sprint("grade.", i+1))))
	}
	var line strings.Builder
	verb := byte('M')
	for _, d := range days {
		if d.Severity == nil { // since a repair nobody knows
			verb = 'M'
			continue
		}
		v := math.Max(0, math.Min(1, *d.Severity))
		fmt.Fprintf(&line, "%c%.1f %.1f", verb, x(d.Day), y(v))
		fmt.Fprintf(b, `<circle class="dot l-severity" cx="%.1f" cy="%.1f" r="2.5"/>`, x(d.Day), y(v))
		verb = 'L'
	}
	if line.Len() > 0 {
		fmt.Fprintf(b, `<path class="line l-severity" d="%s"/>`, line.String())
	}
}

// drawCounts draws jolts, and smooth passes on top of them, as bars.
func (s *face) drawCounts(b *strings.Builder, days []crowd.Day, x func(time.Time) float64, wide, busiest float64) {
	top, mark := niceTop(busiest)
	mark = math.Max(1, mark) // they are counted
	y := func(v float64) float64 { return histBarFoot - (histBarFoot-histBarTop)*v/top }
	for v := 0.0; v <= top+mark/2; v += mark {
		class := "grid"
		if v == 0 {
			class = "ground"
		}
		fmt.Fprintf(b, `<path class="%s" d="M%g %.1fH%g"/><text class="tick end" x="%g" y="%.1f">%s</text>`,
			class, histLeft, y(v), histRight, histLeft-6, y(v)+4.5, s.texts.Decimal(v, 0))
	}
	bar := math.Min(22, math.Max(1, wide*0.7))
	for _, d := range days {
		left, jolts := x(d.Day)-bar/2, float64(d.Jolts)
		if d.Jolts > 0 {
			fmt.Fprintf(b, `<rect class="bar-jolts" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, left, y(jolts), bar, histBarFoot-y(jolts))
		}
		if d.Passes > 0 {
			all := y(jolts + float64(d.Passes))
			fmt.Fprintf(b, `<rect class="bar-passes" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, left, all, bar, y(jolts)-all)
		}
	}
}
