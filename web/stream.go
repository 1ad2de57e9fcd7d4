package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/streetpulse/streetpulse/access"
)

const heartbeat = 15 * time.Second

// streamedPlace is what the stream says of a change: the place as the list of places has it, and a sentence.
type streamedPlace struct {
	placeFeature
	Text string `json:"text"`
}

// streamedOrder is the same of an order that has no place, as the list of orders has it.
type streamedOrder struct {
	orderFeature
	Text string `json:"text"`
}

func (s *face) streamed(of sight) any {
	p := s.describe(of)
	text := s.texts.T("map.live", "title", p.Title, "state", p.State)
	if p.Placeless() {
		return streamedOrder{s.orderFeature(*p.Order), text}
	}
	return streamedPlace{s.placeFeature(p), text}
}

func (s *Server) registerStream(api huma.API) {
	op := open("stream", http.MethodGet, "/stream", "Changes as they happen, as server-sent events")
	op.Description = "Events `place` and `order`; the data of each is the place, as the list of places has it, of an order that has no place the order, as the " +
		"list of orders has it, and `text`, a sentence. Nothing is kept for those who were away: read the lists again after connecting anew."
	op.Responses = map[string]*huma.Response{"200": {Description: "The stream.", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	huma.Register(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s.stream(w, r, s.hub.audience, func() bool { return true })
		}}, nil
	})
}

// workStream writes what happens to orders as long as who listens may hear it.
func (s *Server) workStream(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, s.hub.works, func() bool {
		c, err := s.recognise(r.Context(), r)
		return err == nil && c != nil && c.May(access.TriageOrders)
	})
}

// stream writes what an audience is told until the client goes, is too slow, or may no longer listen.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, to *audience, may func() bool) {
	out := http.NewResponseController(w)
	language := s.speak(r).language
	changes, end := to.subscribe()
	defer end()
	if err := out.SetWriteDeadline(time.Time{}); err != nil {
		s.config.Log.Debug("a stream keeps its time limit", "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	_, err := fmt.Fprint(w, "retry: 3000\n: hello\n\n")
	for err == nil {
		if err = out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case m, ok := <-changes:
			if !ok {
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(30 * time.Second)) // where it cannot be set, the first one said so
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", m.Event, m.Data[language])
		case <-beat.C:
			if !may() {
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(30 * time.Second)) // where it cannot be set, the first one said so
			_, err = fmt.Fprint(w, ": still here\n\n")
		}
	}
}
