package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
)

// ReportCategory is something that a resident can report.
type ReportCategory struct {
	ID      string            `json:"id,omitempty" maxLength:"40" doc:"left out: it is new"`
	Names   map[string]string `json:"names" doc:"by language: en, de"`
	Class   string            `json:"class,omitempty" enum:",pothole,casting,joint,rail" doc:"of place, that a report is evidence for; empty: of none"`
	Retired bool              `json:"retired,omitempty" doc:"no longer offered; reports of it stay"`
}

// ReportCategories are all of them, in the order of the form.
type ReportCategories struct {
	Categories []ReportCategory `json:"categories" maxItems:"60" doc:"those that are left out are retired"`
	Version    int64            `json:"version" minimum:"1" doc:"that was seen; where it is another by now, nothing is changed (409)"`
}

type categoriesInput struct {
	asked
	Spoken
	Body ReportCategories
}

type offeredBody struct {
	Categories []ReportCategory `json:"categories"`
}

func (s *Server) registerCategories(api huma.API) {
	huma.Register(api, open("list-report-categories", http.MethodGet, "/reports/categories", "What can be reported", 503),
		func(ctx context.Context, _ *struct{}) (*struct{ Body offeredBody }, error) {
			set, err := city.LoadCategories(ctx, s.config.Pool)
			if err != nil {
				return nil, s.failed(ctx, "category", err)
			}
			return &struct{ Body offeredBody }{offeredBody{listOf(set.Offered(), func(c city.Category) ReportCategory { return ReportCategory(c) })}}, nil
		})
	op := func(id, method, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, "/settings/categories", summary, errs...)
	}
	huma.Register(api, op("get-report-categories", http.MethodGet, "What residents can report, with what is retired"),
		func(ctx context.Context, _ *ownInput) (*struct{ Body ReportCategories }, error) {
			set, err := city.LoadCategories(ctx, s.config.Pool)
			if err != nil {
				return nil, s.failed(ctx, "category", err)
			}
			return categoriesAnswer(set), nil
		})
	huma.Register(api, op("change-report-categories", http.MethodPut, "Set it", 409, 422), each(s, (*face).apiChangeCategories, func(in *categoriesInput) Spoken { return in.Spoken }))
}

func categoriesAnswer(set city.Categories) *struct{ Body ReportCategories } {
	return &struct{ Body ReportCategories }{ReportCategories{listOf(set.List, func(c city.Category) ReportCategory { return ReportCategory(c) }), set.Version}}
}

func (s *face) apiChangeCategories(ctx context.Context, in *categoriesInput) (*struct{ Body ReportCategories }, error) {
	set := city.Categories{List: listOf(in.Body.Categories, func(c ReportCategory) city.Category { return city.Category(c) }), Version: in.Body.Version}
	if faults := categoryFaults(set); len(faults) > 0 {
		return nil, s.laid(ctx, "category", faults)
	}
	after, err := s.saveCategories(ctx, set)
	if err != nil {
		return nil, s.laid(ctx, "category", overtaken(err, after.Version))
	}
	return categoriesAnswer(after), nil
}
