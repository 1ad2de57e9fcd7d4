package web

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
)

// handoverWorker words mails to bodies that orders are handed over to.
type handoverWorker struct {
	river.WorkerDefaults[dispatch.Handover]
	server *Server
}

// Work posts one mail, in the transaction that completes the job.
func (w *handoverWorker) Work(ctx context.Context, job *river.Job[dispatch.Handover]) error {
	to, err := dispatch.FindAddressee(ctx, w.server.config.Pool, job.Args.Body)
	if errors.Is(err, dispatch.ErrUnknown) || err == nil && to.Email == "" {
		return nil // the bodies on record are others now
	}
	if err != nil {
		return err
	}
	m, err := w.server.voice(to.Language).handover(ctx, to, job.Args)
	if err != nil || m == nil {
		return err
	}
	return pgx.BeginFunc(ctx, w.server.config.Pool, func(tx pgx.Tx) error {
		if err := notices.Post(ctx, tx, *m, w.server.config.Now()); err != nil {
			return err
		}
		return notices.Complete(ctx, tx, job)
	})
}

// handover words a mail about an order that is still as it was said, nil where it is not.
func (s *face) handover(ctx context.Context, to dispatch.Addressee, h dispatch.Handover) (*notices.Mail, error) {
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, h.Order)
	if errors.Is(err, dispatch.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if has := o.State.Open() && !o.HandedAt.IsZero() && o.Body == to.Name; has == h.Back {
		return nil, nil
	}
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, err
	}
	t, key := s.texts, "mail.handed"
	if h.Back {
		key = "mail.taken_back"
	}
	what := t.T("class." + string(o.Class))
	if o.Street != "" {
		what = t.T("title.at", "class", what, "street", o.Street)
	}
	lines := []string{o.Number + ", " + what}
	if !o.DueAt.IsZero() && !h.Back {
		due := o.DueAt.In(consoleDesk{works: works}.zone())
		lines = append(lines, t.T("mail.handed.due", "day", t.Date(due), "time", due.Format("15:04")))
	}
	lines = append(lines, s.links()+orderPath(o))
	return &notices.Mail{To: to.Email, Subject: t.T(key+".subject", "number", o.Number),
		Body: t.T(key+".body", "body", to.Name, "order", strings.Join(lines, "\n"), "city", s.cityName())}, nil
}
