package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	crewsPath = "/admin/crews"
	yardFarM  = 30_000.0 // beyond the streets that are known: a yard there is a slip of the pen
)

// teamRow is a crew in the list of all.
type teamRow struct {
	dispatch.Team
	People []string // who is in it, as they are called
	Open   int      // orders
	Where  string   // its yard is
}

// teamsView is the page of all crews.
type teamsView struct {
	head
	Section string
	Crews   []teamRow
	Retired []teamRow
	Log     []logLine
}

// teamView is the page of one crew, or of one to be.
type teamView struct {
	head
	refusal
	Section string
	Notice  string
	Crew    dispatch.Team
	Version int64
	Bodies  []string
	People  []memberRow
	Yard    string // as it is written
	Where   string // that is
	Map     template.HTML
	Open    int
}

// memberRow is somebody who can be in a crew.
type memberRow struct {
	access.Person
	In bool
}

func (s *face) teamsPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	crews, err := dispatch.Crews(ctx, s.config.Pool, true)
	if err != nil {
		return err
	}
	open, err := dispatch.CrewLoads(ctx, s.config.Pool)
	if err != nil {
		return err
	}
	var ids []string
	for _, t := range crews {
		ids = append(ids, t.Members...)
	}
	called, err := access.CalledByID(ctx, s.config.Pool, ids)
	if err != nil {
		return err
	}
	v := &teamsView{head: head{Page: "crews", Title: s.texts.T("crews.title")}, Section: "crews"}
	for _, t := range crews {
		row := teamRow{Team: t, Open: open[t.ID], Where: s.yardWords(t.Yard)}
		for _, m := range t.Members {
			if name := called[m]; name != "" {
				row.People = append(row.People, name)
			}
		}
		if t.ClosedAt.IsZero() {
			v.Crews = append(v.Crews, row)
		} else {
			v.Retired = append(v.Retired, row)
		}
	}
	if v.Log, err = s.readLog(ctx, access.Search{Action: "crew.", Limit: 20}); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

// yardWords says where a yard is: by its street, and its position.
func (s *face) yardWords(at *orb.Point) string {
	if at == nil {
		return ""
	}
	words := fmt.Sprintf("%.5f, %.5f", at.Lat(), at.Lon())
	if n := s.network(); n != nil {
		if street, _ := dispatch.OnStreets(n)(*at, nil); street != "" {
			return street + " (" + words + ")"
		}
	}
	return words
}

// calling says who people are in the log.
func calling(ctx context.Context, tx pgx.Tx, ids []string) (func(string) string, error) {
	names, err := access.CalledByID(ctx, tx, ids)
	return func(id string) string {
		if name := names[id]; name != "" {
			return name
		}
		return id
	}, err
}

func (s *face) team(ctx context.Context, id string) (dispatch.Team, error) {
	t, err := dispatch.FindCrew(ctx, s.config.Pool, id)
	if errors.Is(err, dispatch.ErrUnknown) {
		return t, errHidden
	}
	return t, err
}

func (s *face) teamPage(w http.ResponseWriter, r *http.Request) error {
	var t dispatch.Team
	var seen int64
	if id := r.PathValue("id"); id != "" {
		var err error
		if t, err = s.team(r.Context(), id); err != nil {
			return err
		}
		seen = t.Version()
	}
	return s.showTeam(w, r, http.StatusOK, t, seen, func(v *teamView) {
		if done := r.URL.Query().Get("done"); slices.Contains([]string{"added", "saved", "retired", "restored"}, done) {
			v.Notice = s.texts.T("crews.done." + done)
		}
	})
}

func (s *face) showTeam(w http.ResponseWriter, r *http.Request, status int, t dispatch.Team, seen int64, change func(*teamView)) error {
	ctx := r.Context()
	v := &teamView{head: head{Page: "team", Title: s.texts.T("crews.new")}, Section: "crews", refusal: refusal{Wrong: map[string]string{}}, Crew: t, Version: seen}
	if t.Yard != nil {
		v.Yard, v.Where = fmt.Sprintf("%.6f, %.6f", t.Yard.Lat(), t.Yard.Lon()), s.yardWords(t.Yard)
		v.Map = s.boundaryMap(nil, t.Yard, s.texts.T("crews.yard.map", "where", v.Where))
	}
	bodies, err := dispatch.Bodies(ctx, s.config.Pool, false)
	if err != nil {
		return err
	}
	for _, b := range bodies {
		v.Bodies = append(v.Bodies, b.Name)
	}
	if t.Body != "" && !slices.Contains(v.Bodies, t.Body) {
		v.Bodies = append(v.Bodies, t.Body)
	}
	if v.People, err = s.mayBeIn(ctx, t); err != nil {
		return err
	}
	if t.ID != "" {
		v.Title = t.Name
		if v.Log, err = s.readLog(ctx, access.Search{Action: "crew.", What: t.ID, Limit: 20}); err != nil {
			return err
		}
		open, err := dispatch.CrewLoads(ctx, s.config.Pool)
		if err != nil {
			return err
		}
		v.Open = open[t.ID]
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

// mayBeIn lists who can be in a crew: those who may work on orders, and whoever is in it.
func (s *face) mayBeIn(ctx context.Context, t dispatch.Team) (out []memberRow, err error) {
	people, err := access.People(ctx, s.config.Pool, "", mostPeople) // staff comes first
	for _, p := range people {
		in := slices.Contains(t.Members, p.ID)
		if in || p.May(access.WorkOrders) && !p.Disabled {
			out = append(out, memberRow{p, in})
		}
	}
	// Crews are made of people of that role, most of the time.
	slices.SortStableFunc(out, func(a, b memberRow) int { return rank(a) - rank(b) })
	return out, err
}

func rank(m memberRow) int {
	if m.In || m.Role == access.Crew {
		return 0
	}
	return 1
}

// teamPost adds, changes, retires or takes back a crew.
func (s *face) teamPost(w http.ResponseWriter, r *http.Request) error {
	f, err := posted(w, r)
	if err != nil {
		return err
	}
	ctx, id := r.Context(), r.PathValue("id")
	var t dispatch.Team
	if id != "" {
		if t, err = s.team(ctx, id); err != nil {
			return err
		}
	}
	seen, _ := strconv.ParseInt(f.Get("version"), 10, 64)
	done := "saved"
	var faults dispatch.Faults
	switch f.Get("do") {
	case "retire":
		t.ClosedAt, done = s.config.Now(), "retired"
	case "restore":
		t.ClosedAt, done = time.Time{}, "restored"
	case "", "save":
		if id == "" {
			done = "added"
		}
		t.Name, t.Body = cleanName(f.Get("name")), strings.TrimSpace(f.Get("body"))
		if t.Members, err = s.readMembers(ctx, t, f["member"]); err != nil {
			return err
		}
		t.Yard, faults = s.readYard(strings.TrimSpace(f.Get("yard")))
	default:
		return badRequest("do is one of save, retire, restore.")
	}
	after := t
	if faults == nil {
		after, err = s.saveTeam(ctx, t, seen)
	} else {
		err = faults
	}
	if err == nil {
		http.Redirect(w, r, crewsPath+"/"+url.PathEscape(after.ID)+"?done="+done, http.StatusSeeOther)
		return nil
	}
	status, stands, say := s.refusalOf(err, t.Name)
	if say == nil {
		return err
	}
	return s.showTeam(w, r, status, t, cmp.Or(stands, seen), func(v *teamView) {
		if f.Has("yard") {
			v.Yard = f.Get("yard")
		}
		say(&v.refusal)
	})
}

// readMembers reads who is to be in a crew.
func (s *face) readMembers(ctx context.Context, t dispatch.Team, ids []string) ([]string, error) {
	people, err := s.mayBeIn(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(people, func(m memberRow) bool { return m.ID == id }) {
			return nil, badRequest(s.texts.T("crews.nobody"))
		}
	}
	return ids, nil
}

// readYard reads where a crew sets out from: a position, or a street.
func (s *face) readYard(text string) (*orb.Point, dispatch.Faults) {
	if text == "" {
		return nil, nil
	}
	n := s.network()
	at, ok := position(text)
	if !ok && n != nil {
		if found := n.Search(text, 1); len(found) > 0 {
			at, ok = found[0].Point, true
		}
	}
	switch {
	case !ok:
		return nil, dispatch.Faults{dispatch.NewFault("yard", "crew.nowhere", "no street begins with {text}", "text", text)}
	case n != nil && !widen(n.Bound(), yardFarM).Contains(at):
		return nil, dispatch.Faults{dispatch.NewFault("yard", "crew.far", "that is far from all streets")}
	}
	return &at, nil
}

// saveTeam makes or changes a crew, as who is logged in, and notes it in the log.
func (s *Server) saveTeam(ctx context.Context, t dispatch.Team, seen int64) (after dispatch.Team, err error) {
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := dispatch.ChangeCrew(ctx, tx, t, seen)
		if err != nil {
			return access.Entry{}, err
		}
		after = changed
		called, err := calling(ctx, tx, slices.Concat(before.Members, changed.Members))
		return access.Entry{Action: "crew.save", What: changed.ID, Detail: changed.Since(before, called)}, err
	})
	return after, err
}
