package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/notices"
)

const (
	webhooksPath   = "/admin/webhooks"
	mostDeliveries = 50  // that a page lists
	mostDeadMails  = 100 // the same
)

// webhooksView lists who is told what happens, and mails that were given up.
type webhooksView struct {
	head
	Section  string
	Webhooks []notices.Webhook
	Dead     int // messages that were given up
	Mails    []notices.DeadMail
	Notice   string
	Form     webhookForm
}

// webhookForm is what somebody wants a webhook to be.
type webhookForm struct {
	notices.Webhook
	All   []notices.Kind
	On    bool
	Wrong string
}

// Has says whether the webhook is told of a kind of happening.
func (f webhookForm) Has(k notices.Kind) bool {
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, k)
}

func (s *face) webhooksPage(w http.ResponseWriter, r *http.Request) error {
	return s.showWebhooks(w, r, http.StatusOK, func(v *webhooksView) {
		if done := r.URL.Query().Get("done"); done == "remove" || done == "mail" {
			v.Notice = s.texts.T("webhooks.done." + done)
		}
	})
}

func (s *face) showWebhooks(w http.ResponseWriter, r *http.Request, status int, change func(*webhooksView)) error {
	v := &webhooksView{head: head{Page: "webhooks", Title: s.texts.T("admin.webhooks")}, Section: "webhooks", Form: webhookForm{All: notices.Kinds(), On: true}}
	var err error
	if v.Webhooks, err = notices.Webhooks(r.Context(), s.config.Pool); err != nil {
		return err
	}
	for _, h := range v.Webhooks {
		v.Dead += h.Dead
	}
	if v.Mails, err = notices.DeadMails(r.Context(), s.config.Pool, mostDeadMails); err != nil {
		return err
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

// webhooksPost registers a webhook, or sends a mail again.
func (s *face) webhooksPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	if text := r.PostForm.Get("mail"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return badRequest("mail is a number.")
		}
		if err := s.mailAgain(r.Context(), id); err != nil && !errors.Is(err, notices.ErrNone) {
			return err
		}
		http.Redirect(w, r, webhooksPath+"?done=mail", http.StatusSeeOther)
		return nil
	}
	wanted, wrong := s.readWebhook(r.PostForm)
	var secret string
	if wrong == "" {
		var err error
		if wanted, secret, err = s.addWebhook(r.Context(), wanted); err != nil {
			if wrong = s.webhookWrong(err); wrong == "" {
				return err
			}
		}
	}
	if wrong != "" {
		return s.showWebhooks(w, r, http.StatusUnprocessableEntity, func(v *webhooksView) {
			v.Form = webhookForm{Webhook: wanted, All: notices.Kinds(), On: true, Wrong: wrong}
		})
	}
	return s.showWebhook(w, r, wanted.ID, http.StatusOK, func(v *webhookView) { v.Secret = secret })
}

// readWebhook reads a form; wrong says what is missing. One that is told of all kinds is told of those that are yet to be thought of as well.
func (s *face) readWebhook(f url.Values) (h notices.Webhook, wrong string) {
	h = notices.Webhook{URL: strings.TrimSpace(f.Get("url")), Name: cleanName(f.Get("name"))}
	for _, k := range f["kind"] {
		h.Kinds = append(h.Kinds, notices.Kind(k))
	}
	if len(h.Kinds) == 0 {
		return h, s.texts.T("webhooks.kinds.missing")
	}
	if len(h.Kinds) == len(notices.Kinds()) {
		h.Kinds = nil
	}
	return h, ""
}

// webhookWrong says in words why a webhook is refused, empty where that is no fault of who wants it.
func (s *face) webhookWrong(err error) string {
	var unfit notices.UnfitURL
	switch {
	case errors.As(err, &unfit):
		return s.texts.T("webhooks.url.wrong." + string(unfit))
	case errors.Is(err, notices.ErrKind):
		return s.texts.T("webhooks.kinds.missing")
	case errors.Is(err, notices.ErrMany):
		return s.texts.T("webhooks.many")
	case errors.Is(err, notices.ErrDisabled):
		return s.texts.T("webhooks.disabled")
	}
	return ""
}

// webhookView is one webhook, and what it was told last.
type webhookView struct {
	head
	Section    string
	Webhook    notices.Webhook
	Deliveries []notices.Delivery
	Form       webhookForm
	Secret     string // shown this once; empty: it is not
	Notice     string
	Wrong      string
}

func webhookDeeds() []string { return []string{"change", "test", "again"} }

func (s *face) webhookPage(w http.ResponseWriter, r *http.Request) error {
	return s.showWebhook(w, r, r.PathValue("id"), http.StatusOK, func(v *webhookView) {
		if done := r.URL.Query().Get("done"); slices.Contains(webhookDeeds(), done) {
			v.Notice = s.texts.T("webhooks.done." + done)
		}
	})
}

func (s *face) showWebhook(w http.ResponseWriter, r *http.Request, id string, status int, change func(*webhookView)) error {
	h, err := notices.FindWebhook(r.Context(), s.config.Pool, id)
	if errors.Is(err, notices.ErrNone) {
		return errHidden
	}
	if err != nil {
		return err
	}
	title := h.Name
	if title == "" {
		title = h.URL
	}
	v := &webhookView{head: head{Page: "webhook", Title: title}, Section: "webhooks", Webhook: h, Form: webhookForm{Webhook: h, All: notices.Kinds(), On: h.DisabledAt == nil}}
	if v.Deliveries, err = notices.Deliveries(r.Context(), s.config.Pool, id, "", mostDeliveries); err != nil {
		return err
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

func (s *face) webhookPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	ctx, id, do := r.Context(), r.PathValue("id"), r.PostForm.Get("do")
	var err error
	switch do {
	case "change":
		wanted, wrong := s.readWebhook(r.PostForm)
		wanted.ID = id
		on := r.PostForm.Get("on") == "1"
		if wrong == "" {
			err = s.changeWebhook(ctx, wanted, on)
			wrong = s.webhookWrong(err)
		}
		if wrong != "" {
			return s.showWebhook(w, r, id, http.StatusUnprocessableEntity, func(v *webhookView) {
				v.Form = webhookForm{Webhook: wanted, All: notices.Kinds(), On: on, Wrong: wrong}
			})
		}
	case "renew":
		secret, err := s.renewWebhook(ctx, id)
		if errors.Is(err, notices.ErrNone) {
			return errHidden
		}
		if err != nil {
			return err
		}
		return s.showWebhook(w, r, id, http.StatusOK, func(v *webhookView) { v.Secret = secret })
	case "remove":
		if r.PostForm.Get("sure") == "" {
			return s.showWebhook(w, r, id, http.StatusUnprocessableEntity, func(v *webhookView) { v.Wrong = s.texts.T("webhook.remove.unsure") })
		}
		if err = s.removeWebhook(ctx, id); err == nil {
			http.Redirect(w, r, webhooksPath+"?done=remove", http.StatusSeeOther)
			return nil
		}
	case "test":
		err = s.testWebhook(ctx, id)
	case "again":
		err = s.formAgain(ctx, id, r.PostForm.Get("delivery"))
	default:
		return badRequest("do is one of change, renew, remove, test, again.")
	}
	if errors.Is(err, notices.ErrNone) {
		return errHidden
	}
	if wrong := s.webhookWrong(err); wrong != "" {
		return s.showWebhook(w, r, id, http.StatusConflict, func(v *webhookView) { v.Wrong = wrong })
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, webhooksPath+"/"+url.PathEscape(id)+"?done="+do, http.StatusSeeOther)
	return nil
}

// formAgain sends one dead letter of a webhook again, or with none named all.
func (s *Server) formAgain(ctx context.Context, id, delivery string) error {
	if delivery == "" {
		_, err := s.allAgain(ctx, id)
		return err
	}
	n, err := strconv.ParseInt(delivery, 10, 64)
	if err != nil {
		return badRequest("delivery is a number.")
	}
	return s.deliveryAgain(ctx, id, n)
}

// noted does something in a transaction that also writes it into the audit log. What is returned as its subject comes first there.
func (s *Server) noted(ctx context.Context, action string, do func(tx pgx.Tx) (what, detail string, err error)) error {
	by, _ := personOf(ctx)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		what, detail, err := do(tx)
		if err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: s.config.Now(), Person: by.ID, Action: action, What: what, Detail: byKey(ctx, detail)})
	})
}

// hostOf is a webhook's host, for the log: the rest of its address may hold a secret.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

func (s *Server) addWebhook(ctx context.Context, h notices.Webhook) (added notices.Webhook, secret string, err error) {
	added = h
	err = s.noted(ctx, "webhook.add", func(tx pgx.Tx) (string, string, error) {
		var err error
		added, secret, err = notices.AddWebhook(ctx, tx, h, s.config.WebhookInside, s.config.Now())
		return added.ID, hostOf(h.URL), err
	})
	return added, secret, err
}

func (s *Server) changeWebhook(ctx context.Context, h notices.Webhook, on bool) error {
	return s.noted(ctx, "webhook.change", func(tx pgx.Tx) (string, string, error) {
		return h.ID, hostOf(h.URL), notices.ChangeWebhook(ctx, tx, h, on, s.config.WebhookInside, s.config.Now())
	})
}

func (s *Server) removeWebhook(ctx context.Context, id string) error {
	return s.noted(ctx, "webhook.remove", func(tx pgx.Tx) (string, string, error) { return id, "", notices.RemoveWebhook(ctx, tx, id) })
}

func (s *Server) renewWebhook(ctx context.Context, id string) (secret string, err error) {
	err = s.noted(ctx, "webhook.renew", func(tx pgx.Tx) (string, string, error) {
		secret, err = notices.RenewSecret(ctx, tx, id, s.config.Now())
		return id, "", err
	})
	return secret, err
}

func (s *Server) testWebhook(ctx context.Context, id string) error {
	return s.noted(ctx, "webhook.test", func(tx pgx.Tx) (string, string, error) {
		return id, "", notices.TryWebhook(ctx, tx, id, s.config.Now())
	})
}

func (s *Server) deliveryAgain(ctx context.Context, id string, delivery int64) error {
	return s.noted(ctx, "webhook.again", func(tx pgx.Tx) (string, string, error) {
		return id, strconv.FormatInt(delivery, 10), notices.SendAgain(ctx, tx, id, delivery, s.config.Now())
	})
}

func (s *Server) allAgain(ctx context.Context, id string) (n int, err error) {
	err = s.noted(ctx, "webhook.again", func(tx pgx.Tx) (string, string, error) {
		n, err = notices.SendAllAgain(ctx, tx, id, s.config.Now())
		return id, strconv.Itoa(n), err
	})
	return n, err
}

func (s *Server) mailAgain(ctx context.Context, id int64) error {
	return s.noted(ctx, "mail.again", func(tx pgx.Tx) (string, string, error) {
		return strconv.FormatInt(id, 10), "", notices.SendMailAgain(ctx, tx, id)
	})
}
