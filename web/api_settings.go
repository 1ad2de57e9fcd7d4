package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/dispatch"
)

// SettingsGiven is what administrators set; what is null is as the server was started.
type SettingsGiven struct {
	Name           *string  `json:"city" required:"false" maxLength:"80"`
	PromiseDays    *float64 `json:"promise_days" required:"false" minimum:"0" maximum:"3650" doc:"within which the city promises to repair; 0: no promise"`
	Suspected      *string  `json:"suspected" required:"false" doc:"what the public sees of suspected places: no, coarse, yes"`
	RetainDays     *int     `json:"retain_days" required:"false" minimum:"0" maximum:"3650" doc:"after which raw events are dropped; 0: never; else 14 at least"`
	FalseOrderCost *float64 `json:"false_order_cost" required:"false" doc:"of a crew that finds no pothole, in any unit"`
	MissedDayCost  *float64 `json:"missed_day_cost" required:"false" doc:"of a day that a pothole waits, in the same unit"`
	OrderClasses   []string `json:"order_classes" required:"false" enum:"casting,joint,rail" doc:"classes beside potholes that become orders by themselves where they are severe; the others go to the review list"`
	Version        int64    `json:"version" minimum:"1" doc:"that was seen; where it is another by now, nothing is changed (409)"`
}

type settingsState struct {
	SettingsGiven
	Line      float64 `json:"line" doc:"the probability from which a pothole becomes an order"`
	WouldPass int     `json:"would_pass" doc:"suspected potholes, at most, that the next jolt would take over the line"`
	Of        int     `json:"of" doc:"suspected potholes"`
}

type settingsInput struct {
	asked
	Spoken
	Body SettingsGiven
}

func (s *Server) registerSettings(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, path, summary, errs...)
	}
	huma.Register(api, op("get-settings", http.MethodGet, "/settings", "What is set for the city, beside how the server was started"),
		func(ctx context.Context, _ *ownInput) (*struct{ Body settingsState }, error) {
			set, err := city.Load(ctx, s.config.Pool)
			if err != nil {
				return nil, s.failed(ctx, "setting", err)
			}
			return s.settingsAnswer(ctx, set)
		})
	change := op("change-settings", http.MethodPut, "/settings", "Set it", 409, 422)
	change.Description = "It counts at once, without a restart. What is null or left out is as the server was started."
	huma.Register(api, change, each(s, (*face).apiChangeSettings, func(in *settingsInput) Spoken { return in.Spoken }))
}

func (s *Server) settingsAnswer(ctx context.Context, set city.Settings) (*struct{ Body settingsState }, error) {
	line := s.rulesOf(set).Probability()
	pass, all, err := s.wouldPass(ctx, line)
	if err != nil {
		return nil, s.failed(ctx, "setting", err)
	}
	return &struct{ Body settingsState }{settingsState{SettingsGiven(set), round(line, 4), pass, all}}, nil
}

// overtaken is the error of whoever changes what is another version by now, as the interface tells it.
func overtaken(err error, version int64) error {
	if errors.Is(err, city.ErrChanged) {
		return &dispatch.Stale{Version: version}
	}
	return err
}

func (s *face) apiChangeSettings(ctx context.Context, in *settingsInput) (*struct{ Body settingsState }, error) {
	set := city.Settings(in.Body)
	if faults := s.settingFaults(set); len(faults) > 0 {
		return nil, s.laid(ctx, "setting", faults)
	}
	after, err := s.saveSettings(ctx, set)
	if err != nil {
		return nil, s.laid(ctx, "setting", overtaken(err, after.Version))
	}
	return s.settingsAnswer(ctx, after)
}
