package web

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// statsView is the page of the city's performance.
type statsView struct {
	head
	Sentences   []string
	Periods     []choicePeriod
	Period      period
	Tiles       []figure
	Flow, Speed template.HTML
	Weeks       []weekRow // newest first
	More        []weekRow // those that are not shown at once
	Sparks      []sparkView
	Medians     medianTable // the same as a table
	Areas       []areaRow
	Districts   bool // areas are districts
	Rest        []areaRow
	Bodies      []areaRow
	Streets     []streetRow
	Found       bool // the number of found places is public
	Promise     bool
}

type choicePeriod struct {
	Period  period
	Current bool
}

type figure struct{ Value, Label, More string }

type weekRow struct {
	Week                                time.Time
	Found, Confirmed, Repaired, Checked int
	Half, Nine, InTime                  string
	SoFar                               bool
}

type sparkView struct {
	Name  string
	Chart template.HTML
}

type areaRow struct {
	Name, Cell          string // Cell is empty for a district
	Confirmed, Repaired int
	Half, Nine, Right   string
	InTime              string
	Driven              lengths
	Mapped              bool // there are streets
}

type streetRow struct {
	Name   string
	Length string
	Driven lengths
}

const (
	weeksShown   = 4
	areasShown   = 9 // with the most confirmed places
	neglectShown = 6 // of the others, of which the most was never driven
	sparksShown  = 6
	streetsShown = 12
)

func (s *face) statsPage(w http.ResponseWriter, r *http.Request) error {
	of, err := parsePeriod(r.URL.Query().Get("period"))
	if err != nil {
		return err
	}
	p, err := s.performance(r.Context(), of)
	if err != nil {
		return err
	}
	v := &statsView{head: head{Page: "stats", Title: s.texts.T("stats.title")}, Period: of, Found: s.suspected() != crowd.Hidden,
		Promise: s.promiseDays() > 0, Sentences: s.conclusions(p), Tiles: s.tiles(p), Districts: p.Districts}
	for _, o := range periods() {
		v.Periods = append(v.Periods, choicePeriod{o, o == of})
	}
	v.Flow, v.Speed = s.flowChart(p), s.speedChart(p)
	for i := len(p.Weeks) - 1; i >= 0; i-- {
		row := s.weekRow(p.Weeks[i])
		row.SoFar = i == len(p.Weeks)-1
		if len(v.Weeks) < weeksShown {
			v.Weeks = append(v.Weeks, row)
		} else {
			v.More = append(v.More, row)
		}
	}
	v.Sparks, v.Medians = s.sparks(p)
	s.fillAreas(v, p.Areas)
	for _, b := range p.Bodies {
		v.Bodies = append(v.Bodies, s.areaRow(b))
	}
	v.Streets = s.neglected(p.Streets)
	return s.render(w, r, http.StatusOK, "base", v)
}

// neglected lists the streets of which the longest stretches were never driven.
func (s *face) neglected(streets []streetFigures) []streetRow {
	list := slices.Clone(streets)
	slices.SortStableFunc(list, func(a, b streetFigures) int { return -cmp.Compare(a.lengths[never], b.lengths[never]) })
	var out []streetRow
	for _, st := range list[:min(len(list), streetsShown)] {
		if st.lengths[never] > 0 {
			out = append(out, streetRow{st.Name, s.way(st.total()), st.lengths})
		}
	}
	return out
}

// areaName is what an area is called.
func (s *face) areaName(a areaFigures) string { return cmp.Or(a.Name, s.texts.T("stats.elsewhere")) }

// days writes a number of days, or that there is none.
func (s *face) days(v float64, ok bool) string {
	if !ok {
		return "–"
	}
	return s.texts.T("stats.days", "n", s.texts.Decimal(v, 1))
}

func (s *face) share(part, all int) string {
	if all == 0 {
		return "–"
	}
	return s.texts.T("belief.percent", "n", int(math.Round(100*float64(part)/float64(all))))
}

func (s *face) weekRow(f dispatch.Figures) weekRow {
	return weekRow{Week: f.Week, Found: f.Found, Confirmed: f.Confirmed, Repaired: f.Repaired, Checked: f.Verified,
		Half: s.days(f.Quantile(.5)), Nine: s.days(f.Quantile(.9)), InTime: s.share(f.Within(s.promiseDays()), len(f.RepairDays))}
}

func (s *face) areaRow(f dispatch.Figures) areaRow {
	return areaRow{Name: f.Name, Confirmed: f.Confirmed, Repaired: f.Repaired, Half: s.days(f.Quantile(.5)), Nine: s.days(f.Quantile(.9)),
		Right: s.share(f.Right, f.Right+f.Wrong), InTime: s.share(f.Within(s.promiseDays()), len(f.RepairDays))}
}

// conclusions are what the figures come to, in sentences.
func (s *face) conclusions(p *performance) []string {
	t := s.texts
	var out []string
	half, ok := p.Total.Quantile(.5)
	if !ok {
		out = append(out, t.T("stats.none"))
	} else {
		out = append(out, t.T("stats.half", "days", t.Decimal(half, 1)))
		slowest, days := "", 1.5*half
		for _, a := range p.Areas {
			if d, ok := a.Quantile(.5); ok && len(a.RepairDays) >= 5 && d > days {
				slowest, days = s.areaName(a), d
			}
		}
		if slowest != "" {
			out = append(out, t.T("stats.slowest", "area", slowest, "days", t.Decimal(days, 1)))
		}
	}
	if p.Driven.total() > 0 {
		key := "stats.driven"
		if p.Driven.Never() == 0 {
			key = "stats.driven.all"
		}
		out = append(out, t.T(key, "n", p.Driven.Never()))
	}
	return out
}

func (s *face) tiles(p *performance) []figure {
	t, f := s.texts, p.Total
	var out []figure
	if s.suspected() != crowd.Hidden {
		out = append(out, figure{strconv.Itoa(f.Found), t.T("stats.tile.found"), ""})
	}
	out = append(out,
		figure{strconv.Itoa(f.Confirmed), t.T("stats.tile.confirmed"), ""},
		figure{strconv.Itoa(f.Repaired), t.T("stats.tile.repaired"), ""},
		figure{s.share(f.Right, f.Right+f.Wrong), t.T("stats.tile.right"), t.T("stats.tile.right.of", "n", f.Right, "of", f.Right+f.Wrong)})
	if days := s.promiseDays(); days > 0 {
		out = append(out, figure{s.share(f.Within(days), len(f.RepairDays)), t.T("stats.tile.promise"), t.T("stats.tile.promise.of", "days", s.short(days))})
	}
	return append(out,
		figure{s.share(f.Verified, f.Repaired), t.T("stats.tile.verified"), t.T("stats.tile.verified.of")},
		figure{s.share(f.Reopened, f.Repaired), t.T("stats.tile.reopened"), t.T("stats.tile.reopened.of")})
}

// short writes a number with no more digits than it needs.
func (s *face) short(v float64) string {
	if v == math.Trunc(v) {
		return strconv.Itoa(int(v))
	}
	return s.texts.Decimal(v, 1)
}

func (s *face) month(t time.Time) string { return s.texts.T(fmt.Sprint("month.", int(t.Month()))) }

func (s *face) flowChart(p *performance) template.HTML {
	t, weeks := s.texts, p.shown()
	label := t.T("stats.flow.label")
	if s.suspected() == crowd.Hidden {
		label = t.T("stats.flow.label.hidden")
	}
	c := chart{Label: label, number: func(v float64) string { return s.short(math.Round(v*10) / 10) }}
	for _, w := range weeks {
		c.Weeks = append(c.Weeks, w.Week)
	}
	if s.suspected() != crowd.Hidden {
		c.Lines = append(c.Lines, series{t.T("stats.found"), "l-found", values(weeks, func(f dispatch.Figures) int { return f.Found })})
	}
	c.Lines = append(c.Lines,
		series{t.T("stats.confirmed"), "l-confirmed", values(weeks, func(f dispatch.Figures) int { return f.Confirmed })},
		series{t.T("stats.repaired"), "l-repaired", values(weeks, func(f dispatch.Figures) int { return f.Repaired })},
		series{t.T("stats.verified"), "l-verified", values(weeks, func(f dispatch.Figures) int { return f.Verified })})
	return c.draw(s.month)
}

func (s *face) speedChart(p *performance) template.HTML {
	t, weeks := s.texts, p.shown()
	c := chart{Label: t.T("stats.speed.label"), Band: true, number: func(v float64) string { return s.short(math.Round(v*10) / 10) }}
	for _, w := range weeks {
		c.Weeks = append(c.Weeks, w.Week)
	}
	if days := s.promiseDays(); days > 0 {
		c.Limit, c.limit = days, t.T("stats.promise", "days", s.short(days))
	}
	c.Lines = []series{
		{t.T("stats.nine"), "l-nine", quantiles(weeks, .9)},
		{t.T("stats.half.short"), "l-half", quantiles(weeks, .5)},
	}
	return c.draw(s.month)
}
