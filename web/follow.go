package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/notices"
)

// followIn lets an e-mail address follow a place, or an order that has none, in the caller's transaction; confirmed says that it has proved already
// that it wants to. What has happened so far is not told.
func followIn(ctx context.Context, tx pgx.Tx, place, email, language string, now time.Time, confirmed bool) error {
	text, hash := access.Secret()
	var at *time.Time
	if confirmed {
		at = &now
	}
	_, err := tx.Exec(ctx, `
		insert into follows as f (place, email, language, token, secret, created_at, confirmed_at, told, replied)
		values ($1, $2, $3, $4, $5, $6, $7, (select count(*) from place_steps where place = $1) +
			(select count(*) from order_steps s join orders o on o.id = s.order_id where coalesce(o.place, o.id) = $1),
			coalesce((select max(n) from order_actions where kind = 'replied' and not undone), 0))
		on conflict (place, lower(email)) do update set confirmed_at = coalesce(f.confirmed_at, excluded.confirmed_at)`,
		place, email, language, hash, text, now, at)
	if err != nil {
		return fmt.Errorf("follow place %s: %w", place, err)
	}
	return nil
}

// askToFollow posts the mail that asks to confirm that a place is followed.
func (s *face) askToFollow(ctx context.Context, p titled, email string) error {
	now := s.config.Now()
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		var today int
		if err := tx.QueryRow(ctx, `select count(*) from follows where lower(email) = lower($1) and created_at > $2 and confirmed_at is null`, email, now.Add(-24*time.Hour)).Scan(&today); err != nil {
			return fmt.Errorf("follow place %s: %w", p.ID, err)
		}
		if today >= mostPerEmail {
			return errBusy
		}
		var known bool
		if err := tx.QueryRow(ctx, `select exists (select 1 from follows where place = $1 and lower(email) = lower($2))`, p.ID, email).Scan(&known); err != nil {
			return fmt.Errorf("follow place %s: %w", p.ID, err)
		}
		if known {
			return nil // it was asked already, or follows; which of them is nobody's business
		}
		if err := followIn(ctx, tx, p.ID, email, s.language, now, false); err != nil {
			return err
		}
		var text string
		if err := tx.QueryRow(ctx, `select secret from follows where place = $1 and lower(email) = lower($2)`, p.ID, email).Scan(&text); err != nil {
			return fmt.Errorf("follow place %s: %w", p.ID, err)
		}
		pairs := []any{"what", p.Title, "link", s.links() + "/follow/" + text, "city", s.cityName()}
		return notices.Post(ctx, tx, notices.Mail{To: email, Subject: s.texts.T("mail.follow.subject", pairs...), Body: s.texts.T("mail.follow.body", pairs...)}, now)
	})
}

// followPost takes the form on a place's page.
func (s *face) followPost(w http.ResponseWriter, r *http.Request) error {
	return s.followForm(w, r, s.findPlace, s.showPlace)
}

// followOrderPost takes the form on the page of an order that has no place.
func (s *face) followOrderPost(w http.ResponseWriter, r *http.Request) error {
	return s.followForm(w, r, s.findOrder, s.showOrder)
}

// followForm takes a form to follow what find finds and show shows.
func (s *face) followForm(w http.ResponseWriter, r *http.Request, find func(context.Context, string) (sight, error),
	show func(http.ResponseWriter, *http.Request, string, int, func(*placeView)) error) error {
	id := r.PathValue("id")
	found, err := find(r.Context(), id)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	email := strings.TrimSpace(r.PostForm.Get("email"))
	status, err := s.follow(r, found, email)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return show(w, r, id, status, func(v *placeView) { v.FollowEmail, v.FollowWrong = email, s.followWrong(status) })
	}
	return s.render(w, r, http.StatusOK, "base", &messageView{head{Page: "message", Title: s.texts.T("follow.asked")}, s.texts.T("follow.asked.text")})
}

// follow asks an address to confirm that it follows what was found; the status says what came of it.
func (s *face) follow(r *http.Request, found sight, email string) (status int, err error) {
	if !isEmail(email) {
		return http.StatusUnprocessableEntity, nil
	}
	from, now := s.client(r), s.config.Now()
	if _, ok := s.follows.may(from, now); !ok {
		return http.StatusTooManyRequests, nil
	}
	err = s.askToFollow(r.Context(), s.describe(found), email)
	if errors.Is(err, errBusy) {
		return http.StatusTooManyRequests, nil
	}
	if err == nil {
		s.follows.count(from, now)
	}
	return http.StatusOK, err
}

func (s *face) followWrong(status int) string {
	if status == http.StatusUnprocessableEntity {
		return s.texts.T("report.email.wrong")
	}
	return s.texts.T("follow.often")
}

// followingView asks who follows a place, or an order that has none, to confirm it, or whether to stop.
type followingView struct {
	head
	Token  string
	Path   string // of its page
	What   string
	Order  bool // it is an order
	Asking bool
}

func (s *face) followLink(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	v := &followingView{head: head{Page: "following", Title: s.texts.T("follow.title")}, Token: token}
	var id string
	var confirmed *time.Time
	err := s.config.Pool.QueryRow(r.Context(), `select place, confirmed_at from follows where token = $1`, access.HashOf(token)).Scan(&id, &confirmed)
	if errors.Is(err, pgx.ErrNoRows) {
		return errHidden
	}
	if err != nil {
		return fmt.Errorf("read a follower: %w", err)
	}
	found, err := s.find(r.Context(), id)
	if err == nil {
		v.What, v.Path, v.Order = s.describe(found).Title, found.Path(), found.Placeless()
	} else if !errors.Is(err, errHidden) {
		return err
	}
	v.Asking = confirmed == nil
	secretPage(w)
	return s.render(w, r, http.StatusOK, "base", v)
}

func (s *face) followAnswer(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	token := access.HashOf(r.PathValue("token"))
	// Mail programs stop mails by this form (RFC 8058), which they find in the mail's head.
	if r.PostForm.Get("answer") == "stop" || r.PostForm.Get("List-Unsubscribe") == "One-Click" {
		if _, err := s.config.Pool.Exec(r.Context(), `delete from follows where token = $1`, token); err != nil {
			return fmt.Errorf("stop following: %w", err)
		}
		return s.render(w, r, http.StatusOK, "base", &messageView{head{Page: "message", Title: s.texts.T("follow.stopped")}, s.texts.T("follow.stopped.text")})
	}
	done, err := s.config.Pool.Exec(r.Context(), `update follows set confirmed_at = coalesce(confirmed_at, $2) where token = $1`, token, s.config.Now())
	if err != nil {
		return fmt.Errorf("confirm a follower: %w", err)
	}
	if done.RowsAffected() == 0 {
		return errHidden
	}
	http.Redirect(w, r, "/follow/"+url.PathEscape(r.PathValue("token")), http.StatusSeeOther)
	return nil
}

type followInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Email string `json:"email" format:"email" maxLength:"254" doc:"a link to confirm goes there"`
	}
}

type followOutput struct {
	Status int
	Body   struct {
		Text string `json:"text"`
	}
}

func (s *Server) registerFollows(api huma.API) {
	op := open("follow-place", http.MethodPost, "/places/{id}/followers", "Follow a place by e-mail", 308, 403, 404, 422, 429, 503)
	op.DefaultStatus = http.StatusAccepted
	op.Description = "Nothing is sent but a link to confirm, until it is confirmed. Every mail has a link to stop."
	spoken := func(in *followInput) Spoken { return in.Spoken }
	huma.Register(api, op, each(s, (*face).apiFollow, spoken))
	of := open("follow-order", http.MethodPost, "/orders/{id}/followers", "Follow an order that has no place by e-mail", 308, 403, 404, 422, 429, 503)
	of.DefaultStatus = op.DefaultStatus
	of.Description = op.Description + " Once the order has a place, that is followed, and this address leads there."
	huma.Register(api, of, each(s, (*face).apiFollowOrder, spoken))
}

func (s *face) apiFollow(ctx context.Context, in *followInput) (*followOutput, error) {
	return s.followed(ctx, in, s.findPlace)
}

func (s *face) apiFollowOrder(ctx context.Context, in *followInput) (*followOutput, error) {
	return s.followed(ctx, in, s.findOrder)
}

func (s *face) followed(ctx context.Context, in *followInput, find func(context.Context, string) (sight, error)) (*followOutput, error) {
	if err := s.origins.Check(in.request); err != nil {
		return nil, huma.Error403Forbidden("Another site's page may not follow for its visitors.")
	}
	found, err := find(ctx, in.ID)
	if err != nil {
		return nil, s.failedPlace(ctx, "/followers", err)
	}
	status, err := s.follow(in.request, found, in.Body.Email)
	if err != nil {
		return nil, s.failedPlace(ctx, "/followers", err)
	}
	if status != http.StatusOK {
		return nil, huma.NewError(status, s.followWrong(status))
	}
	out := &followOutput{Status: http.StatusAccepted}
	out.Body.Text = s.texts.T("follow.asked.text")
	return out, nil
}
