package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

// The crew's page stands at /crew with all that it needs below: one scope for its service worker.
const crewPath = "/crew"

// registerCrew puts the crew's page on mux. Who may work on orders may open it.
func (s *Server) registerCrew(page func(string, pageFunc)) {
	guarded := func(pattern string, serve pageFunc) { page(pattern, only(access.WorkOrders, serve)) }
	guarded("GET /crew", (*face).crewPage)
	guarded("GET /crew/orders/{id}", (*face).crewPage)
	guarded("POST /crew/orders/{id}", (*face).crewPost)
	guarded("GET /crew/orders/{id}/photos/{name}", (*face).crewPhoto)
	page("GET /crew/manifest.webmanifest", (*face).crewManifest)
}

// crewView is the crew's page: the day, and one of its stops.
type crewView struct {
	head
	Day    *crewDay
	Stop   *crewDetail // nil: none is open
	Notice string
	Wrong  string
	Texts  string
	Person string
}

// crewDay is what a crew has to do today.
type crewDay struct {
	Crew   dispatch.Team // its id is empty where the person is in none
	Crews  []dispatch.Team
	Open   []*crewStop // in driving order
	Done   []*crewStop
	Later  int // orders of the crew that are not for today
	Metres float64
	Lead   string // "8 stops, 3.4 km"
	Map    template.HTML
	Here   bool // the order begins where the phone is
}

// mine are the crews whose orders somebody may work on; all says whether they may on every order. A crew's people may on their own
// crews' only.
func (s *Server) mine(ctx context.Context) (crews []dispatch.Team, all bool, err error) {
	p, _ := personOf(ctx)
	if crews, err = dispatch.Crews(ctx, s.config.Pool, false); err != nil {
		return nil, false, err
	}
	own := slices.DeleteFunc(slices.Clone(crews), func(t dispatch.Team) bool { return !slices.Contains(t.Members, p.ID) })
	if p.Role == access.Crew {
		return own, false, nil
	}
	others := slices.DeleteFunc(crews, func(t dispatch.Team) bool { return slices.Contains(t.Members, p.ID) })
	return append(own, others...), true, nil
}

// crewBy is who acts on a crew's orders.
func (s *Server) crewBy(ctx context.Context, at time.Time) (dispatch.By, error) {
	by := workerIn(ctx).by(at)
	crews, all, err := s.mine(ctx)
	if !all {
		by.Crews = []string{}
		for _, t := range crews {
			by.Crews = append(by.Crews, t.ID)
		}
	}
	return by, err
}

// mayWork returns an order that is of a crew of the one who asks, or errHidden.
func (s *Server) mayWork(ctx context.Context, id string) (dispatch.Order, error) {
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrNotFound) {
		return o, errHidden
	}
	if err != nil {
		return o, err
	}
	crews, all, err := s.mine(ctx)
	if err == nil && !all && !slices.ContainsFunc(crews, func(t dispatch.Team) bool { return t.ID == o.Crew }) {
		err = errHidden
	}
	return o, err
}

func (s *face) crewPage(w http.ResponseWriter, r *http.Request) error {
	return s.showCrew(w, r, http.StatusOK, "")
}

// showCrew shows the day, the order that the address names, and what went wrong.
func (s *face) showCrew(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	ctx := r.Context()
	who := workerIn(ctx)
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	v := &crewView{head: head{Page: "crew", Title: s.texts.T("crew.title")}, Wrong: wrong, Person: who.ID, Texts: s.textsUnder("crew.js.")}
	if v.Day, err = s.crewDay(ctx, d, r.URL.Query().Get("crew"), nil); err != nil {
		return err
	}
	if said := r.URL.Query().Get("said"); said == "done" || said == "undone" {
		v.Notice = s.texts.T("crew.said." + said)
	}
	if id := r.PathValue("id"); id != "" {
		o, err := s.mayWork(ctx, id)
		if err != nil {
			return err
		}
		stop := v.Day.stop(id)
		if stop == nil {
			stop = s.crewStop(o, d)
		}
		if v.Stop, err = s.crewDetail(ctx, d, o, stop); err != nil {
			return err
		}
		v.Title = v.Stop.Title
	}
	return s.render(w, r, status, "crew", v)
}

// stop returns a stop of the day, nil where the order is none.
func (c *crewDay) stop(id string) *crewStop {
	for _, stop := range slices.Concat(c.Open, c.Done) {
		if stop.ID == id {
			return stop
		}
	}
	return nil
}

const (
	mostStops = 40  // of a day: nobody repairs more
	mostDone  = 100 // that are shown
)

// crewDay reads the day of a crew that somebody may see: the one that is named, or their first. From says where the phone is, nil: it is
// not known, and the day begins at the crew's yard.
func (s *face) crewDay(ctx context.Context, d consoleDesk, crew string, from *orb.Point) (*crewDay, error) {
	out := &crewDay{}
	crews, _, err := s.mine(ctx)
	if err != nil || len(crews) == 0 {
		return out, err
	}
	out.Crews, out.Crew, out.Here = crews, crews[0], from != nil
	for _, t := range crews {
		if t.ID == crew {
			out.Crew = t
		}
	}
	open, err := dispatch.Queue(ctx, s.config.Pool, dispatch.View{Crews: []string{out.Crew.ID}, States: []dispatch.State{dispatch.Assigned, dispatch.InProgress}}, d.works, d.now)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(open, func(a, b dispatch.Order) int { return bandOf(a, d) - bandOf(b, d) })
	if len(open) > mostStops {
		out.Later = len(open) - mostStops
		open = open[:mostStops]
	}
	local := d.now.In(d.zone())
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, d.zone())
	done, err := dispatch.Queue(ctx, s.config.Pool, dispatch.View{Crews: []string{out.Crew.ID}, Since: midnight,
		States: []dispatch.State{dispatch.Repaired, dispatch.Verified, dispatch.Dismissed}, Limit: mostDone}, d.works, d.now)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(done, func(a, b dispatch.Order) int { return a.StateAt.Compare(b.StateAt) })
	for _, o := range done {
		stop := s.crewStop(o, d)
		stop.Done = true
		out.Done = append(out.Done, stop)
	}
	if from == nil {
		from = out.Crew.Yard
	}
	s.fillRoute(out, open, from, d)
	return out, nil
}

// zone is the works department's time zone.
func (d consoleDesk) zone() *time.Location {
	if z := d.works.Calendar.Zone; z != nil {
		return z
	}
	return time.UTC
}

// crewStop is an order in a line of the day.
type crewStop struct {
	row
	N     int // in driving order; 0: it is done, or for another day
	Title string
	Where string
	Grade grade
	State dispatch.State
	When  string // of its state
	Leg   string // how far it is from the stop before; empty: not known
	Done  bool
	sight sight
}

func (s *face) crewStop(o dispatch.Order, d consoleDesk) *crewStop {
	p := placeOf(o)
	named := s.describe(p)
	return &crewStop{row: s.row(o, d), Title: named.Title, Where: named.Where, Grade: gradeOf(o.Severity), State: o.State, When: s.moment(o.StateAt, d), sight: p}
}

// part renders one of the page's parts for its script.
func (s *face) part(name string, data any) (string, error) {
	text, err := s.pages.write("crew", name, data)
	return string(text), err
}
