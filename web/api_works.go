package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

// seenOrder is an order as somebody saw it.
type seenOrder struct {
	ID      string `json:"id" maxLength:"64"`
	Version int64  `json:"version,omitempty" minimum:"0" doc:"that was seen; where it is another by now, nothing is done. 0: whichever it is"`
}

type actInput struct {
	asked
	Spoken
	Body struct {
		Deed
		Orders []seenOrder `json:"orders" minItems:"1" maxItems:"500"`
		Key    string      `json:"key,omitempty" maxLength:"64" doc:"a name that the sender has given this request: sent again, it is not done again"`
	}
}

// became is what became of one order.
type became struct {
	ID      string         `json:"id"`
	Number  string         `json:"number"`
	Done    bool           `json:"done"`
	State   dispatch.State `json:"state,omitempty"`
	Version int64          `json:"version,omitempty"`
	Made    string         `json:"made,omitempty" doc:"the id of the order that was split off"`
	Changed bool           `json:"changed" doc:"not done, as somebody else has changed the order since it was seen"`
	Why     string         `json:"why,omitempty" doc:"why it was not done, in words"`
}

type actBody struct {
	Done    int      `json:"done" doc:"how many orders it was done with"`
	Orders  []became `json:"orders"`
	Message string   `json:"message" doc:"the same in words"`
}

type actOutput struct {
	Status int
	Body   actBody
}

func (s *Server) registerWorks(api huma.API) {
	act := s.guarded(api, access.TriageOrders, "act-on-orders", http.MethodPost, "/orders/actions", "Do something with one or more orders", 400, 409, 422)
	act.Description = "Each order is acted on by itself, and the answer says for each what became of it. What one request did is taken back by one /orders/undo."
	huma.Register(api, act, each(s, (*face).apiAct, func(in *actInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.TriageOrders, "undo", http.MethodPost, "/orders/undo", "Take back what you did last", 409, 422),
		each(s, (*face).apiUndo, func(in *ownInput) Spoken { return in.Spoken }))
	s.registerDeeds(api)
	huma.Register(api, s.guarded(api, access.TriageOrders, "order-record", http.MethodGet, "/orders/{id}/record", "Everything that was done to an order, with who did it", 404), s.apiRecord)
	huma.Register(api, s.guarded(api, access.TriageOrders, "list-reviews", http.MethodGet, "/reviews", "Places, and reports where none is known, that wait for a dispatcher"), s.apiReviews)
	huma.Register(api, s.guarded(api, access.TriageOrders, "decide-review", http.MethodPost, "/reviews/{id}", "Accept a place or a report of the review list as an order, or dismiss it", 404, 409, 422),
		each(s, (*face).apiDecide, func(in *decideInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.TriageOrders, "list-crews", http.MethodGet, "/crews", "Crews and their members"), s.apiCrews)
	huma.Register(api, s.guarded(api, access.Supervise, "save-crew", http.MethodPut, "/crews/{id}", "Make a crew or change it", 409, 422),
		each(s, (*face).apiSaveCrew, func(in *saveCrewInput) Spoken { return in.Spoken }))
	s.registerReplies(api)
	s.registerConsoleStream(api)
	s.registerCrewAPI(api)
}

// oneInput does something with one order.
type oneInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Deed
		Version int64  `json:"version,omitempty" minimum:"0" doc:"of the order, that was seen; 0: whichever it is"`
		Key     string `json:"key,omitempty" maxLength:"64"`
	}
}

// registerDeeds gives every kind of action an address of its own, beside the one for all.
func (s *Server) registerDeeds(api huma.API) {
	for _, d := range []struct{ id, path, summary, deeds string }{
		{"transition-order", "/orders/{id}/transitions", "Move an order on: accept, release, start, repair, verify, dismiss, reopen", "accept release start repair verify dismiss reopen"},
		{"assign-order", "/orders/{id}/assignment", "Assign an order to a crew, or hand it over to a body", "assign hand_over take_over"},
		{"note-order", "/orders/{id}/notes", "Write a note, or a reply that the public reads", "note reply"},
		{"merge-order", "/orders/{id}/merge", "Make an order a duplicate of another: name it in of", "dismiss"},
		{"split-order", "/orders/{id}/split", "Make a second order at a position", "split"},
		{"move-order", "/orders/{id}/position", "Say where an order is", "move"},
		{"reclass-order", "/orders/{id}/class", "Say what an order is of", "reclass"},
		{"refer-order", "/orders/{id}/case", "Say what number its case has in another system", "refer"},
		{"spend-order", "/orders/{id}/costs", "Note costs and materials", "spend"},
	} {
		needs, deeds := access.TriageOrders, strings.Fields(d.deeds)
		if d.id == "assign-order" {
			needs = access.AssignOrders
		}
		op := s.guarded(api, needs, d.id, http.MethodPost, d.path, d.summary, 400, 404, 409, 422)
		huma.Register(api, op, each(s, func(f *face, ctx context.Context, in *oneInput) (*actOutput, error) {
			given := in.Body.Deed
			if given.Do == "" && d.id != "transition-order" {
				given.Do = deeds[0]
			}
			if !slices.Contains(deeds, given.Do) {
				return nil, huma.Error422UnprocessableEntity("At this address do is one of: " + strings.Join(deeds, ", ") + ".")
			}
			if d.id == "merge-order" {
				given.Verdict = string(dispatch.Duplicate)
			}
			return f.act(ctx, given, []seenOrder{{in.ID, in.Body.Version}}, in.Body.Key)
		}, func(in *oneInput) Spoken { return in.Spoken }))
	}
}

func (s *face) apiAct(ctx context.Context, in *actInput) (*actOutput, error) {
	out, err := s.act(ctx, in.Body.Deed, in.Body.Orders, in.Body.Key)
	if out != nil {
		out.Status = http.StatusOK
	}
	return out, err
}

// act does one thing with every order, each in a transaction of its own.
func (s *face) act(ctx context.Context, given Deed, orders []seenOrder, key string) (*actOutput, error) {
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return nil, s.failed(ctx, "console", err)
	}
	x, err := s.action(ctx, given)
	if err != nil {
		if words, ok := s.refused(ctx, err, d); ok {
			return nil, huma.Error422UnprocessableEntity(words)
		}
		return nil, s.failed(ctx, "work order", err)
	}
	by := workerIn(ctx).by(d.now)
	by.Batch = batchName(key)
	out := &actOutput{Status: http.StatusOK}
	changed := 0
	for _, o := range orders {
		by.Seen, by.Key = o.Version, ""
		if key != "" {
			by.Key = key + "/" + o.ID
		}
		var done dispatch.Done
		if by.Reason, err = s.worded(ctx, d, given, o.ID); err == nil {
			done, err = d.Act(ctx, o.ID, by, x)
		}
		b, err := s.became(ctx, o.ID, done, err, d)
		if err != nil {
			return nil, s.failed(ctx, "work order", err)
		}
		if b.Done {
			out.Body.Done++
		}
		if b.Changed {
			changed++
		}
		out.Body.Orders = append(out.Body.Orders, b)
	}
	out.Body.Message = s.message(given, out.Body)
	if out.Body.Done == 0 {
		out.Status = http.StatusUnprocessableEntity
		if changed == len(orders) {
			out.Status = http.StatusConflict
		}
	}
	return out, nil
}

// became says what became of an order, or returns a fault.
func (s *face) became(ctx context.Context, id string, done dispatch.Done, err error, d consoleDesk) (became, error) {
	b := became{ID: id, Number: done.Number, Done: err == nil, State: done.State, Version: done.Version, Made: done.Made}
	if err == nil {
		return b, nil
	}
	var ok bool
	if b.Why, ok = s.refused(ctx, err, d); !ok {
		return b, err
	}
	var c *dispatch.Changed
	if errors.As(err, &c) {
		b.Changed, b.Number, b.Version = true, c.Number, c.Version
	}
	return b, nil
}

// message says in one sentence what was done: "KR-0416 assigned to Crew 1.", "3 orders dismissed."
func (s *face) message(given Deed, b actBody) string {
	if b.Done == 0 {
		return b.Orders[0].Why
	}
	what := s.texts.N("console.orders", b.Done)
	if b.Done == 1 {
		for _, o := range b.Orders {
			if o.Done {
				what = o.Number
			}
		}
	}
	text := s.texts.T("console.done."+given.Do, "what", what)
	if rest := len(b.Orders) - b.Done; rest > 0 {
		text += " " + s.texts.N("console.left", rest)
	}
	return text
}

func (s *face) apiUndo(ctx context.Context, _ *ownInput) (*actOutput, error) {
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return nil, s.failed(ctx, "console", err)
	}
	undone, err := d.Undo(ctx, workerIn(ctx).by(d.now))
	return s.undone(ctx, d, undone, err)
}

// undone says what became of orders whose last action was taken back.
func (s *face) undone(ctx context.Context, d consoleDesk, undone []dispatch.Undone, err error) (*actOutput, error) {
	if err != nil {
		if words, ok := s.refused(ctx, err, d); ok {
			return nil, huma.Error422UnprocessableEntity(words)
		}
		return nil, s.failed(ctx, "work order", err)
	}
	out := &actOutput{Status: http.StatusOK}
	for _, u := range undone {
		b, err := s.became(ctx, u.ID, u.Done, u.Err, d)
		if err != nil {
			return nil, s.failed(ctx, "work order", err)
		}
		if b.Done {
			out.Body.Done++
		}
		out.Body.Orders = append(out.Body.Orders, b)
	}
	out.Body.Message = s.message(Deed{Do: "undo"}, out.Body)
	if out.Body.Done > 0 && undone[0].Review {
		out.Body.Message = s.texts.N("console.done.undo.review", out.Body.Done)
		if rest := len(undone) - out.Body.Done; rest > 0 {
			out.Body.Message += " " + s.texts.N("console.left", rest)
		}
	}
	if out.Body.Done == 0 {
		out.Status = http.StatusConflict
	}
	return out, nil
}

type recordedAction struct {
	N       int64          `json:"n"`
	Version int64          `json:"version"`
	At      time.Time      `json:"at"`
	Kind    dispatch.Kind  `json:"kind"`
	Actor   dispatch.Actor `json:"actor"`
	Person  string         `json:"person" doc:"their id; empty: no person"`
	State   dispatch.State `json:"state"`
	Reason  string         `json:"reason"`
	Words   dispatch.Words `json:"words"`
	Undone  bool           `json:"undone"`
}

type recordOutput struct {
	Body struct {
		Actions []recordedAction `json:"actions"`
	}
}

func (s *Server) apiRecord(ctx context.Context, in *placeInput) (*recordOutput, error) {
	if _, _, err := dispatch.FindOrder(ctx, s.config.Pool, in.ID); err != nil {
		if errors.Is(err, dispatch.ErrNotFound) {
			err = errHidden
		}
		return nil, s.failed(ctx, "work order", err)
	}
	record, err := dispatch.Record(ctx, s.config.Pool, in.ID)
	if err != nil {
		return nil, s.failed(ctx, "work order", err)
	}
	out := &recordOutput{}
	out.Body.Actions = []recordedAction{}
	for _, a := range record {
		out.Body.Actions = append(out.Body.Actions, recordedAction{a.N, a.Version, a.At, a.Kind, a.Actor, a.Person, a.State, a.Reason, a.Words, a.Undone})
	}
	return out, nil
}

type reviewBody struct {
	Place    string    `json:"place" doc:"its id; of a report, the report's"`
	Reported bool      `json:"reported" doc:"a resident has reported it, and no place is known there: nothing says how severe it is"`
	Class    string    `json:"class" doc:"nothing, of a report: something else"`
	Severity float64   `json:"severity"`
	ListedAt time.Time `json:"listed_at"`
	Street   string    `json:"street"`
	Body     string    `json:"body" doc:"who would get the order"`
	Lat      float64   `json:"lat"`
	Lon      float64   `json:"lon"`
}

type reviewsOutput struct {
	Body struct {
		Reviews []reviewBody `json:"reviews"`
	}
}

func (s *Server) apiReviews(ctx context.Context, _ *struct{}) (*reviewsOutput, error) {
	list, err := s.desk().Reviews(ctx)
	if err != nil {
		return nil, s.failed(ctx, "review list", err)
	}
	out := &reviewsOutput{}
	out.Body.Reviews = []reviewBody{}
	for _, r := range list {
		out.Body.Reviews = append(out.Body.Reviews, reviewBody{r.ID, r.Reported, string(r.Class), round(r.Severity, 3), r.ListedAt, r.Street, r.Body, round(r.Lat, 6), round(r.Lon, 6)})
	}
	return out, nil
}

type decideInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Do      string `json:"do" enum:"accept,dismiss"`
		Reason  string `json:"reason,omitempty" maxLength:"4000"`
		Class   string `json:"class,omitempty" enum:"pothole,casting,joint,rail" doc:"of accept, for a report: what it is, where the report does not say it"`
		Verdict string `json:"verdict,omitempty" enum:"not_found,not_defect,not_ours,duplicate" doc:"of dismiss"`
		Found   string `json:"found,omitempty" enum:"pothole,casting,joint,rail,speed_bump,nothing" doc:"of dismiss: what is there"`
		Stroke  string `json:"stroke,omitempty" maxLength:"64" doc:"a name that the sender gives decisions that belong together: they are taken back by one /orders/undo"`
	}
}

type decideOutput struct {
	Body struct {
		Order   string `json:"order" doc:"the order that was made; empty: dismissed"`
		Message string `json:"message"`
	}
}

func (s *face) apiDecide(ctx context.Context, in *decideInput) (*decideOutput, error) {
	b := in.Body
	order, err := s.decide(ctx, in.ID, Deed{Do: b.Do, Reason: b.Reason, Class: b.Class, Verdict: b.Verdict, Found: b.Found}, workerIn(ctx), b.Stroke)
	if err != nil {
		d, _ := s.consoleDesk(ctx) // for the time zone alone
		words, ok := s.refused(ctx, err, d)
		switch {
		case errors.Is(err, dispatch.ErrNotFound):
			return nil, huma.Error404NotFound(words)
		case errors.Is(err, dispatch.ErrChanged):
			return nil, huma.Error409Conflict(s.texts.T("console.review.decided"))
		case ok:
			return nil, huma.Error422UnprocessableEntity(words)
		}
		return nil, s.failed(ctx, "review list", err)
	}
	out := &decideOutput{}
	out.Body.Order, out.Body.Message = order, s.texts.T("console.review."+b.Do)
	return out, nil
}

type crewBody struct {
	ID      string   `json:"id"`
	Name    string   `json:"name" minLength:"1" maxLength:"80"`
	Body    string   `json:"body"`
	Members []string `json:"members" doc:"people's ids"`
	Closed  bool     `json:"closed"`
	Yard    *yard    `json:"yard,omitempty" doc:"where it sets out from"`
	Version int64    `json:"version" doc:"tells it from what it was before a change"`
}

// yard is where a crew sets out from.
type yard struct {
	Lat float64 `json:"lat" minimum:"-90" maximum:"90"`
	Lon float64 `json:"lon" minimum:"-180" maximum:"180"`
}

type crewsOutput struct {
	Body struct {
		Crews []crewBody `json:"crews"`
	}
}

func (s *Server) apiCrews(ctx context.Context, _ *struct{}) (*crewsOutput, error) {
	crews, err := dispatch.Crews(ctx, s.config.Pool, true)
	if err != nil {
		return nil, s.failed(ctx, "crews", err)
	}
	out := &crewsOutput{}
	out.Body.Crews = []crewBody{}
	for _, c := range crews {
		body := crewBody{c.ID, c.Name, c.Body, append([]string{}, c.Members...), !c.ClosedAt.IsZero(), nil, c.Version()}
		if c.Yard != nil {
			body.Yard = &yard{c.Yard.Lat(), c.Yard.Lon()}
		}
		out.Body.Crews = append(out.Body.Crews, body)
	}
	return out, nil
}

type saveCrewInput struct {
	asked
	Spoken
	ID   string `path:"id" minLength:"1" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Body struct {
		Name    string   `json:"name" minLength:"1" maxLength:"80"`
		Body    string   `json:"body,omitempty" maxLength:"200"`
		Members []string `json:"members,omitempty" maxItems:"100" doc:"people's ids"`
		Closed  bool     `json:"closed,omitempty"`
		Yard    *yard    `json:"yard,omitempty" doc:"where it sets out from: its orders are put into driving order from there"`
		Version int64    `json:"version,omitempty" minimum:"0" doc:"that was seen; where it is another by now, nothing is changed (409). 0: whichever it is"`
	}
}

func (s *face) apiSaveCrew(ctx context.Context, in *saveCrewInput) (*struct{}, error) {
	t := dispatch.Team{ID: in.ID, Name: in.Body.Name, Body: in.Body.Body, Members: in.Body.Members}
	if y := in.Body.Yard; y != nil {
		t.Yard = &orb.Point{y.Lon, y.Lat}
	}
	if in.Body.Closed {
		t.ClosedAt = s.config.Now()
	}
	var known int
	if err := s.config.Pool.QueryRow(ctx, `select count(*) from people where id = any($1)`, slices.Compact(slices.Sorted(slices.Values(t.Members)))).Scan(&known); err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	if known < len(t.Members) {
		return nil, huma.Error422UnprocessableEntity(s.texts.T("crews.nobody"))
	}
	if _, err := s.saveTeam(ctx, t, in.Body.Version); err != nil {
		return nil, s.laid(ctx, "crew", err)
	}
	return nil, nil
}

func (s *Server) registerConsoleStream(api huma.API) {
	op := s.guarded(api, access.TriageOrders, "console-stream", http.MethodGet, "/orders/stream", "What happens to orders, for the works department, as server-sent events")
	op.Description = "Events `work`, whose data are `kind` (order, work or review), `id`, `version` and `state`. Nothing is kept for those who were away: read the lists again after connecting anew."
	op.Responses = map[string]*huma.Response{"200": {Description: "The stream.", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	huma.Register(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s.workStream(w, r)
		}}, nil
	})
}

// batchName is what a request's actions are taken back by: the sender's name for it, so that it is the same when it is sent again.
func batchName(key string) string {
	if key != "" {
		return key
	}
	return rand.Text()
}
