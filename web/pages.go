package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageSet is the pages of one language, each parsed when it is first asked for.
type pageSet map[string]func() (*template.Template, error)

// readPages finds a set of templates for every page: what all share, and its own file.
func (s *face) readPages() pageSet {
	shared := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(s.words()).ParseFS(templateFiles,
			"templates/base.html", "templates/symbols.html", "templates/panel.html", "templates/admin.html", "templates/detail.html")
	})
	pages := pageSet{}
	for _, name := range []string{"map", "list", "place", "stats", "supervision", "report", "reported", "workorder", "drive", "following", "data", "about", "developers", "message", "error", "login", "forgotten", "link", "account", "erase", "signup", "people", "person", "adminkeys", "webhooks", "webhook", "devices", "device", "detectors", "log", "crews", "team", "replies", "reply", "bodies", "body", "deadlines", "settings", "categories", "console", "order", "sheet", "crew"} {
		pages[name] = sync.OnceValues(func() (*template.Template, error) {
			t, err := shared()
			if err == nil {
				t, err = t.Clone()
			}
			if err == nil {
				t, err = t.ParseFS(templateFiles, "templates/"+name+".html")
			}
			return t, err
		})
	}
	return pages
}

// write fills a page's template, whole or a part of it.
func (p pageSet) write(page, part string, data any) ([]byte, error) {
	var b bytes.Buffer
	t, err := p[page]()
	if err == nil {
		err = t.ExecuteTemplate(&b, part, data)
	}
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", page, err)
	}
	return b.Bytes(), nil
}

// words are the functions that templates call.
func (s *face) words() template.FuncMap {
	return template.FuncMap{
		"t":        s.texts.T,
		"language": func() string { return s.language },
		"tn":       func(key string, n int) string { return s.texts.N(key, n) },
		"city":     s.city,
		"look":     s.look,
		"asset":    s.assets.url,
		"day":      func(at time.Time) string { return s.texts.Day(at, s.config.Now()) },
		"isoday":   func(at time.Time) string { return at.UTC().Format(time.DateOnly) },
		"grade":    func(g grade) string { return s.texts.T(fmt.Sprint("grade.", int(g))) },
		"mark":     func(name string) mark { return mark(name) },
		"marks":    marks, "groups": groups, "classes": crowd.Classes,
		"split":       strings.Split,
		"links":       links,
		"about":       aboutPages,
		"sections":    sections,
		"key":         keyboardOf,
		"rfc":         func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"minute":      func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") + " UTC" },
		"date":        func(at time.Time) string { return s.texts.Date(at) },
		"add":         func(a, b int) int { return a + b },
		"month":       func(at time.Time) string { return s.month(at) + " " + strconv.Itoa(at.Year()) },
		"pair":        func(a, b any) struct{ A, B any } { return struct{ A, B any }{a, b} },
		"attribution": s.attribution,
	}
}

// navLink is one of the pages that every page links to.
type navLink struct{ Page, Href, Text string }

func links() []navLink {
	return []navLink{{"map", "/", "nav.map"}, {"list", "/list", "nav.list"}, {"stats", "/stats", "nav.stats"}, {"data", "/data", "nav.data"}}
}

// attribution is what must stand on every map, empty where there are no streets.
func (s *Server) attribution() string {
	if n := s.network(); n != nil {
		return n.Attribution()
	}
	return ""
}

// render answers with a page, whole or, where part is named, that template of it alone.
func (s *face) render(w http.ResponseWriter, r *http.Request, status int, part string, data headed) error {
	data.top().Tongues, data.top().Who = s.tongues(r), who(r.Context())
	text, err := s.pages.write(data.top().Page, part, data)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", s.language)
	h.Add("Vary", "Accept-Language, Cookie")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
	if data.top().Who != nil && h.Get("Cache-Control") == "no-cache" {
		h.Set("Cache-Control", "private, no-cache") // it names somebody
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only where the client has gone, and then nobody is left to tell
	return nil
}

// orErrorPage serves an error that serve returns as a page in the same look.
func (s *Server) orErrorPage(serve func(*face, http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.speak(r)
		choose(w, r, f)
		err := s.origins.Check(r)
		if err != nil {
			err = errElsewhere
		} else {
			err = serve(f, w, r)
		}
		if err == nil || lead(w, r, err) {
			return
		}
		status := statusOf(err)
		if status >= 500 && r.Context().Err() == nil {
			s.config.Log.Error("a page failed", "path", r.URL.Path, "error", err)
		}
		key := fmt.Sprint("error.", status)
		if errors.Is(err, errRole) {
			key = "error.role"
		}
		page := &errorView{head: head{Page: "error", Title: f.texts.T(key)}, Text: f.texts.T(key + ".text"), Status: status}
		if err := f.render(w, r, status, "base", page); err != nil {
			http.Error(w, page.Title, status)
		}
	})
}

// statusOf returns the HTTP status that an error stands for.
func statusOf(err error) int {
	var unreadable badRequest
	switch {
	case errors.Is(err, errHidden):
		return http.StatusNotFound
	case errors.As(err, &unreadable):
		return http.StatusBadRequest
	case errors.Is(err, errElsewhere), errors.Is(err, errRole):
		return http.StatusForbidden
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed
	case away(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// errElsewhere is returned for forms that another site's page sends.
var errElsewhere = errors.New("sent by another site's page")

// errMethod is returned where an address takes other methods than the one it was asked by.
var errMethod = errors.New("not by this method")

// badRequest says what is wrong with a request.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// head is what every page has: its name, its title, the languages it can be read in, and who reads it.
type head struct {
	Page, Title string
	Tongues     []tongue
	Who         *whoView // is logged in; nil: nobody
}

func (h *head) top() *head { return h }

// headed is a page's content.
type headed interface{ top() *head }

type errorView struct {
	head
	Text   string
	Status int
}

// panelView is what the panel beside the map shows: a place, or a list.
type panelView struct {
	head
	filter
	Counts   counts
	Sentence string
	Heading  string
	Places   []titled
	Together bool // the list holds places that lie on one spot
	Gone     bool
	Query    string  // a street that was looked for without scripts
	Streets  []nudge // and what was found
	Around   string  // the name of what the list is around
	Near     string  // and where that is: latitude,longitude

	Place   *titled // or an order that has none
	Area    string  // the cell of a coarse place: lon,lat lon,lat …
	Reasons []why
	Changes []string // what would change the belief
	Grounds []why    // why it was believed when its order was written, where that reads otherwise than today
	Bars    []bar
	Story   []chapter
	Duties  []fact // who has to repair, and by when; none without an order
	Ballot  *ballot
	History *history

	repaired time.Time // for the first time; zero: not yet

	Bounds string // of the map: west,south,east,north
	Texts  string // those of the map's script, JSON
}

func (s *face) home(w http.ResponseWriter, r *http.Request) error {
	v, err := s.panelFor(r)
	if err != nil {
		return err
	}
	v.Page, v.Title = "map", s.texts.T("home.title")
	if v.Place != nil {
		v.Title = v.Place.Title
	}
	if v.Bounds, err = s.bounds(r.Context()); err != nil {
		return err
	}
	v.Texts = s.scriptTexts()
	return s.render(w, r, http.StatusOK, "base", v)
}

// panel answers with the panel alone, for the map's script.
func (s *face) panel(w http.ResponseWriter, r *http.Request) error {
	v, err := s.panelFor(r)
	if err != nil {
		return err
	}
	for _, g := range groups() {
		w.Header().Set("Count-"+string(g), fmt.Sprint(v.Counts.Of(g)))
	}
	v.Page = "map"
	return s.render(w, r, http.StatusOK, "panel", v)
}

func (s *face) panelFor(r *http.Request) (*panelView, error) {
	ctx, q := r.Context(), r.URL.Query()
	v := &panelView{filter: parseFilter(q)}
	var err error
	if v.Counts, err = s.count(ctx, v.Class); err != nil {
		return nil, err
	}
	if id := q.Get("place"); id != "" {
		found, err := s.find(ctx, id)
		if j := (errJoined{}); errors.As(err, &j) {
			found, err = s.findPlace(ctx, j.into)
		}
		if errors.Is(err, errHidden) {
			v.Gone = true
			return v, nil
		}
		if err != nil {
			return nil, err
		}
		return v, s.fillPlace(r, v, found)
	}
	if ids := q.Get("places"); ids != "" {
		v.Together = true
		return v, s.fillTogether(ctx, v, ids)
	}
	if near := q.Get("near"); near != "" {
		v.Together = true
		return v, s.fillAround(ctx, v, near, q.Get("at"))
	}
	if text := strings.TrimSpace(q.Get("q")); text != "" {
		v.Together, v.Query = true, text
		if n := s.network(); n != nil {
			for _, f := range n.Search(text, 12) {
				to := url.Values{"near": {fmt.Sprintf("%.6f,%.6f", f.Point.Lat(), f.Point.Lon())}, "at": {f.Name}}
				v.Streets = append(v.Streets, nudge{"/?" + to.Encode(), f.Name})
			}
		}
		return v, nil
	}
	v.Sentence = s.sentence(v.Counts)
	if v.Class != "" {
		v.Sentence = s.texts.T("home.class", "class", s.texts.T("class."+string(v.Class)), "sentence", v.Sentence)
	}
	order, key := "newest", "home.newest."+string(v.Show)
	if v.Show == groupAll && v.Class == "" { // few classes have orders
		order, key = "ordered", "home.newest"
	}
	v.Heading = s.texts.T(key)
	v.Places, err = s.list(ctx, listing{Marks: v.Show.marks(), Class: v.Class, Order: order, Limit: 12})
	return v, err
}

// aroundM is how far around a street's middle places are listed.
const aroundM = 400

// fillAround lists the places around a position, the nearest first. It is called by the name given where a street there has it.
func (s *face) fillAround(ctx context.Context, v *panelView, near, name string) error {
	at, ok, err := (&placesInput{Near: near}).near()
	if err != nil || !ok {
		return err
	}
	v.Near, v.Around = fmt.Sprintf("%.6f,%.6f", at.Lat(), at.Lon()), s.texts.T("home.around.point")
	if s.hasStreet(name, at) {
		v.Around = name
	}
	found, err := s.inBox(ctx, fromFew, widen(orb.Bound{Min: at, Max: at}, aroundM), "order by p.severity desc, p.id limit 500")
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(a, b sight) int { return cmp.Compare(geo.Distance(a.Point(), at), geo.Distance(b.Point(), at)) })
	for _, f := range found {
		if v.wants(f.Mark(), f.Class) && len(v.Places) < 30 {
			v.Places = append(v.Places, s.describe(f))
		}
	}
	return nil
}

// hasStreet says whether a search for a street's name finds it near a position.
func (s *Server) hasStreet(name string, at orb.Point) bool {
	n := s.network()
	if n == nil || name == "" {
		return false
	}
	return slices.ContainsFunc(n.Search(name, 8), func(f geo.Found) bool { return f.Name == name && geo.Distance(f.Point, at) <= aroundM })
}

// fillTogether lists the places that were clicked on at once.
func (s *face) fillTogether(ctx context.Context, v *panelView, ids string) error {
	list := strings.Split(ids, ",")
	if len(list) > 100 {
		list = list[:100]
	}
	found, err := s.query(ctx, fromSights, "p.id = any($2::text[])", "order by p.severity desc, p.id", list)
	if err != nil {
		return err
	}
	for _, f := range found {
		v.Places = append(v.Places, s.describe(f))
	}
	return nil
}

// fillPlace reads all that is told about one place, or about an order that has none.
func (s *face) fillPlace(r *http.Request, v *panelView, found sight) error {
	ctx := r.Context()
	rec, err := s.recordOf(ctx, found)
	if err != nil {
		return err
	}
	place := s.describe(rec.sight)
	v.Place, v.Area = &place, areaText(rec.sight)
	v.Story = s.withParts(s.withReplies(s.tell(rec.sight, rec.Steps, rec.OrderSteps), rec.Replies), rec.Parts)
	v.repaired = firstRepaired(rec.OrderSteps)
	if place.Order != nil {
		v.Duties = s.duties(*place.Order, v.repaired)
	}
	if found.Placeless() {
		v.Reasons = []why{{"person", s.whyOrdered(found)}}
		return nil
	}
	v.Reasons = s.reasons(rec.Why.Reasons, rec.Why.Passes, rec.sight)
	v.Changes = s.changes(rec.Why.Changes)
	if rec.Grounds != nil && !slices.Equal(rec.Grounds.Reasons, rec.Why.Reasons) {
		v.Grounds = s.reasons(rec.Grounds.Reasons, rec.Grounds.Passes, rec.sight)
	}
	v.Bars = s.bars(rec.Belief)
	v.History = s.history(rec.Days, rec.OrderSteps)
	if text := s.said(rec.Poll); text != "" {
		v.Reasons = append(v.Reasons, why{"person", text})
	}
	who, err := s.whoAsks(r)
	if err != nil {
		return err
	}
	if v.Ballot, err = s.ask(ctx, rec.sight, who); err != nil {
		return err
	}
	_, known := personOf(ctx)
	v.Ballot.Follows = known && !slices.ContainsFunc(v.Ballot.Choices, func(c choice) bool { return c.Mine })
	return nil
}

// scriptTexts returns the texts that the map's script shows by itself, as JSON.
func (s *face) scriptTexts() string { return s.textsUnder("map.") }

// renderPart answers with a template of a page alone, for scripts that put it in place.
func (s *face) renderPart(w http.ResponseWriter, page, part string, data any) error {
	text, err := s.pages.write(page, part, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", s.language)
	_, _ = w.Write(text) // fails only where the client has gone, and then nobody is left to tell
	return nil
}
