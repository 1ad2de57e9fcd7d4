package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/notices"
)

// loginView asks for an address and a password.
type loginView struct {
	head
	Email, Next string
	Wrong       string // why it did not work
	Notice      string
	Field       bool   // it is the fields that are wrong
	Other       string // the address of the other way to log in; empty: there is none
}

func (s *face) loginView(next string) *loginView {
	v := &loginView{head: head{Page: "login", Title: s.texts.T("login.title")}, Next: next}
	if s.config.SignOn != nil {
		v.Other = signOnPath
		if next != "" {
			v.Other += "?next=" + url.QueryEscape(next)
		}
	}
	return v
}

func (s *face) loginPage(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	if _, ok := personOf(r.Context()); ok {
		http.Redirect(w, r, localPath(next), http.StatusSeeOther)
		return nil
	}
	v := s.loginView(next)
	switch r.URL.Query().Get("done") {
	case "out":
		v.Notice = s.texts.T("login.out")
	case "password":
		v.Notice = s.texts.T("login.password.set")
	case "erased":
		v.Notice = s.texts.T("login.erased")
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.render(w, r, http.StatusOK, "base", v)
}

// readFields reads a small form.
func readFields(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	return nil
}

func (s *face) loginPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	f := r.PostForm
	p, cookie, err := s.logIn(r, f.Get("email"), f.Get("password"))
	if text, status := s.loginRefusal(err); text != "" {
		v := s.loginView(f.Get("next"))
		v.Email, v.Wrong, v.Field = f.Get("email"), text, status == http.StatusUnauthorized
		w.Header().Set("Cache-Control", "no-store")
		return s.render(w, r, status, "base", v)
	}
	if err != nil {
		return err
	}
	s.welcome(w, p, cookie)
	http.Redirect(w, r, localPath(f.Get("next")), http.StatusSeeOther)
	return nil
}

// welcome sets what the browser of somebody who has just logged in is to keep.
func (s *Server) welcome(w http.ResponseWriter, p access.Person, session *http.Cookie) {
	http.SetCookie(w, session)
	if s.faces[p.Language] != nil {
		http.SetCookie(w, keepLanguage(p.Language))
	}
}

// logIn lets somebody in and returns the cookie of the new session.
func (s *Server) logIn(r *http.Request, email, password string) (access.Person, *http.Cookie, error) {
	from, err := s.comesFrom(r)
	if err != nil {
		return access.Person{}, nil, err
	}
	l := access.Login{Email: email, Password: password, From: from, Agent: r.UserAgent()}
	if c, err := r.Cookie(sessionCookie); err == nil {
		l.Old = c.Value
	}
	p, token, err := s.gate.LogIn(r.Context(), l)
	if err != nil {
		return p, nil, err
	}
	return p, s.keepSession(r, p, token), s.adopt(r, p)
}

// comesFrom tells addresses apart without keeping them.
func (s *Server) comesFrom(r *http.Request) ([]byte, error) {
	k, err := s.hashKey(r.Context())
	if err != nil {
		return nil, err
	}
	return k.hash("login", network(s.client(r))), nil
}

// loginRefusal says why somebody was not let in, empty where it is no fault of theirs.
func (s *face) loginRefusal(err error) (text string, status int) {
	var wrong access.Wrong
	var often access.TooOften
	switch {
	case errors.As(err, &wrong) && wrong.Left > 0:
		return s.texts.T("login.wrong") + " " + s.texts.N("login.left", wrong.Left), http.StatusUnauthorized
	case errors.As(err, &wrong):
		return s.texts.T("login.wrong") + " " + s.texts.T("login.paused"), http.StatusUnauthorized
	case errors.As(err, &often):
		return s.texts.N("login.often", minutes(often.Wait)), http.StatusTooManyRequests
	}
	return "", 0
}

func minutes(d time.Duration) int { return int(math.Ceil(d.Minutes())) }

func (s *face) logoutPost(w http.ResponseWriter, r *http.Request) error {
	c, err := callerOf(r.Context())
	if err != nil {
		return err
	}
	if c != nil {
		if err := s.gate.LogOut(r.Context(), c.token); err != nil {
			return err
		}
	}
	http.SetCookie(w, s.dropSession(r))
	http.Redirect(w, r, "/login?done=out", http.StatusSeeOther)
	return nil
}

// forgottenView asks where a link to a new password should go.
type forgottenView struct {
	head
	Email, Wrong string
}

func (s *face) forgottenPage(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "base", &forgottenView{head: head{Page: "forgotten", Title: s.texts.T("forgotten.title")}, Email: r.URL.Query().Get("email")})
}

func (s *face) forgottenPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	text, status, err := s.askForLink(r, email, s.sendReset)
	if err != nil {
		return err
	}
	if text != "" {
		return s.render(w, r, status, "base", &forgottenView{head{Page: "forgotten", Title: s.texts.T("forgotten.title")}, email, text})
	}
	return s.render(w, r, http.StatusOK, "base", &messageView{head{Page: "message", Title: s.texts.T("forgotten.sent")}, s.texts.T("forgotten.sent.text")})
}

// askForLink has a link sent to an address, if it may be; the text says why not. Whether the address is known is not told: what
// is answered is the same, and so is the work but for a row.
func (s *face) askForLink(r *http.Request, email string, send func(context.Context, string) error) (text string, status int, err error) {
	if !isEmail(email) {
		return s.texts.T("report.email.wrong"), http.StatusUnprocessableEntity, nil
	}
	from, err := s.comesFrom(r)
	if err != nil {
		return "", 0, err
	}
	var often access.TooOften
	err = s.gate.Allow(r.Context(), email, from)
	if errors.As(err, &often) {
		return s.texts.N("login.often", minutes(often.Wait)), http.StatusTooManyRequests, nil
	}
	if err != nil {
		return "", 0, err
	}
	return "", http.StatusOK, send(r.Context(), email)
}

// sendReset posts a link to a new password to somebody who is known, and nothing to nobody.
func (s *face) sendReset(ctx context.Context, email string) error {
	p, err := access.FindEmail(ctx, s.config.Pool, email)
	if errors.Is(err, access.ErrNobody) || err == nil && (p.Disabled || p.Single) {
		return nil
	}
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		return s.postLink(ctx, tx, access.Link{Person: &p}, "mail.reset", access.ResetFor)
	})
}

// postLink posts the mail under key with a new link to choose a password, in the language of the person if there is one.
func (s *face) postLink(ctx context.Context, tx pgx.Tx, l access.Link, key string, lives time.Duration) error {
	now := s.config.Now()
	to, f := l.Email, s
	if l.Person != nil {
		to = l.Person.Email
		if other := s.faces[l.Person.Language]; other != nil {
			f = other
		}
	}
	secret, err := access.MakeLink(ctx, tx, l, now.Add(lives))
	if err != nil {
		return err
	}
	pairs := []any{"link", PasswordLink(s.links(), secret), "city", f.cityName(), "hours", int(lives.Hours()), "days", int(lives.Hours()) / 24, "email", to}
	return notices.Post(ctx, tx, notices.Mail{To: to, Subject: f.texts.T(key+".subject", pairs...), Body: f.texts.T(key+".body", pairs...)}, now)
}

// linkPath is where links to choose a password begin.
const linkPath = "/login/link/"

// PasswordLink is the address at which the secret of a link (access.MakeLink) lets somebody choose a password, on a server that
// people reach at url.
func PasswordLink(url, secret string) string { return strings.TrimSuffix(url, "/") + linkPath + secret }

// linkView lets somebody choose a password.
type linkView struct {
	head
	Token, Email, Name, Wrong string
	New                       bool // there is no account yet
	Least                     int
}

func (s *face) linkPage(w http.ResponseWriter, r *http.Request) error {
	return s.showLink(w, r, http.StatusOK, "", "")
}

func (s *face) showLink(w http.ResponseWriter, r *http.Request, status int, name, wrong string) error {
	secretPage(w)
	l, err := s.gate.Opens(r.Context(), r.PathValue("token"))
	if errors.Is(err, access.ErrLink) {
		return s.expired(w, r)
	}
	if err != nil {
		return err
	}
	v := &linkView{head: head{Page: "link", Title: s.texts.T("link.title")}, Token: r.PathValue("token"), Email: l.Email, Name: name, Wrong: wrong, New: l.Person == nil, Least: access.LeastPassword}
	if v.New {
		v.Title = s.texts.T("link.title.new")
	}
	return s.render(w, r, status, "base", v)
}

// expired says that a link opens nothing any more.
func (s *face) expired(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusGone, "base", &messageView{head{Page: "message", Title: s.texts.T("link.expired")}, s.texts.T("link.expired.text")})
}

func (s *face) linkPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	name := cleanName(r.PostForm.Get("name"))
	_, err := s.gate.Use(r.Context(), r.PathValue("token"), r.PostForm.Get("password"), name, s.language)
	switch {
	case errors.Is(err, access.ErrWeak):
		return s.showLink(w, r, http.StatusUnprocessableEntity, name, s.weak())
	case errors.Is(err, access.ErrLink):
		secretPage(w)
		return s.expired(w, r)
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/login?done=password", http.StatusSeeOther)
	return nil
}

func (s *face) weak() string { return s.texts.T("password.weak", "n", access.LeastPassword) }

// cleanName is a name as it is kept: one line, not too long.
func cleanName(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if r := []rune(text); len(r) > mostName {
		text = string(r[:mostName])
	}
	return text
}

const mostName = 100 // letters

// registerLogin puts the pages on which people log in.
func (s *Server) registerLogin(page func(string, pageFunc)) {
	page("GET /login", (*face).loginPage)
	page("POST /login", (*face).loginPost)
	page("POST /logout", (*face).logoutPost)
	page("GET "+signOnPath, (*face).signOnBegin)
	page("GET "+signOnPath+"/callback", (*face).signOnEnd)
	page("GET /login/forgotten", (*face).forgottenPage)
	page("POST /login/forgotten", (*face).forgottenPost)
	page("GET /signup", (*face).signupPage)
	page("POST /signup", (*face).signupPost)
	page("GET "+linkPath+"{token}", (*face).linkPage)
	page("POST "+linkPath+"{token}", (*face).linkPost)
	page("GET /account", only(access.KeepAccount, (*face).accountPage))
	page("POST /account", only(access.KeepAccount, (*face).accountPost))
	page("GET /account/delete", only(access.KeepAccount, (*face).erasePage))
	page("POST /account/delete", only(access.KeepAccount, (*face).erasePost))
	page("POST /account/password", only(access.KeepAccount, (*face).passwordPost))
	page("POST /account/sessions", only(access.KeepAccount, (*face).sessionsPost))
	page("POST /account/keys", only(access.MakeKeys, (*face).keysPost))
	page("POST /account/follows", only(access.KeepAccount, (*face).followsPost))
	page("GET /admin", only(access.Administer, (*face).peoplePage))
	page("POST /admin", only(access.Administer, (*face).invitePost))
	page("GET /admin/people/{id}", only(access.Administer, (*face).personPage))
	page("POST /admin/people/{id}", only(access.Administer, (*face).personPost))
	page("GET /admin/keys", only(access.Administer, (*face).adminKeysPage))
	page("POST /admin/keys", only(access.Administer, (*face).adminKeysPost))
	page("GET /admin/devices", only(access.ManageDevices, (*face).devicesPage))
	page("POST /admin/devices", only(access.ManageDevices, (*face).codesPost))
	page("GET /admin/devices/{id}", only(access.ManageDevices, (*face).devicePage))
	page("POST /admin/devices/{id}", only(access.ManageDevices, (*face).devicePost))
	page("GET "+webhooksPath, only(access.Administer, (*face).webhooksPage))
	page("POST "+webhooksPath, only(access.Administer, (*face).webhooksPost))
	page("GET "+webhooksPath+"/{id}", only(access.Administer, (*face).webhookPage))
	page("POST "+webhooksPath+"/{id}", only(access.Administer, (*face).webhookPost))
	page("GET /admin/detectors", only(access.ManageDevices, (*face).detectorsPage))
	page("POST /admin/detectors", only(access.ManageDevices, (*face).detectorsPost))
	page("GET /admin/log", only(access.Supervise, (*face).logPage))
	page("GET /admin/log/{file}", only(access.Supervise, (*face).logFile))
}

// accountAddress is the account page after something was done there.
func accountAddress(done string) string { return fmt.Sprint("/account?done=", url.QueryEscape(done)) }
