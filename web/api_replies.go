package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// GivenReply is a reply template as it is laid down.
type GivenReply struct {
	Titles  map[string]string `json:"titles" doc:"by language: en, de"`
	Texts   map[string]string `json:"texts" doc:"by language; {number}, {street}, {class} and {day} are filled in with the order's"`
	States  []string          `json:"states,omitempty" maxItems:"8" doc:"of orders that it is offered for; none: all"`
	Classes []string          `json:"classes,omitempty" maxItems:"6" doc:"likewise"`
	Place   int               `json:"place,omitempty" minimum:"0" maximum:"1000" doc:"in the list; 0: at its end, or where it is"`
	Version int64             `json:"version,omitempty" minimum:"0" doc:"that was seen; where it is another by now, nothing is changed (409). 0: whichever it is"`
}

// ReplyTemplate is a reply template as it is.
type ReplyTemplate struct {
	ID string `json:"id"`
	GivenReply
}

type replyInput struct {
	asked
	Spoken
	ID   string `path:"id" pattern:"^[a-z0-9-]{1,40}$"`
	Body GivenReply
}

type dropReplyInput struct {
	asked
	Spoken
	ID      string `path:"id" maxLength:"40"`
	Version int64  `query:"version" minimum:"0" doc:"that was seen; 0: whichever it is"`
}

type repliesBody struct {
	Replies []ReplyTemplate `json:"replies"`
}

type offersBody struct {
	Replies []offered `json:"replies"`
}

func (s *Server) registerReplies(api huma.API) {
	huma.Register(api, s.guarded(api, access.TriageOrders, "list-replies", http.MethodGet, "/replies", "Reply templates"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body repliesBody }, error) {
			list, err := dispatch.Templates(ctx, s.config.Pool)
			if err != nil {
				return nil, s.failed(ctx, "reply template", err)
			}
			return &struct{ Body repliesBody }{repliesBody{listOf(list, templateOf)}}, nil
		})
	huma.Register(api, s.guarded(api, access.Supervise, "save-reply", http.MethodPut, "/replies/{id}", "Make a reply template or change it", 409, 422),
		each(s, (*face).apiSaveReply, func(in *replyInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.Supervise, "remove-reply", http.MethodDelete, "/replies/{id}", "Remove a reply template", 404, 409),
		each(s, (*face).apiDropReply, func(in *dropReplyInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.TriageOrders, "offer-replies", http.MethodGet, "/orders/{id}/replies", "Reply templates that are for an order, filled in", 404),
		each(s, (*face).apiOffers, func(in *placeInput) Spoken { return in.Spoken }))
}

func templateOf(t dispatch.Template) ReplyTemplate {
	return ReplyTemplate{t.ID, GivenReply{t.Titles, t.Texts, listOf(t.States, func(x dispatch.State) string { return string(x) }),
		listOf(t.Classes, func(c crowd.Class) string { return string(c) }), t.Place, t.Version}}
}

func (s *face) apiSaveReply(ctx context.Context, in *replyInput) (*struct{ Body ReplyTemplate }, error) {
	b := in.Body
	for _, texts := range []map[string]string{b.Titles, b.Texts} {
		for l := range texts {
			if s.faces[l] == nil {
				return nil, huma.Error422UnprocessableEntity("Languages are en and de.")
			}
		}
	}
	t := dispatch.Template{ID: in.ID, Place: b.Place, Titles: b.Titles, Texts: b.Texts, Version: b.Version,
		States: listOf(b.States, func(x string) dispatch.State { return dispatch.State(x) }), Classes: listOf(b.Classes, func(x string) crowd.Class { return crowd.Class(x) })}
	after, err := s.saveTemplate(ctx, t)
	if err != nil {
		return nil, s.laid(ctx, "reply template", err)
	}
	return &struct{ Body ReplyTemplate }{templateOf(after)}, nil
}

func (s *face) apiDropReply(ctx context.Context, in *dropReplyInput) (*struct{}, error) {
	err := s.dropTemplate(ctx, in.ID, in.Version)
	if errors.Is(err, dispatch.ErrUnknown) {
		return nil, huma.Error404NotFound("There is no such reply template.")
	}
	if err != nil {
		return nil, s.laid(ctx, "reply template", err)
	}
	return nil, nil
}

func (s *face) apiOffers(ctx context.Context, in *placeInput) (*struct{ Body offersBody }, error) {
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, in.ID)
	if errors.Is(err, dispatch.ErrNotFound) {
		return nil, s.failed(ctx, "work order", errHidden)
	}
	var works dispatch.Works
	if err == nil {
		works, err = dispatch.LoadWorks(ctx, s.config.Pool)
	}
	if err != nil {
		return nil, s.failed(ctx, "work order", err)
	}
	list, err := s.offers(ctx, &o, works.Calendar.Zone)
	if err != nil {
		return nil, s.failed(ctx, "reply template", err)
	}
	return &struct{ Body offersBody }{offersBody{list}}, nil
}
