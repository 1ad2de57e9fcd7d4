package notices

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// Mail is a letter to one person, in plain text.
type Mail struct {
	To, Subject, Body string
	Stop              string // address of the page that stops such mails; empty: it is the only one, or cannot be stopped
}

// Post has a mail sent once the caller's transaction is committed.
func Post(ctx context.Context, tx pgx.Tx, m Mail, at time.Time) error {
	var id int64
	err := tx.QueryRow(ctx, `insert into mails (recipient, subject, body, stop, created_at) values ($1, $2, $3, $4, $5) returning id`,
		m.To, m.Subject, m.Body, m.Stop, at).Scan(&id)
	if err != nil {
		return fmt.Errorf("post a mail: %w", err)
	}
	return queueMails(ctx, tx, []int64{id})
}

func queueMails(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i].Args = letterJob{id}
	}
	made, err := queue(ctx, tx, jobs)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update mails m set job = u.job from unnest($1::bigint[], $2::bigint[]) as u (id, job) where m.id = u.id`, ids, made)
	if err != nil {
		return fmt.Errorf("post mails: %w", err)
	}
	return nil
}

// DeadMail is a mail that was given up.
type DeadMail struct {
	ID        int64
	To        string
	Subject   string
	Tries     int
	Error     string
	Cause     Cause
	CreatedAt time.Time
	GivenUpAt time.Time
}

// DeadMails lists the mails that were given up, the last first.
func DeadMails(ctx context.Context, q Querier, limit int) ([]DeadMail, error) {
	rows, err := q.Query(ctx, `select id, recipient, subject, tries, error, cause, created_at, given_up_at from mails
		where sent_at is null and given_up_at is not null order by id desc limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list mails that were given up: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeadMail])
	if err != nil {
		return nil, fmt.Errorf("list mails that were given up: %w", err)
	}
	return list, nil
}

// ErrNone is returned where there is no such mail, delivery or webhook.
var ErrNone = errors.New("there is no such notice")

// SendMailAgain tries a mail anew that was given up. It returns ErrNone where that is none.
func SendMailAgain(ctx context.Context, tx pgx.Tx, id int64) error {
	done, err := tx.Exec(ctx, `update mails set given_up_at = null, tries = 0, error = '', cause = '' where id = $1 and sent_at is null and given_up_at is not null`, id)
	if err != nil {
		return fmt.Errorf("send a mail again: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrNone
	}
	return queueMails(ctx, tx, []int64{id})
}

// errNotSent is what River's job remembers of a mail that was not sent. The reason may name the address: it is in the mail's row only.
var errNotSent = errors.New("the mail was not sent: the reason is in the table mails")

// letterWorker sends mails.
type letterWorker struct {
	river.WorkerDefaults[letterJob]
	c  *Courier
	by postman // nil: mails wait
}

// postman takes one mail where it goes.
type postman interface {
	send(ctx context.Context, id int64, at time.Time, letter Mail) error
}

// Timeout is how long one try may take.
func (w *letterWorker) Timeout(*river.Job[letterJob]) time.Duration {
	return mailTimeout + 10*time.Second
}

// NextRetry is when a mail that failed is tried again.
func (w *letterWorker) NextRetry(job *river.Job[letterJob]) time.Time {
	return time.Now().Add(w.c.options.wait(mailWait, job.Attempt))
}

// Work sends one mail. Its row is held while it is being sent, so that nobody sends it beside us, and is marked in the transaction that
// completes the job. Only if the server dies between the mail server's word and that commit does it go out twice, with the same Message-ID.
func (w *letterWorker) Work(ctx context.Context, job *river.Job[letterJob]) error {
	var why error
	err := pgx.BeginFunc(ctx, w.c.options.Pool, func(tx pgx.Tx) error {
		var m Mail
		var created time.Time
		err := tx.QueryRow(ctx, `select recipient, subject, body, stop, created_at from mails where id = $1 and sent_at is null and given_up_at is null for update`,
			job.Args.Mail).Scan(&m.To, &m.Subject, &m.Body, &m.Stop, &created)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // somebody has deleted it: an account that was erased
		}
		if err != nil {
			return err
		}
		why = w.by.send(ctx, job.Args.Mail, created, m)
		if why != nil {
			if ctx.Err() != nil {
				return ctx.Err() // we are being stopped: that was no try
			}
			_, err = tx.Exec(ctx, `update mails set tries = tries + 1, error = $2, cause = $4, given_up_at = case when $3 then now() end where id = $1`,
				job.Args.Mail, shortened(why.Error()), hopeless(why) || job.Attempt >= job.MaxAttempts, causeOf(why))
			return err
		}
		if _, err := tx.Exec(ctx, `update mails set sent_at = now(), recipient = '', body = '', stop = '', error = '', cause = '', tries = tries + 1 where id = $1`, job.Args.Mail); err != nil {
			return err
		}
		return Complete(ctx, tx, job)
	})
	switch {
	case err != nil:
		return fmt.Errorf("send mail %d: %w", job.Args.Mail, err)
	case why == nil:
		w.c.counts.done("mail", "delivered")
		return nil
	}
	w.c.options.Log.Warn("a mail could not be sent", "mail", job.Args.Mail, "tries", job.Attempt, "error", nameless(why))
	if hopeless(why) {
		w.c.counts.done("mail", "given_up")
		return river.JobCancel(errNotSent)
	}
	w.c.counts.failed("mail", job.Attempt >= job.MaxAttempts)
	return errNotSent
}

// adoptMails has mails sent that no job has been made for, those of an earlier version, and gives up those whose job is lost.
func adoptMails(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id from mails where sent_at is null and given_up_at is null and job is null for update skip locked`)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		if err := queueMails(ctx, tx, ids); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update mails m set given_up_at = now(), error = case when error = '' then $1 else error end,
			cause = case when error = '' then $2 else cause end
			where sent_at is null and given_up_at is null and `+lostSQL+` and id in (select id from mails where sent_at is null for update skip locked)`, lost, Lost)
		return err
	})
}

// lostSQL is true of rows whose job will do nothing any more.
const lostSQL = `job is not null and not exists (select from river_job j where j.id = job and j.state not in ('completed', 'cancelled', 'discarded'))`

// lost is why they were given up.
const lost = "the server stopped while it was being sent, again and again"

// shortened keeps the beginning of a text of somebody else's.
func shortened(s string) string {
	const most = 300
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
