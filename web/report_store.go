package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/notices"
)

// report is what somebody says is wrong somewhere.
type report struct {
	ID              string
	Category, Words string
	At              orb.Point
	Street          string
	Email           string
	Language        string
	Created         time.Time
	Confirmed       *time.Time
	Place           *string
	Photos          int
	Decision        string // of a dispatcher, where no place is known; empty: none yet
	WorkOrder       string // id of the order that it became; empty: none
}

const (
	mostPerEmail   = 5      // reports of one address in a day, so that nobody's mailbox is filled
	manyPerHour    = 2_000  // unconfirmed reports in an hour, of everybody together: from then on an address may send one in an hour
	mostPerHour    = 20_000 // and so many at most, as each is a mail
	unconfirmedFor = 7 * 24 * time.Hour
	draftsFor      = 24 * time.Hour
	reportReachM   = 25.0 // a report this near to a place is of it
)

// errBusy is returned where more comes than a city can mean.
var errBusy = errors.New("more reports than can be taken")

// keepPhotos stores photos of a report that is not sent yet.
func (s *Server) keepPhotos(ctx context.Context, draft string, photos []photo) error {
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		for _, p := range photos {
			if _, err := tx.Exec(ctx, `insert into report_photos (report, n, jpeg, width, height, created_at)
				select $1, n, $2, $3, $4, $5 from (select 1 + count(*) as n from report_photos where report = $1) c where n <= $6`,
				draft, p.JPEG, p.Width, p.Height, s.config.Now(), mostPhotos); err != nil {
				return fmt.Errorf("keep a photo: %w", err)
			}
		}
		return nil
	})
}

// dropPhotos takes photos out of a report that is not sent yet; the others move up.
func (s *Server) dropPhotos(ctx context.Context, draft string, numbers []int) error {
	if draft == "" || len(numbers) == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from report_photos where report = $1 and n = any($2) and not exists (select 1 from reports where id = $1)`, draft, numbers); err != nil {
			return fmt.Errorf("drop photos: %w", err)
		}
		for to := 1; to <= mostPhotos; to++ { // one by one, as no two may have one number at any time
			if _, err := tx.Exec(ctx, `update report_photos set n = $2 where report = $1 and n = (select min(n) from report_photos where report = $1 and n >= $2)`, draft, to); err != nil {
				return fmt.Errorf("drop photos: %w", err)
			}
		}
		return nil
	})
}

func (s *Server) photosOf(ctx context.Context, id string) (n int, err error) {
	err = s.config.Pool.QueryRow(ctx, `select count(*) from report_photos where report = $1`, id).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count photos: %w", err)
	}
	return n, nil
}

// takeReport stores a report and posts the mail that asks to confirm it. Its id is that of its draft, which photos bear.
// Fresh says that none has come from the same address within the hour: such are taken when many come, so that few cannot keep the
// others from reporting.
func (s *face) takeReport(ctx context.Context, r report, fresh bool) error {
	text, hash := access.Secret()
	now := s.config.Now()
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		var same, all int
		if err := tx.QueryRow(ctx, `select count(*) filter (where lower(email) = lower($1) and created_at > $2), count(*) filter (where confirmed_at is null and created_at > $3)
			from reports where created_at > $2`, r.Email, now.Add(-24*time.Hour), now.Add(-time.Hour)).Scan(&same, &all); err != nil {
			return fmt.Errorf("take a report: %w", err)
		}
		if same >= mostPerEmail || all >= mostPerHour || all >= manyPerHour && !fresh {
			return errBusy
		}
		added, err := tx.Exec(ctx, `insert into reports (id, token, category, words, lat, lon, street, email, language, created_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing`,
			r.ID, hash, r.Category, r.Words, r.At.Lat(), r.At.Lon(), r.Street, r.Email, s.language, now)
		if err != nil {
			return fmt.Errorf("take a report: %w", err)
		}
		if added.RowsAffected() == 0 {
			return nil // the form was sent twice
		}
		set, err := city.LoadCategories(ctx, tx)
		if err != nil {
			return err
		}
		t := s.texts
		what := s.reportTitle(set, r.Category, r.Street)
		return notices.Post(ctx, tx, notices.Mail{
			To: r.Email, Subject: t.T("mail.confirm.subject", "what", what),
			Body: t.T("mail.confirm.body", "what", what, "link", s.links()+"/reports/"+text, "city", s.cityName()),
		}, now)
	})
}

// links is the address that links in mails begin with. What a request says of its host is not asked: anybody can say it.
func (s *Server) links() string {
	if s.config.LinksURL != "" {
		return s.config.LinksURL
	}
	return s.config.PublicURL
}

func (s *face) cityName() string {
	if s.city() != "" {
		return "Streetpulse " + s.city()
	}
	return "Streetpulse"
}

func (s *face) reportTitle(set city.Categories, category, street string) string {
	what := s.categoryName(set, category)
	if street == "" {
		return what
	}
	return s.texts.T("title.at", "class", what, "street", street)
}

func (s *face) categoryName(set city.Categories, id string) string {
	c, known := set.Find(id)
	if !known {
		return id
	}
	return c.Name(s.language)
}

// findReport returns the report that a link's secret opens, or errHidden.
func (s *Server) findReport(ctx context.Context, token string) (report, error) {
	var r report
	err := s.config.Pool.QueryRow(ctx, `select id, category, words, lat, lon, street, email, language, created_at, confirmed_at, place,
			(select count(*) from report_photos p where p.report = r.id), decision, coalesce(work_order, '') from reports r where token = $1`, access.HashOf(token)).
		Scan(&r.ID, &r.Category, &r.Words, &r.At[1], &r.At[0], &r.Street, &r.Email, &r.Language, &r.Created, &r.Confirmed, &r.Place, &r.Photos, &r.Decision, &r.WorkOrder)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, errHidden
	}
	if err != nil {
		return r, fmt.Errorf("find a report: %w", err)
	}
	return r, nil
}

// confirmReport takes a report as evidence, once, and lets whoever sent it follow the place that it is about.
func (s *Server) confirmReport(ctx context.Context, r report) error {
	now := s.config.Now()
	place, err := s.placeAt(ctx, r.At)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update reports set confirmed_at = $2, place = $3 where id = $1 and confirmed_at is null`, r.ID, now, place)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		if place != nil {
			if err := followIn(ctx, tx, *place, r.Email, r.Language, now, true); err != nil {
				return err
			}
		}
		if place == nil {
			if err := dispatch.Reported(ctx, tx, r.ID); err != nil {
				return err
			}
		}
		r.Place = place
		if err := received(ctx, tx, r, now); err != nil {
			return err
		}
		set, err := city.LoadCategories(ctx, tx)
		if err != nil {
			return err
		}
		category, _ := set.Find(r.Category)
		return crowd.TakeReport(ctx, tx, crowd.Report{ID: r.ID, Class: classOf(category), Lat: r.At.Lat(), Lon: r.At.Lon(), At: now})
	})
}

// placeAt returns the public place whose position is so near that a report is of it, nil where there is none.
func (s *Server) placeAt(ctx context.Context, at orb.Point) (*string, error) {
	found, err := s.inBox(ctx, fromPlaces, widen(orb.Bound{Min: at, Max: at}, reportReachM), "")
	if err != nil {
		return nil, err
	}
	var best *string
	nearest := reportReachM
	for _, p := range found {
		if d := geo.Distance(p.Point(), at); !p.Coarse && d <= nearest {
			id := p.ID
			best, nearest = &id, d
		}
	}
	return best, nil
}
