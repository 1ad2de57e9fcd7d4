package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/notices"
)

// webhookBody is a webhook as administrators see it.
type webhookBody struct {
	ID             string         `json:"id"`
	URL            string         `json:"url"`
	Name           string         `json:"name"`
	Kinds          []notices.Kind `json:"kinds" doc:"of happenings; empty: all, and those that are yet to come"`
	CreatedAt      time.Time      `json:"created_at"`
	OldSecretUntil *time.Time     `json:"old_secret_until" doc:"until when the secret before this one signs as well; null: there is none"`
	DisabledAt     *time.Time     `json:"disabled_at" doc:"null: it is told what happens"`
	DisabledWhy    string         `json:"disabled_why" enum:",hand,gone" doc:"gone: it has answered 410"`
	Waiting        int            `json:"waiting" doc:"messages that are yet to be delivered"`
	GivenUp        int            `json:"given_up" doc:"messages that were given up"`
}

func webhookBodyOf(h notices.Webhook) webhookBody {
	b := webhookBody{h.ID, h.URL, h.Name, h.Kinds, h.CreatedAt.UTC(), h.OldUntil, h.DisabledAt, h.DisabledWhy, h.Waiting, h.Dead}
	if b.Kinds == nil {
		b.Kinds = []notices.Kind{}
	}
	return b
}

type webhooksBody struct {
	Webhooks []webhookBody `json:"webhooks"`
}

type madeWebhook struct {
	webhookBody
	Secret string `json:"secret" doc:"signs what is sent; shown this once"`
}

type secretBody struct {
	Secret         string    `json:"secret" doc:"signs what is sent; shown this once"`
	OldSecretUntil time.Time `json:"old_secret_until" doc:"until then the old one signs as well"`
}

type addWebhookInput struct {
	asked
	Spoken
	Body struct {
		URL   string         `json:"url" maxLength:"2000" doc:"https, and public unless the server allows otherwise"`
		Name  string         `json:"name,omitempty" maxLength:"100"`
		Kinds []notices.Kind `json:"kinds,omitempty" maxItems:"50" doc:"order.opened, order.state_changed, order.due_soon, order.overdue, order.escalated, order.in_time, report.received; none: all"`
	}
}

type changeWebhookInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		URL      *string         `json:"url,omitempty" maxLength:"2000"`
		Name     *string         `json:"name,omitempty" maxLength:"100"`
		Kinds    *[]notices.Kind `json:"kinds,omitempty" maxItems:"50"`
		Disabled *bool           `json:"disabled,omitempty"`
	}
}

type webhookInput struct {
	asked
	Spoken
	ID string `path:"id" maxLength:"64"`
}

type deliveriesInput struct {
	asked
	ID    string                `path:"id" maxLength:"64"`
	State notices.DeliveryState `query:"state" enum:"waiting,delivered,given_up"`
	Limit int                   `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type deliveryBody struct {
	ID        int64                 `json:"id"`
	Message   string                `json:"message" doc:"its webhook-id"`
	Kind      notices.Kind          `json:"kind"`
	State     notices.DeliveryState `json:"state" enum:"waiting,delivered,given_up"`
	Tries     int                   `json:"tries"`
	Status    int                   `json:"status" doc:"of the last answer; 0: there was none"`
	Error     string                `json:"error" doc:"of the last try; empty: none"`
	Cause     notices.Cause         `json:"cause" enum:",refused,redirects,forbidden,unnamed,late,untrusted,unreachable,address,lost" doc:"of the error; empty: another"`
	TookMS    int64                 `json:"took_ms" doc:"the last try, milliseconds"`
	CreatedAt time.Time             `json:"created_at"`
	TriedAt   *time.Time            `json:"tried_at"`
	NextAt    *time.Time            `json:"next_at" doc:"when it is tried again; null: it is not"`
}

type deliveriesBody struct {
	Deliveries []deliveryBody `json:"deliveries"`
}

type deliveryInput struct {
	asked
	Spoken
	ID       string `path:"id" maxLength:"64"`
	Delivery int64  `path:"delivery"`
}

type againBody struct {
	Deliveries int `json:"deliveries" doc:"that are sent again"`
}

type deadMailBody struct {
	ID        int64         `json:"id"`
	To        string        `json:"to"`
	Subject   string        `json:"subject"`
	Tries     int           `json:"tries"`
	Error     string        `json:"error"`
	Cause     notices.Cause `json:"cause" enum:",refused,redirects,forbidden,unnamed,late,untrusted,unreachable,address,lost" doc:"of the error; empty: another"`
	CreatedAt time.Time     `json:"created_at"`
	GivenUpAt time.Time     `json:"given_up_at"`
}

type deadMailsBody struct {
	Mails []deadMailBody `json:"mails"`
}

func (s *Server) registerWebhooks(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return s.guarded(api, access.Administer, id, method, path, summary, errs...)
	}
	one := func(in *webhookInput) Spoken { return in.Spoken }
	huma.Register(api, op("list-webhooks", http.MethodGet, "/webhooks", "Who is told what happens"), s.apiWebhooks)
	add := op("add-webhook", http.MethodPost, "/webhooks", "Have an address told what happens", 422)
	add.Description = "What is sent, and how it is signed, is as Standard Webhooks (https://www.standardwebhooks.com) has it."
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, each(s, (*face).apiAddWebhook, func(in *addWebhookInput) Spoken { return in.Spoken }))
	huma.Register(api, op("change-webhook", http.MethodPatch, "/webhooks/{id}", "Change a webhook, switch it off or on", 404, 422),
		each(s, (*face).apiChangeWebhook, func(in *changeWebhookInput) Spoken { return in.Spoken }))
	huma.Register(api, op("remove-webhook", http.MethodDelete, "/webhooks/{id}", "Forget a webhook, and what it was to be told", 404), each(s, (*face).apiRemoveWebhook, one))
	huma.Register(api, op("renew-webhook-secret", http.MethodPost, "/webhooks/{id}/secret", "Give a webhook a new secret; the old one signs as well for a day", 404),
		each(s, (*face).apiRenewWebhook, one))
	huma.Register(api, op("test-webhook", http.MethodPost, "/webhooks/{id}/test", "Send a webhook something that has not happened", 404, 409), each(s, (*face).apiTestWebhook, one))
	huma.Register(api, op("list-deliveries", http.MethodGet, "/webhooks/{id}/deliveries", "What a webhook was told, newest first", 404, 422), s.apiDeliveries)
	huma.Register(api, op("deliver-again", http.MethodPost, "/webhooks/{id}/deliveries/{delivery}/again", "Send a message again that was given up", 404, 409, 422),
		each(s, (*face).apiDeliverAgain, func(in *deliveryInput) Spoken { return in.Spoken }))
	huma.Register(api, op("deliver-all-again", http.MethodPost, "/webhooks/{id}/again", "Send everything again that was given up", 404, 409), each(s, (*face).apiAllAgain, one))
	huma.Register(api, op("list-dead-mails", http.MethodGet, "/mails/given-up", "Mails that were given up, newest first"), s.apiDeadMails)
	huma.Register(api, op("mail-again", http.MethodPost, "/mails/{id}/again", "Send a mail again that was given up", 404, 422), s.apiMailAgain)
}

// hooked turns what came of a deed with a webhook into a problem, nil where it was done.
func (s *face) hooked(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, notices.ErrNone):
		return huma.Error404NotFound("There is no such notice.")
	case errors.Is(err, notices.ErrDisabled):
		return huma.Error409Conflict(s.webhookWrong(err))
	}
	if wrong := s.webhookWrong(err); wrong != "" {
		return huma.Error422UnprocessableEntity(wrong)
	}
	return s.failed(ctx, "webhook", err)
}

func (s *Server) apiWebhooks(ctx context.Context, _ *ownInput) (*struct{ Body webhooksBody }, error) {
	list, err := notices.Webhooks(ctx, s.config.Pool)
	if err != nil {
		return nil, s.failed(ctx, "webhook", err)
	}
	out := webhooksBody{Webhooks: []webhookBody{}}
	for _, h := range list {
		out.Webhooks = append(out.Webhooks, webhookBodyOf(h))
	}
	return &struct{ Body webhooksBody }{out}, nil
}

func (s *face) apiAddWebhook(ctx context.Context, in *addWebhookInput) (*struct{ Body madeWebhook }, error) {
	h, secret, err := s.addWebhook(ctx, notices.Webhook{URL: in.Body.URL, Name: cleanName(in.Body.Name), Kinds: in.Body.Kinds})
	if err != nil {
		return nil, s.hooked(ctx, err)
	}
	return &struct{ Body madeWebhook }{madeWebhook{webhookBodyOf(h), secret}}, nil
}

func (s *face) apiChangeWebhook(ctx context.Context, in *changeWebhookInput) (*struct{ Body webhookBody }, error) {
	h, err := notices.FindWebhook(ctx, s.config.Pool, in.ID)
	if err != nil {
		return nil, s.hooked(ctx, err)
	}
	on := h.DisabledAt == nil
	if in.Body.URL != nil {
		h.URL = *in.Body.URL
	}
	if in.Body.Name != nil {
		h.Name = cleanName(*in.Body.Name)
	}
	if in.Body.Kinds != nil {
		h.Kinds = *in.Body.Kinds
	}
	if in.Body.Disabled != nil {
		on = !*in.Body.Disabled
	}
	if err := s.changeWebhook(ctx, h, on); err != nil {
		return nil, s.hooked(ctx, err)
	}
	if h, err = notices.FindWebhook(ctx, s.config.Pool, in.ID); err != nil {
		return nil, s.hooked(ctx, err)
	}
	return &struct{ Body webhookBody }{webhookBodyOf(h)}, nil
}

func (s *face) apiRemoveWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	return nil, s.hooked(ctx, s.removeWebhook(ctx, in.ID))
}

func (s *face) apiRenewWebhook(ctx context.Context, in *webhookInput) (*struct{ Body secretBody }, error) {
	secret, err := s.renewWebhook(ctx, in.ID)
	if err != nil {
		return nil, s.hooked(ctx, err)
	}
	h, err := notices.FindWebhook(ctx, s.config.Pool, in.ID)
	if err != nil {
		return nil, s.hooked(ctx, err)
	}
	return &struct{ Body secretBody }{secretBody{secret, h.OldUntil.UTC()}}, nil
}

func (s *face) apiTestWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	return nil, s.hooked(ctx, s.testWebhook(ctx, in.ID))
}

func (s *Server) apiDeliveries(ctx context.Context, in *deliveriesInput) (*struct{ Body deliveriesBody }, error) {
	f := s.faces[languages()[0]]
	if _, err := notices.FindWebhook(ctx, s.config.Pool, in.ID); err != nil {
		return nil, f.hooked(ctx, err)
	}
	list, err := notices.Deliveries(ctx, s.config.Pool, in.ID, in.State, in.Limit)
	if err != nil {
		return nil, f.hooked(ctx, err)
	}
	out := deliveriesBody{Deliveries: []deliveryBody{}}
	for _, d := range list {
		out.Deliveries = append(out.Deliveries, deliveryBody{d.ID, d.Message, d.Kind, d.State, d.Tries, d.Status, d.Error, d.Cause, d.Took.Milliseconds(), d.CreatedAt.UTC(), d.TriedAt, d.NextAt})
	}
	return &struct{ Body deliveriesBody }{out}, nil
}

func (s *face) apiDeliverAgain(ctx context.Context, in *deliveryInput) (*struct{}, error) {
	return nil, s.hooked(ctx, s.deliveryAgain(ctx, in.ID, in.Delivery))
}

func (s *face) apiAllAgain(ctx context.Context, in *webhookInput) (*struct{ Body againBody }, error) {
	n, err := s.allAgain(ctx, in.ID)
	if err != nil {
		return nil, s.hooked(ctx, err)
	}
	return &struct{ Body againBody }{againBody{n}}, nil
}

func (s *Server) apiDeadMails(ctx context.Context, _ *ownInput) (*struct{ Body deadMailsBody }, error) {
	list, err := notices.DeadMails(ctx, s.config.Pool, mostDeadMails)
	if err != nil {
		return nil, s.failed(ctx, "mail", err)
	}
	out := deadMailsBody{Mails: []deadMailBody{}}
	for _, m := range list {
		out.Mails = append(out.Mails, deadMailBody(m))
	}
	return &struct{ Body deadMailsBody }{out}, nil
}

func (s *Server) apiMailAgain(ctx context.Context, in *numberedInput) (*struct{}, error) {
	return nil, s.faces[languages()[0]].hooked(ctx, s.mailAgain(ctx, in.ID))
}
