package web

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/notices"
)

// askedOf is whoever reported what was repaired where no place is known.
type askedOf struct {
	id, category, street, email, language, order, number string
	at                                                   orb.Point
}

// askReporters asks those whose reports became orders without places, once and three weeks after the repair, whether it is good. No traffic
// says so there, and there is no place to vote on: who finds it bad reports it again.
func (s *Server) askReporters(ctx context.Context) error {
	rows, err := s.config.Pool.Query(ctx, `select r.id, r.category, r.street, r.email, r.language, o.id, o.number, r.lat, r.lon from reports r join orders o on o.id = r.work_order
		where r.asked_at is null and r.place is null and o.place is null and r.email <> '' and `+repairedSQL+`
		order by r.id limit $2`, s.config.Now().Add(-askAfter), mostAtOnce)
	if err != nil {
		return fmt.Errorf("read whose reports were repaired: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (askedOf, error) {
		var r askedOf
		return r, row.Scan(&r.id, &r.category, &r.street, &r.email, &r.language, &r.order, &r.number, &r.at[1], &r.at[0])
	})
	if err != nil {
		return fmt.Errorf("read whose reports were repaired: %w", err)
	}
	if len(list) == 0 {
		return nil
	}
	set, err := city.LoadCategories(ctx, s.config.Pool)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := s.askReporter(ctx, set, r); err != nil {
			return fmt.Errorf("ask who sent report %s: %w", r.id, err)
		}
	}
	return nil
}

func (s *Server) askReporter(ctx context.Context, set city.Categories, r askedOf) error {
	voice := s.voice(r.language)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		now := s.config.Now()
		done, err := tx.Exec(ctx, `update reports set asked_at = $2 where id = $1 and asked_at is null`, r.id, now)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		pairs := []any{"what", voice.reportTitle(set, r.category, r.street), "number", r.number, "link", s.links() + "/orders/" + r.order,
			"again", fmt.Sprintf("%s/report?lat=%.6f&lon=%.6f", s.links(), r.at.Lat(), r.at.Lon()), "city", voice.cityName()}
		return notices.Post(ctx, tx, notices.Mail{To: r.email, Subject: voice.texts.T("mail.asked.subject", pairs...), Body: voice.texts.T("mail.asked.body", pairs...)}, now)
	})
}
