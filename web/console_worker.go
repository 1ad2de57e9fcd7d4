package web

import (
	"context"
	"net/http"
	"time"

	"github.com/streetpulse/streetpulse/dispatch"
)

// worker is somebody of the works department who is logged in.
type worker struct {
	ID, Name string
	Actor    dispatch.Actor
}

// by is the worker as dispatch writes them down.
func (w worker) by(at time.Time) dispatch.By {
	return dispatch.By{Actor: w.Actor, Person: w.ID, At: at}
}

type workerKey struct{}

func workerIn(ctx context.Context) worker {
	w, _ := ctx.Value(workerKey{}).(worker)
	return w
}

func withWorker(r *http.Request, w worker) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), workerKey{}, w))
}

// namesOf returns the names of the people of a record, by id.
func (s *Server) namesOf(ctx context.Context, record []dispatch.Acted) map[string]string {
	names := map[string]string{}
	return names
}
