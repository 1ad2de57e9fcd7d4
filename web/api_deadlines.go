package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

type ruleBody struct {
	Class    crowd.Class          `json:"class,omitempty" enum:",pothole,casting,joint,rail,speed_bump,nothing" doc:"empty: any"`
	Street   dispatch.StreetGroup `json:"street,omitempty" enum:",main,collector,local,path" doc:"empty: any"`
	Severity float64              `json:"severity_from" minimum:"0" maximum:"1"`
	Hours    float64              `json:"hours" exclusiveMinimum:"0" maximum:"5000" doc:"of working time"`
}

type holidayBody struct {
	Day  string `json:"day" format:"date"`
	Name string `json:"name,omitempty" maxLength:"100"`
}

// WorksBody is what an administrator lays down for the works department.
type WorksBody struct {
	TimeZone      string            `json:"time_zone" example:"Europe/Vienna"`
	Hours         map[string]string `json:"hours" doc:"by weekday, sunday to saturday, as 07:00–12:00, 13:00–16:00; one that is left out has none; none at all: the clock never rests"`
	Holidays      []holidayBody     `json:"holidays" maxItems:"1000"`
	Rules         []ruleBody        `json:"rules" maxItems:"200" doc:"of those that fit an order the shortest counts; where none fits it has no deadline"`
	SoonHours     float64           `json:"soon_hours" minimum:"0" maximum:"500" doc:"of working time: a deadline that is nearer is due soon"`
	EscalateHours float64           `json:"escalate_hours" minimum:"0" maximum:"500" doc:"of working time after the deadline"`
	UndoMinutes   float64           `json:"undo_minutes" minimum:"0" maximum:"1440"`
	Version       int64             `json:"version" minimum:"1" doc:"that was seen; where it is another by now, nothing is changed (409)"`
}

func worksBodyOf(w dispatch.Works) WorksBody {
	out := WorksBody{TimeZone: zoneOf(w).String(), Hours: map[string]string{}, Holidays: []holidayBody{}, Rules: []ruleBody{}, SoonHours: round(w.Soon.Hours(), 3),
		EscalateHours: round(w.Escalate.Hours(), 3), UndoMinutes: round(w.UndoFor.Minutes(), 3), Version: w.Version}
	for day, spans := range w.Calendar.Hours {
		if len(spans) > 0 {
			out.Hours[strings.ToLower(time.Weekday(day).String())] = dispatch.SpellHours(spans)
		}
	}
	for _, d := range w.Holidays() {
		out.Holidays = append(out.Holidays, holidayBody{d, w.Names[d]})
	}
	for _, r := range w.Rules {
		out.Rules = append(out.Rules, ruleBody{r.Class, r.Street, r.Severity, round(r.Within.Hours(), 3)})
	}
	return out
}

func (b WorksBody) works() (w dispatch.Works, faults dispatch.Faults) {
	w.Version, w.Soon, w.Escalate = b.Version, hoursOf(b.SoonHours), hoursOf(b.EscalateHours)
	w.UndoFor = time.Duration(b.UndoMinutes * float64(time.Minute))
	var err error
	if w.Calendar.Zone, err = time.LoadLocation(b.TimeZone); err != nil || b.TimeZone == "" {
		faults = append(faults, dispatch.NewFault("time_zone", "zone", "{zone} is no time zone", "zone", b.TimeZone))
	}
	known := 0
	for day := range w.Calendar.Hours {
		name := strings.ToLower(time.Weekday(day).String())
		text, ok := b.Hours[name]
		if !ok {
			continue
		}
		known++
		if w.Calendar.Hours[day], ok = dispatch.ReadHours(text); !ok {
			faults = append(faults, dispatch.NewFault("hours."+name, "hours.text", "hours are written as 07:00–12:00, 13:00–16:00"))
		}
	}
	if known < len(b.Hours) {
		faults = append(faults, dispatch.NewFault("hours", "weekday", "hours are by weekday: sunday to saturday"))
	}
	var days []dispatch.Holiday
	for _, h := range b.Holidays {
		days = append(days, dispatch.Holiday(h))
	}
	w.Rest(days, true)
	for _, r := range b.Rules {
		w.Rules = append(w.Rules, dispatch.Rule{Class: r.Class, Street: r.Street, Severity: r.Severity, Within: hoursOf(r.Hours)})
	}
	return w, faults
}

func hoursOf(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

type worksInput struct {
	asked
	Spoken
	Body WorksBody
}

type importHolidaysInput struct {
	asked
	Spoken
	Body struct {
		Calendar string `json:"calendar,omitempty" maxLength:"1048576" doc:"an iCalendar file (.ics)"`
		Days     string `json:"days,omitempty" maxLength:"100000" doc:"a day a line: 2026-12-24 or 24.12.2026, and its name"`
		Version  int64  `json:"version" minimum:"1"`
	}
}

type tryDeadlineInput struct {
	asked
	Spoken
	Class    crowd.Class          `query:"class" enum:"pothole,casting,joint,rail,speed_bump,nothing" default:"pothole"`
	Street   dispatch.StreetGroup `query:"street" enum:"main,collector,local,path" default:"main"`
	Severity float64              `query:"severity" minimum:"0" maximum:"1" default:"0.8"`
}

type dueBody struct {
	Hours    float64    `json:"hours" doc:"of working time; 0: it has no deadline"`
	DueAt    *time.Time `json:"due_at" doc:"null: it has no deadline"`
	Sentence string     `json:"sentence" doc:"the same in words"`
}

func (s *Server) registerDeadlines(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, path, summary, errs...)
	}
	huma.Register(api, op("get-deadlines", http.MethodGet, "/deadlines", "Deadlines, working time and holidays"), func(ctx context.Context, _ *ownInput) (*struct{ Body WorksBody }, error) {
		works, err := dispatch.LoadWorks(ctx, s.config.Pool)
		if err != nil {
			return nil, s.failed(ctx, "deadline", err)
		}
		return &struct{ Body WorksBody }{worksBodyOf(works)}, nil
	})
	change := op("change-deadlines", http.MethodPut, "/deadlines", "Lay down deadlines, working time and holidays", 409, 422)
	change.Description = "They count for orders that are opened, reopened or reclassified from now on; the others keep the deadlines that they have."
	huma.Register(api, change, each(s, (*face).apiChangeDeadlines, func(in *worksInput) Spoken { return in.Spoken }))
	more := op("import-holidays", http.MethodPost, "/deadlines/holidays", "Add holidays from a calendar file or a list", 409, 422)
	more.MaxBodyBytes = 2 * mostCalendar
	huma.Register(api, more, each(s, (*face).apiImportHolidays, func(in *importHolidaysInput) Spoken { return in.Spoken }))
	huma.Register(api, op("preview-deadline", http.MethodGet, "/deadlines/preview", "When an order would be due that was opened now", 422),
		each(s, (*face).apiTryDeadline, func(in *tryDeadlineInput) Spoken { return in.Spoken }))
}

func (s *face) apiSaveDeadlines(ctx context.Context, works dispatch.Works) (*struct{ Body WorksBody }, error) {
	after, err := s.saveDeadlines(ctx, works)
	if err != nil {
		return nil, s.laid(ctx, "deadline", err)
	}
	return &struct{ Body WorksBody }{worksBodyOf(after)}, nil
}

func (s *face) apiChangeDeadlines(ctx context.Context, in *worksInput) (*struct{ Body WorksBody }, error) {
	works, faults := in.Body.works()
	if len(faults) > 0 {
		return nil, s.laid(ctx, "deadline", faults)
	}
	return s.apiSaveDeadlines(ctx, works)
}

func (s *face) apiImportHolidays(ctx context.Context, in *importHolidaysInput) (*struct{ Body WorksBody }, error) {
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, s.failed(ctx, "deadline", err)
	}
	works.Version = in.Body.Version
	days, err := dispatch.ReadHolidays(in.Body.Days)
	if err == nil && in.Body.Calendar != "" {
		works.Rest(days, false)
		days, err = dispatch.ReadCalendar(strings.NewReader(in.Body.Calendar), zoneOf(works), s.config.Now())
	}
	if err != nil {
		return nil, s.laid(ctx, "deadline", err)
	}
	works.Rest(days, false)
	return s.apiSaveDeadlines(ctx, works)
}

func (s *face) apiTryDeadline(ctx context.Context, in *tryDeadlineInput) (*struct{ Body dueBody }, error) {
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, s.failed(ctx, "deadline", err)
	}
	now := s.config.Now()
	out := dueBody{Sentence: s.tryDeadline(works, example{in.Class, in.Street, in.Severity}, now)}
	if within := works.Within(in.Class, in.Street, in.Severity); within > 0 {
		due := works.Calendar.Add(now, within)
		out.Hours, out.DueAt = within.Hours(), &due
	}
	return &struct{ Body dueBody }{out}, nil
}
