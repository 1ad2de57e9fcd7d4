package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/ingest"
)

// mostByCode is how many devices one enrolment code may let in.
const mostByCode = 100_000

// codeLives are the days that an enrolment code can be made for on the page; 0: until it is taken back.
func codeLives() []int { return []int{7, 30, 90, 365, 0} }

type codeBody struct {
	ID        int64      `json:"id"`
	Fleet     string     `json:"fleet" example:"City buses"`
	Start     string     `json:"start" doc:"how the code begins"`
	Most      int        `json:"most" doc:"devices that it lets in"`
	Used      int        `json:"used" doc:"devices that it has let in"`
	Active    int        `json:"active" doc:"devices that it has let in and that may still send"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at" doc:"null: never"`
	RevokedAt *time.Time `json:"revoked_at" doc:"null: it was not taken back"`
}

type codesBody struct {
	Codes []codeBody `json:"codes"`
}

type makeCodeInput struct {
	asked
	Body struct {
		Fleet string `json:"fleet" minLength:"1" maxLength:"200" example:"City buses"`
		Most  int    `json:"most" minimum:"1" maximum:"100000" doc:"devices that it lets in"`
		Days  int    `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"that it is good; 0: until it is taken back"`
	}
}

type madeCode struct {
	codeBody
	Code string `json:"code" doc:"shown this once"`
}

func (s *Server) registerCodes(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.ManageDevices, id, method, path, summary, errs...)
	}
	huma.Register(api, op("list-enrolment-codes", http.MethodGet, "/enrolment-codes", "The codes with which fleets' devices enrol, the newest first"), s.apiCodes)
	create := op("make-enrolment-code", http.MethodPost, "/enrolment-codes", "Make a code with which a fleet's devices enrol", 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.apiMakeCode)
	take := op("revoke-enrolment-code", http.MethodDelete, "/enrolment-codes/{id}", "Take an enrolment code back", 404, 422)
	take.Description = "Nobody enrols with it any more. The devices that have stay."
	huma.Register(api, take, s.apiRevokeCode)
}

func (s *Server) apiCodes(ctx context.Context, _ *ownInput) (*struct{ Body codesBody }, error) {
	list, err := ingest.Codes(ctx, s.config.Pool)
	if err != nil {
		return nil, s.failed(ctx, "code", err)
	}
	out := codesBody{Codes: []codeBody{}}
	for _, c := range list {
		out.Codes = append(out.Codes, codeBody(c))
	}
	return &struct{ Body codesBody }{out}, nil
}

func (s *Server) apiMakeCode(ctx context.Context, in *makeCodeInput) (*struct{ Body madeCode }, error) {
	fleet := cleanName(in.Body.Fleet)
	if fleet == "" {
		return nil, huma.Error422UnprocessableEntity("The fleet needs a name.")
	}
	c, text, err := s.makeCode(ctx, fleet, in.Body.Most, in.Body.Days)
	if err != nil {
		return nil, s.failed(ctx, "code", err)
	}
	return &struct{ Body madeCode }{madeCode{codeBody(c), text}}, nil
}

func (s *Server) apiRevokeCode(ctx context.Context, in *numberedInput) (*struct{}, error) {
	err := s.revokeCode(ctx, in.ID)
	if errors.Is(err, ingest.ErrNoCode) {
		return nil, huma.Error404NotFound("There is no such code, or it was taken back.")
	}
	if err != nil {
		return nil, s.failed(ctx, "code", err)
	}
	return nil, nil
}

// makeCode makes an enrolment code as who is logged in; it is good for so many days, 0 for ever.
func (s *Server) makeCode(ctx context.Context, fleet string, most, days int) (c ingest.Code, text string, err error) {
	now := s.config.Now()
	var expires *time.Time
	if days > 0 {
		at := now.AddDate(0, 0, days)
		expires = &at
	}
	by, _ := personOf(ctx)
	err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if c, text, err = ingest.MakeCode(ctx, tx, fleet, most, expires, now); err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: now, Person: by.ID, Action: "code.make", What: fmt.Sprint(c.ID), Detail: fmt.Sprintf("%s, %d", fleet, most)})
	})
	return c, text, err
}

// revokeCode takes an enrolment code back as who is logged in.
func (s *Server) revokeCode(ctx context.Context, id int64) error {
	by, _ := personOf(ctx)
	now := s.config.Now()
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		fleet, err := ingest.RevokeCode(ctx, tx, id, now)
		if err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: now, Person: by.ID, Action: "code.revoke", What: fmt.Sprint(id), Detail: fleet})
	})
}

// codesView is the enrolment codes on the devices' page.
type codesView struct {
	Codes    []codeLine
	Lives    []int
	Most     int
	New      string // the text of one that was just made
	NewFleet string
	Wrong    string
}

type codeLine struct {
	ingest.Code
	Good bool
}

func (s *face) codes(ctx context.Context) (v codesView, err error) {
	list, err := ingest.Codes(ctx, s.config.Pool)
	for _, c := range list {
		v.Codes = append(v.Codes, codeLine{c, c.Good(s.config.Now())})
	}
	v.Lives, v.Most = codeLives(), mostByCode
	return v, err
}

// codesPost makes an enrolment code, and shows it this once, or takes one back.
func (s *face) codesPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	if text := r.PostForm.Get("revoke"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return badRequest("revoke names a code.")
		}
		if err := s.revokeCode(r.Context(), id); err != nil && !errors.Is(err, ingest.ErrNoCode) {
			return err
		}
		http.Redirect(w, r, "/admin/devices?done=code#codes", http.StatusSeeOther)
		return nil
	}
	fleet := cleanName(r.PostForm.Get("fleet"))
	most, errMost := strconv.Atoi(r.PostForm.Get("most"))
	days, errDays := strconv.Atoi(r.PostForm.Get("days"))
	if fleet == "" || errMost != nil || most < 1 || most > mostByCode || errDays != nil || days < 0 || days > 3650 {
		return s.showDevices(w, r, http.StatusUnprocessableEntity, func(v *devicesView) { v.Codes.Wrong = s.texts.T("codes.wrong", "n", mostByCode) })
	}
	_, text, err := s.makeCode(r.Context(), fleet, most, days)
	if err != nil {
		return err
	}
	return s.showDevices(w, r, http.StatusOK, func(v *devicesView) { v.Codes.New, v.Codes.NewFleet = text, fleet })
}
