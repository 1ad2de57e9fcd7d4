package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// row is an order, or a place to be reviewed, as the queue has it: in words.
type row struct {
	ID       string  `json:"id"`      // of the order, or of the place
	Version  int64   `json:"version"` // of the order; 0: a place
	Number   string  `json:"number"`
	Place    string  `json:"place"`
	Street   string  `json:"street"`
	Class    string  `json:"class"`
	Mark     mark    `json:"mark"`
	Priority int     `json:"priority"`
	With     string  `json:"with"`
	Due      string  `json:"due"`
	Late     string  `json:"late"` // soon, overdue, or empty
	Failed   bool    `json:"failed"`
	Size     int     `json:"size"` // of the mark on the map, pixels
	Lat      float64 `json:"lat"`
	Lon      float64 `json:"lon"`
}

// Review says whether the row is a place.
func (r row) Review() bool { return r.Version == 0 }

// Address is where the row's detail is.
func (r row) Address() string {
	if r.Review() {
		return "/console/reviews/" + r.ID
	}
	return "/console/orders/" + r.ID
}

// consoleList returns a stretch of what is sought, and how much that is in all.
func (s *face) consoleList(ctx context.Context, d consoleDesk, v sought, offset, limit int) ([]row, int, error) {
	if v.OfPlaces() {
		return s.reviewRows(ctx, d, v.view, offset, limit)
	}
	view := v.view
	view.Offset, view.Limit = offset, limit
	orders, err := dispatch.Queue(ctx, s.config.Pool, view, d.works, d.now)
	if err != nil {
		return nil, 0, err
	}
	total := offset + len(orders)
	if len(orders) == limit || len(orders) == 0 && offset > 0 {
		n, err := dispatch.Lengths(ctx, s.config.Pool, []dispatch.View{v.view}, d.works, d.now)
		if err != nil {
			return nil, 0, err
		}
		total = n[0]
	}
	rows := make([]row, len(orders))
	for i, o := range orders {
		rows[i] = s.row(o, d)
	}
	return rows, total, nil
}

func (s *face) row(o dispatch.Order, d consoleDesk) row {
	r := row{ID: o.ID, Version: o.Version, Number: o.Number, Place: o.Place, Street: o.Street, Class: s.texts.T("class." + string(o.Class)),
		Mark: markOf("", o.State), Priority: o.Priority.Sum(), With: s.with(o), Failed: o.Failed, Size: gradeOf(o.Severity).Pixels(),
		Lat: round(o.Lat, 6), Lon: round(o.Lon, 6)}
	if r.Street == "" {
		r.Street = o.Number
		if near := s.nameNear(orb.Point{o.Lon, o.Lat}); near != "" {
			r.Street = s.texts.T("where.near", "street", near)
		}
	}
	if o.SplitFrom != "" {
		r.Class = s.texts.T("console.row.split", "class", r.Class)
	}
	r.Due, r.Late = s.dueWords(o, d)
	return r
}

// with says with whom an order is.
func (s *face) with(o dispatch.Order) string {
	switch {
	case o.State == dispatch.Repaired && o.Place != "":
		return s.texts.T("console.with.traffic")
	case o.CrewName != "" && o.State != dispatch.Dismissed:
		return o.CrewName
	case !o.HandedAt.IsZero() && o.State.Open():
		return o.Body
	}
	return s.stateWords(o)
}

// stateWords says where an order stands. What has no place of its own no traffic verifies.
func (s *face) stateWords(o dispatch.Order) string {
	if o.State == dispatch.Verified && o.Place == "" {
		return s.texts.T("console.state.verified.hand")
	}
	return s.texts.T("console.state." + string(o.State))
}

// dueWords says how an order stands with its deadline: "3 h left", "2 d 4 h", "4 h over".
func (s *face) dueWords(o dispatch.Order, d consoleDesk) (words, late string) {
	due := d.works.Due(o, d.now)
	switch due {
	case dispatch.Overdue:
		return s.texts.T("console.due.over", "span", s.span(d.now.Sub(o.DueAt))), string(due)
	case dispatch.DueSoon:
		return s.texts.T("console.due.left", "span", s.span(o.DueAt.Sub(d.now))), string(due)
	case dispatch.DueOn:
		return s.span(o.DueAt.Sub(d.now)), ""
	case dispatch.DueNot, dispatch.Escalated:
	}
	switch o.State {
	case dispatch.Repaired:
		if o.Place == "" {
			return s.texts.T("console.due.look"), ""
		}
		return s.texts.T("console.due.checking"), ""
	case dispatch.Verified, dispatch.Dismissed:
		return s.texts.T("console.due.done"), ""
	default:
		return "–", ""
	}
}

// span is a time in days and hours, or in minutes where it is short.
func (s *face) span(d time.Duration) string {
	h := int(d.Hours())
	switch {
	case h >= 24*4 || h >= 24 && h%24 == 0:
		return s.texts.T("console.span.d", "d", h/24)
	case h >= 24:
		return s.texts.T("console.span.dh", "d", h/24, "h", h%24)
	case h >= 1:
		return s.texts.T("console.span.h", "h", h)
	}
	return s.texts.T("console.span.m", "m", int(d.Minutes()))
}

func (s *face) reviewRows(ctx context.Context, d consoleDesk, view dispatch.View, offset, limit int) ([]row, int, error) {
	list, err := d.ReviewsIn(ctx, view)
	if err != nil {
		return nil, 0, err
	}
	var out []row
	for _, r := range list[min(offset, len(list)):min(offset+limit, len(list))] {
		out = append(out, s.reviewRow(r))
	}
	return out, len(list), nil
}

func (s *face) reviewRow(r dispatch.Review) row {
	out := row{ID: r.ID, Place: r.ID, Number: s.texts.T("console.review"), Street: r.Street, Class: s.texts.T("class." + string(r.Class)), Mark: markOf(crowd.Suspected, ""),
		Priority: int(math.Round(100 * r.Severity)), With: s.texts.T("console.review"), Due: "–", Size: gradeOf(r.Severity).Pixels(), Lat: round(r.Lat, 6), Lon: round(r.Lon, 6)}
	if r.Reported {
		out.Place, out.With = "", s.texts.T("console.residents")
		if r.Class == crowd.Nothing {
			out.Class = s.texts.T("console.review.other")
		}
	}
	if out.Street == "" {
		out.Street = out.Class
	}
	return out
}

// rowsAnswer is a stretch of the queue for the console's script.
type rowsAnswer struct {
	Total  int            `json:"total"`
	Offset int            `json:"offset"`
	Rows   []row          `json:"rows"`
	Counts map[string]int `json:"counts"`
}

// consoleRowsJSON answers with a stretch of the queue in the words of the page's language.
func (s *face) consoleRowsJSON(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	v := parseSought(q)
	offset, _ := strconv.Atoi(q.Get("offset"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	if offset < 0 || limit < 1 || limit > 500 {
		return badRequest("offset and limit (1 to 500) are needed")
	}
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	a := rowsAnswer{Offset: offset, Rows: []row{}, Counts: map[string]int{}}
	rows, total, err := s.consoleList(ctx, d, v, offset, limit)
	if err != nil {
		return err
	}
	a.Total, a.Rows = total, append(a.Rows, rows...)
	if q.Get("counts") != "" {
		tabs, err := s.tabs(ctx, d, v, total)
		if err != nil {
			return err
		}
		for _, t := range tabs {
			a.Counts[t.Name] = t.N
		}
	}
	return answerJSON(w, a)
}

func answerJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
