package web

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// period is how far back the figures go.
type period string

const (
	halfYear period = "26w"
	oneYear  period = "52w"
	allTime  period = "all"
)

func periods() []period { return []period{halfYear, oneYear, allTime} }

func parsePeriod(text string) (period, error) {
	if text == "" {
		return halfYear, nil
	}
	if p := period(text); slices.Contains(periods(), p) {
		return p, nil
	}
	return "", badRequest("period is one of 26w, 52w, all.")
}

// areaFigures are an area's figures, and how often its streets were driven.
type areaFigures struct {
	dispatch.Figures          // named; what lies in no district is not
	Cell             geo.Cell // zero: it is no cell
	Weekly           []dispatch.Figures
	Driven           lengths
}

// streetFigures say how often a street was driven.
type streetFigures struct {
	Name string
	lengths
}

// performance is how well the city does over a period.
type performance struct {
	Weeks     []dispatch.Figures // every one, also where nothing happened
	Total     dispatch.Figures
	Areas     []areaFigures // the one with the most confirmed places first
	Districts bool          // areas are districts
	Bodies    []dispatch.Figures
	Driven    lengths
	Streets   []streetFigures // by name
	made      time.Time
}

// performances remembers what was worked out for each period, for a while.
type performances struct {
	mu sync.Mutex
	by map[period]*performance
}

// freshFor is how long figures serve: what reaches far back moves little, and costs more.
func (p period) freshFor() time.Duration {
	if p == allTime {
		return 3 * time.Minute
	}
	return 20 * time.Second
}

// performance returns the figures of a period.
func (s *Server) performance(ctx context.Context, p period) (*performance, error) {
	now := s.config.Now()
	s.figures.mu.Lock()
	known := s.figures.by[p]
	s.figures.mu.Unlock()
	if known != nil && now.Sub(known.made).Abs() < p.freshFor() {
		return known, nil
	}
	out := &performance{made: now}
	if err := out.read(ctx, s, p, now); err != nil {
		return nil, err
	}
	s.figures.mu.Lock()
	defer s.figures.mu.Unlock()
	if s.figures.by == nil {
		s.figures.by = map[period]*performance{}
	}
	s.figures.by[p] = out
	return out, nil
}

// monday returns the first moment of the week, UTC.
func monday(t time.Time) time.Time {
	day := t.UTC().Truncate(24 * time.Hour)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

const week = 7 * 24 * time.Hour

func (p *performance) read(ctx context.Context, s *Server, of period, now time.Time) error {
	this := monday(now)
	from := time.Time{}
	switch of {
	case halfYear:
		from = this.Add(-25 * week)
	case oneYear:
		from = this.Add(-51 * week)
	case allTime:
	}
	city, err := dispatch.WeeklyFigures(ctx, s.config.Pool, dispatch.OfCity, from)
	if err != nil {
		return err
	}
	if len(city) > 0 && of == allTime {
		from = city[0].Week.UTC()
	} else if of == allTime {
		from = this.Add(-25 * week)
	}
	p.Weeks = fill(city, from, this)
	for i := range p.Weeks {
		if s.suspected() == crowd.Hidden {
			p.Weeks[i].Found = 0 // even a number of them would tell that something is suspected
		}
	}
	p.Total = sum(p.Weeks)
	areas, err := dispatch.WeeklyFigures(ctx, s.config.Pool, dispatch.OfArea, from)
	if err != nil {
		return err
	}
	bodies, err := dispatch.WeeklyFigures(ctx, s.config.Pool, dispatch.OfBody, from)
	if err != nil {
		return err
	}
	for name, weeks := range byName(bodies) {
		if f := sum(weeks); name != "" && f.Confirmed+f.Repaired > 0 {
			f.Name = name
			p.Bodies = append(p.Bodies, f)
		}
	}
	slices.SortFunc(p.Bodies, func(a, b dispatch.Figures) int {
		return cmp.Or(-cmp.Compare(a.Confirmed, b.Confirmed), cmp.Compare(a.Name, b.Name))
	})
	return p.readAreas(ctx, s, areas, from, this)
}

func (p *performance) readAreas(ctx context.Context, s *Server, rows []dispatch.Figures, from, this time.Time) error {
	by, err := s.division(ctx)
	if err != nil {
		return err
	}
	p.Districts = len(by.districts) > 0
	city, driven, streets, err := s.drivenLengths(ctx, by)
	if err != nil {
		return err
	}
	p.Driven = city
	for name, l := range streets {
		p.Streets = append(p.Streets, streetFigures{name, l})
	}
	slices.SortFunc(p.Streets, func(a, b streetFigures) int { return cmp.Compare(a.Name, b.Name) })
	byArea := map[territory][]dispatch.Figures{}
	for _, f := range rows {
		n, err := strconv.ParseInt(f.Name, 10, 64)
		if err != nil {
			continue
		}
		in, ok := by.of(geo.Cell(n))
		if !ok {
			continue
		}
		if s.suspected() == crowd.Hidden {
			f.Found = 0
		}
		byArea[in] = append(byArea[in], f)
	}
	for _, d := range by.districts { // also those where nothing happened and nobody drove
		byArea[territory{District: d.name}] = append(byArea[territory{District: d.name}], dispatch.Figures{Week: this})
	}
	for in := range driven {
		if _, ok := byArea[in]; !ok {
			byArea[in] = nil
		}
	}
	for in, weeks := range byArea {
		a := areaFigures{Cell: in.Cell, Weekly: fill(weeks, from, this), Driven: driven[in]}
		a.Figures = sum(a.Weekly)
		a.Name = by.name(in)
		p.Areas = append(p.Areas, a)
	}
	slices.SortFunc(p.Areas, func(a, b areaFigures) int {
		return cmp.Or(-cmp.Compare(a.Confirmed, b.Confirmed), -cmp.Compare(a.Driven.total(), b.Driven.total()), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

func byName(rows []dispatch.Figures) map[string][]dispatch.Figures {
	out := map[string][]dispatch.Figures{}
	for _, f := range rows {
		out[f.Name] = append(out[f.Name], f)
	}
	return out
}

// fill returns every week from one to another, with what happened in it.
func fill(rows []dispatch.Figures, from, to time.Time) []dispatch.Figures {
	var out []dispatch.Figures
	for w := from; !w.After(to); w = w.Add(week) {
		out = append(out, dispatch.Figures{Week: w})
	}
	for _, f := range rows {
		if i := int(f.Week.UTC().Sub(from) / week); i >= 0 && i < len(out) {
			out[i].Add(f)
		}
	}
	return out
}

func sum(weeks []dispatch.Figures) dispatch.Figures {
	var out dispatch.Figures
	if len(weeks) > 0 {
		out.Week = weeks[0].Week
	}
	out.Add(weeks...)
	return out
}

// shown are the weeks that charts show: the current one, which is not over, is left out where there are enough others, or where
// nothing has happened in it yet.
func (p *performance) shown() []dispatch.Figures {
	happened := func(w dispatch.Figures) bool { return w.Found+w.Confirmed+w.Repaired > 0 }
	busy := 0
	for _, w := range p.Weeks {
		if happened(w) {
			busy++
		}
	}
	last := len(p.Weeks) - 1
	if busy < 5 && (busy == 0 || happened(p.Weeks[last])) {
		return p.Weeks
	}
	return p.Weeks[:last]
}

// quantiles returns within how many days a share of each week's repairs was done, NaN where there were none.
func quantiles(weeks []dispatch.Figures, share float64) []float64 {
	out := make([]float64, len(weeks))
	for i := range weeks {
		out[i] = math.NaN()
		if d, ok := weeks[i].Quantile(share); ok {
			out[i] = d
		}
	}
	return out
}

func values(weeks []dispatch.Figures, of func(dispatch.Figures) int) []float64 {
	out := make([]float64, len(weeks))
	for i, w := range weeks {
		out[i] = float64(of(w))
	}
	return out
}
