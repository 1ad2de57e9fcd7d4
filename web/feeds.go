package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/feeds"
)

const feedEntries = 50

// ordersFeed serves /feeds/orders.atom: the newest work orders.
func (s *face) ordersFeed(w http.ResponseWriter, r *http.Request) error {
	found, err := s.query(r.Context(), "o.id is not null", fmt.Sprintf("order by o.promoted_at desc, o.id desc limit %d", feedEntries))
	if err != nil {
		return err
	}
	origin := s.origin(r)
	feed := &feeds.Feed{Title: s.texts.T("feed.orders", "city", s.cityName()), Link: &feeds.Link{Href: origin + "/list?order=newest"}, Id: origin + "/feeds/orders.atom"}
	for _, f := range found {
		p := s.describe(f)
		at := p.Order.StateAt.UTC()
		feed.Items = append(feed.Items, &feeds.Item{
			Id: origin + "/places/" + p.ID + "#" + string(p.Order.State), Title: s.texts.T("feed.entry", "number", p.Order.Number, "title", p.Title, "state", p.State),
			Link: &feeds.Link{Href: origin + "/places/" + p.ID}, Description: s.summary(f), Created: p.Order.PromotedAt.UTC(), Updated: at,
		})
		if at.After(feed.Updated) {
			feed.Updated = at
		}
	}
	return writeAtom(w, feed)
}

// placeFeed serves /feeds/places/{id}.atom: a place's story, step by step, dated by day.
func (s *face) placeFeed(w http.ResponseWriter, r *http.Request) error {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".atom")
	if !ok {
		return errHidden
	}
	rec, err := s.record(r.Context(), id)
	if err != nil {
		return err
	}
	origin := s.origin(r)
	p := s.describe(rec.sight)
	feed := &feeds.Feed{Title: p.Title, Subtitle: s.summary(rec.sight), Link: &feeds.Link{Href: origin + "/places/" + id}, Id: origin + "/feeds/places/" + id + ".atom"}
	chapters := s.tell(rec.sight, rec.Steps, rec.OrderSteps)
	for i := len(chapters) - 1; i >= 0; i-- {
		c := chapters[i]
		if c.Todo {
			continue
		}
		day := c.At.UTC().Truncate(24 * time.Hour)
		feed.Items = append(feed.Items, &feeds.Item{Id: fmt.Sprintf("%s/places/%s#step-%d", origin, id, i+1), Title: c.Head, Description: c.Text,
			Link: &feeds.Link{Href: origin + "/places/" + id}, Created: day, Updated: day})
		if day.After(feed.Updated) {
			feed.Updated = day
		}
	}
	return writeAtom(w, feed)
}

func writeAtom(w http.ResponseWriter, feed *feeds.Feed) error {
	text, err := feed.ToAtom()
	if err != nil {
		return fmt.Errorf("write a feed: %w", err)
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(text)) // fails only where the client has gone
	return nil
}
