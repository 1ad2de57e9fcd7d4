package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
)

// errJoined is returned for a place that has turned out to be another one, which is public, and for an order that is shown as its place. To whoever
// does not ask further there is no such place.
type errJoined struct{ gone, into string }

func (e errJoined) Error() string { return "place " + e.gone + " is one with " + e.into }

// Is says that such a place is none.
func (errJoined) Is(target error) bool { return target == errHidden }

// joined returns errJoined for a place that has joined one that anybody may see, or an order that has one, else errHidden.
func (s *Server) joined(ctx context.Context, id string) error {
	var into *string
	if err := s.config.Pool.QueryRow(ctx, `select coalesce(joined_to($1), (select place from orders where id = $1))`, id).Scan(&into); err != nil {
		return fmt.Errorf("find what place %s has joined: %w", id, err)
	}
	if into == nil {
		return errHidden
	}
	found, err := s.query(ctx, fromPlaces, "p.id = $2", "", *into)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errHidden
	}
	return errJoined{id, *into}
}

// lead sends whoever asks for a place that has joined another, or for an order that has a place, to the same address of that one, with what they
// send. It returns false where the error is of another kind.
func lead(w http.ResponseWriter, r *http.Request, err error) bool {
	var j errJoined
	if !errors.As(err, &j) {
		return false
	}
	for _, of := range []string{"/places/", "/orders/"} {
		if strings.Contains(r.URL.Path, of+j.gone) {
			to := *r.URL
			to.Path, to.RawPath = strings.Replace(r.URL.Path, of+j.gone, "/places/"+j.into, 1), ""
			http.Redirect(w, r, to.RequestURI(), http.StatusPermanentRedirect)
			return true
		}
	}
	return false
}

// failedPlace is failed for an answer about a place, whose address ends with tail; a place that has joined another leads there.
func (s *Server) failedPlace(ctx context.Context, tail string, err error) error {
	var j errJoined
	if errors.As(err, &j) {
		return huma.ErrorWithHeaders(huma.NewError(http.StatusPermanentRedirect, "It has turned out to be one with another place, or has one, whose address is in Location."),
			http.Header{"Location": {s.config.PublicURL + apiPath + "/places/" + j.into + tail}})
	}
	return s.failed(ctx, "place", err)
}

// moveJoined takes those who follow, or have reported, a place that has joined another along to that one. They are told what is
// known of its order.
func (s *Server) moveJoined(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`update reports r set place = joined_to(r.place) where r.place in (select id from places_gone)
			and not exists (select 1 from places p where p.id = r.place) and joined_to(r.place) is not null`)
		// Of those that would follow twice one row stays, the confirmed or else the oldest, as the index demands.
		b.Queue(`with gone as (select f.id, joined_to(f.place) as into_, f.email, f.confirmed_at from follows f
				where f.place in (select id from places_gone) and not exists (select 1 from places p where p.id = f.place)),
			every as (select id, into_ as place, lower(email) as email, confirmed_at from gone where into_ is not null
				union all select f.id, f.place, lower(f.email), f.confirmed_at from follows f join gone g on f.place = g.into_ and lower(f.email) = lower(g.email)),
			ranked as (select id, row_number() over (partition by place, email order by confirmed_at is null, id) as n from every)
			delete from follows f using ranked where ranked.id = f.id and ranked.n > 1`)
		b.Queue(`update follows f set place = j.into_, told = (select count(*) from place_steps where place = j.into_)
			from (select id, joined_to(place) as into_ from follows where place in (select id from places_gone)
				and not exists (select 1 from places p where p.id = follows.place)) j
			where f.id = j.id and j.into_ is not null`)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return fmt.Errorf("take along who follows a place that has joined another: %w", err)
		}
		return nil
	})
}
