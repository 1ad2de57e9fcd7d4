package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// statsFile serves /stats/{file}: the figures as CSV. Names of columns are English in every language, as in all data.
func (s *face) statsFile(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".csv")
	if !ok {
		return errHidden
	}
	of, err := parsePeriod(r.URL.Query().Get("period"))
	if err != nil {
		return err
	}
	p, err := s.performance(r.Context(), of)
	if err != nil {
		return err
	}
	var rows [][]string
	switch name {
	case "weeks":
		rows = append(rows, append([]string{"week"}, s.columns()...))
		for _, f := range p.Weeks {
			rows = append(rows, append([]string{f.Week.Format(time.DateOnly)}, s.cells(f)...))
		}
	case "areas":
		rows = append(rows, append(append([]string{"h3", "area"}, s.columns()...), "street_m", "driven_often_m", "driven_seldom_m", "driven_never_m"))
		for _, a := range p.Areas {
			row := append([]string{a.h3(), s.areaName(a)}, s.cells(a.Figures)...)
			rows = append(rows, append(row, a.Driven.row()...))
		}
	case "area-weeks":
		rows = append(rows, append([]string{"week", "h3", "area"}, s.columns()...))
		for _, a := range p.Areas {
			for _, f := range a.Weekly {
				if f.Found+f.Confirmed+f.Repaired+f.Verified+f.Reopened+f.Right+f.Wrong > 0 {
					rows = append(rows, append([]string{f.Week.Format(time.DateOnly), a.h3(), s.areaName(a)}, s.cells(f)...))
				}
			}
		}
	case "bodies":
		rows = append(rows, append([]string{"body"}, s.columns()...))
		for _, b := range p.Bodies {
			rows = append(rows, append([]string{b.Name}, s.cells(b)...))
		}
	case "streets":
		rows = append(rows, []string{"street", "street_m", "driven_often_m", "driven_seldom_m", "driven_never_m"})
		for _, st := range p.Streets {
			rows = append(rows, append([]string{st.Name}, st.row()...))
		}
	default:
		return errHidden
	}
	writeCSV(w, name, rows)
	return nil
}

// h3 is the area's cell, empty for a district.
func (a areaFigures) h3() string {
	if a.Cell == 0 {
		return ""
	}
	return a.Cell.String()
}

func (l lengths) row() []string {
	m := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	return []string{m(l.total()), m(l[often]), m(l[seldom]), m(l[never])}
}

func (s *Server) columns() []string {
	out := []string{"confirmed", "repaired", "verified", "reopened", "crews_found_it", "crews_found_nothing", "repair_days_median", "repair_days_p90"}
	if s.suspected() != crowd.Hidden {
		out = append([]string{"found"}, out...)
	}
	if s.promiseDays() > 0 {
		out = append(out, "repaired_within_promise")
	}
	return out
}

func (s *Server) cells(f dispatch.Figures) []string {
	quantile := func(share float64) string {
		if d, ok := f.Quantile(share); ok {
			return strconv.FormatFloat(d, 'f', 2, 64)
		}
		return ""
	}
	out := []string{strconv.Itoa(f.Confirmed), strconv.Itoa(f.Repaired), strconv.Itoa(f.Verified), strconv.Itoa(f.Reopened),
		strconv.Itoa(f.Right), strconv.Itoa(f.Wrong), quantile(.5), quantile(.9)}
	if s.suspected() != crowd.Hidden {
		out = append([]string{strconv.Itoa(f.Found)}, out...)
	}
	if s.promiseDays() > 0 {
		out = append(out, strconv.Itoa(f.Within(s.promiseDays())))
	}
	return out
}

// writeCSV answers with a table. Text that a spreadsheet would take for a formula gets an apostrophe before it.
func writeCSV(w http.ResponseWriter, name string, rows [][]string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="streetpulse-%s.csv"`, name))
	w.Header().Set("Cache-Control", "no-cache")
	out := csv.NewWriter(w)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = harmless(cell)
		}
		if out.Write(row) != nil {
			return // the client has gone
		}
	}
	out.Flush()
}

// harmless keeps a spreadsheet from taking text for a formula; numbers stay as they are.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsAny(cell[:1], "=+-@\t\r") {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}
