package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/streetpulse/streetpulse/access"
)

const (
	signOnCookie = "signon"
	signOnPath   = "/login/oidc"
	signOnFor    = 10 * time.Minute // that somebody may take at the other service
)

// SignOnReturn is where another service sends people back to, on a server that people reach at url.
func SignOnReturn(url string) string { return url + signOnPath + "/callback" }

// travel is what the browser keeps while somebody is at the other service.
type travel struct {
	access.Ticket
	Next string
}

// signOnBegin sends somebody to the other service.
func (s *face) signOnBegin(w http.ResponseWriter, r *http.Request) error {
	if s.config.SignOn == nil {
		return errHidden
	}
	address, ticket, err := s.config.SignOn.Begin(r.Context())
	if err != nil {
		s.config.Log.Error("nobody can log in by the other service", "error", err)
		return s.signOnFailed(w, r, http.StatusBadGateway, "signon.away")
	}
	b, err := json.Marshal(travel{ticket, r.URL.Query().Get("next")})
	if err != nil {
		return err
	}
	http.SetCookie(w, s.signOnCookie(r, base64.RawURLEncoding.EncodeToString(b), int(signOnFor.Seconds())))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

func (s *Server) signOnCookie(r *http.Request, value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: signOnCookie, Value: value, Path: signOnPath, MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(r)}
}

// signOnEnd takes somebody who comes back.
func (s *face) signOnEnd(w http.ResponseWriter, r *http.Request) error {
	if s.config.SignOn == nil {
		return errHidden
	}
	secretPage(w)
	var t travel
	if c, err := r.Cookie(signOnCookie); err == nil {
		if b, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil {
			_ = json.Unmarshal(b, &t) // what cannot be read is no ticket
		}
	}
	http.SetCookie(w, s.signOnCookie(r, "", -1))
	q := r.URL.Query()
	id, err := s.config.SignOn.Finish(r.Context(), t.Ticket, q.Get("state"), q.Get("code"))
	var p access.Person
	var token string
	if err == nil {
		old := ""
		if c, err := r.Cookie(sessionCookie); err == nil {
			old = c.Value
		}
		p, token, err = s.gate.Admit(r.Context(), id, r.UserAgent(), old)
	}
	switch {
	case errors.Is(err, access.ErrTicket):
		return s.signOnFailed(w, r, http.StatusBadRequest, "signon.ticket")
	case errors.Is(err, access.ErrRefused):
		s.config.Log.Warn("the other service did not let somebody in", "error", err)
		return s.signOnFailed(w, r, http.StatusForbidden, "signon.refused")
	case errors.Is(err, access.ErrUnproved):
		return s.signOnFailed(w, r, http.StatusForbidden, "signon.unproved")
	case errors.Is(err, access.ErrKeptOut):
		return s.signOnFailed(w, r, http.StatusForbidden, "signon.keptout")
	case err != nil && !away(err):
		s.config.Log.Error("the other service does not answer", "error", err)
		return s.signOnFailed(w, r, http.StatusBadGateway, "signon.away")
	case err != nil:
		return err
	}
	if err := s.adopt(r, p); err != nil {
		return err
	}
	s.welcome(w, p, s.keepSession(r, p, token))
	http.Redirect(w, r, localPath(t.Next), http.StatusSeeOther)
	return nil
}

// signOnFailed shows the login page again, with what went wrong.
func (s *face) signOnFailed(w http.ResponseWriter, r *http.Request, status int, key string) error {
	v := s.loginView(r.URL.Query().Get("next"))
	v.Wrong = s.texts.T(key)
	w.Header().Set("Cache-Control", "no-store")
	return s.render(w, r, status, "base", v)
}
