package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/wneessen/go-mail"
)

// Mail is a letter to one person, in plain text.
type Mail struct{ To, Subject, Body string }

// Post puts a mail into the outbox, in the caller's transaction.
func Post(ctx context.Context, tx pgx.Tx, m Mail, at time.Time) error {
	_, err := tx.Exec(ctx, `insert into mails (recipient, subject, body, created_at, due_at) values ($1, $2, $3, $4, $4)`, m.To, m.Subject, m.Body, at)
	if err != nil {
		return fmt.Errorf("put a mail into the outbox: %w", err)
	}
	return nil
}

// Postman sends what is in the outbox.
type Postman struct {
	Pool   *pgxpool.Pool
	Server string // smtp://user:password@host:port, smtps:// for TLS from the start; empty: mails stay in the outbox
	From   string // the sender's address
	Log    *slog.Logger
	Now    func() time.Time

	told bool
}

const (
	mailTries    = 12                      // over two days
	mailsKept    = 7 * 24 * time.Hour      // that were sent, without their text
	unsentKept   = 30 * 24 * time.Hour     // that could not be
	mailTimeout  = 30 * time.Second        // of one mail
	mailInterval = 5 * time.Second         // between looks at the outbox
	mailBatch    = 50                      // sent over one connection
	mailLock     = int64(lockFigures) + 10 // one postman at a time
)

// Check says what is wrong with the settings, nil where they can be used.
func (p *Postman) Check() error {
	if p.Server == "" {
		return nil
	}
	if p.From == "" {
		return errors.New("a mail server needs a sender's address")
	}
	_, err := p.client()
	return err
}

func (p *Postman) client() (*mail.Client, error) {
	u, err := url.Parse(p.Server)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the mail server is not given as smtp://user:password@host:port or smtps://…")
	}
	options := []mail.Option{mail.WithTimeout(mailTimeout), mail.WithTLSPortPolicy(mail.TLSOpportunistic)}
	if u.Scheme == "smtps" {
		options = append(options, mail.WithSSLPort(false))
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, fmt.Errorf("the mail server's port: %w", err)
		}
		options = append(options, mail.WithPort(port))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return client, nil
}

// Work sends until ctx ends.
func (p *Postman) Work(ctx context.Context) error {
	look := time.NewTicker(mailInterval)
	defer look.Stop()
	for {
		if _, err := p.Send(ctx); err != nil && ctx.Err() == nil {
			p.Log.Error("mails wait; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// waiting is one mail of the outbox.
type waiting struct {
	id    int64
	tries int
	Mail
}

// Send sends what is due and returns how many that were. A mail that cannot be sent is tried again later, and given up
// after two days; its address and text go then, as they do once it is sent.
func (p *Postman) Send(ctx context.Context) (int, error) {
	sent := 0
	err := pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, mailLock).Scan(&mine); err != nil || !mine {
			return err
		}
		now := p.Now()
		if _, err := tx.Exec(ctx, `delete from mails where sent_at < $1 or sent_at is null and created_at < $2`, now.Add(-mailsKept), now.Add(-unsentKept)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select id, tries, recipient, subject, body from mails where sent_at is null and due_at <= $1 order by due_at, id limit $2`, now, mailBatch)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (waiting, error) {
			var w waiting
			return w, row.Scan(&w.id, &w.tries, &w.To, &w.Subject, &w.Body)
		})
		if err != nil || len(list) == 0 {
			return err
		}
		if p.Server == "" {
			if !p.told {
				p.Log.Warn("mails wait in the table mails: no --smtp is set", "waiting", len(list))
				p.told = true
			}
			return nil
		}
		sent, err = p.deliver(ctx, tx, list, now)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("send mails: %w", err)
	}
	return sent, nil
}

func (p *Postman) deliver(ctx context.Context, tx pgx.Tx, list []waiting, now time.Time) (sent int, err error) {
	client, err := p.client()
	if err != nil {
		return 0, err
	}
	down := client.DialWithContext(ctx)
	if down == nil {
		defer func() { _ = client.Close() }() // what was accepted stays accepted
	}
	for _, w := range list {
		why := down
		if why == nil {
			why = p.deliverOne(client, w.Mail)
		}
		if why == nil {
			sent++
			_, err = tx.Exec(ctx, `update mails set sent_at = $2, recipient = '', body = '', error = '', tries = tries + 1 where id = $1`, w.id, now)
		} else {
			p.Log.Warn("a mail could not be sent", "mail", w.id, "tries", w.tries+1, "error", why)
			wait := min(time.Minute<<min(w.tries, 9), 6*time.Hour)
			_, err = tx.Exec(ctx, `update mails set tries = tries + 1, error = $2, due_at = $3,
				sent_at = case when tries + 1 >= $4 then $5::timestamptz end, recipient = case when tries + 1 >= $4 then '' else recipient end,
				body = case when tries + 1 >= $4 then '' else body end where id = $1`, w.id, why.Error(), now.Add(wait), mailTries, now)
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (p *Postman) deliverOne(client *mail.Client, m Mail) error {
	msg := mail.NewMsg()
	if err := msg.From(p.From); err != nil {
		return err
	}
	if err := msg.To(m.To); err != nil {
		return err
	}
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	return client.Send(msg)
}
