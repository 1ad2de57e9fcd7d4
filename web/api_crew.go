package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

type dayInput struct {
	asked
	Spoken
	Crew string  `query:"crew" maxLength:"40" doc:"a crew's id; default: the first of yours"`
	Lat  float64 `query:"lat" minimum:"-90" maximum:"90" doc:"where you are: the order begins there. It is not kept"`
	Lon  float64 `query:"lon" minimum:"-180" maximum:"180"`
}

// dayStop is an order of the day.
type dayStop struct {
	ID      string         `json:"id"`
	Version int64          `json:"version"`
	Number  string         `json:"number"`
	State   dispatch.State `json:"state"`
	Class   string         `json:"class"`
	Title   string         `json:"title"`
	N       int            `json:"n" doc:"in driving order; 0: done today"`
	Lat     float64        `json:"lat"`
	Lon     float64        `json:"lon"`
	DueAt   *time.Time     `json:"due_at,omitempty"`
	Photos  []string       `json:"photos" doc:"addresses"`
	Line    string         `json:"line" doc:"the order in the crew page's list, as HTML"`
	Detail  string         `json:"detail" doc:"all that a crew is told of the order, as HTML"`
}

type dayOutput struct {
	Body struct {
		Person string     `json:"person" doc:"your id"`
		Crew   string     `json:"crew" doc:"its id; empty: you are in none"`
		Name   string     `json:"name"`
		At     time.Time  `json:"at"`
		Metres float64    `json:"metres" doc:"of the way over the streets"`
		Lead   string     `json:"lead"`
		Map    string     `json:"map" doc:"as SVG"`
		Later  string     `json:"later"`
		Stops  []*dayStop `json:"stops" doc:"what is to be done, in driving order, and then what was done today"`
	}
}

func (s *Server) registerCrewAPI(api huma.API) {
	huma.Register(api, s.guarded(api, access.WorkOrders, "crew-day", http.MethodGet, "/crew/day", "A crew's orders of today, in driving order", 422),
		each(s, (*face).apiDay, func(in *dayInput) Spoken { return in.Spoken }))
	act := s.guarded(api, access.WorkOrders, "crew-act", http.MethodPost, "/crew/orders/{id}/actions", "Say what was done at an order of your crew", 400, 404, 409, 422)
	act.Description = "start, repair, dismiss (not_found, not_defect), reclass, note and spend. A key makes it happen once, however often it is sent; said is when it was done, on a phone that had no network."
	huma.Register(api, act, each(s, (*face).apiCrewAct, func(in *crewActInput) Spoken { return in.Spoken }))
	photo := s.guarded(api, access.WorkOrders, "crew-photo", http.MethodPost, "/crew/orders/{id}/photos", "Send a photo of an order of your crew", 404, 409, 413, 422)
	photo.Description = "JPEG, PNG or WebP, 12 MB. It is decoded and encoded anew, and the works department alone sees it."
	photo.MaxBodyBytes = mostPhotoBytes + 1
	photo.BodyReadTimeout = reportReadTime
	huma.Register(api, photo, each(s, (*face).apiCrewPhoto, func(in *crewPhotoInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.WorkOrders, "crew-undo", http.MethodPost, "/crew/undo", "Take back what you did last", 409, 422),
		each(s, (*face).apiCrewUndo, func(in *crewUndoInput) Spoken { return in.Spoken }))
}

func (s *face) apiDay(ctx context.Context, in *dayInput) (*dayOutput, error) {
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	var from *orb.Point
	if in.Lat != 0 || in.Lon != 0 {
		from = &orb.Point{in.Lon, in.Lat}
	}
	day, err := s.crewDay(ctx, d, in.Crew, from)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	out := &dayOutput{}
	b := &out.Body
	b.Person, b.Crew, b.Name, b.At = workerIn(ctx).ID, day.Crew.ID, day.Crew.Name, d.now.UTC()
	b.Metres, b.Lead, b.Map, b.Stops = round(day.Metres, 0), day.Lead, string(day.Map), []*dayStop{}
	if day.Later > 0 {
		b.Later = s.texts.N("crew.later", day.Later)
	}
	for _, stop := range slices.Concat(day.Open, day.Done) {
		told, err := s.dayStop(ctx, d, stop)
		if err != nil {
			return nil, s.failed(ctx, "crew", err)
		}
		b.Stops = append(b.Stops, told)
	}
	return out, nil
}

func (s *face) dayStop(ctx context.Context, d consoleDesk, stop *crewStop) (*dayStop, error) {
	o := *stop.sight.Order
	detail, err := s.crewDetail(ctx, d, o, stop)
	if err != nil {
		return nil, err
	}
	out := &dayStop{ID: o.ID, Version: o.Version, Number: o.Number, State: o.State, Class: string(o.Class), Title: stop.Title, N: stop.N, Lat: stop.Lat, Lon: stop.Lon, Photos: []string{}}
	if !o.DueAt.IsZero() && o.State.Open() {
		out.DueAt = &o.DueAt
	}
	for _, p := range detail.Photos {
		out.Photos = append(out.Photos, p.Src)
	}
	if out.Line, err = s.part("crew-line", stop); err == nil {
		out.Detail, err = s.part("crew-stop", detail)
	}
	return out, err
}

type crewActInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Deed
		Version int64      `json:"version,omitempty" minimum:"0" doc:"of the order, that was seen; 0: whichever it is"`
		Key     string     `json:"key,omitempty" maxLength:"64" doc:"a name that the sender has given this: sent again, it is not done again"`
		Stroke  string     `json:"stroke,omitempty" maxLength:"64" doc:"a name that the sender gives what belongs together: /crew/undo takes it back at once. Empty: the key"`
		Said    *time.Time `json:"said,omitempty" doc:"when it was done, where that was earlier"`
	}
}

func (s *face) apiCrewAct(ctx context.Context, in *crewActInput) (*actOutput, error) {
	given := in.Body.Deed
	if !mayCrew(given) {
		return nil, huma.Error422UnprocessableEntity(s.texts.T("crew.console"))
	}
	d, by, err := s.crewDesk(ctx, in.Body.Key, in.Body.Said)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	x, err := s.action(ctx, given)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	by.Reason, by.Seen = given.Reason, in.Body.Version
	if in.Body.Stroke != "" {
		by.Batch = in.Body.Stroke
	}
	return s.crewDone(ctx, d, by, in.ID, given, x)
}

// crewDesk is a desk, and who acts at it. Said is when it was done by the clock of the phone, which is believed where it may be right.
func (s *face) crewDesk(ctx context.Context, key string, said *time.Time) (consoleDesk, dispatch.By, error) {
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return d, dispatch.By{}, err
	}
	by, err := s.crewBy(ctx, d.now)
	by.Key, by.Batch = key, batchName(key)
	if said != nil && said.Before(d.now.Add(-time.Minute)) && said.After(d.now.AddDate(0, 0, -31)) {
		by.Said = said.UTC().Truncate(time.Second)
	}
	return d, by, err
}

// crewDone does one thing with one order, and says what became of it.
func (s *face) crewDone(ctx context.Context, d consoleDesk, by dispatch.By, id string, given Deed, x dispatch.Action) (*actOutput, error) {
	done, err := d.Act(ctx, id, by, x)
	if errors.Is(err, dispatch.ErrNotFound) {
		return nil, huma.Error404NotFound(s.texts.T("console.refused.gone"))
	}
	b, err := s.became(ctx, id, done, err, d)
	if err != nil {
		return nil, s.failed(ctx, "work order", err)
	}
	out := &actOutput{Status: http.StatusOK, Body: actBody{Orders: []became{b}}}
	if b.Done {
		out.Body.Done = 1
	} else if out.Status = http.StatusUnprocessableEntity; b.Changed {
		out.Status = http.StatusConflict
	}
	out.Body.Message = s.message(given, out.Body)
	return out, nil
}

type crewPhotoInput struct {
	asked
	Spoken
	ID      string    `path:"id" maxLength:"64"`
	Taken   string    `query:"taken" enum:"before,after," doc:"before or after the repair"`
	Key     string    `query:"key" maxLength:"64" doc:"as of an action"`
	Stroke  string    `query:"stroke" maxLength:"64" doc:"a name that the sender gives photos that belong together: they are taken back at once"`
	Said    time.Time `query:"said" doc:"when it was taken"`
	RawBody []byte    `contentType:"image/jpeg"`
}

func (s *face) apiCrewPhoto(ctx context.Context, in *crewPhotoInput) (*actOutput, error) {
	var said *time.Time
	if !in.Said.IsZero() {
		said = &in.Said
	}
	d, by, err := s.crewDesk(ctx, in.Key, said)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	if in.Stroke != "" {
		by.Batch = in.Stroke
	}
	p, err := s.cityPhotos.readPhoto(ctx, in.RawBody)
	if text, ok := s.photoWrong(err); ok == nil && text != "" {
		if errors.Is(err, photoBusy) {
			return nil, huma.Error503ServiceUnavailable(text)
		}
		return nil, huma.Error422UnprocessableEntity(text)
	}
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	x := dispatch.Photograph{Taken: dispatch.Taken(in.Taken), JPEG: p.JPEG, Width: p.Width, Height: p.Height}
	return s.crewDone(ctx, d, by, in.ID, Deed{Do: "photograph"}, x)
}

type crewUndoInput struct {
	asked
	Spoken
	Body struct {
		Key string `json:"key,omitempty" maxLength:"64" doc:"of the action that is meant: nothing is done where you have done something else since. Empty: the last one"`
	}
}

func (s *face) apiCrewUndo(ctx context.Context, in *crewUndoInput) (*actOutput, error) {
	d, by, err := s.crewDesk(ctx, "", nil)
	if err != nil {
		return nil, s.failed(ctx, "crew", err)
	}
	by.Batch = in.Body.Key
	undone, err := d.Undo(ctx, by)
	return s.undone(ctx, d, undone, err)
}
