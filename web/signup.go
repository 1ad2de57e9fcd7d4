package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/notices"
)

func (s *face) signupPage(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "base", &forgottenView{head: head{Page: "signup", Title: s.texts.T("signup.title")}})
}

func (s *face) signupPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	text, status, err := s.askForLink(r, email, s.sendSignup)
	if err != nil {
		return err
	}
	if text != "" {
		return s.render(w, r, status, "base", &forgottenView{head{Page: "signup", Title: s.texts.T("signup.title")}, email, text})
	}
	return s.render(w, r, http.StatusOK, "base", &messageView{head{Page: "message", Title: s.texts.T("forgotten.sent")}, s.texts.T("signup.sent.text")})
}

// sendSignup posts a link to make an account or, where there is one, says so to its owner alone.
func (s *face) sendSignup(ctx context.Context, email string) error {
	p, err := access.FindEmail(ctx, s.config.Pool, email)
	if err != nil && !errors.Is(err, access.ErrNobody) {
		return err
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		switch {
		case errors.Is(err, access.ErrNobody):
			return s.postLink(ctx, tx, access.Link{Email: email}, "mail.signup", access.ResetFor)
		case p.Disabled:
			return nil
		case p.Invited:
			return s.postLink(ctx, tx, access.Link{Person: &p}, "mail.invite", access.InviteFor)
		}
		f := s
		if other := s.faces[p.Language]; other != nil {
			f = other
		}
		pairs := []any{"link", s.links() + "/login", "city", f.cityName(), "email", p.Email}
		return notices.Post(ctx, tx, notices.Mail{To: p.Email, Subject: f.texts.T("mail.known.subject", pairs...), Body: f.texts.T("mail.known.body", pairs...)}, s.config.Now())
	})
}

// eraseView asks whether somebody wants their account deleted.
type eraseView struct {
	head
	Person access.Person
	Wrong  string
}

func (s *face) erasePage(w http.ResponseWriter, r *http.Request) error {
	return s.showErase(w, r, http.StatusOK, "")
}

func (s *face) showErase(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	p, _ := personOf(r.Context())
	return s.render(w, r, status, "base", &eraseView{head{Page: "erase", Title: s.texts.T("erase.title")}, p, wrong})
}

func (s *face) erasePost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	text, status, err := s.eraseAccount(r, r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	if text != "" {
		return s.showErase(w, r, status, text)
	}
	http.SetCookie(w, s.dropSession(r))
	http.Redirect(w, r, "/login?done=erased", http.StatusSeeOther)
	return nil
}

// eraseAccount deletes the account of who is logged in, and all that names them; the text says what hinders it. Who has a password must
// know it.
func (s *face) eraseAccount(r *http.Request, password string) (text string, status int, err error) {
	ctx := r.Context()
	p, _ := personOf(ctx)
	if !p.Single && !p.Invited {
		from, err := s.comesFrom(r)
		if err != nil {
			return "", 0, err
		}
		err = s.gate.Check(ctx, p, password, from)
		if errors.As(err, new(access.Wrong)) {
			return s.texts.T("account.password.old.wrong"), http.StatusUnprocessableEntity, nil
		}
		if text, status := s.loginRefusal(err); text != "" {
			return text, status, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
	k, err := s.hashKey(ctx)
	if err != nil {
		return "", 0, err
	}
	err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error { return s.erase(ctx, tx, p, k) })
	if errors.Is(err, access.ErrLastAdministrator) {
		return s.texts.T("admin.last"), http.StatusConflict, nil
	}
	return "", http.StatusOK, err
}

// erase deletes a person and all that names them. Where they reported something and what crowd made of it stays, as does what they
// said of places; that it was they who did goes, with their words and photos.
func (s *Server) erase(ctx context.Context, tx pgx.Tx, p access.Person, k *peopleKey) error {
	if err := access.Erase(ctx, tx, p.ID, p.ID, s.config.Now()); err != nil {
		return err
	}
	if err := crowd.ForgetVoter(ctx, tx, k.voterOf(p)); err != nil {
		return err
	}
	for _, sql := range []string{
		`delete from follows where lower(email) = $1`,
		`delete from mails where lower(recipient) = $1 and sent_at is null`,
		`delete from report_photos where report in (select id from reports where lower(email) = $1 and email <> '')`,
		`delete from reports where lower(email) = $1 and email <> '' and confirmed_at is null`,
		`update reports set email = '', words = '' where lower(email) = $1 and email <> ''`,
	} {
		if _, err := tx.Exec(ctx, sql, p.Email); err != nil {
			return fmt.Errorf("erase an account: %w", err)
		}
	}
	return nil
}
