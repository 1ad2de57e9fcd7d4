package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	supervisionPath = "/supervision"
	kindsShown      = 20 // of device: they name themselves
	reopenedShown   = 20
	materialsShown  = 20 // people name them
)

// registerSupervision puts the supervisor's page on mux.
func (s *Server) registerSupervision(page func(string, pageFunc)) {
	page("GET "+supervisionPath, only(access.Supervise, (*face).supervisionPage))
	page("GET "+supervisionPath+"/{file}", only(access.Supervise, (*face).supervisionFile))
}

// supervisionView is how the works department does.
type supervisionView struct {
	head
	Periods       []choicePeriod
	Period        period
	Tiles         []figure
	Ages          []waitingRow
	Bodies        []waitingRow
	Crews         []loadRow
	Classes       []hitsRow
	Kinds         []hitsRow
	Kept          []keptRow
	Reopened      []reopenedRow
	Spent         []spentRow
	SpentInAll    string
	Materials     []materialRow
	MoreMaterials int
	Escalated     int
	More          int // reopened orders that the page does not list
}

type waitingRow struct {
	dispatch.Waiting
	Label, Median, Oldest string
}

type loadRow struct {
	dispatch.Load
	Label, Href string
	Mine        bool // it is one of the city's crews
}

type hitsRow struct {
	dispatch.Hits
	Label, Share string
	Percent      int
}

type keptRow struct {
	dispatch.Kept
	Label, Share string
}

type spentRow struct {
	dispatch.Spent
	Label, Cost string
}

type materialRow struct {
	dispatch.Material
	Amount, Cost string
}

// money is an amount in the city's currency.
func (s *face) money(cents int64) string { return s.texts.Decimal(float64(cents)/100, 2) }

type reopenedRow struct {
	dispatch.Reopening
	By, Where string
	After     string // how long the repair held
}

// since is when a period began.
func (p period) since(now time.Time) time.Time {
	switch p {
	case halfYear:
		return monday(now).Add(-25 * week)
	case oneYear:
		return monday(now).Add(-51 * week)
	case allTime:
	}
	return time.Time{}
}

// supervision reads how the works department does, and over which period.
func (s *Server) supervision(ctx context.Context, text string) (*dispatch.Supervision, period, error) {
	of, err := parsePeriod(text)
	if err != nil {
		return nil, of, err
	}
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return nil, of, err
	}
	now := s.config.Now()
	out, err := dispatch.Supervise(ctx, s.config.Pool, works, of.since(now), now)
	return out, of, err
}

func (s *face) supervisionPage(w http.ResponseWriter, r *http.Request) error {
	d, of, err := s.supervision(r.Context(), r.URL.Query().Get("period"))
	if err != nil {
		return err
	}
	v := &supervisionView{head: head{Page: "supervision", Title: s.texts.T("supervision.title")}, Period: of, Tiles: s.supervisionTiles(d)}
	for _, o := range periods() {
		v.Periods = append(v.Periods, choicePeriod{o, o == of})
	}
	for _, a := range d.Ages {
		v.Escalated += a.Escalated
		v.Ages = append(v.Ages, waitingRow{Waiting: a, Label: s.ageLabel(a)})
	}
	for _, b := range d.Bodies {
		v.Bodies = append(v.Bodies, waitingRow{b, s.bodyLabel(b.Name), s.days(b.MedianDays, true), s.days(b.OldestDays, true)})
	}
	for _, l := range d.Crews {
		v.Crews = append(v.Crews, s.loadRow(l))
	}
	for _, h := range d.Classes {
		v.Classes = append(v.Classes, s.hitsRow(h, s.texts.T("class."+string(h.Class))))
	}
	for _, h := range d.Kinds[:min(len(d.Kinds), kindsShown)] {
		v.Kinds = append(v.Kinds, s.hitsRow(h, s.kindLabel(h)))
	}
	for _, k := range d.Deadlines {
		v.Kept = append(v.Kept, keptRow{k, s.bodyLabel(k.Body), s.share(k.Kept, k.Kept+k.Missed)})
	}
	for _, o := range d.Reopened[:min(len(d.Reopened), reopenedShown)] {
		v.Reopened = append(v.Reopened, s.reopenedRow(o))
	}
	v.More = len(d.Reopened) - len(v.Reopened)
	var cents int64
	for _, x := range d.Spent {
		cents += x.Cents
		v.Spent = append(v.Spent, spentRow{x, s.bodyLabel(x.Body), s.money(x.Cents)})
	}
	v.SpentInAll = s.money(cents)
	for _, m := range d.Materials[:min(len(d.Materials), materialsShown)] {
		v.Materials = append(v.Materials, materialRow{m, strings.TrimSpace(s.texts.Decimal(m.Quantity, 1) + " " + m.Unit), s.money(m.Cents)})
	}
	v.MoreMaterials = len(d.Materials) - len(v.Materials)
	w.Header().Set("Cache-Control", "no-store")
	return s.render(w, r, http.StatusOK, "base", v)
}

func (s *face) supervisionTiles(d *dispatch.Supervision) []figure {
	t := s.texts
	var open, late, right, visits, kept, missed int
	oldest := 0.0
	for _, a := range d.Ages {
		open, late, oldest = open+a.All(), late+a.Overdue, max(oldest, a.OldestDays)
	}
	for _, h := range d.Classes {
		right, visits = right+h.Right, visits+h.Visits()
	}
	for _, k := range d.Deadlines {
		kept, missed = kept+k.Kept, missed+k.Missed
	}
	return []figure{
		{strconv.Itoa(open), t.T("supervision.tile.open"), ""},
		{strconv.Itoa(late), t.T("supervision.tile.overdue"), ""},
		{s.days(oldest, open > 0), t.T("supervision.tile.oldest"), ""},
		{s.share(right, visits), t.T("supervision.tile.right"), t.T("supervision.of", "n", right, "of", visits)},
		{s.share(kept, kept+missed), t.T("supervision.tile.kept"), t.T("supervision.of", "n", kept, "of", kept+missed)},
		{s.share(len(d.Reopened), d.Repaired), t.T("supervision.tile.reopened"), t.T("supervision.of", "n", len(d.Reopened), "of", d.Repaired)},
	}
}

func (s *face) ageLabel(w dispatch.Waiting) string {
	switch {
	case w.From == 0:
		return s.texts.T("supervision.age.first", "till", w.Till)
	case w.Till == 0:
		return s.texts.T("supervision.age.last", "from", w.From)
	}
	return s.texts.T("supervision.age", "from", w.From, "till", w.Till)
}

func (s *face) bodyLabel(name string) string {
	if name == "" {
		return s.texts.T("supervision.nobody")
	}
	return name
}

func (s *face) loadRow(l dispatch.Load) loadRow {
	out := loadRow{Load: l, Label: l.Name, Mine: l.Whose == dispatch.OfCrew}
	switch l.Whose {
	case dispatch.OfCrew:
		out.Href = sought{Crew: l.ID}.With("")
	case dispatch.OfNobody:
		out.Label, out.Href = s.texts.T("supervision.unassigned"), sought{Crew: "-"}.With("")
	case dispatch.OfExternal:
		out.Label, out.Href = s.bodyLabel(l.Name), sought{Body: l.Name}.With("")
	}
	out.Href = strings.TrimSuffix(out.Href, "&order=")
	return out
}

func (s *face) hitsRow(h dispatch.Hits, label string) hitsRow {
	out := hitsRow{Hits: h, Label: label, Share: s.share(h.Right, h.Visits())}
	if h.Visits() > 0 {
		out.Percent = int(100*float64(h.Right)/float64(h.Visits()) + .5)
	}
	return out
}

func (s *face) kindLabel(h dispatch.Hits) string {
	kind := h.Kind
	switch {
	case kind == "" && h.App == "":
		return s.texts.T("supervision.kind.unknown")
	case kind == "":
		return h.App
	case s.texts.Has("supervision.kind." + kind):
		kind = s.texts.T("supervision.kind." + kind)
	}
	if h.App == "" {
		return kind
	}
	return kind + ", " + h.App
}

func (s *face) reopenedRow(o dispatch.Reopening) reopenedRow {
	out := reopenedRow{Reopening: o, By: s.texts.T("supervision.by." + string(o.By)), Where: o.Street,
		After: s.days(o.At.Sub(o.RepairedAt).Hours()/24, true)}
	if out.Where == "" {
		out.Where = s.texts.T("supervision.nostreet")
	}
	return out
}

// supervisionFile serves /supervision/{file}: each table as CSV or XLSX, whole, and as GeoJSON where its rows have positions.
func (s *face) supervisionFile(w http.ResponseWriter, r *http.Request) error {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	d, _, err := s.supervision(r.Context(), r.URL.Query().Get("period"))
	if err != nil {
		return err
	}
	columns, rows := supervisionTable(d, name)
	if columns == "" {
		return errHidden
	}
	return s.serveFile(w, r, exported{"supervision-" + name, strings.Split(columns, ","), rowsOf(rows)}, format)
}

// supervisionTable is one of the tables under the names of its columns, which are empty where there is no such table.
func supervisionTable(d *dispatch.Supervision, name string) (columns string, rows [][]any) {
	add := func(cells ...any) { rows = append(rows, cells) }
	waiting := func(w dispatch.Waiting, first ...any) {
		add(append(first, w.New, w.Accepted, w.WithCrew, w.InWork, w.Reopened, w.All(), w.Overdue, w.Escalated, round(w.MedianDays, 2), round(w.OldestDays, 2))...)
	}
	const states = "new,accepted,assigned,in_progress,reopened,open,overdue,escalated,median_days,oldest_days"
	money := func(cents int64) float64 { return float64(cents) / 100 }
	switch name {
	case "ages":
		columns = "from_days,till_days," + states
		for _, a := range d.Ages {
			var till any = a.Till
			if a.Till == 0 {
				till = ""
			}
			waiting(a, a.From, till)
		}
	case "waiting":
		columns = "body," + states
		for _, b := range d.Bodies {
			waiting(b, b.Name)
		}
	case "crews":
		columns = "whose,crew,members,assigned,in_progress,due_soon,overdue,repaired,not_there"
		for _, l := range d.Crews {
			add(string(l.Whose), l.Name, l.Members, l.Assigned, l.InWork, l.Soon, l.Overdue, l.Repaired, l.NotThere)
		}
	case "classes":
		columns = "class,visits,right,another_defect,nothing"
		for _, h := range d.Classes {
			add(string(h.Class), h.Visits(), h.Right, h.Other, h.Nothing)
		}
	case "kinds":
		columns = "kind,app,visits,right,another_defect,nothing"
		for _, h := range d.Kinds {
			add(h.Kind, h.App, h.Visits(), h.Right, h.Other, h.Nothing)
		}
	case "deadlines":
		columns = "body,in_time,missed"
		for _, k := range d.Deadlines {
			add(k.Body, k.Kept, k.Missed)
		}
	case "reopened":
		columns = "number,street,class,crew,repaired_at,reopened_at,by,reason,state,lat,lon,id"
		for _, o := range d.Reopened {
			add(o.Number, o.Street, string(o.Class), o.Crew, exportedTime(o.RepairedAt), exportedTime(o.At), string(o.By), o.Reason, string(o.State), round(o.Lat, 6), round(o.Lon, 6), o.ID)
		}
	case "spent":
		columns = "body,crew,orders,cost"
		for _, x := range d.Spent {
			add(x.Body, x.Crew, x.Orders, money(x.Cents))
		}
	case "materials":
		columns = "what,quantity,unit,orders,cost"
		for _, m := range d.Materials {
			add(m.What, m.Quantity, m.Unit, m.Orders, money(m.Cents))
		}
	}
	return columns, rows
}
