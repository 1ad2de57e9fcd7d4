package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// detail is all that a dispatcher is told of an order, or of a place to be reviewed.
type detail struct {
	row
	Order    *dispatch.Order // nil: a place, or a report, to be reviewed
	Reported bool            // it is a report where no place is known, or the order of one
	Kind     string          // its class, where the report says it
	Title    string
	Where    string
	Whose    string // street's class and body
	State    string
	DueWords string
	Parts    []part // of the priority
	Reasons  []why
	Bars     []bar
	Changes  []string
	Felt     string
	Chart    template.HTML
	Waves    []wave
	Shapes   []shape
	Before   []earlier
	Right    string // how often crews found something there
	Said     string // by residents
	Reports  []reportWords
	Facts    []fact
	Story    []acted
	Notes    []acted
	Spent    string
	Photos   []crewPhoto     // of crews, and of residents
	Can      map[string]bool // what can be done with it now
	Minimap  template.HTML
	Links    []linked // orders that it is a duplicate of, was split off, that were split off it, or whose repair failed
}

type part struct {
	Name  string
	N     int
	X, W  float64 // of 100
	Class string
	Text  string
}

// linked is another order that has to do with this one.
type linked struct{ Text, ID, Number string }

// earlier is an order nearby, and what crews found.
type earlier struct {
	Mark            mark
	ID, Name, Found string
	When            string
}

type reportWords struct {
	Words  string
	When   string
	Photos []string
}

// acted is one step of an order's record in words.
type acted struct {
	At     string
	Text   string
	Reason string
	Undone bool
}

// detailOf reads what a dispatcher is told of an order, or errHidden.
func (s *face) detailOf(ctx context.Context, d consoleDesk, id string) (*detail, error) {
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrNotFound) {
		return nil, errHidden
	}
	if err != nil {
		return nil, err
	}
	out := &detail{row: s.row(o, d), Order: &o, Reported: o.Place == "" && o.SplitFrom == "", State: s.stateWords(o)}
	out.DueWords = s.longDue(o, d)
	p := crowd.Place{ID: o.Place, Lat: o.Lat, Lon: o.Lon, HeadingDeg: o.HeadingDeg, Class: o.Class, Severity: o.Severity, UncertaintyM: o.UncertaintyM,
		Devices: o.Devices, State: crowd.Confirmed, Cell: o.Cell}
	if o.Place != "" {
		if p, err = crowd.FindPlace(ctx, s.config.Pool, o.Place); err != nil {
			return nil, fmt.Errorf("place of order %s: %w", o.Number, err)
		}
		p.Lat, p.Lon, p.Class, p.Cell = o.Lat, o.Lon, o.Class, o.Cell
	}
	if err := s.fillDetail(ctx, out, p, o.StreetClass, o.Body); err != nil {
		return nil, err
	}
	out.Parts = s.parts(o.Priority)
	if err := s.fillStory(ctx, out, d); err != nil {
		return nil, err
	}
	if out.Photos, err = s.crewPhotos(ctx, o); err != nil {
		return nil, err
	}
	out.Links, err = s.linksOf(ctx, o)
	out.Can = can(o)
	return out, err
}

// reviewOf reads what a dispatcher is told of a place on the review list.
func (s *face) reviewOf(ctx context.Context, d consoleDesk, place string) (*detail, error) {
	list, err := d.Reviews(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.ID != place {
			continue
		}
		if r.Reported {
			return s.reportedDetail(ctx, r)
		}
		out := &detail{row: s.reviewRow(r), State: s.texts.T("console.review"), Can: map[string]bool{}}
		return out, s.fillDetail(ctx, out, r.Place, "", r.Body)
	}
	// Somebody may have accepted it a moment ago.
	o, _, err := dispatch.OrderOf(ctx, s.config.Pool, place)
	if errors.Is(err, dispatch.ErrNotFound) {
		o.ID, err = s.orderOfReport(ctx, place)
	}
	if err != nil {
		return nil, err
	}
	return s.detailOf(ctx, d, o.ID)
}

// reportedDetail tells what is known of a report where no place is.
func (s *face) reportedDetail(ctx context.Context, r dispatch.Review) (*detail, error) {
	out := &detail{row: s.reviewRow(r), Reported: true, State: s.texts.T("console.review.reported"), Can: map[string]bool{}}
	p := crowd.Place{Lat: r.Lat, Lon: r.Lon, Class: r.Class, Severity: r.Severity, State: crowd.Suspected, UncertaintyM: 1}
	if err := s.fillDetail(ctx, out, p, "", r.Body); err != nil {
		return nil, err
	}
	if r.Class == crowd.Nothing {
		out.Title = s.texts.T("console.review.other")
		if r.Street != "" {
			out.Title = s.texts.T("title.at", "class", out.Title, "street", r.Street)
		}
	} else {
		out.Kind = string(r.Class)
	}
	if err := s.fillReports(ctx, out, "id", r.ID); err != nil {
		return nil, err
	}
	var photos int
	if err := s.config.Pool.QueryRow(ctx, `select count(*) from report_photos where report = $1`, r.ID).Scan(&photos); err != nil {
		return nil, fmt.Errorf("photos of report %s: %w", r.ID, err)
	}
	for n := range photos {
		out.Photos = append(out.Photos, crewPhoto{fmt.Sprintf("/console/reviews/%s/photos/%d", url.PathEscape(r.ID), n+1), s.texts.T("crew.photo.resident")})
	}
	return out, nil
}

// reviewPhoto shows a photo of a report on the review list to who decides on it, and to nobody else.
func (s *face) reviewPhoto(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return errHidden
	}
	return s.showPhoto(w, r, `select p.jpeg from reports r join report_photos p on p.report = r.id where r.id = $1 and p.n = $2 and r.confirmed_at is not null`, r.PathValue("id"), n)
}

// fillDetail tells what is known of the place.
func (s *face) fillDetail(ctx context.Context, out *detail, p crowd.Place, streetClass, body string) error {
	t := s.describe(sight{PublicPlace: crowd.PublicPlace{Place: p}, Order: out.Order})
	out.Title, out.Where = t.Title, t.Where
	var whose []string
	if streetClass != "" {
		whose = append(whose, s.texts.T("console.street."+string(dispatch.GroupOf(streetClass))))
	}
	if body != "" {
		whose = append(whose, body)
	}
	out.Whose = strings.Join(whose, ", ")
	out.Minimap = s.minimap(t)
	if err := s.fillBefore(ctx, out, p); err != nil {
		return err
	}
	if p.ID == "" {
		if out.Order == nil {
			return nil
		}
		return s.fillReports(ctx, out, "work_order", out.Order.ID)
	}
	why, err := s.explainer.By(s.rules()).Explain(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("reasons of place %s: %w", p.ID, err)
	}
	out.Reasons, out.Bars, out.Changes = s.reasons(why.Reasons, why.Passes, t.sight), s.bars(p.Belief), s.changes(why.Changes)
	out.Felt = s.texts.T("console.felt", "n", p.Devices, "passes", p.Passes, "class", s.texts.T("class."+string(p.Class)), "percent", sure(p.Belief.Of(p.Class)))
	if err := s.fillEvidence(ctx, out, p); err != nil {
		return err
	}
	poll, _, err := crowd.PollOf(ctx, s.config.Pool, p.ID, nil)
	if err != nil {
		return err
	}
	out.Said = s.said(poll)
	return s.fillReports(ctx, out, "place", p.ID)
}

// can says what can be done with an order as it stands, by the names that forms and the interface have for it.
func can(o dispatch.Order) map[string]bool {
	open := o.State.Open()
	return map[string]bool{
		"accept": o.State.May(dispatch.Accepted) && o.State != dispatch.Assigned, "assign": open, "dismiss": open, "reclass": open, "move": open, "split": open,
		"release": o.State == dispatch.Assigned, "take_over": o.State == dispatch.Assigned && !o.HandedAt.IsZero() && o.TakenAt.IsZero(),
		"start": o.State == dispatch.Assigned, "repair": o.State == dispatch.Assigned || o.State == dispatch.InProgress, "reopen": o.State.May(dispatch.Reopened),
		"verify": o.State == dispatch.Repaired && o.Place == "",
		"note":   true, "reply": true, "refer": true, "spend": true,
	}
}

// longDue says when an order is due, and before whom it was brought, or when it will be.
func (s *face) longDue(o dispatch.Order, d consoleDesk) string {
	words, _ := s.dueWords(o, d)
	switch d.works.Due(o, d.now) {
	case dispatch.Overdue:
		if o.EscalatedAt.IsZero() {
			return s.texts.T("console.due.escalates", "over", words, "at", s.moment(d.works.EscalatesAt(o.DueAt), d))
		}
		if o.EscalatedTo != "" {
			return s.texts.T("console.due.brought", "over", words, "body", o.EscalatedTo)
		}
		return s.texts.T("console.due.escalated", "over", words)
	case dispatch.DueSoon, dispatch.DueOn:
		return s.texts.T("console.due.at", "span", words, "at", s.moment(o.DueAt, d))
	case dispatch.DueNot, dispatch.Escalated:
	}
	return ""
}

// moment is a time in the works department's zone: the hour alone today.
func (s *face) moment(at time.Time, d consoleDesk) string {
	zone := time.UTC
	if d.works.Calendar.Zone != nil {
		zone = d.works.Calendar.Zone
	}
	at, now := at.In(zone), d.now.In(zone)
	clock := at.Format("15:04")
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return clock
	}
	key := "date.short"
	if at.Year() != now.Year() {
		key = "date.year"
	}
	return s.texts.T(key, "day", at.Day(), "month", s.texts.T(fmt.Sprint("month.", int(at.Month()))), "year", at.Year()) + ", " + clock
}

func (s *face) parts(p dispatch.Priority) []part {
	out := []part{{Name: "severity", N: p.Severity}, {Name: "traffic", N: p.Traffic}, {Name: "age", N: p.Age}, {Name: "deadline", N: p.Deadline}, {Name: "street", N: p.Street}}
	sum, x := float64(max(1, p.Sum())), 0.0
	for i := range out {
		w := 100 * float64(out[i].N) / sum
		out[i].X, out[i].W, out[i].Class, out[i].Text = round(x, 2), round(w, 2), "p"+fmt.Sprint(i+1), s.texts.T("console.part."+out[i].Name)
		x += w
	}
	return out
}

const (
	earlierM    = 300 // how far around earlier orders are looked for
	mostEarlier = 5
)

// fillBefore lists what was there before: similar places nearby, and what crews found.
func (s *face) fillBefore(ctx context.Context, out *detail, p crowd.Place) error {
	belief, order := p.Belief, ""
	if out.Order != nil {
		order = out.Order.ID
		grounds, err := dispatch.Grounds(ctx, s.config.Pool, order)
		if err != nil && !errors.Is(err, dispatch.ErrNotFound) {
			return err
		}
		if err == nil {
			belief = grounds.Belief // a repair has changed the place's since
		}
	}
	if belief == (crowd.Belief{}) {
		classes := crowd.Classes()
		belief[max(0, slices.Index(classes[:], p.Class))] = 1
	}
	found, err := dispatch.EarlierAround(ctx, s.config.Pool, orb.Point{p.Lon, p.Lat}, earlierM, belief, order)
	if err != nil {
		return err
	}
	right, alike := 0, 0
	for _, e := range found {
		if e.Alike {
			alike++
		}
		if e.Alike && e.Right() {
			right++
		}
	}
	if alike > 0 {
		out.Right = s.texts.T("console.before.right", "n", right, "of", alike)
	}
	for _, e := range found[:min(len(found), mostEarlier)] {
		out.Before = append(out.Before, earlier{Mark: markOf("", e.State), ID: e.ID, Found: s.foundWords(e), When: s.texts.Day(e.At, s.config.Now()),
			Name: s.texts.T("console.before.away", "street", cmp.Or(e.Street, e.Number), "m", int(math.Round(e.Metres/10)*10))})
	}
	return nil
}

// foundWords say what a crew found, and what it was believed to be where that was another thing.
func (s *face) foundWords(e dispatch.Earlier) string {
	var found string
	switch e.Found {
	case "":
		found = s.texts.T("console.before.nodefect")
	case crowd.Nothing:
		found = s.texts.T("class.nothing")
	default:
		found = s.texts.T("console.before.found", "class", s.texts.T("class."+string(e.Found)))
	}
	if e.Right() {
		return found
	}
	return s.texts.T("console.before.instead", "found", found, "class", s.texts.T("class."+string(e.Said)))
}

// fillReports tells what residents have written, of those whose column is what is given. Who they are is not told.
func (s *face) fillReports(ctx context.Context, out *detail, column, of string) error {
	rows, err := s.config.Pool.Query(ctx, `select words, confirmed_at, (select count(*) from report_photos p where p.report = r.id) from reports r
		where `+column+` = $1 and confirmed_at is not null order by confirmed_at desc limit 5`, of)
	if err != nil {
		return fmt.Errorf("reports of %s: %w", of, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r reportWords
		var at time.Time
		var photos int
		if err := rows.Scan(&r.Words, &at, &photos); err != nil {
			return fmt.Errorf("reports of %s: %w", of, err)
		}
		r.When = s.texts.Day(at, s.config.Now())
		if photos > 0 {
			r.When += ", " + s.texts.N("console.photos", photos)
		}
		out.Reports = append(out.Reports, r)
	}
	return rows.Err()
}

// linksOf are the orders that this one has to do with.
func (s *face) linksOf(ctx context.Context, o dispatch.Order) ([]linked, error) {
	var out []linked
	for _, l := range [][2]string{{"duplicate", o.DuplicateOf}, {"split", o.SplitFrom}, {"recurs", o.Recurs}} {
		if l[1] == "" {
			continue
		}
		other, _, err := dispatch.FindOrder(ctx, s.config.Pool, l[1])
		if err != nil {
			return nil, fmt.Errorf("the order that %s has to do with: %w", o.Number, err)
		}
		out = append(out, linked{s.texts.T("console.link." + l[0]), other.ID, other.Number})
	}
	if o.Failed && o.Recurs == "" {
		out = append(out, linked{Text: s.texts.T("console.link.failed")})
	}
	parts, err := dispatch.Parts(ctx, s.config.Pool, o.ID)
	for _, p := range parts {
		out = append(out, linked{s.texts.T("console.link.part"), p.ID, p.Number})
	}
	return out, err
}

// detailView is the page of one order, or what the console's script puts beside the queue.
type detailView struct {
	consolePage
	D      *detail
	Offers []offered // reply templates
	Chosen string    // of them
	Draft  string    // of a note or reply
}

func (s *face) consoleOrder(w http.ResponseWriter, r *http.Request) error {
	return s.showDetail(w, r, http.StatusOK, func(d consoleDesk) (*detail, error) { return s.detailOf(r.Context(), d, r.PathValue("id")) })
}

func (s *face) consoleReview(w http.ResponseWriter, r *http.Request) error {
	return s.showDetail(w, r, http.StatusOK, func(d consoleDesk) (*detail, error) { return s.reviewOf(r.Context(), d, r.PathValue("id")) })
}

func (s *face) showDetail(w http.ResponseWriter, r *http.Request, status int, read func(consoleDesk) (*detail, error)) error {
	desk, err := s.consoleDesk(r.Context())
	if err != nil {
		return err
	}
	v := &detailView{consolePage: consolePage{Verdicts: dispatch.Verdicts()}}
	v.D, err = read(desk)
	if errors.Is(err, errHidden) && r.URL.Query().Get("part") == "detail" { // somebody has decided on the place: the list will say so
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	v.Page, v.Title, v.Notice = "order", v.D.Title, s.notice(r)
	part := "base"
	if r.URL.Query().Get("part") == "detail" {
		part = "detail"
		v.Page = "console"
	} else if err := errors.Join(s.fillChoices(r.Context(), &v.consolePage), s.fillOffers(r, v, desk)); err != nil {
		return err
	}
	if part == "detail" {
		return s.renderPart(w, v.Page, part, v.D)
	}
	return s.render(w, r, status, part, v)
}
