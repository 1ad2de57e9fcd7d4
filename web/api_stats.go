package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// apiFigures are figures of a week, an area or a body.
type apiFigures struct {
	Week         string       `json:"week,omitempty" format:"date" doc:"its Monday, UTC"`
	H3           string       `json:"h3,omitempty" doc:"H3 cell of the area; missing where areas are districts"`
	Name         string       `json:"name,omitempty" doc:"of the area: the district's, or where none is on record after its streets; missing for what lies in no district; or of the body"`
	Found        *int         `json:"found,omitempty" doc:"places that a second device felt; missing where the city hides suspected places"`
	Confirmed    int          `json:"confirmed"`
	Repaired     int          `json:"repaired"`
	Verified     int          `json:"verified" doc:"repairs that traffic found good"`
	Reopened     int          `json:"reopened"`
	Right        int          `json:"crews_found_it" doc:"orders whose crew found the defect"`
	Wrong        int          `json:"crews_found_nothing"`
	Half         *float64     `json:"repair_days_median" doc:"from confirmed to first repaired; null: nothing was repaired"`
	Nine         *float64     `json:"repair_days_p90"`
	InTime       *int         `json:"repaired_within_promise,omitempty" doc:"missing where the city has promised nothing"`
	DrivenMetres *drivenShare `json:"driven_m,omitempty" doc:"length of streets by how often they were driven in the last four weeks"`
}

type drivenShare struct {
	Often  int `json:"often"`
	Seldom int `json:"seldom"`
	Never  int `json:"never"`
}

type statsBody struct {
	PromiseDays float64      `json:"promise_days,omitempty"`
	Weeks       []apiFigures `json:"weeks"`
	Areas       []apiFigures `json:"areas"`
	Bodies      []apiFigures `json:"bodies"`
	DrivenM     drivenShare  `json:"driven_m"`
}

type statsInput struct {
	Period string `query:"period" enum:"26w,52w,all" default:"26w" doc:"the last 26 or 52 weeks, or all"`
}

func (s *Server) registerStats(api huma.API) {
	huma.Register(api, open("get-stats", http.MethodGet, "/stats", "The city's performance and coverage", 400, 503), s.apiStats)
}

func (s *Server) apiStats(ctx context.Context, in *statsInput) (*struct{ Body statsBody }, error) {
	p, err := s.performance(ctx, period(in.Period))
	if err != nil {
		return nil, s.failed(ctx, "period", err)
	}
	body := statsBody{PromiseDays: s.promiseDays(), Weeks: []apiFigures{}, Areas: []apiFigures{}, Bodies: []apiFigures{}, DrivenM: shareOf(p.Driven)}
	for _, f := range p.Weeks {
		a := s.apiFigures(f)
		a.Week, a.Name = f.Week.Format(time.DateOnly), ""
		body.Weeks = append(body.Weeks, a)
	}
	for _, area := range p.Areas {
		a := s.apiFigures(area.Figures)
		a.H3 = area.h3()
		driven := shareOf(area.Driven)
		a.DrivenMetres = &driven
		body.Areas = append(body.Areas, a)
	}
	for _, f := range p.Bodies {
		body.Bodies = append(body.Bodies, s.apiFigures(f))
	}
	return &struct{ Body statsBody }{body}, nil
}

func shareOf(l lengths) drivenShare {
	return drivenShare{int(l[often]), int(l[seldom]), int(l[never])}
}

func (s *Server) apiFigures(f dispatch.Figures) apiFigures {
	a := apiFigures{Name: f.Name, Confirmed: f.Confirmed, Repaired: f.Repaired, Verified: f.Verified, Reopened: f.Reopened, Right: f.Right, Wrong: f.Wrong}
	if s.suspected() != crowd.Hidden {
		a.Found = &f.Found
	}
	if d, ok := f.Quantile(.5); ok {
		nine, _ := f.Quantile(.9)
		d, nine = round(d, 2), round(nine, 2)
		a.Half, a.Nine = &d, &nine
	}
	if s.promiseDays() > 0 {
		n := f.Within(s.promiseDays())
		a.InTime = &n
	}
	return a
}
