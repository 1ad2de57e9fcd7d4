package web

import (
	"cmp"
	"slices"
	"time"
)

// fillAreas lists the areas: those with the most confirmed places, and of the others those of which the most was never driven, as neglect is not to
// be looked for. The rest is folded away.
func (s *face) fillAreas(v *statsView, areas []areaFigures) {
	first, others := areas[:min(len(areas), areasShown)], slices.Clone(areas[min(len(areas), areasShown):])
	slices.SortStableFunc(others, func(a, b areaFigures) int { return -cmp.Compare(a.Driven[never], b.Driven[never]) })
	for _, a := range first {
		v.Areas = append(v.Areas, s.areaOf(a))
	}
	for i, a := range others {
		if i < neglectShown && a.Driven[never] > 0 || len(others) == 1 {
			v.Areas = append(v.Areas, s.areaOf(a))
		} else {
			v.Rest = append(v.Rest, s.areaOf(a))
		}
	}
}

func (s *face) areaOf(a areaFigures) areaRow {
	row := s.areaRow(a.Figures)
	row.Name, row.Cell = s.areaName(a), a.h3()
	row.Driven, row.Mapped = a.Driven, a.Driven.total() > 0
	return row
}

// medianTable is the time to repair of areas, week by week.
type medianTable struct {
	Names []string
	Weeks []medianRow // the newest first; without those in which nothing was repaired
}

type medianRow struct {
	Week time.Time
	Days []string // in the order of the names
}

// sparks draws the time to repair of the areas with the most confirmed places, beside the whole city's, and tells the same as a table.
func (s *face) sparks(p *performance) ([]sparkView, medianTable) {
	var list []areaFigures
	for _, a := range p.Areas {
		if len(a.RepairDays) > 1 {
			list = append(list, a)
		}
	}
	var table medianTable
	if len(list) < 2 {
		return nil, table
	}
	list = list[:min(len(list), sparksShown)]
	n := len(p.shown())
	all := quantiles(p.Weeks[:n], .5)
	lines := []series{{Values: all}}
	for _, a := range list {
		lines = append(lines, series{Values: quantiles(a.Weekly[:n], .5)})
		table.Names = append(table.Names, s.areaName(a))
	}
	top := most(lines, s.promiseDays())
	var out []sparkView
	for i, a := range list {
		label := s.texts.T("stats.spark.label", "area", s.areaName(a), "days", s.days(a.Quantile(.5)))
		out = append(out, sparkView{s.areaName(a), spark(label, lines[i+1].Values, all, s.promiseDays(), max(1, top),
			func(v float64) string { return s.texts.Decimal(v, 1) })})
	}
	for i := n - 1; i >= 0; i-- {
		if len(p.Weeks[i].RepairDays) == 0 {
			continue
		}
		row := medianRow{Week: p.Weeks[i].Week}
		for _, a := range list {
			row.Days = append(row.Days, s.days(a.Weekly[i].Quantile(.5)))
		}
		table.Weeks = append(table.Weeks, row)
	}
	return out, table
}
