package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// Deed is something to be done with orders, as forms and the interface say it.
type Deed struct {
	Do       string   `json:"do" required:"false" enum:"accept,assign,hand_over,take_over,release,start,repair,verify,dismiss,reopen,reclass,move,split,note,reply,refer,spend" doc:"what is to be done"`
	Reason   string   `json:"reason,omitempty" maxLength:"4000" doc:"why; the public reads it where the state changes. Of note and reply: their text"`
	Crew     string   `json:"crew,omitempty" maxLength:"64" doc:"of assign: the crew's id"`
	Body     string   `json:"body,omitempty" maxLength:"200" doc:"of hand_over: the body's name"`
	Class    string   `json:"class,omitempty" enum:"pothole,casting,joint,rail,speed_bump,nothing" doc:"of reclass, and of split for the new order"`
	Severity float64  `json:"severity,omitempty" minimum:"0" maximum:"1" doc:"of reclass; 0: as it is"`
	Verdict  string   `json:"verdict,omitempty" enum:"not_found,not_defect,not_ours,duplicate" doc:"of dismiss"`
	Found    string   `json:"found,omitempty" enum:"pothole,casting,joint,rail,speed_bump,nothing" doc:"of repair and dismiss: what is there"`
	Of       string   `json:"of,omitempty" maxLength:"64" doc:"of a duplicate: the other order's id or number"`
	Lat      *float64 `json:"lat,omitempty" minimum:"-90" maximum:"90" doc:"of move and split, which need it"`
	Lon      *float64 `json:"lon,omitempty" minimum:"-180" maximum:"180"`
	Number   string   `json:"number,omitempty" maxLength:"100" doc:"of refer: the case's number in another system"`
	What     string   `json:"what,omitempty" maxLength:"200" doc:"of spend"`
	Quantity float64  `json:"quantity,omitempty" minimum:"0" maximum:"1000000000"`
	Unit     string   `json:"unit,omitempty" maxLength:"40"`
	Cents    int64    `json:"cents,omitempty" minimum:"0" maximum:"100000000000000" doc:"of spend: hundredths of the city's currency"`
}

// action returns what the deed is to dispatch.
func (s *Server) action(ctx context.Context, d Deed) (dispatch.Action, error) {
	switch d.Do {
	case "accept":
		return dispatch.Accept{}, nil
	case "assign":
		return dispatch.Assign{Crew: d.Crew}, nil
	case "hand_over":
		return dispatch.HandOver{Body: d.Body}, nil
	case "take_over":
		return dispatch.TakeOver{}, nil
	case "release":
		return dispatch.Release{}, nil
	case "start":
		return dispatch.Start{}, nil
	case "repair":
		return dispatch.Repair{Found: crowd.Class(d.Found)}, nil
	case "dismiss":
		x := dispatch.Dismiss{Verdict: dispatch.Verdict(d.Verdict), Found: crowd.Class(d.Found)}
		if x.Verdict == dispatch.Duplicate {
			var err error
			if x.Of, err = dispatch.Named(ctx, s.config.Pool, d.Of); err != nil {
				return nil, err
			}
		}
		return x, nil
	case "verify":
		return dispatch.Approve{}, nil
	case "reopen":
		return dispatch.TakeUp{}, nil
	case "reclass":
		return dispatch.Reclass{Class: crowd.Class(d.Class), Severity: d.Severity}, nil
	case "move", "split":
		if d.Lat == nil || d.Lon == nil {
			return nil, errPosition
		}
		if d.Do == "move" {
			return dispatch.Move{Lat: *d.Lat, Lon: *d.Lon}, nil
		}
		return dispatch.Split{Lat: *d.Lat, Lon: *d.Lon, Class: crowd.Class(d.Class)}, nil
	case "note":
		return dispatch.Note{}, nil
	case "reply":
		return dispatch.Reply{}, nil
	case "refer":
		return dispatch.Refer{Number: d.Number}, nil
	case "spend":
		return dispatch.Spend{What: d.What, Quantity: d.Quantity, Unit: d.Unit, Cents: d.Cents}, nil
	}
	return nil, badRequest("There is nothing to do that is called " + strconv.Quote(d.Do) + ".")
}

// errPosition is returned where something is to be done at a position that is not given.
var errPosition = errors.New("a position is missing")

// errWhat is returned where a report says not what it is about, and who makes an order of it neither.
var errWhat = errors.New("a class is missing")

// refused says in words why something could not be done, false where the error is no refusal but a fault.
func (s *face) refused(ctx context.Context, err error, d consoleDesk) (string, bool) {
	var c *dispatch.Changed
	var bad badRequest
	switch {
	case errors.As(err, &c):
		return s.changedWords(ctx, c, d), true
	case errors.As(err, &bad):
		return string(bad), true
	case errors.Is(err, errPosition):
		return s.texts.T("console.at.missing"), true
	case errors.Is(err, errWhat):
		return s.texts.T("console.review.what"), true
	case errors.Is(err, dispatch.ErrTraffic):
		return s.texts.T("console.refused.traffic"), true
	case errors.Is(err, dispatch.ErrClosed):
		return s.texts.T("console.refused.closed"), true
	case errors.Is(err, dispatch.ErrTransition):
		return s.texts.T("console.refused.way"), true
	case errors.Is(err, dispatch.ErrNoDefect):
		return s.texts.T("console.refused.nodefect"), true
	case errors.Is(err, dispatch.ErrReason):
		return s.texts.T("console.refused.reason"), true
	case errors.Is(err, dispatch.ErrUnknown):
		return s.texts.T("console.refused.unknown"), true
	case errors.Is(err, dispatch.ErrNothing):
		return s.texts.T("console.refused.nothing"), true
	case errors.Is(err, dispatch.ErrFinal):
		return s.texts.T("console.refused.final"), true
	case errors.Is(err, dispatch.ErrNotFound):
		return s.texts.T("console.refused.gone"), true
	case errors.Is(err, dispatch.ErrElsewhere):
		return s.texts.T("crew.elsewhere"), true
	case errors.Is(err, dispatch.ErrKey):
		return s.texts.T("crew.key"), true
	case errors.Is(err, dispatch.ErrAmount):
		return s.texts.T("console.refused.amount"), true
	case errors.Is(err, dispatch.ErrVerdict):
		return s.texts.T("console.refused.verdict"), true
	}
	return "", false
}

// consoleAct does what a form of an order's page asks for.
func (s *face) consoleAct(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	form, wrong, err := s.readCrewForm(w, r)
	if err != nil {
		return err
	}
	q := form.Values
	desk, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	who := workerIn(ctx)
	if q.Get("do") == "photo" {
		return s.afterAct(w, r, id, "done", s.photograph(ctx, desk, id, form, wrong), desk)
	}
	if q.Get("do") == "undo" {
		return s.afterAct(w, r, id, "undone", takeBack(ctx, desk), desk)
	}
	given, err := s.deedOf(q)
	if err != nil {
		return s.afterAct(w, r, id, "done", err, desk)
	}
	seen, _ := strconv.ParseInt(q.Get("seen"), 10, 64)
	x, err := s.action(ctx, given)
	by := who.by(desk.now)
	by.Seen = seen
	if err == nil {
		by.Reason, err = s.worded(ctx, desk, given, id)
	}
	if err == nil {
		_, err = desk.Act(ctx, id, by, x)
	}
	return s.afterAct(w, r, id, "done", err, desk)
}

// takeBack takes back what the person did last.
func takeBack(ctx context.Context, d consoleDesk) error {
	undone, err := d.Undo(ctx, workerIn(ctx).by(d.now))
	for _, u := range undone {
		err = errors.Join(err, u.Err)
	}
	return err
}

// consoleUndo takes back what was done last, and shows the queue again.
func (s *face) consoleUndo(w http.ResponseWriter, r *http.Request) error {
	q, err := posted(w, r)
	if err != nil {
		return err
	}
	desk, err := s.consoleDesk(r.Context())
	if err != nil {
		return err
	}
	shown := url.Values{"view": {q.Get("view")}}
	if err = takeBack(r.Context(), desk); err == nil {
		shown.Set("said", "undone")
		http.Redirect(w, r, "/console?"+shown.Encode(), http.StatusSeeOther)
		return nil
	}
	words, ok := s.refused(r.Context(), err, desk)
	if !ok {
		return err
	}
	r = withNotice(r, words)
	r.URL.RawQuery = shown.Encode()
	return s.showConsole(w, r, http.StatusConflict)
}

// photograph keeps the photo that a form has sent.
func (s *face) photograph(ctx context.Context, d consoleDesk, id string, form crewForm, wrong string) error {
	if wrong == "" && len(form.photos) == 0 {
		wrong = s.texts.T("report.photo." + string(photoKind))
	}
	if wrong != "" {
		return badRequest(wrong)
	}
	p := form.photos[0]
	_, err := d.Act(ctx, id, workerIn(ctx).by(d.now), dispatch.Photograph{Taken: dispatch.Taken(form.Get("taken")), JPEG: p.JPEG, Width: p.Width, Height: p.Height})
	return err
}

// afterAct goes back to the order's page, which says what became of it.
func (s *face) afterAct(w http.ResponseWriter, r *http.Request, id, said string, err error, d consoleDesk) error {
	if err == nil {
		http.Redirect(w, r, "/console/orders/"+url.PathEscape(id)+"?said="+said, http.StatusSeeOther)
		return nil
	}
	words, ok := s.refused(r.Context(), err, d)
	if !ok {
		return err
	}
	status := http.StatusUnprocessableEntity
	if errors.Is(err, dispatch.ErrChanged) {
		status = http.StatusConflict
	}
	return s.showDetail(w, withNotice(r, words), status, func(d consoleDesk) (*detail, error) { return s.detailOf(r.Context(), d, id) })
}

// consoleDecide decides on a place of the review list.
func (s *face) consoleDecide(w http.ResponseWriter, r *http.Request) error {
	ctx, place := r.Context(), r.PathValue("id")
	q, err := posted(w, r)
	if err != nil {
		return err
	}
	given, err := s.deedOf(q)
	if err != nil {
		return err
	}
	order, err := s.decide(ctx, place, given, workerIn(ctx), "")
	if err != nil {
		d, errDesk := s.consoleDesk(ctx)
		if errDesk != nil {
			return errDesk
		}
		words, ok := s.refused(ctx, err, d)
		if !ok {
			return err
		}
		return s.showDetail(w, withNotice(r, words), http.StatusConflict, func(d consoleDesk) (*detail, error) { return s.reviewOf(ctx, d, place) })
	}
	to := "/console?view=review&said=done"
	if order != "" {
		to = "/console/orders/" + order + "?said=done"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// decide accepts a place or a report of the review list as an order, whose id it returns, or dismisses it. stroke names what is taken back together.
func (s *Server) decide(ctx context.Context, place string, given Deed, who worker, stroke string) (string, error) {
	by := who.by(s.config.Now())
	by.Reason, by.Batch = given.Reason, batchName(stroke)
	switch given.Do {
	case "accept":
		why, err := s.explainer.By(s.rules()).Explain(ctx, place)
		if errors.Is(err, crowd.ErrNotFound) {
			order, err := s.desk().AcceptReport(ctx, place, by, crowd.Class(given.Class))
			if errors.Is(err, dispatch.ErrUnknown) {
				err = errWhat
			}
			return order, err
		}
		if err != nil {
			return "", err
		}
		return s.desk().AcceptReview(ctx, place, by, why)
	case "dismiss":
		verdict := dispatch.Dismiss{Verdict: dispatch.Verdict(given.Verdict), Found: crowd.Class(given.Found)}
		err := s.desk().DismissReport(ctx, place, by, verdict)
		if errors.Is(err, dispatch.ErrNotFound) {
			err = s.desk().DismissReview(ctx, place, by, verdict)
		}
		return "", err
	}
	return "", badRequest("A place of the review list is accepted or dismissed.")
}

// posted reads a form that was sent.
func posted(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 32<<10)
	if err := r.ParseForm(); err != nil {
		return nil, badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	return r.PostForm, nil
}

// deedOf reads a deed from a form. Its place is one field, as maps copy it: 48.40917, 15.61042.
func (s *face) deedOf(q url.Values) (Deed, error) {
	var wrong error
	number := func(key string) float64 {
		text := strings.TrimSpace(q.Get(key))
		if text == "" {
			return 0
		}
		v, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			wrong = badRequest(s.texts.T("console.number", "field", s.texts.T("console."+key), "text", text))
		}
		return v
	}
	d := Deed{Do: q.Get("do"), Reason: strings.TrimSpace(q.Get("reason")), Crew: q.Get("crew"), Body: q.Get("body"), Class: q.Get("class"), Severity: number("severity"),
		Verdict: q.Get("verdict"), Found: q.Get("found"), Of: strings.TrimSpace(q.Get("of")), Number: strings.TrimSpace(q.Get("number")),
		What: strings.TrimSpace(q.Get("what")), Quantity: number("quantity"), Unit: strings.TrimSpace(q.Get("unit")), Cents: hundredths(number("cost"))}
	if at, ok := position(q.Get("at")); ok {
		d.Lat, d.Lon = &at[1], &at[0]
	}
	if to, ok := strings.CutPrefix(d.Crew, "body:"); ok { // one list offers both
		d.Do, d.Crew, d.Body = "hand_over", "", to
	}
	if what, ok := strings.CutPrefix(d.Verdict, "not_defect:"); ok {
		d.Verdict, d.Found = string(dispatch.NotDefect), what
	}
	for key, most := range map[string]int{"reason": 4000, "what": 200, "unit": 40, "of": 64} {
		if n := utf8.RuneCountInString(strings.TrimSpace(q.Get(key))); n > most {
			wrong = badRequest(s.texts.T("console.long", "n", n, "most", most))
		}
	}
	if d.What == "" && (d.Cents != 0 || d.Quantity != 0) && d.Do != "spend" {
		wrong = badRequest(s.texts.T("console.what.missing"))
	}
	return d, wrong
}

// hundredths of an amount; what no order costs stays so, and is refused.
func hundredths(amount float64) int64 {
	return int64(math.Round(100 * min(max(amount, -1e15), 1e15)))
}

// consoleSave saves a view under a name, or forgets one.
func (s *face) consoleSave(w http.ResponseWriter, r *http.Request) error {
	q, err := posted(w, r)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(q.Get("name"))
	if name == "" || len(name) > 80 {
		return badRequest("A view's name has 1 to 80 characters.")
	}
	asked, err := url.ParseQuery(q.Get("query"))
	if err != nil {
		return badRequest("The view cannot be read.")
	}
	query := parseSought(asked).Query()
	if q.Get("forget") != "" {
		query = ""
	}
	if err := dispatch.SaveView(r.Context(), s.config.Pool, workerIn(r.Context()).ID, dispatch.SavedView{Name: name, Query: query, Shared: q.Get("shared") != ""}); err != nil {
		return err
	}
	http.Redirect(w, r, "/console?"+query, http.StatusSeeOther)
	return nil
}

type noticeKey struct{}

// withNotice has the page say something.
func withNotice(r *http.Request, words string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), noticeKey{}, words))
}

// notice is what a page says of what was done before.
func (s *face) notice(r *http.Request) string {
	if words, ok := r.Context().Value(noticeKey{}).(string); ok {
		return words
	}
	if said := r.URL.Query().Get("said"); said == "done" || said == "undone" {
		return s.texts.T(fmt.Sprint("console.said.", said))
	}
	return ""
}
