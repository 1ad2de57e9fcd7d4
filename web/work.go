package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
)

const (
	workEvery   = 20 * time.Second
	askAfter    = 21 * 24 * time.Hour // after a repair: is it good?
	closedAfter = 60 * 24 * time.Hour // after a repair nobody need be told anything more
	mostAtOnce  = 200
)

// Work does again and again, until ctx ends, what nobody waits for: tells followers what became of their places, asks
// whether repairs are good, looks whether reports have become places, and forgets what is no longer needed. It needs no Run.
func (s *Server) Work(ctx context.Context) error {
	look := time.NewTicker(workEvery)
	defer look.Stop()
	for {
		if err := s.WorkOnce(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("followers wait; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// WorkOnce does once what Work does.
func (s *Server) WorkOnce(ctx context.Context) error {
	return errors.Join(s.moveJoined(ctx), s.matchReports(ctx), s.tellReporters(ctx), s.tellFollowers(ctx), s.askFollowers(ctx), s.askReporters(ctx), s.forget(ctx), s.gate.Forget(ctx))
}

// matchReports gives reports the places that have come to be known where they are.
func (s *Server) matchReports(ctx context.Context) error {
	rows, err := s.config.Pool.Query(ctx, `select id, lat, lon, email, language from reports
		where place is null and confirmed_at > $1 order by confirmed_at desc limit $2`, s.config.Now().Add(-90*24*time.Hour), mostAtOnce)
	if err != nil {
		return fmt.Errorf("match reports: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (report, error) {
		var r report
		return r, row.Scan(&r.ID, &r.At[1], &r.At[0], &r.Email, &r.Language)
	})
	if err != nil {
		return fmt.Errorf("match reports: %w", err)
	}
	for _, r := range list {
		place, err := s.placeAt(ctx, r.At)
		if err != nil {
			return err
		}
		if place == nil {
			continue
		}
		err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `update reports set place = $2 where id = $1`, r.ID, *place); err != nil || r.Email == "" {
				return err
			}
			return followIn(ctx, tx, *place, r.Email, r.Language, s.config.Now(), true)
		})
		if err != nil {
			return fmt.Errorf("match report %s: %w", r.ID, err)
		}
	}
	return nil
}

// follower is somebody who follows a place, or an order that has none, by e-mail.
type follower struct {
	id                             int64
	place, email, language, secret string
	steps, told                    int  // that there are, and that were told
	said, replied                  int  // the newest of the city's replies, and of those that were told
	reported                       bool // is told as who has reported it
}

// Who follows a place, or an order without one, that was merged into another hears of that one.
const followersSQL = `
select f.id, f.seen, f.email, f.language, f.secret, c.steps, f.told, c.said, f.replied, c.reported from (select *, leads_to(place) as seen from follows) f, lateral (
	select (select count(*) from place_steps where place in (f.place, f.seen)) +
			(select count(*) from order_steps s join orders o on o.id = s.order_id where coalesce(o.place, o.id) in (f.place, f.seen)) as steps,
		(select coalesce(max(a.n), 0) from orders o join order_actions a on a.order_id = o.id where coalesce(o.place, o.id) = f.seen and a.kind = 'replied' and not a.undone) as said,
		exists (select 1 from reports r where r.work_order = f.place and r.place is null and lower(r.email) = lower(f.email)) as reported) c
where f.confirmed_at is not null and `

func (s *Server) followers(ctx context.Context, where string, args ...any) ([]follower, error) {
	rows, err := s.config.Pool.Query(ctx, followersSQL+where+fmt.Sprintf(" order by f.id limit %d", mostAtOnce), args...)
	if err != nil {
		return nil, fmt.Errorf("read followers: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (follower, error) {
		var f follower
		return f, row.Scan(&f.id, &f.place, &f.email, &f.language, &f.secret, &f.steps, &f.told, &f.said, &f.replied, &f.reported)
	})
	if err != nil {
		return nil, fmt.Errorf("read followers: %w", err)
	}
	return list, nil
}

// tellFollowers writes to those whose places have new steps, or about whose orders the city has said something: that, and what it is now, in
// a sentence.
func (s *Server) tellFollowers(ctx context.Context) error {
	list, err := s.followers(ctx, "(c.steps > f.told or c.said > f.replied)")
	if err != nil {
		return err
	}
	for _, f := range list {
		subject := "mail.step.subject"
		if f.steps <= f.told {
			subject = "mail.reply.subject"
		}
		if err := s.write(ctx, f, subject, "mail.step.body", `update follows set told = greatest(told, $2), replied = greatest(replied, $3) where id = $1 and (told < $2 or replied < $3)`, f.steps, f.said); err != nil {
			return err
		}
	}
	return nil
}

// repairedSQL is the condition under which an order was repaired last before $1, and is still.
const repairedSQL = `o.state in ('repaired', 'verified')
	and (select max(at) from order_steps s where s.order_id = o.id and s.state = 'repaired' and not s.undone) < $1`

// askFollowers asks, once and three weeks after a repair, whether it is good. The link leads to the place's question, and
// what is said there is a vote.
func (s *Server) askFollowers(ctx context.Context) error {
	now := s.config.Now()
	list, err := s.followers(ctx, `f.asked_at is null and exists (select 1 from places p where p.id = f.place) and exists (select 1 from orders o where o.place = f.seen and `+repairedSQL+`)`, now.Add(-askAfter))
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := s.write(ctx, f, "mail.ask.subject", "mail.ask.body", `update follows set asked_at = $2 where id = $1 and asked_at is null`, now); err != nil {
			return err
		}
	}
	return nil
}

// write posts a mail about a place to one follower, and marks in the same transaction that it was posted. A place that the
// public may not see is not written about, nor an order to who is told of it as its reporter.
func (s *Server) write(ctx context.Context, f follower, subject, body, mark string, args ...any) error {
	voice := s.voice(f.language)
	found, err := s.find(ctx, f.place)
	hidden := errors.Is(err, errHidden)
	if err != nil && !hidden {
		return err
	}
	said := ""
	if found.Order != nil {
		if said, err = s.saidSince(ctx, voice.texts, found.Order.ID, f.replied, f.said); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, mark, append([]any{f.id}, args...)...)
		if err != nil || done.RowsAffected() == 0 || hidden || f.reported {
			return err
		}
		p, t := voice.describe(found), voice.texts
		pairs := []any{"what", p.Title, "state", p.State, "sentence", said + voice.summary(found), "link", s.links() + found.Path(),
			"stop", s.links() + "/follow/" + f.secret, "city", voice.cityName()}
		return notices.Post(ctx, tx, notices.Mail{To: f.email, Stop: s.links() + "/follow/" + f.secret, Subject: t.T(subject, pairs...), Body: t.T(body, pairs...)}, s.config.Now())
	})
}

// saidSince is what the city has said about an order to everybody after the reply of one number, the newest being that of another, as mails quote
// it; empty: nothing.
func (s *Server) saidSince(ctx context.Context, t texts, order string, number, newest int) (string, error) {
	if newest <= number {
		return "", nil
	}
	replies, err := dispatch.Replies(ctx, s.config.Pool, order)
	if err != nil {
		return "", err
	}
	said := ""
	for _, r := range replies {
		if r.N > number {
			said += t.T("mail.said", "text", r.Text) + "\n\n"
		}
	}
	return said, nil
}

// forget drops what nobody needs any more: drafts' photos, reports that nobody confirmed, and the addresses of those whose
// places are long repaired or gone.
func (s *Server) forget(ctx context.Context) error {
	now := s.config.Now()
	b := &pgx.Batch{}
	b.Queue(`delete from report_photos p where created_at < $1 and not exists (select 1 from reports r where r.id = p.report)`, now.Add(-draftsFor))
	b.Queue(`delete from reports where confirmed_at is null and created_at < $1`, now.Add(-unconfirmedFor))
	b.Queue(`delete from follows where confirmed_at is null and created_at < $1`, now.Add(-unconfirmedFor))
	b.Queue(`delete from follows f where created_at < $1 and (not exists (select 1 from places p where p.id = f.place) and not exists (select 1 from orders o where o.id = f.place)
		or exists (select 1 from orders o where coalesce(o.place, o.id) = leads_to(f.place) and o.state in ('verified', 'dismissed') and o.state_at < $1)
		or exists (select 1 from places p where p.id = leads_to(f.place) and p.state in ('faded', 'dismissed') and p.state_at < $1))`, now.Add(-closedAfter))
	b.Queue(`update reports r set email = '' where email <> '' and confirmed_at < $1
		and not exists (select 1 from follows f where f.place = r.place and lower(f.email) = lower(r.email))
		and not exists (select 1 from orders o where o.id = r.work_order and (o.state not in ('verified', 'dismissed')
			or o.state = 'verified' and o.place is null and r.asked_at is null and o.state_at > $2))`, now.Add(-90*24*time.Hour), now.Add(-askAfter-7*24*time.Hour))
	if err := s.config.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("forget what is not needed: %w", err)
	}
	return nil
}
