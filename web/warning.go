package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
)

// mostWarned bounds how many orders one mail names.
const mostWarned = 50

// AddWorkers adds the workers of jobs that end in words: mails to bodies.
func (s *Server) AddWorkers(w *river.Workers) {
	river.AddWorker(w, &warningWorker{server: s})
	river.AddWorker(w, &handoverWorker{server: s})
}

// warningWorker words mails to bodies about deadlines.
type warningWorker struct {
	river.WorkerDefaults[dispatch.Warning]
	server *Server
}

// Work posts one mail, in the transaction that completes the job.
func (w *warningWorker) Work(ctx context.Context, job *river.Job[dispatch.Warning]) error {
	s := w.server
	to, err := dispatch.FindAddressee(ctx, s.config.Pool, job.Args.Body)
	if errors.Is(err, dispatch.ErrUnknown) || err == nil && to.Email == "" {
		return nil // the bodies on record are others now
	}
	if err != nil {
		return err
	}
	m, err := s.voice(to.Language).warning(ctx, to, job.Args)
	if err != nil || m == nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if err := notices.Post(ctx, tx, *m, s.config.Now()); err != nil {
			return err
		}
		return notices.Complete(ctx, tx, job)
	})
}

// warning words a mail about the orders that are still as it was said, nil where none is.
func (s *face) warning(ctx context.Context, to dispatch.Addressee, w dispatch.Warning) (*notices.Mail, error) {
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, err
	}
	key := "mail.due"
	switch {
	case w.InTime:
		key = "mail.in_time"
	case w.Escalated:
		key = "mail.escalated"
	}
	body := key + ".body"
	if w.To != "" {
		body = key + ".to.body"
	}
	t, zone := s.texts, consoleDesk{works: works}.zone()
	var lines []string
	n := 0
	for _, id := range w.Orders {
		o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
		if err != nil && !errors.Is(err, dispatch.ErrNotFound) {
			return nil, err
		}
		if err != nil || o.State.Open() == w.InTime || o.DueAt.IsZero() {
			continue
		}
		if n++; n > mostWarned {
			continue
		}
		what := t.T("class." + string(o.Class))
		if o.Street != "" {
			what = t.T("title.at", "class", what, "street", o.Street)
		}
		due, done := o.DueAt.In(zone), o.StateAt.In(zone)
		line := "mail.due.line"
		if w.InTime {
			line = "mail.in_time.line"
		}
		lines = append(lines, t.T(line, "number", o.Number, "what", what, "day", t.Date(due), "time", due.Format("15:04"), "done", t.Date(done)+", "+done.Format("15:04"), "link", s.links()+orderPath(o)))
	}
	if n == 0 {
		return nil, nil
	}
	if n > mostWarned {
		lines = append(lines, t.N("mail.due.more", n-mostWarned))
	}
	return &notices.Mail{To: to.Email, Subject: t.N(key+".subject", n),
		Body: t.T(body, "body", to.Name, "to", w.To, "list", strings.Join(lines, "\n\n"), "city", s.cityName())}, nil
}

// received tells other programs of a report that was confirmed: what it is about, and not what somebody wrote or who that was.
func received(ctx context.Context, tx pgx.Tx, r report, at time.Time) error {
	h := notices.Happening{Kind: notices.ReportReceived, At: at, Data: struct {
		ID       string  `json:"id"`
		Category string  `json:"category"`
		Lat      float64 `json:"lat"`
		Lon      float64 `json:"lon"`
		Street   string  `json:"street"`
		Place    *string `json:"place"` // null: none is known there yet
		Photos   int     `json:"photos"`
	}{r.ID, r.Category, r.At.Lat(), r.At.Lon(), r.Street, r.Place, r.Photos}}
	if err := notices.Tell(ctx, tx, h); err != nil {
		return fmt.Errorf("tell of report %s: %w", r.ID, err)
	}
	return nil
}
