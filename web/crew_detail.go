package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// crewDetail is all that a crew is told of an order, and what it can do with it.
type crewDetail struct {
	*crewStop
	Class    crowd.Class
	Sure     string // "94 % sure: nine drivers felt it."
	DueWords string
	Notes    []acted
	Photos   []crewPhoto
	Can      map[string]bool
	Minimap  template.HTML
	Geo, Web template.URL // hand over to a navigation app; geo: is opened by the phone
	Key      string       // names what the form does, so that it is done once
}

// crewPhoto is a photo with its address.
type crewPhoto struct{ Src, Text string }

// placeOf is where an order is, as maps and words need it.
func placeOf(o dispatch.Order) sight {
	return sight{PublicPlace: crowd.PublicPlace{Place: crowd.Place{ID: o.Place, Lat: o.Lat, Lon: o.Lon, HeadingDeg: o.HeadingDeg, Class: o.Class, Severity: o.Severity,
		UncertaintyM: o.UncertaintyM, Devices: o.Devices, State: crowd.Confirmed, Cell: o.Cell}}, Order: &o}
}

func (s *face) crewDetail(ctx context.Context, d consoleDesk, o dispatch.Order, stop *crewStop) (*crewDetail, error) {
	out := &crewDetail{crewStop: stop, Class: o.Class, Can: can(o), DueWords: s.longDue(o, d), Key: strings.ToLower(rand.Text()), Minimap: s.minimap(s.describe(stop.sight))}
	if o.Devices > 0 {
		out.Sure = s.texts.N("crew.sure", o.Devices, "percent", sure(o.Probability))
	}
	at := fmt.Sprintf("%.6f,%.6f", o.Lat, o.Lon)
	out.Geo = template.URL("geo:" + at + "?q=" + at + "(" + url.QueryEscape(o.Number) + ")") //nolint:gosec // numbers, and a text that is escaped
	out.Web = template.URL(fmt.Sprintf("https://www.openstreetmap.org/directions?to=%.6f%%2C%.6f", o.Lat, o.Lon))
	record, err := dispatch.Record(ctx, s.config.Pool, o.ID)
	if err != nil {
		return nil, err
	}
	people, err := s.namesOf(ctx, record)
	if err != nil {
		return nil, err
	}
	for i := len(record) - 1; i >= 0; i-- {
		if a := record[i]; a.Kind == dispatch.DidNote && !a.Undone {
			who := people[a.Person]
			if who == "" {
				who = s.texts.T("console.actor." + string(a.Actor))
			}
			out.Notes = append(out.Notes, acted{At: s.moment(a.At, d), Text: who, Reason: s.reason(a.Reason, a.Actor)})
		}
	}
	out.Photos, err = s.crewPhotos(ctx, o)
	return out, err
}

// crewPhotos lists the photos of an order: those of crews, and those that residents sent with confirmed reports of its place.
func (s *face) crewPhotos(ctx context.Context, o dispatch.Order) ([]crewPhoto, error) {
	var out []crewPhoto
	own, err := dispatch.Photos(ctx, s.config.Pool, o.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range own {
		key := "crew.photo"
		if p.Taken != dispatch.SomeTime {
			key += "." + string(p.Taken)
		}
		out = append(out, crewPhoto{photoPath(o.ID, p.ID), s.texts.T(key)})
	}
	rows, err := s.config.Pool.Query(ctx, `select p.report || '-' || p.n from reports r join report_photos p on p.report = r.id
		where (r.place = $1 and r.place <> '' or r.work_order = $2) and r.confirmed_at is not null order by r.confirmed_at desc, p.n limit 8`, o.Place, o.ID)
	if err != nil {
		return nil, fmt.Errorf("photos of order %s: %w", o.Number, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("photos of order %s: %w", o.Number, err)
	}
	for _, name := range names {
		out = append(out, crewPhoto{photoPath(o.ID, reported+name), s.texts.T("crew.photo.resident")})
	}
	return out, nil
}

// reported begins the name of a photo that a resident has sent. Names of crews' photos have no dash.
const reported = "r-"

func photoPath(order, name string) string {
	return crewPath + "/orders/" + url.PathEscape(order) + "/photos/" + url.PathEscape(name)
}

// crewPhoto shows a photo of an order to who may work on it, and to nobody else: it may show people and number plates.
func (s *face) crewPhoto(w http.ResponseWriter, r *http.Request) error {
	ctx, name := r.Context(), r.PathValue("name")
	o, err := s.mayWork(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	var body []byte
	if sent, ok := strings.CutPrefix(name, reported); ok {
		err = s.config.Pool.QueryRow(ctx, `select p.jpeg from reports r join report_photos p on p.report = r.id
			where (r.place = $1 or r.work_order = $3) and r.confirmed_at is not null and p.report || '-' || p.n = $2`, o.Place, sent, o.ID).Scan(&body)
		if errors.Is(err, pgx.ErrNoRows) {
			err = dispatch.ErrNotFound
		}
	} else {
		body, err = dispatch.ReadPhoto(ctx, s.config.Pool, o.ID, name)
	}
	if errors.Is(err, dispatch.ErrNotFound) {
		return errHidden
	}
	if err != nil {
		return fmt.Errorf("photo of order %s: %w", o.Number, err)
	}
	secretPage(w)
	w.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
