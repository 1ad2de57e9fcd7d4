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

// accountBody is somebody, as they see themselves.
type accountBody struct {
	ID       string          `json:"id"`
	Email    string          `json:"email"`
	Name     string          `json:"name"`
	Role     access.Role     `json:"role" enum:"resident,crew,dispatcher,supervisor,administrator"`
	Language string          `json:"language" doc:"empty: as the browser asks"`
	May      []access.Action `json:"may" doc:"what the role may do"`
}

func accountOf(p access.Person) accountBody {
	b := accountBody{ID: p.ID, Email: p.Email, Name: p.Name, Role: p.Role, Language: p.Language}
	for _, a := range access.Actions() {
		if p.May(a) {
			b.May = append(b.May, a)
		}
	}
	return b
}

type accountOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      accountBody
}

type loginInput struct {
	asked
	Spoken
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
	}
}

type ownInput struct {
	asked
	Spoken
}

type renameInput struct {
	asked
	Body struct {
		Name     string `json:"name" maxLength:"100"`
		Language string `json:"language" enum:"en,de," doc:"empty: as the browser asks"`
	}
}

type changePasswordInput struct {
	asked
	Spoken
	Body struct {
		Old string `json:"old" maxLength:"1000"`
		New string `json:"new" maxLength:"1000"`
	}
}

type numberedInput struct {
	asked
	ID int64 `path:"id"`
}

type linkInput struct {
	asked
	Spoken
	Body struct {
		Email string `json:"email" format:"email" maxLength:"254"`
	}
}

type useLinkInput struct {
	asked
	Spoken
	Body struct {
		Link     string `json:"link" maxLength:"100" doc:"the last part of the link's address"`
		Password string `json:"password" maxLength:"1000"`
		Name     string `json:"name,omitempty" maxLength:"100" doc:"of a new account"`
	}
}

type eraseAccountInput struct {
	asked
	Spoken
	Body struct {
		Password string `json:"password" maxLength:"1000"`
	}
}

type sessionBody struct {
	ID      int64     `json:"id"`
	Browser string    `json:"browser"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen" doc:"last used"`
	Own     bool      `json:"own" doc:"the one that asks"`
}

type sessionsBody struct {
	Sessions []sessionBody `json:"sessions"`
}

type textOutput struct {
	Status int
	Body   struct {
		Text string `json:"text"`
	}
}

func (s *Server) registerAccount(api huma.API) {
	in := open("log-in", http.MethodPost, "/session", "Log in", 401, 403, 422, 429, 503)
	in.Description = "Sets the cookie of a new session. Programs need none: they have keys."
	huma.Register(api, in, each(s, (*face).apiLogIn, func(in *loginInput) Spoken { return in.Spoken }))
	ask := open("send-password-link", http.MethodPost, "/password-links", "Have a link to a new password sent", 403, 422, 429, 503)
	ask.Description = "Whether the address is known is not told."
	ask.DefaultStatus = http.StatusAccepted
	huma.Register(api, ask, each(s, (*face).apiSendLink, func(in *linkInput) Spoken { return in.Spoken }))
	up := open("sign-up", http.MethodPost, "/accounts", "Make a resident's account", 403, 422, 429, 503)
	up.Description = "A link to choose a password goes to the address. Whether it is known already is not told."
	up.DefaultStatus = http.StatusAccepted
	huma.Register(api, up, each(s, (*face).apiSignUp, func(in *linkInput) Spoken { return in.Spoken }))
	use := open("use-password-link", http.MethodPost, "/passwords", "Choose a password behind a link", 403, 410, 422, 503)
	huma.Register(api, use, each(s, (*face).apiUseLink, func(in *useLinkInput) Spoken { return in.Spoken }))

	huma.Register(api, s.guarded(api, access.KeepAccount, "log-out", http.MethodDelete, "/session", "Log out"), s.apiLogOut)
	huma.Register(api, s.guarded(api, access.KeepAccount, "get-account", http.MethodGet, "/account", "Who is logged in"), s.apiAccount)
	huma.Register(api, s.guarded(api, access.KeepAccount, "erase-account", http.MethodPost, "/account/erasure", "Delete one's account and all that names one", 409, 422, 429),
		each(s, (*face).apiEraseAccount, func(in *eraseAccountInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.KeepAccount, "change-account", http.MethodPut, "/account", "Change name and language", 422), s.apiRename)
	huma.Register(api, s.guarded(api, access.KeepAccount, "change-password", http.MethodPut, "/account/password", "Change the password; all other sessions end", 422, 429),
		each(s, (*face).apiChangePassword, func(in *changePasswordInput) Spoken { return in.Spoken }))
	huma.Register(api, s.guarded(api, access.KeepAccount, "list-sessions", http.MethodGet, "/account/sessions", "Where one is logged in"), s.apiSessions)
	huma.Register(api, s.guarded(api, access.KeepAccount, "end-sessions", http.MethodDelete, "/account/sessions", "End all other sessions"), s.apiEndSessions)
	huma.Register(api, s.guarded(api, access.KeepAccount, "end-session", http.MethodDelete, "/account/sessions/{id}", "End one session", 404, 422), s.apiEndSession)
	huma.Register(api, s.guarded(api, access.KeepAccount, "stop-following", http.MethodDelete, "/account/follows/{id}", "Stop following a place", 422), s.apiUnfollow)
}

// errElsewhereAPI is the problem of a call that another site's page makes.
func errElsewhereAPI() error {
	return huma.Error403Forbidden("Another site's page may not act for its visitors.")
}

func (s *face) apiLogIn(ctx context.Context, in *loginInput) (*accountOutput, error) {
	if s.origins.Check(in.request) != nil {
		return nil, errElsewhereAPI()
	}
	p, cookie, err := s.logIn(in.request, in.Body.Email, in.Body.Password)
	if problem := s.loginProblem(err); problem != nil {
		return nil, problem
	}
	if err != nil {
		return nil, s.failed(ctx, "account", err)
	}
	return &accountOutput{SetCookie: cookie.String(), Body: accountOf(p)}, nil
}

// loginProblem is what keeps somebody out, nil where it is no fault of theirs.
func (s *face) loginProblem(err error) error {
	text, status := s.loginRefusal(err)
	if text == "" {
		return nil
	}
	problem := huma.NewError(status, text)
	var often access.TooOften
	if errors.As(err, &often) {
		return huma.ErrorWithHeaders(problem, http.Header{"Retry-After": {strconv.Itoa(int(often.Wait.Seconds()) + 1)}})
	}
	return problem
}

func (s *Server) apiLogOut(ctx context.Context, in *ownInput) (*struct {
	SetCookie string `header:"Set-Cookie"`
}, error) {
	c, err := callerOf(ctx)
	if err == nil {
		err = s.gate.LogOut(ctx, c.token)
	}
	if err != nil {
		return nil, s.failed(ctx, "session", err)
	}
	return &struct {
		SetCookie string `header:"Set-Cookie"`
	}{s.dropSession(in.request).String()}, nil
}

func (s *Server) apiAccount(ctx context.Context, _ *ownInput) (*accountOutput, error) {
	p, _ := personOf(ctx)
	return &accountOutput{Body: accountOf(p)}, nil
}

func (s *Server) apiRename(ctx context.Context, in *renameInput) (*accountOutput, error) {
	p, _ := personOf(ctx)
	p.Name, p.Language = cleanName(in.Body.Name), in.Body.Language
	if err := s.rename(ctx, p, p.Name, p.Language); err != nil {
		return nil, s.failed(ctx, "account", err)
	}
	return &accountOutput{Body: accountOf(p)}, nil
}

func (s *face) apiChangePassword(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	field, text, status, err := s.changePassword(in.request, in.Body.Old, in.Body.New)
	if err != nil {
		return nil, s.failed(ctx, "account", err)
	}
	if text != "" {
		return nil, huma.NewError(status, text, &huma.ErrorDetail{Message: text, Location: "body." + field})
	}
	return nil, nil
}

func (s *Server) apiSessions(ctx context.Context, _ *ownInput) (*struct{ Body sessionsBody }, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.failed(ctx, "session", err)
	}
	list, err := s.gate.Sessions(ctx, c.Person, c.token)
	if err != nil {
		return nil, s.failed(ctx, "session", err)
	}
	out := sessionsBody{Sessions: []sessionBody{}}
	for _, o := range list {
		out.Sessions = append(out.Sessions, sessionBody{o.ID, browserName(o.Agent), o.CreatedAt.UTC(), o.SeenAt.UTC(), o.Own})
	}
	return &struct{ Body sessionsBody }{out}, nil
}

func (s *Server) apiEndSessions(ctx context.Context, _ *ownInput) (*struct{}, error) {
	c, err := callerOf(ctx)
	if err == nil {
		err = s.gate.EndSessions(ctx, c.ID, c.ID, c.token)
	}
	if err != nil {
		return nil, s.failed(ctx, "session", err)
	}
	return nil, nil
}

func (s *Server) apiEndSession(ctx context.Context, in *numberedInput) (*struct{}, error) {
	p, _ := personOf(ctx)
	err := s.gate.EndSession(ctx, p.ID, in.ID)
	if errors.Is(err, access.ErrNoSession) {
		return nil, huma.Error404NotFound("There is no such session of yours.")
	}
	if err != nil {
		return nil, s.failed(ctx, "session", err)
	}
	return nil, nil
}

func (s *Server) apiUnfollow(ctx context.Context, in *numberedInput) (*struct{}, error) {
	p, _ := personOf(ctx)
	if err := s.unfollow(ctx, p, in.ID); err != nil {
		return nil, s.failed(ctx, "place", err)
	}
	return nil, nil
}

func (s *face) apiSendLink(ctx context.Context, in *linkInput) (*textOutput, error) {
	return s.apiAskForLink(ctx, in, "forgotten.sent.text", s.sendReset)
}

func (s *face) apiSignUp(ctx context.Context, in *linkInput) (*textOutput, error) {
	return s.apiAskForLink(ctx, in, "signup.sent.text", s.sendSignup)
}

func (s *face) apiEraseAccount(ctx context.Context, in *eraseAccountInput) (*struct {
	SetCookie string `header:"Set-Cookie"`
}, error) {
	text, status, err := s.eraseAccount(in.request, in.Body.Password)
	if err != nil {
		return nil, s.failed(ctx, "account", err)
	}
	if text != "" {
		return nil, huma.NewError(status, text)
	}
	return &struct {
		SetCookie string `header:"Set-Cookie"`
	}{s.dropSession(in.request).String()}, nil
}

func (s *face) apiAskForLink(ctx context.Context, in *linkInput, key string, send func(context.Context, string) error) (*textOutput, error) {
	if s.origins.Check(in.request) != nil {
		return nil, errElsewhereAPI()
	}
	text, status, err := s.askForLink(in.request, in.Body.Email, send)
	if err != nil {
		return nil, s.failed(ctx, "account", err)
	}
	if text != "" {
		return nil, huma.NewError(status, text)
	}
	out := &textOutput{Status: http.StatusAccepted}
	out.Body.Text = s.texts.T(key)
	return out, nil
}

func (s *face) apiUseLink(ctx context.Context, in *useLinkInput) (*struct{}, error) {
	if s.origins.Check(in.request) != nil {
		return nil, errElsewhereAPI()
	}
	_, err := s.gate.Use(ctx, in.Body.Link, in.Body.Password, cleanName(in.Body.Name), s.language)
	switch {
	case errors.Is(err, access.ErrWeak):
		return nil, huma.Error422UnprocessableEntity(s.weak())
	case errors.Is(err, access.ErrLink):
		return nil, huma.Error410Gone(s.texts.T("link.expired.text"))
	case err != nil:
		return nil, s.failed(ctx, "account", err)
	}
	return nil, nil
}
