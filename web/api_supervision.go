package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

type (
	apiWaiting struct {
		Name       string  `json:"body" doc:"who is responsible; empty: nobody, or everybody"`
		From       int     `json:"from_days"`
		Till       int     `json:"till_days" doc:"0: and more"`
		New        int     `json:"new"`
		Accepted   int     `json:"accepted"`
		WithCrew   int     `json:"assigned"`
		InWork     int     `json:"in_progress"`
		Reopened   int     `json:"reopened"`
		Overdue    int     `json:"overdue" doc:"of them all"`
		Escalated  int     `json:"escalated" doc:"of those: brought before a body above"`
		MedianDays float64 `json:"median_days"`
		OldestDays float64 `json:"oldest_days"`
	}
	apiLoad struct {
		Whose    dispatch.Whose `json:"whose" enum:"crew,external,nobody"`
		ID       string         `json:"id"`
		Name     string         `json:"name" doc:"of the crew, or of the other body"`
		Members  int            `json:"members"`
		Assigned int            `json:"assigned"`
		InWork   int            `json:"in_progress"`
		Soon     int            `json:"due_soon"`
		Overdue  int            `json:"overdue"`
		Repaired int            `json:"repaired" doc:"in the period"`
		NotThere int            `json:"not_there" doc:"in the period: it found nothing, or no defect"`
	}
	apiHits struct {
		Class   crowd.Class `json:"class,omitempty" doc:"that the crowd had said"`
		Kind    string      `json:"kind,omitempty" doc:"of the devices that had felt it"`
		App     string      `json:"app,omitempty"`
		Right   int         `json:"right"`
		Other   int         `json:"another_defect"`
		Nothing int         `json:"nothing"`
	}
	apiKept struct {
		Body   string `json:"body"`
		Kept   int    `json:"in_time"`
		Missed int    `json:"missed"`
	}
	apiReopening struct {
		ID         string         `json:"id"`
		Number     string         `json:"number"`
		Street     string         `json:"street"`
		Class      crowd.Class    `json:"class"`
		Crew       string         `json:"crew" doc:"that repaired it; empty: not known"`
		RepairedAt time.Time      `json:"repaired_at"`
		At         time.Time      `json:"reopened_at"`
		By         dispatch.Actor `json:"by"`
		Reason     string         `json:"reason"`
		State      dispatch.State `json:"state" doc:"of the order now"`
		Lat        float64        `json:"lat"`
		Lon        float64        `json:"lon"`
	}
	apiSpent struct {
		Body   string `json:"body"`
		Crew   string `json:"crew" doc:"that had the order then; empty: none"`
		Orders int    `json:"orders"`
		Cents  int64  `json:"cents" doc:"hundredths of the city's currency"`
	}
	apiMaterial struct {
		What     string  `json:"what"`
		Unit     string  `json:"unit"`
		Quantity float64 `json:"quantity"`
		Orders   int     `json:"orders"`
		Cents    int64   `json:"cents"`
	}
	supervisionBody struct {
		Ages      []apiWaiting   `json:"ages"`
		Bodies    []apiWaiting   `json:"bodies"`
		Crews     []apiLoad      `json:"crews"`
		Classes   []apiHits      `json:"classes"`
		Kinds     []apiHits      `json:"kinds"`
		Deadlines []apiKept      `json:"deadlines"`
		Reopened  []apiReopening `json:"reopened"`
		Spent     []apiSpent     `json:"spent" doc:"in the period, by body and crew"`
		Materials []apiMaterial  `json:"materials" doc:"used in the period"`
		Repaired  int            `json:"repaired"`
	}
)

func (s *Server) registerSupervisionAPI(api huma.API) {
	op := s.guarded(api, access.Supervise, "get-supervision", http.MethodGet, "/supervision", "What waits, who has it, how often the crowd was right, what came back and what was late", 400)
	huma.Register(api, op, func(ctx context.Context, in *statsInput) (*struct{ Body supervisionBody }, error) {
		d, _, err := s.supervision(ctx, in.Period)
		if err != nil {
			return nil, s.failed(ctx, "period", err)
		}
		return &struct{ Body supervisionBody }{supervisionBody{
			listOf(d.Ages, func(w dispatch.Waiting) apiWaiting { return apiWaiting(w) }),
			listOf(d.Bodies, func(w dispatch.Waiting) apiWaiting { return apiWaiting(w) }),
			listOf(d.Crews, func(l dispatch.Load) apiLoad { return apiLoad(l) }),
			listOf(d.Classes, func(h dispatch.Hits) apiHits { return apiHits(h) }),
			listOf(d.Kinds, func(h dispatch.Hits) apiHits { return apiHits(h) }),
			listOf(d.Deadlines, func(k dispatch.Kept) apiKept { return apiKept(k) }),
			listOf(d.Reopened, func(o dispatch.Reopening) apiReopening { return apiReopening(o) }),
			listOf(d.Spent, func(x dispatch.Spent) apiSpent { return apiSpent(x) }),
			listOf(d.Materials, func(m dispatch.Material) apiMaterial { return apiMaterial(m) }), d.Repaired}}, nil
	})
}

// listOf makes a list of another, which is never null.
func listOf[A, B any](list []A, of func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, a := range list {
		out = append(out, of(a))
	}
	return out
}
