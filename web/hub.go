package web

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/dispatch"
)

// changesChannel is where crowd and dispatch announce what they have changed.
const changesChannel = "streetpulse_changes"

// change is one announcement.
type change struct {
	Kind    string         `json:"kind"` // place or order; work and review are for the works department alone
	ID      string         `json:"id"`
	Place   string         `json:"place"`
	State   dispatch.State `json:"state"`   // of an order
	Version int64          `json:"version"` // of an order
}

// public says whether the change is anybody's business.
func (c change) public() bool { return c.Kind == "place" || c.Kind == "order" }

// message is one event of the stream.
type message struct {
	Event string
	Data  map[string][]byte // by language
}

const (
	waitingMessages = 64                     // of a slow client, before it is dropped and has to come again
	gatherTime      = 150 * time.Millisecond // changes that come within it are read together
	mostGathered    = 500                    // places read at once
)

// audience are open streams that are told the same.
type audience struct {
	mu   sync.Mutex
	open map[chan message]struct{}
	gone bool
}

func newAudience() *audience { return &audience{open: map[chan message]struct{}{}} }

// hub passes changes from one database connection on to every open stream.
type hub struct {
	*audience // the public
	works     *audience
	server    *Server

	listening atomic.Bool // changes are heard of
}

func newHub(s *Server) *hub { return &hub{audience: newAudience(), works: newAudience(), server: s} }

// subscribe returns a channel of messages, closed when its reader is too slow or the server stops, and a function that
// ends it.
func (h *audience) subscribe() (<-chan message, func()) {
	c := make(chan message, waitingMessages)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone {
		close(c)
		return c, func() {}
	}
	h.open[c] = struct{}{}
	return c, func() { h.drop(c) }
}

func (h *audience) drop(c chan message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.open[c]; ok {
		delete(h.open, c)
		close(c)
	}
}

func (h *audience) send(m message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.open {
		select {
		case c <- m:
		default:
			delete(h.open, c)
			close(c)
		}
	}
}

// watched says whether anybody is listening.
func (h *audience) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.open) > 0
}

// closeAll ends every stream, for now or, when the server stops, for good.
func (h *audience) closeAll(gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = gone
	for c := range h.open {
		delete(h.open, c)
		close(c)
	}
}

// end ends every stream of the public and of the works department.
func (h *hub) end(gone bool) {
	h.closeAll(gone)
	h.works.closeAll(gone)
}

// run listens until ctx ends. When the database goes away it ends every stream, so that each page asks anew for what
// it missed, and listens again.
func (h *hub) run(ctx context.Context) error {
	defer h.end(true)
	wait := time.Second
	for {
		began := time.Now()
		err := h.listen(ctx)
		if ctx.Err() != nil {
			return nil
		}
		h.server.config.Log.Warn("listening for changes ended; listening again", "error", err)
		h.end(false)
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, 30*time.Second)
	}
}

func (h *hub) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, h.server.config.Pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+changesChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	h.server.gathered.changed("") // what was read before may have changed unheard
	h.server.settingsChanged()
	h.listening.Store(true)
	defer h.listening.Store(false)
	heard := make(chan change, mostGathered)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var passing sync.WaitGroup
	defer passing.Wait()
	defer stop()
	passing.Go(func() { h.pass(ctx, heard) })
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for changes: %w", err)
		}
		var c change
		if err := json.Unmarshal([]byte(n.Payload), &c); err != nil {
			h.server.gathered.changed("")
			h.server.config.Log.Warn("an announced change cannot be read", "payload", n.Payload, "error", err)
			continue
		}
		if c.Kind == city.Announced {
			h.server.settingsChanged()
			continue
		}
		h.server.gathered.changed(c.place())
		h.tellWorks(c)
		if !c.public() {
			continue
		}
		select {
		case heard <- c:
		case <-ctx.Done():
		}
	}
}

// pass gathers changes for a moment, reads what has become of their places, and sends it out.
func (h *hub) pass(ctx context.Context, heard <-chan change) {
	for {
		var c change
		select {
		case <-ctx.Done():
			return
		case c = <-heard:
		}
		kinds := map[string]string{c.place(): c.Kind}
		for enough := time.After(gatherTime); enough != nil && len(kinds) < mostGathered; {
			select {
			case <-ctx.Done():
				return
			case c = <-heard:
				if kinds[c.place()] != "order" {
					kinds[c.place()] = c.Kind
				}
			case <-enough:
				enough = nil
			}
		}
		if h.watched() {
			h.tell(ctx, kinds)
		}
	}
}

// place is the id of the place that has changed, or whose order has; of an order that has none its own.
func (c change) place() string {
	if c.Kind == "place" || c.Place == "" {
		return c.ID
	}
	return c.Place
}

// tellWorks tells the works department what has happened to an order, or to a place of the review list. Of places nothing else.
func (h *hub) tellWorks(c change) {
	if c.Kind == "place" || !h.works.watched() {
		return
	}
	b, err := json.Marshal(map[string]any{"kind": c.Kind, "id": c.ID, "state": c.State, "version": c.Version})
	if err != nil { // texts and numbers always marshal
		return
	}
	data := map[string][]byte{}
	for code := range h.server.faces {
		data[code] = b
	}
	h.works.send(message{Event: "work", Data: data})
}

func (h *hub) tell(ctx context.Context, kinds map[string]string) {
	ids := make([]string, 0, len(kinds))
	for id := range kinds {
		ids = append(ids, id)
	}
	found, err := h.server.query(ctx, fromSights, "p.id = any($2::text[])", "order by p.id", ids)
	if err != nil {
		if ctx.Err() == nil {
			h.server.config.Log.Warn("changes could not be read", "error", err)
		}
		return
	}
	for _, p := range found {
		data := map[string][]byte{}
		for code, f := range h.server.faces {
			if data[code], err = json.Marshal(f.streamed(p)); err != nil {
				h.server.config.Log.Error("a change could not be written", "place", p.ID, "error", err)
			}
		}
		event := "place"
		if kinds[p.ID] == "order" && p.Order != nil {
			event = "order"
		}
		h.send(message{Event: event, Data: data})
	}
}
