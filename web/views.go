package web

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const listSize = 25 // places on a page of the list

// listView is a page of the list.
type listView struct {
	head
	Sentence              string
	Orders                []string
	State                 mark
	Class                 crowd.Class
	Order                 string
	Places                []titled
	From, To, Total, Size int
	Left                  int // on the next page
	Back, Next            string
	Number, Last          int // of a page that there is not, and of the last that there is
}

func (s *face) listPage(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	v := &listView{
		head: head{Page: "list", Title: s.texts.T("list.title")}, Size: listSize, Orders: []string{"worst", "newest", "felt"},
		State: mark(q.Get("state")), Class: crowd.Class(q.Get("class")), Order: q.Get("order"),
	}
	if !slices.Contains(v.Orders, v.Order) {
		v.Order = v.Orders[0]
	}
	l := listing{Marks: marks(), Class: v.Class, Order: v.Order, Limit: listSize}
	if slices.Contains(marks(), v.State) {
		l.Marks = []mark{v.State}
	}
	page := 1
	if text := q.Get("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000 {
			return badRequest("page is no page's number")
		}
		page = n
	}
	l.Offset = (page - 1) * listSize
	all, err := s.count(ctx, "")
	if err != nil {
		return err
	}
	v.Sentence = s.sentence(all)
	if v.Total, err = s.total(ctx, l); err != nil {
		return err
	}
	if v.Places, err = s.list(ctx, l); err != nil {
		return err
	}
	v.From, v.To = l.Offset+1, l.Offset+len(v.Places)
	if page > 1 {
		v.Back = listAddress(q, page-1)
	}
	if v.To < v.Total && len(v.Places) > 0 {
		v.Next, v.Left = listAddress(q, page+1), min(listSize, v.Total-v.To)
	}
	if len(v.Places) == 0 && v.Total > 0 {
		v.Number, v.Last = page, (v.Total+listSize-1)/listSize
		v.Back = listAddress(q, v.Last)
		return s.render(w, r, http.StatusNotFound, "base", v)
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

// listAddress is the address of another page under the same filters.
func listAddress(q url.Values, page int) string {
	out := url.Values{}
	for _, key := range []string{"state", "class", "order"} {
		if v := q.Get(key); v != "" {
			out.Set(key, v)
		}
	}
	if page > 1 {
		out.Set("page", strconv.Itoa(page))
	}
	if len(out) == 0 {
		return "/list"
	}
	return "/list?" + out.Encode()
}

// fact is one line of what is known of a place.
type fact struct {
	Name, Value string
	Code        bool
}

// placeView is the page of a place, or of an order that has none.
type placeView struct {
	panelView
	Whole                    nudge // the order that this one was split off; empty: none
	FollowEmail, FollowWrong string

	Summary string
	Minimap template.HTML
	Facts   []fact
}

func (s *face) placePage(w http.ResponseWriter, r *http.Request) error {
	return s.showPlace(w, r, r.PathValue("id"), http.StatusOK, func(v *placeView) {
		if r.URL.Query().Get("voted") != "" {
			v.Ballot.Notice = s.texts.T("vote.thanks")
			if _, known := personOf(r.Context()); known {
				v.Ballot.Notice += " " + s.texts.T("vote.thanks.account")
			}
		}
	})
}

// orderPlace shows an order that has no place, and leads to the place of any other.
func (s *face) orderPlace(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	err := s.showOrder(w, r, id, http.StatusOK, func(*placeView) {})
	if j := (errJoined{}); errors.As(err, &j) {
		http.Redirect(w, r, "/places/"+url.PathEscape(j.into)+"#"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
	return err
}

// showPlace answers with the page of a place; change has the last word.
func (s *face) showPlace(w http.ResponseWriter, r *http.Request, id string, status int, change func(*placeView)) error {
	found, err := s.findPlace(r.Context(), id)
	if err != nil {
		return err
	}
	return s.showSight(w, r, found, &placeView{panelView: panelView{head: head{Page: "place"}}}, status, change)
}

// showOrder is showPlace of an order that has no place.
func (s *face) showOrder(w http.ResponseWriter, r *http.Request, id string, status int, change func(*placeView)) error {
	found, err := s.findOrder(r.Context(), id)
	if err != nil {
		return err
	}
	v := &placeView{panelView: panelView{head: head{Page: "workorder"}}}
	if whole := found.Order.SplitFrom; whole != "" {
		o, _, err := dispatch.FindOrder(r.Context(), s.config.Pool, whole)
		if err != nil {
			return err
		}
		v.Whole = nudge{orderPath(o), o.Number}
	}
	return s.showSight(w, r, found, v, status, change)
}

func (s *face) showSight(w http.ResponseWriter, r *http.Request, found sight, v *placeView, status int, change func(*placeView)) error {
	if err := s.fillPlace(r, &v.panelView, found); err != nil {
		return err
	}
	p := *v.Place
	v.Title = p.Title
	v.Summary = s.summary(p.sight)
	v.Facts = s.facts(p, v.repaired)
	v.Minimap = s.minimap(p)
	if who, ok := personOf(r.Context()); ok {
		v.FollowEmail = who.Email
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

func (s *face) facts(p titled, repaired time.Time) []fact {
	t := s.texts
	severity := t.T("fact.severity.value", "grade", t.T(fmt.Sprint("grade.", int(p.Grade()))), "value", t.Decimal(p.Severity, 2))
	out := []fact{{Name: t.T("fact.severity"), Value: severity}}
	if !p.Coarse && !p.Placeless() {
		d := t.T("direction.both")
		if p.HeadingDeg != nil {
			d = capital(s.direction(p.HeadingDeg))
		}
		out = append(out, fact{Name: t.T("fact.direction"), Value: d})
	}
	if !p.Placeless() {
		out = append(out,
			fact{Name: t.T("fact.drivers"), Value: strconv.Itoa(p.Felt())},
			fact{Name: t.T("fact.passes"), Value: strconv.Itoa(p.Passes)})
	}
	if o := p.Order; o != nil {
		out = append(out, fact{Name: t.T("fact.order"), Value: o.Number, Code: true})
		out = append(out, s.duties(*o, repaired)...)
		if o.ExternalID != "" {
			out = append(out, fact{Name: t.T("fact.external"), Value: o.ExternalID, Code: true})
		}
	}
	digits := 5
	if p.Coarse {
		digits = 3
	}
	at := func(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) } // a point in every language: it is copied into maps
	position := t.T("fact.position.value", "lat", at(p.Lat), "lon", at(p.Lon), "m", int(math.Ceil(p.UncertaintyM)))
	if p.Placeless() { // somebody has said where it is
		position = at(p.Lat) + ", " + at(p.Lon)
	}
	return append(out,
		fact{Name: t.T("fact.position"), Value: position},
		fact{Name: t.T("fact.cell"), Value: p.Cell.String(), Code: true})
}

// firstRepaired is when an order was first repaired, zero where it never was.
func firstRepaired(steps []dispatch.Step) time.Time {
	for _, st := range steps {
		if st.State == dispatch.Repaired && !st.Undone {
			return st.At
		}
	}
	return time.Time{}
}

// duties says who has to repair, and by when where that was promised.
func (s *face) duties(o dispatch.Order, repaired time.Time) []fact {
	out := []fact{{Name: s.texts.T("fact.body"), Value: s.responsible(o)}}
	if text := s.promise(o, repaired); text != "" {
		out = append(out, fact{Name: s.texts.T("fact.promise"), Value: text})
	}
	return out
}

// responsible is who looks after what an order is about: its body, or where it has none the city itself.
func (s *face) responsible(o dispatch.Order) string {
	switch {
	case o.Body != "":
		return o.Body
	case s.city() != "":
		return s.texts.T("fact.body.city", "city", s.city())
	}
	return s.texts.T("fact.body.nocity")
}

// promise says by when the city has promised to repair, and whether it first did so in time; empty where it has promised nothing.
func (s *face) promise(o dispatch.Order, repaired time.Time) string {
	days := s.promiseDays()
	if days <= 0 || o.State == dispatch.Dismissed {
		return ""
	}
	t, now := s.texts, s.config.Now()
	due := o.PromotedAt.Add(time.Duration(days * 24 * float64(time.Hour)))
	key := "fact.promise.by"
	switch {
	case !repaired.IsZero() && !repaired.After(due):
		key = "fact.promise.kept"
	case !repaired.IsZero(), now.After(due):
		key = "fact.promise.missed"
	}
	return t.T(key, "day", t.Day(due, now))
}

// Changed is when a place last changed: its order where there is one.
func (t titled) Changed() time.Time {
	if t.Order != nil {
		return t.Order.StateAt
	}
	return t.StateAt
}
