package web

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
)

// sightOf is an order as anybody may see it where only its own story is told.
func sightOf(o dispatch.Order) sight {
	o.PromotedAt, o.StateAt = crowd.Decided(o.PromotedAt), crowd.Decided(o.StateAt)
	return sight{Order: &o, PublicPlace: crowd.PublicPlace{Place: crowd.Place{Lat: o.Lat, Lon: o.Lon, Cell: o.Cell, Class: o.Class, Severity: o.Severity,
		State: crowd.Confirmed, StateAt: o.StateAt, UncertaintyM: o.UncertaintyM, FirstAt: o.PromotedAt, LastAt: o.PromotedAt}}}
}

// fillBecame tells what became of a report where no place is known.
func (s *face) fillBecame(ctx context.Context, v *followView) error {
	v.Became = s.texts.T("reported." + v.Report.Decision)
	if v.Report.WorkOrder == "" {
		return nil
	}
	o, steps, err := dispatch.FindOrder(ctx, s.config.Pool, v.Report.WorkOrder)
	if err != nil {
		return fmt.Errorf("the order of a report: %w", err)
	}
	replies, err := dispatch.Replies(ctx, s.config.Pool, o.ID)
	if err != nil {
		return err
	}
	v.Became = s.texts.T("reported.ordered", "number", o.Number, "state", s.stateWords(o))
	v.Order, v.Story = orderPath(o), s.withReplies(s.tell(sightOf(o), nil, steps), replies)
	return nil
}

// orderOfReport returns the id of the order that a report has become, or errHidden.
func (s *Server) orderOfReport(ctx context.Context, report string) (id string, err error) {
	err = s.config.Pool.QueryRow(ctx, `select work_order from reports where id = $1 and work_order is not null`, report).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errHidden
	}
	if err != nil {
		return "", fmt.Errorf("the order of report %s: %w", report, err)
	}
	return id, nil
}

// toldOf is whoever has a report that a dispatcher decided on, and what they have not been told yet.
type toldOf struct {
	id, category, street, email, language, decision, order, number, state string
	said, replied                                                         int // the newest of the city's replies, and of those that were told
}

// tellReporters writes to those whose reports have no place what became of them: what was decided, each new state of the order, and what the
// city says about it.
func (s *Server) tellReporters(ctx context.Context) error {
	rows, err := s.config.Pool.Query(ctx, `select r.id, r.category, r.street, r.email, r.language, r.decision, coalesce(o.id, ''), coalesce(o.number, ''), coalesce(o.state, r.decision), c.said, r.replied
		from reports r left join orders o on o.id = r.work_order, lateral (
			select coalesce(max(n), 0) as said from order_actions a where a.order_id = o.id and a.kind = 'replied' and not a.undone) c
		where r.decided_at is not null and r.place is null and r.email <> '' and (r.told <> coalesce(o.state, r.decision) or c.said > r.replied)
		order by r.decided_at limit $1`, mostAtOnce)
	if err != nil {
		return fmt.Errorf("read whose reports were decided on: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (toldOf, error) {
		var r toldOf
		return r, row.Scan(&r.id, &r.category, &r.street, &r.email, &r.language, &r.decision, &r.order, &r.number, &r.state, &r.said, &r.replied)
	})
	if err != nil {
		return fmt.Errorf("read whose reports were decided on: %w", err)
	}
	if len(list) == 0 {
		return nil
	}
	set, err := city.LoadCategories(ctx, s.config.Pool)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := s.tellReporter(ctx, set, r); err != nil {
			return fmt.Errorf("tell what became of report %s: %w", r.id, err)
		}
	}
	return nil
}

func (s *Server) tellReporter(ctx context.Context, set city.Categories, r toldOf) error {
	voice := s.voice(r.language)
	t := voice.texts
	sentence := t.T("reported." + r.decision)
	if r.order != "" {
		link := s.links() + "/orders/" + r.order
		said, err := s.saidSince(ctx, t, r.order, r.replied, r.said)
		if err != nil {
			return err
		}
		sentence = said + t.T("reported.ordered", "number", r.number, "state", voice.stateWords(dispatch.Order{State: dispatch.State(r.state)})) + "\n\n" + link
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update reports set told = $2, replied = greatest(replied, $3)
			where id = $1 and (told <> $2 or replied < $3) and decided_at is not null`, r.id, r.state, r.said)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		pairs := []any{"what", voice.reportTitle(set, r.category, r.street), "sentence", sentence, "city", voice.cityName()}
		return notices.Post(ctx, tx, notices.Mail{To: r.email, Subject: t.T("mail.became.subject", pairs...), Body: t.T("mail.became.body", pairs...)}, s.config.Now())
	})
}
