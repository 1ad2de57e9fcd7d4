package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

// worker is somebody of the works department who is logged in.
type worker struct {
	ID    string
	Actor dispatch.Actor
}

// workerIn returns who asks.
func workerIn(ctx context.Context) worker {
	p, _ := personOf(ctx)
	w := worker{ID: p.ID, Actor: dispatch.Dispatcher}
	if p.Role == access.Crew {
		w.Actor = dispatch.Crew
	}
	return w
}

// by is the worker as dispatch writes them down.
func (w worker) by(at time.Time) dispatch.By {
	return dispatch.By{Actor: w.Actor, Person: w.ID, At: at}
}

// audit writes what people do with orders into the audit log.
func audit(ctx context.Context, tx pgx.Tx, by dispatch.By, did dispatch.Kind, what, detail string) error {
	return access.Record(ctx, tx, access.Entry{At: by.At, Person: by.Person, Action: "order." + string(did), What: what, Detail: byKey(ctx, detail)})
}

// byKey adds to a line of the log that a program did it, and under which of the person's keys.
func byKey(ctx context.Context, detail string) string {
	if c, err := callerOf(ctx); err == nil && c != nil && c.key != nil {
		return fmt.Sprintf("%s (key %d, %s)", detail, c.key.ID, c.key.Name)
	}
	return detail
}

// namesOf returns what the people of a record are called, by id. Who is no longer known is missing.
func (s *Server) namesOf(ctx context.Context, record []dispatch.Acted) (map[string]string, error) {
	names := map[string]string{}
	for _, a := range record {
		if _, known := names[a.Person]; known || a.Person == "" {
			continue
		}
		p, err := access.Find(ctx, s.config.Pool, a.Person)
		if err != nil && !errors.Is(err, access.ErrNobody) {
			return nil, err
		}
		names[a.Person] = p.Called()
	}
	return names, nil
}

// registerConsole puts the console on mux. Who may triage may open it.
func (s *Server) registerConsole(page func(string, pageFunc)) {
	guarded := func(pattern string, serve pageFunc) { page(pattern, only(access.TriageOrders, serve)) }
	guarded("GET /console", (*face).consolePage)
	guarded("GET /console/rows", (*face).consoleRowsJSON)
	guarded("GET /console/at/{id}", (*face).consoleAt)
	guarded("GET /console/tiles/{z}/{x}/{y}", (*face).consoleTile)
	guarded("GET /console/orders/{id}", (*face).consoleOrder)
	guarded("POST /console/orders/{id}", (*face).consoleAct)
	guarded("GET /console/orders/{id}/sheet", (*face).consoleSheet)
	guarded("GET /console/reviews/{id}", (*face).consoleReview)
	guarded("GET /console/reviews/{id}/photos/{n}", (*face).reviewPhoto)
	guarded("POST /console/reviews/{id}", (*face).consoleDecide)
	guarded("POST /console/undo", (*face).consoleUndo)
	guarded("POST /console/views", (*face).consoleSave)
	guarded("GET /console/export/{file}", (*face).consoleExport)
}
