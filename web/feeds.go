package web

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/feeds"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const feedEntries = 50

// ordersFeed serves /feeds/orders.atom: the newest work orders, an entry for each and the state that it is in.
func (s *face) ordersFeed(w http.ResponseWriter, r *http.Request) error {
	found, err := s.query(r.Context(), fromOrders, "true", fmt.Sprintf("order by o.promoted_at desc, o.id desc limit %d", feedEntries))
	if err != nil {
		return err
	}
	origin := s.origin(r)
	feed := &feeds.Feed{Title: s.texts.T("feed.orders", "city", s.cityName()), Link: &feeds.Link{Href: origin + "/list?order=newest"}, Id: tagOf(origin, "orders")}
	for _, f := range found {
		p := s.describe(f)
		at := p.Order.StateAt.UTC()
		feed.Items = append(feed.Items, &feeds.Item{
			Id:    tagOf(origin, "orders/"+p.Order.ID+"/"+string(p.Order.State)+"/"+at.Format("20060102T15")),
			Title: s.texts.T("feed.entry", "number", p.Order.Number, "title", p.Title, "state", p.State),
			Link:  &feeds.Link{Href: origin + p.Path()}, Description: s.summary(f), Created: p.Order.PromotedAt.UTC(), Updated: at,
		})
	}
	return s.writeAtom(w, r, feed)
}

// told is a chapter of a place's story with what tells it from all others for good.
type told struct {
	chapter
	id string
}

// placeFeed serves /feeds/places/{id}.atom: a place's story, the last chapter first, dated by day.
func (s *face) placeFeed(w http.ResponseWriter, r *http.Request) error {
	return s.storyFeed(w, r, s.findPlace)
}

// orderFeed serves /feeds/orders/{id}.atom: the same of an order that has no place.
func (s *face) orderFeed(w http.ResponseWriter, r *http.Request) error {
	return s.storyFeed(w, r, s.findOrder)
}

// storyFeed serves the story of what find finds.
func (s *face) storyFeed(w http.ResponseWriter, r *http.Request, find func(context.Context, string) (sight, error)) error {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".atom")
	if !ok {
		return errHidden
	}
	found, err := find(r.Context(), id)
	if err != nil {
		return err
	}
	rec, err := s.recordOf(r.Context(), found)
	if err != nil {
		return err
	}
	origin := s.origin(r)
	page := origin + found.Path()
	feed := &feeds.Feed{Title: s.describe(found).Title, Description: s.summary(found), Link: &feeds.Link{Href: page}, Id: tagOf(origin, strings.TrimPrefix(found.Path(), "/"))}
	for _, c := range s.chapters(rec) {
		day := c.At.UTC().Truncate(24 * time.Hour)
		feed.Items = append(feed.Items, &feeds.Item{Id: tagOf(origin, c.id), Title: c.Head, Description: c.Text, Link: &feeds.Link{Href: page}, Created: day, Updated: day})
	}
	return s.writeAtom(w, r, feed)
}

// chapters are the story of a place as far as it has come, with the city's replies and the orders that were split off, the last first.
func (s *face) chapters(rec record) []told {
	var out []told
	add := func(id string, of ...chapter) {
		for _, c := range of {
			out = append(out, told{c, id})
		}
	}
	for _, st := range rec.Steps {
		add(fmt.Sprintf("places/%s/steps/%d", rec.ID, st.N), s.placeChapter(rec.sight, st))
	}
	for i, st := range rec.OrderSteps {
		add(fmt.Sprintf("orders/%s/steps/%d", rec.Order.ID, i+1), s.orderChapter(rec.sight, st))
	}
	for _, reply := range rec.Replies {
		add(fmt.Sprintf("orders/%s/replies/%d", rec.Order.ID, reply.N), s.withReplies(nil, []dispatch.PublicReply{reply})...)
	}
	for _, part := range rec.Parts {
		add(fmt.Sprintf("orders/%s/split", part.ID), s.withParts(nil, []dispatch.Part{part})...)
	}
	slices.SortStableFunc(out, func(a, b told) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	slices.Reverse(out)
	return out
}

// tagOf makes an identity that no move of a page changes (RFC 4151) of what something is called here.
func tagOf(origin, name string) string {
	host := "localhost"
	if u, err := url.Parse(origin); err == nil && !strings.Contains(u.Hostname(), ":") {
		host = cmp.Or(u.Hostname(), host)
	}
	return "tag:" + host + ",2026:streetpulse/" + name
}

// atomFeed is a feed with more than one link, as RFC 4287 asks for.
type atomFeed struct {
	*feeds.AtomFeed
	Links []feeds.AtomLink
}

// writeAtom answers with a feed. It is as new as its newest entry, or as its city where it has none.
func (s *face) writeAtom(w http.ResponseWriter, r *http.Request, feed *feeds.Feed) error {
	feed.Author = &feeds.Author{Name: s.cityName()}
	feed.Updated = crowd.Decided(s.config.Now()).UTC().Truncate(24 * time.Hour)
	for i, item := range feed.Items {
		if i == 0 || item.Updated.After(feed.Updated) {
			feed.Updated = item.Updated
		}
	}
	atom := atomFeed{AtomFeed: (&feeds.Atom{Feed: feed}).AtomFeed()}
	atom.Id, atom.AtomFeed.Link = feed.Id, nil
	atom.Links = []feeds.AtomLink{{Href: feed.Link.Href, Rel: "alternate", Type: "text/html"}, {Href: s.origin(r) + r.URL.RequestURI(), Rel: "self", Type: "application/atom+xml"}}
	for i, e := range atom.Entries {
		e.Published = feed.Items[i].Created.Format(time.RFC3339)
		if e.Summary != nil {
			e.Summary.Type = "text"
		}
	}
	text, err := xml.MarshalIndent(atom, "", " ")
	if err != nil {
		return fmt.Errorf("write a feed: %w", err)
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("Content-Language", s.language)
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(append([]byte(xml.Header), text...)) // fails only where the client has gone
	return nil
}
