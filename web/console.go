package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// consoleView is one of the views that everybody has, reached by G and its number.
type consoleView struct {
	Name string
	Late bool // its number is shown as something that is late
	view dispatch.View
}

// keyboardOf is the key that does something in the console.
func keyboardOf(act string) string {
	return map[string]string{"accept": "Y", "assign": "A", "reclass": "C", "dismiss": "D", "merge": "M", "split": "S", "move": "V", "start": "B", "repair": "R", "reopen": "O",
		"release": "L", "take_over": "T", "verify": "W", "note": "N", "reply": "P", "photo": "F", "refer": "I", "spend": "E"}[act]
}

const reviewView = "review" // places, not orders

func consoleViews() []consoleView {
	return []consoleView{
		{Name: "todo", view: dispatch.View{States: []dispatch.State{dispatch.New, dispatch.Accepted, dispatch.Reopened}}},
		{Name: "overdue", Late: true, view: dispatch.View{Due: []dispatch.Due{dispatch.Overdue}}},
		{Name: reviewView},
		{Name: "crews", view: dispatch.View{States: []dispatch.State{dispatch.Assigned, dispatch.InProgress}}},
		{Name: "checked", view: dispatch.View{States: []dispatch.State{dispatch.Repaired}}},
		{Name: "open", view: dispatch.View{States: []dispatch.State{dispatch.New, dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Reopened}}},
	}
}

// sought is what the address of the console asks for.
type sought struct {
	Name  string // of a view; empty: every order
	view  dispatch.View
	State dispatch.State
	Class crowd.Class
	Body  string
	Crew  string
	Due   dispatch.Due
	Grade grade // at least; 0: any
	Text  string
	Sort  dispatch.Sort
	Fail  bool
	Bbox  string // west,south,east,north: only what is there
	Order string // that is in hand
}

func parseSought(q url.Values) sought {
	v := sought{Name: q.Get("view"), State: dispatch.State(q.Get("state")), Class: crowd.Class(q.Get("class")), Body: q.Get("body"), Crew: q.Get("crew"),
		Due: dispatch.Due(q.Get("due")), Text: strings.TrimSpace(q.Get("q")), Sort: dispatch.Sort(q.Get("sort")), Fail: q.Get("failed") != "", Order: q.Get("order")}
	if n, err := strconv.Atoi(q.Get("severity")); err == nil && (grade(n) == moderate || grade(n) == severe) {
		v.Grade = grade(n)
	}
	filtered := v.Grade != 0 || v.State != "" || v.Class != "" || v.Body != "" || v.Crew != "" || v.Due != "" || v.Text != "" || v.Fail
	if v.Name == "" && !filtered {
		v.Name = "todo"
	}
	for _, c := range consoleViews() {
		if c.Name == v.Name {
			v.view = c.view
		}
	}
	if v.State != "" {
		v.view.States = []dispatch.State{v.State}
	}
	if v.Class != "" {
		v.view.Classes = []crowd.Class{v.Class}
	}
	if v.Body != "" {
		v.view.Bodies = []string{v.Body}
	}
	if v.Crew != "" {
		v.view.Crews = []string{v.Crew}
	}
	if v.Due != "" {
		v.view.Due = []dispatch.Due{v.Due}
	}
	v.view.Text, v.view.Failed, v.view.Order, v.view.Severity = v.Text, v.Fail, v.Sort, v.Grade.from()
	if box, err := parseBox(q.Get("bbox")); err == nil && box != nil {
		v.Bbox, v.view.Bounds = bounds(*box), box
	}
	return v
}

// OfPlaces says whether places are sought, which have no state, crew or deadline.
func (v sought) OfPlaces() bool { return v.Name == reviewView }

// Query is the address's query without the order in hand.
func (v sought) Query() string {
	q := url.Values{}
	for key, value := range map[string]string{"view": v.Name, "state": string(v.State), "class": string(v.Class), "body": v.Body, "crew": v.Crew,
		"due": string(v.Due), "q": v.Text, "sort": string(v.Sort), "bbox": v.Bbox} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if v.Fail {
		q.Set("failed", "1")
	}
	if v.Grade != 0 {
		q.Set("severity", strconv.Itoa(int(v.Grade)))
	}
	return q.Encode()
}

// With is the address of the console under the same filters with an order in hand.
func (v sought) With(order string) string {
	return "/console?" + v.Query() + "&order=" + url.QueryEscape(order)
}

// tab is a view with how much is in it.
type tab struct {
	Name, Href, Text string
	N                int
	Late, Current    bool
}

// consolePage is the console.
type consolePage struct {
	head
	sought
	Tabs     []tab
	Saved    []dispatch.SavedView
	States   []dispatch.State
	Crews    []dispatch.Team
	Bodies   []string
	Hand     []string // bodies that orders can be handed over to
	Rows     []row
	Total    int
	From, To int
	Back     string
	Next     string
	Detail   *detail
	Verdicts []dispatch.Verdict
	Bounds   string
	Texts    string
	Notice   string
	Undoable bool // what the notice is about
	Today    time.Time
}

// consoleRows is how many orders a page without scripts lists.
const consoleRows = 60

func (s *face) consolePage(w http.ResponseWriter, r *http.Request) error {
	return s.showConsole(w, r, http.StatusOK)
}

func (s *face) showConsole(w http.ResponseWriter, r *http.Request, status int) error {
	ctx := r.Context()
	who := workerIn(ctx)
	v := &consolePage{sought: parseSought(r.URL.Query()), States: dispatch.States(), Verdicts: dispatch.Verdicts(), Today: s.config.Now()}
	v.Page, v.Title = "console", s.texts.T("console.title")
	v.Notice = s.notice(r)
	v.Undoable = r.URL.Query().Get("said") == "done"
	desk, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = min(max(page, 1), 1_000_000)
	if v.Rows, v.Total, err = s.consoleList(ctx, desk, v.sought, (page-1)*consoleRows, consoleRows); err != nil {
		return err
	}
	if v.Tabs, err = s.tabs(ctx, desk, v.sought, v.Total); err != nil {
		return err
	}
	if v.Saved, err = dispatch.SavedViews(ctx, s.config.Pool, who.ID); err != nil {
		return err
	}
	if err := s.fillChoices(ctx, v); err != nil {
		return err
	}
	v.From, v.To = (page-1)*consoleRows+1, (page-1)*consoleRows+len(v.Rows)
	if page > 1 {
		v.Back = fmt.Sprintf("/console?%s&page=%d", v.Query(), page-1)
	}
	if v.To < v.Total && len(v.Rows) > 0 {
		v.Next = fmt.Sprintf("/console?%s&page=%d", v.Query(), page+1)
	}
	if v.Order != "" {
		if v.Detail, err = s.detailOf(ctx, desk, v.Order); err != nil && !errors.Is(err, errHidden) {
			return err
		}
	}
	if v.Bounds, err = s.bounds(ctx); err != nil {
		return err
	}
	v.Texts = s.textsUnder("console.js.")
	w.Header().Set("Cache-Control", "no-store")
	return s.render(w, r, status, "base", v)
}

func (s *face) fillChoices(ctx context.Context, v *consolePage) error {
	var err error
	if v.Crews, err = dispatch.Crews(ctx, s.config.Pool, false); err != nil {
		return err
	}
	bodies, err := dispatch.Bodies(ctx, s.config.Pool, false)
	if err != nil {
		return err
	}
	for _, b := range bodies {
		v.Bodies = append(v.Bodies, b.Name)
		if b.External {
			v.Hand = append(v.Hand, b.Name)
		}
	}
	rows, err := s.config.Pool.Query(ctx, `select distinct body from orders where body <> '' order by 1 limit 200`)
	if err != nil {
		return fmt.Errorf("list the bodies of orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b string
		if err := rows.Scan(&b); err != nil {
			return fmt.Errorf("list the bodies of orders: %w", err)
		}
		if !slices.Contains(v.Bodies, b) {
			v.Bodies = append(v.Bodies, b)
		}
	}
	return rows.Err()
}

// consoleDesk is a desk with what the city has laid down, as of one request.
type consoleDesk struct {
	dispatch.Desk
	works dispatch.Works
	now   time.Time
}

func (s *Server) desk() dispatch.Desk {
	d := dispatch.Desk{Pool: s.config.Pool, Audit: audit}
	if n := s.network(); n != nil {
		d.Office.Street = dispatch.OnStreets(n)
	}
	return d
}

func (s *Server) consoleDesk(ctx context.Context) (consoleDesk, error) {
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	return consoleDesk{s.desk(), works, s.config.Now()}, err
}

// tabs counts every view. The one that is shown is counted as it is filtered.
func (s *face) tabs(ctx context.Context, d consoleDesk, v sought, total int) ([]tab, error) {
	views := consoleViews()
	var ask []dispatch.View
	for _, c := range views {
		ask = append(ask, c.view)
	}
	n, err := dispatch.Lengths(ctx, s.config.Pool, ask, d.works, d.now)
	if err != nil {
		return nil, err
	}
	var out []tab
	for i, c := range views {
		t := tab{Name: c.Name, Href: "/console?view=" + c.Name, Text: s.texts.T("console.view." + c.Name), N: n[i], Current: v.Name == c.Name}
		if c.Name == reviewView {
			if t.N, err = dispatch.ReviewsOpen(ctx, s.config.Pool); err != nil {
				return nil, err
			}
		}
		if t.Current {
			t.N = total
		}
		t.Late = c.Late && t.N > 0
		out = append(out, t)
	}
	if v.Name == "" {
		out = append(out, tab{Name: "filtered", Href: "/console?" + v.Query(), Text: s.texts.T("console.view.filtered"), N: total, Current: true})
	}
	return out, nil
}
