package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
)

// personBody is somebody as administrators see them.
type personBody struct {
	ID        string      `json:"id"`
	Email     string      `json:"email"`
	Name      string      `json:"name"`
	Role      access.Role `json:"role" enum:"resident,crew,dispatcher,supervisor,administrator"`
	Language  string      `json:"language"`
	Disabled  bool        `json:"disabled"`
	Invited   bool        `json:"invited" doc:"has not chosen a password yet"`
	CreatedAt time.Time   `json:"created_at"`
	SeenAt    *time.Time  `json:"seen_at" doc:"last login; null: never"`
}

func personBodyOf(p access.Person) personBody {
	return personBody{p.ID, p.Email, p.Name, p.Role, p.Language, p.Disabled, p.Invited, p.CreatedAt.UTC(), p.SeenAt}
}

type peopleInput struct {
	asked
	Query string `query:"q" maxLength:"100" doc:"part of the name or the address"`
}

type peopleBody struct {
	People []personBody `json:"people" doc:"500 at most"`
}

type inviteInput struct {
	asked
	Spoken
	Body struct {
		Email string      `json:"email" format:"email" maxLength:"254" doc:"a link to choose a password goes there"`
		Name  string      `json:"name,omitempty" maxLength:"100"`
		Role  access.Role `json:"role" enum:"resident,crew,dispatcher,supervisor,administrator"`
	}
}

type personInput struct {
	asked
	ID string `path:"id" maxLength:"64"`
}

type changePersonInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Role     access.Role `json:"role,omitempty" enum:"resident,crew,dispatcher,supervisor,administrator"`
		Disabled *bool       `json:"disabled,omitempty"`
	}
}

type auditInput struct {
	asked
	By     string `query:"by" maxLength:"254" doc:"who did it: an id or an address"`
	What   string `query:"what" maxLength:"254" doc:"what it was done to: an id, or a person's address"`
	Action string `query:"action" maxLength:"40" doc:"how the action begins" example:"person."`
	Text   string `query:"text" maxLength:"254" doc:"part of the detail"`
	From   string `query:"from" format:"date" doc:"the first day, UTC"`
	Till   string `query:"till" format:"date" doc:"the last day, UTC"`
	Before int64  `query:"before" doc:"lines before this one"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type auditLine struct {
	N      int64     `json:"n"`
	At     time.Time `json:"at"`
	Person string    `json:"person" doc:"who did it; empty: the command line, or nobody who is known"`
	Action string    `json:"action"`
	What   string    `json:"what"`
	Detail string    `json:"detail"`
}

type auditBody struct {
	Lines []auditLine `json:"lines"`
}

func (s *Server) registerPeople(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, path, summary, errs...)
	}
	huma.Register(api, op("list-people", http.MethodGet, "/people", "Who can log in", 422), s.apiPeople)
	invite := op("invite-person", http.MethodPost, "/people", "Add somebody and send them a link", 422)
	invite.DefaultStatus = http.StatusCreated
	huma.Register(api, invite, each(s, (*face).apiInvite, func(in *inviteInput) Spoken { return in.Spoken }))
	huma.Register(api, op("change-person", http.MethodPatch, "/people/{id}", "Change somebody's role, keep them out or let them in", 404, 409, 422),
		each(s, (*face).apiChangePerson, func(in *changePersonInput) Spoken { return in.Spoken }))
	huma.Register(api, op("end-sessions-of-person", http.MethodDelete, "/people/{id}/sessions", "Log somebody out everywhere", 404), s.apiDeal("end"))
	huma.Register(api, op("send-link-to-person", http.MethodPost, "/people/{id}/link", "Send somebody a link to choose a password", 400, 404), s.apiDeal("link"))
	huma.Register(api, op("list-all-keys", http.MethodGet, "/keys", "Everybody's keys for programs"),
		func(ctx context.Context, _ *ownInput) (*struct{ Body keysBody }, error) { return s.listKeys(ctx, "") })
	huma.Register(api, op("revoke-any-key", http.MethodDelete, "/keys/{id}", "Revoke anybody's key", 404, 422),
		func(ctx context.Context, in *numberedInput) (*struct{}, error) {
			by, _ := personOf(ctx)
			return s.apiRevoke(ctx, by.ID, "", in.ID)
		})
	huma.Register(api, s.guarded(api, access.Supervise, "read-audit", http.MethodGet, "/audit", "Who did what, newest first", 422), s.apiAudit)
	s.registerFleet(api)
	s.registerWebhooks(api)
	s.registerBodies(api)
	s.registerDeadlines(api)
	s.registerSettings(api)
	s.registerCategories(api)
	s.registerLook(api)
	s.registerCodes(api)
}

func (s *Server) apiPeople(ctx context.Context, in *peopleInput) (*struct{ Body peopleBody }, error) {
	list, err := access.People(ctx, s.config.Pool, in.Query, mostPeople)
	if err != nil {
		return nil, s.failed(ctx, "person", err)
	}
	out := peopleBody{People: []personBody{}}
	for _, p := range list {
		out.People = append(out.People, personBodyOf(p))
	}
	return &struct{ Body peopleBody }{out}, nil
}

func (s *face) apiInvite(ctx context.Context, in *inviteInput) (*struct{ Body personBody }, error) {
	p, wrong, err := s.invite(ctx, access.Person{Email: in.Body.Email, Name: cleanName(in.Body.Name), Role: in.Body.Role})
	if err != nil {
		return nil, s.failed(ctx, "person", err)
	}
	if wrong != "" {
		return nil, huma.Error422UnprocessableEntity(wrong)
	}
	return &struct{ Body personBody }{personBodyOf(p)}, nil
}

// dealt turns what came of an administrator's deed into a problem, nil where it was done.
func (s *Server) dealt(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, access.ErrNobody):
		return huma.Error404NotFound("There is no such person.")
	case errors.Is(err, access.ErrLastAdministrator):
		return huma.Error409Conflict("Nobody else could administer this any more. Make somebody else an administrator first.")
	}
	return s.failed(ctx, "person", err)
}

func (s *face) apiChangePerson(ctx context.Context, in *changePersonInput) (*struct{ Body personBody }, error) {
	var err error
	if in.Body.Role != "" {
		err = s.deal(ctx, in.ID, "role", in.Body.Role)
	}
	if err == nil && in.Body.Disabled != nil {
		deed := "enable"
		if *in.Body.Disabled {
			deed = "disable"
		}
		err = s.deal(ctx, in.ID, deed, "")
	}
	if err != nil {
		return nil, s.dealt(ctx, err)
	}
	p, err := access.Find(ctx, s.config.Pool, in.ID)
	if err != nil {
		return nil, s.dealt(ctx, err)
	}
	return &struct{ Body personBody }{personBodyOf(p)}, nil
}

// apiDeal makes an operation of a deed.
func (s *Server) apiDeal(deed string) func(context.Context, *personInput) (*struct{}, error) {
	return func(ctx context.Context, in *personInput) (*struct{}, error) {
		return nil, s.dealt(ctx, s.faces[languages()[0]].deal(ctx, in.ID, deed, ""))
	}
}

func (s *Server) apiAudit(ctx context.Context, in *auditInput) (*struct{ Body auditBody }, error) {
	search, err := s.searchLog(ctx, logAsked{in.By, in.What, in.Action, in.Text, in.From, in.Till, strconv.FormatInt(in.Before, 10)})
	if err != nil {
		return nil, s.failed(ctx, "log", err)
	}
	search.Limit = in.Limit
	lines, err := access.Log(ctx, s.config.Pool, search)
	if err != nil {
		return nil, s.failed(ctx, "log", err)
	}
	out := auditBody{Lines: []auditLine{}}
	for _, e := range lines {
		out.Lines = append(out.Lines, auditLine{e.N, e.At.UTC(), e.Person, e.Action, e.What, e.Detail})
	}
	return &struct{ Body auditBody }{out}, nil
}
