package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	deadlinesPath = "/admin/deadlines"
	mostCalendar  = 1 << 20 // bytes of a calendar file
	freeRows      = 2       // for further rules
)

// ruleRow is a rule as it stands in the form.
type ruleRow struct {
	Class                   crowd.Class
	Street                  dispatch.StreetGroup
	Severity, Hours, Prefix string
}

// hoursRow is a weekday as it stands in the form.
type hoursRow struct{ Field, Day, Text string }

// example is what a deadline is tried with.
type example struct {
	Class    crowd.Class
	Street   dispatch.StreetGroup
	Severity float64
}

// deadlinesView is the page of deadlines and working time.
type deadlinesView struct {
	head
	refusal
	Section  string
	Notice   string
	Version  int64
	Zone     string
	Zones    []string
	Days     []hoursRow
	Holidays string
	Next     []string // holidays, the next few
	Rules    []ruleRow
	Classes  []crowd.Class
	Groups   []dispatch.StreetGroup
	Soon     string
	Escalate string
	Undo     string
	Try      example
	TrySev   string
	Sentence string
	Steps    []string    // the severities that rules begin at
	Table    []tableLine // what is due when, by group of streets
	Draft    bool        // not saved
}

type tableLine struct {
	Group dispatch.StreetGroup
	Cells []string
}

// zones are some that are offered; any other can be written.
func zones() []string {
	return []string{"Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Brussels", "Europe/Budapest", "Europe/Copenhagen", "Europe/Dublin", "Europe/Helsinki",
		"Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Oslo", "Europe/Paris", "Europe/Prague", "Europe/Rome", "Europe/Stockholm", "Europe/Vienna",
		"Europe/Warsaw", "Europe/Zurich", "America/Chicago", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "UTC"}
}

func (s *face) deadlinesPage(w http.ResponseWriter, r *http.Request) error {
	works, err := dispatch.LoadWorks(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	return s.showDeadlines(w, r, http.StatusOK, works, exampleOf(q.Get), func(v *deadlinesView) {
		if q.Get("done") == "saved" {
			v.Notice = s.texts.T("deadlines.saved")
		}
	})
}

// exampleOf reads what a deadline is to be tried with.
func exampleOf(get func(string) string) example {
	x := example{Class: crowd.Class(get("try_class")), Street: dispatch.StreetGroup(get("try_street")), Severity: 0.8}
	if classes := crowd.Classes(); !slices.Contains(classes[:], x.Class) {
		x.Class = crowd.Pothole
	}
	if !slices.Contains(dispatch.StreetGroups(), x.Street) {
		x.Street = dispatch.MainStreet
	}
	if v, ok := decimal(get("try_severity")); ok && v >= 0 && v <= 1 {
		x.Severity = v
	}
	return x
}

// decimal reads a number with a point or a comma.
func decimal(text string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(text), ",", ".", 1), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

func (s *face) figure(v float64) string {
	return strings.Replace(strconv.FormatFloat(round(v, 3), 'f', -1, 64), ".", s.texts["number.mark"], 1)
}

func (s *face) showDeadlines(w http.ResponseWriter, r *http.Request, status int, works dispatch.Works, try example, change func(*deadlinesView)) error {
	v := &deadlinesView{head: head{Page: "deadlines", Title: s.texts.T("deadlines.title")}, Section: "deadlines", refusal: refusal{Wrong: map[string]string{}},
		Version: works.Version, Zone: zoneOf(works).String(), Zones: zones(), Groups: dispatch.StreetGroups(), Try: try, TrySev: s.figure(try.Severity),
		Soon: s.figure(works.Soon.Hours()), Escalate: s.figure(works.Escalate.Hours()), Undo: s.figure(works.UndoFor.Minutes())}
	for _, c := range crowd.Classes() {
		if c != crowd.Nothing && c != crowd.SpeedBump {
			v.Classes = append(v.Classes, c)
		}
	}
	for i := range 7 {
		day := (i + 1) % 7 // weeks begin on Monday
		v.Days = append(v.Days, hoursRow{fmt.Sprint("hours", day), s.texts.T(fmt.Sprint("weekday.", day)), dispatch.SpellHours(works.Calendar.Hours[day])})
	}
	now := s.config.Now()
	today := now.In(zoneOf(works)).Format(time.DateOnly)
	var days []string
	for _, d := range works.Holidays() {
		days = append(days, strings.TrimSpace(d+" "+works.Names[d]))
		if d >= today && len(v.Next) < 3 {
			v.Next = append(v.Next, strings.TrimSpace(d+" "+works.Names[d]))
		}
	}
	v.Holidays = strings.Join(days, "\n")
	for _, rule := range works.Rules {
		v.Rules = append(v.Rules, ruleRow{Class: rule.Class, Street: rule.Street, Severity: s.figure(rule.Severity), Hours: s.figure(rule.Within.Hours())})
	}
	for range freeRows {
		v.Rules = append(v.Rules, ruleRow{Severity: "0"})
	}
	s.tryDeadlines(v, works, try, now)
	var err error
	if v.Log, err = s.readLog(r.Context(), access.Search{Action: "works.", Limit: 20}); err != nil {
		return err
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

func zoneOf(w dispatch.Works) *time.Location {
	if w.Calendar.Zone == nil {
		return time.UTC
	}
	return w.Calendar.Zone
}

// tryDeadlines says when orders would be due that were opened now.
func (s *face) tryDeadlines(v *deadlinesView, works dispatch.Works, try example, now time.Time) {
	v.Sentence = s.tryDeadline(works, try, now)
	var steps []float64
	for _, rule := range works.Rules {
		if (rule.Class == "" || rule.Class == try.Class) && !slices.Contains(steps, rule.Severity) {
			steps = append(steps, rule.Severity)
		}
	}
	slices.Sort(steps)
	for _, step := range steps {
		v.Steps = append(v.Steps, s.figure(step))
	}
	for _, g := range dispatch.StreetGroups() {
		line := tableLine{Group: g}
		for _, step := range steps {
			cell := "–"
			if within := works.Within(try.Class, g, step); within > 0 {
				cell = s.texts.T("deadlines.cell", "hours", s.figure(within.Hours()), "when", s.localTime(works.Calendar.Add(now, within), works))
			}
			line.Cells = append(line.Cells, cell)
		}
		v.Table = append(v.Table, line)
	}
}

// tryDeadline says when one order would be due that was opened now.
func (s *face) tryDeadline(works dispatch.Works, try example, now time.Time) string {
	words := []any{"what", s.texts.T("class.a." + string(try.Class)), "severity", s.figure(try.Severity), "street", s.texts.T("streets.on." + string(try.Street))}
	within := works.Within(try.Class, try.Street, try.Severity)
	if within == 0 {
		return s.texts.T("deadlines.never", words...)
	}
	return s.texts.T("deadlines.due", append(words, "when", s.localTime(works.Calendar.Add(now, within), works), "hours", s.figure(within.Hours()))...)
}

// localTime is a moment in the city's time zone, as in "Wed 25 Nov 2026, 14:00".
func (s *face) localTime(at time.Time, works dispatch.Works) string {
	at = at.In(zoneOf(works))
	return s.texts.T("deadlines.when", "weekday", s.texts.T(fmt.Sprint("weekday.short.", int(at.Weekday()))), "day", at.Day(),
		"month", s.texts.T(fmt.Sprint("month.", int(at.Month()))), "year", at.Year(), "time", at.Format("15:04"))
}

// deadlinesPost tries or saves what a form says.
func (s *face) deadlinesPost(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, mostCalendar+256<<10)
	if err := r.ParseMultipartForm(mostCalendar); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return badRequest("The form cannot be read, or what was sent is too large.")
	}
	asText(r.PostForm)
	ctx := r.Context()
	works, err := dispatch.LoadWorks(ctx, s.config.Pool)
	if err != nil {
		return err
	}
	try := exampleOf(r.PostForm.Get)
	given, rows, faults := s.readDeadlines(r, works)
	draft := func(v *deadlinesView) {
		v.Draft = true
		s.keepGiven(v, r, rows)
	}
	if len(faults) == 0 {
		faults = given.Faults()
	}
	if len(faults) > 0 {
		return s.showDeadlines(w, r, http.StatusUnprocessableEntity, given, try, func(v *deadlinesView) {
			draft(v)
			v.Wrong = s.wrongs(faults)
		})
	}
	if r.PostForm.Get("do") != "save" {
		return s.showDeadlines(w, r, http.StatusOK, given, try, func(v *deadlinesView) { v.Draft = true })
	}
	_, err = s.saveDeadlines(ctx, given)
	var stale *dispatch.Stale
	if errors.As(err, &stale) {
		given.Version = stale.Version
		return s.showDeadlines(w, r, http.StatusConflict, given, try, func(v *deadlinesView) {
			v.Draft = true
			v.overtaken(s.texts.T("admin.stale", "what", s.texts.T("deadlines.title")))
		})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, deadlinesPath+"?done=saved", http.StatusSeeOther)
	return nil
}

// keepGiven has the form show what was written, as it was written.
func (s *face) keepGiven(v *deadlinesView, r *http.Request, rows []ruleRow) {
	f := r.PostForm
	v.Zone, v.Holidays, v.Rules = f.Get("zone"), f.Get("holidays"), rows
	v.Soon, v.Escalate, v.Undo = f.Get("soon"), f.Get("escalate"), f.Get("undo")
	for i := range v.Days {
		v.Days[i].Text = f.Get(v.Days[i].Field)
	}
}

// readDeadlines reads the form, and says what of it cannot be read.
func (s *face) readDeadlines(r *http.Request, was dispatch.Works) (given dispatch.Works, rows []ruleRow, faults dispatch.Faults) {
	f := r.PostForm
	given = was
	given.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	bad := func(field, kind, text string, pairs ...any) {
		faults = append(faults, dispatch.NewFault(field, kind, text, pairs...))
	}
	if zone, err := time.LoadLocation(strings.TrimSpace(f.Get("zone"))); err != nil || strings.TrimSpace(f.Get("zone")) == "" {
		bad("zone", "zone", "{zone} is no time zone", "zone", f.Get("zone"))
	} else {
		given.Calendar.Zone = zone
	}
	for day := range given.Calendar.Hours {
		spans, ok := dispatch.ReadHours(f.Get(fmt.Sprint("hours", day)))
		if !ok {
			bad(fmt.Sprint("hours", day), "hours.text", "hours are written as 07:00–12:00, 13:00–16:00")
		}
		given.Calendar.Hours[day] = spans
	}
	for _, x := range []struct {
		name string
		unit time.Duration
		to   *time.Duration
	}{{"soon", time.Hour, &given.Soon}, {"escalate", time.Hour, &given.Escalate}, {"undo", time.Minute, &given.UndoFor}} {
		v, ok := decimal(f.Get(x.name))
		if !ok || math.Abs(v) > 1e5 {
			bad(x.name, "number", "{value} is no number", "value", f.Get(x.name))
			continue
		}
		*x.to = time.Duration(v * float64(x.unit))
	}
	var wrong dispatch.Faults
	rows, given.Rules, wrong = readRules(f["rule_class"], f["rule_street"], f["rule_severity"], f["rule_hours"])
	faults = append(faults, wrong...)
	given.Calendar.Holidays = nil
	days, err := dispatch.ReadHolidays(f.Get("holidays"))
	faults = append(faults, dispatch.FaultsOf(err)...)
	given.Rest(days, true)
	more, err := s.readCalendarFile(r, zoneOf(given))
	faults = append(faults, dispatch.FaultsOf(err)...)
	given.Rest(more, false)
	return given, rows, faults
}

// readRules reads the rows of rules that have hours: one without is taken away.
func readRules(classes, streets, severities, hours []string) (rows []ruleRow, rules []dispatch.Rule, faults dispatch.Faults) {
	for i := range min(len(classes), len(streets), len(severities), len(hours), 500) {
		row := ruleRow{Class: crowd.Class(classes[i]), Street: dispatch.StreetGroup(streets[i]), Severity: severities[i], Hours: hours[i]}
		rows = append(rows, row)
		if strings.TrimSpace(row.Hours) == "" {
			continue
		}
		severity, ok := decimal(row.Severity)
		within, ok2 := decimal(row.Hours)
		if !ok || !ok2 || within > 1e5 {
			faults = append(faults, dispatch.NewFault("rules", "rules.number", "rule {n}: severity and hours are numbers", "n", i+1))
			continue
		}
		rules = append(rules, dispatch.Rule{Class: row.Class, Street: row.Street, Severity: severity, Within: time.Duration(within * float64(time.Hour))})
	}
	return rows, rules, faults
}

// readCalendarFile reads the calendar file of a form, where there is one.
func (s *face) readCalendarFile(r *http.Request, zone *time.Location) ([]dispatch.Holiday, error) {
	file, _, err := r.FormFile("calendar")
	if err != nil {
		return nil, nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostCalendar+1))
	if err != nil || len(text) > mostCalendar {
		return nil, dispatch.NewFault("holidays", "ics.large", "the calendar file is larger than 1 MiB")
	}
	if len(text) == 0 {
		return nil, nil
	}
	return dispatch.ReadCalendar(bytes.NewReader(text), zone, s.config.Now())
}

// saveDeadlines lays down deadlines and working time, as who is logged in.
func (s *Server) saveDeadlines(ctx context.Context, works dispatch.Works) (after dispatch.Works, err error) {
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := dispatch.ChangeWorks(ctx, tx, works, s.config.Now())
		after = changed
		return access.Entry{Action: "works.change", What: fmt.Sprint("works-", changed.Version), Detail: changed.SinceWorks(before)}, err
	})
	return after, err
}
