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
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const settingsPath = "/admin/settings"

// Bounds of what can be set. Rules are in any unit: what counts is how they relate, and beyond these the line is as good as never or always
// crossed.
const (
	mostCityName   = 80
	mostPromise    = 3650
	leastRetained  = 14 // days: events may be sent when they are so old
	mostRetained   = 3650
	leastCost      = 0.001
	mostCost       = 1e6
	leastLikely    = 0.5
	mostLikely     = 0.999
	fewestDevices  = 3 // as crowd asks for
	mostUncertainM = 6
)

// settingField is one thing that can be set, as it stands in the form.
type settingField struct {
	Name, Text, Default string
	Decimal             bool
}

// aloneChoice is a class that may become an order by itself.
type aloneChoice struct {
	Class  crowd.Class
	Chosen bool
}

func aloneChoices(set city.Settings) (out []aloneChoice) {
	for _, c := range orderClasses() {
		out = append(out, aloneChoice{c, slices.Contains(set.OrderClasses, string(c))})
	}
	return out
}

// orderClasses are those that a city may have become orders by themselves, beside potholes.
func orderClasses() []crowd.Class { return []crowd.Class{crowd.Casting, crowd.Joint, crowd.Rail} }

// refusal is what a page of administrators says where it does not take what they gave, beside the log of what was done before.
type refusal struct {
	Wrong   map[string]string // by field; "" of none
	Changed *logLine          // somebody else did this meanwhile
	Log     []logLine
}

// overtaken says, in these words, that somebody else was faster, and what they did.
func (r *refusal) overtaken(words string) {
	r.Wrong[""] = words
	if len(r.Log) > 0 {
		r.Changed = &r.Log[0]
	}
}

// refusalOf says how an error refuses what was given of something: the answer's status, the version that stands where somebody else was faster,
// and how the page says why; nil where it is no refusal but a fault.
func (s *face) refusalOf(err error, what string) (status int, stands int64, say func(*refusal)) {
	if stale, ok := errors.AsType[*dispatch.Stale](err); ok {
		return http.StatusConflict, stale.Version, func(r *refusal) { r.overtaken(s.texts.T("admin.stale", "what", what)) }
	}
	if faults := dispatch.FaultsOf(err); faults != nil {
		return http.StatusUnprocessableEntity, 0, func(r *refusal) { r.Wrong = s.wrongs(faults) }
	}
	return 0, 0, nil
}

// settingsView is the page of settings.
type settingsView struct {
	head
	refusal
	Section string
	Notice  string
	Version int64
	Fields  map[string]settingField
	Choices []crowd.Visibility
	Alone   []aloneChoice
	Line    string // the probability that follows, in words
	Pass    string // how many places would pass
	Draft   bool
	Look    lookView
}

func (s *face) settingsPage(w http.ResponseWriter, r *http.Request) error {
	set, err := city.Load(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	return s.showSettings(w, r, http.StatusOK, set, func(v *settingsView) {
		switch r.URL.Query().Get("done") {
		case "saved":
			v.Notice = s.texts.T("settings.saved")
		case "look":
			v.Notice = s.texts.T("look.saved")
		}
	})
}

// settingTexts are what is set as it is written, by field; what is not set is left out.
func (s *face) settingTexts(set city.Settings) map[string]string {
	out := map[string]string{}
	if set.Name != nil {
		out["city"] = *set.Name
	}
	if set.Suspected != nil {
		out["suspected"] = *set.Suspected
	}
	if set.RetainDays != nil {
		out["retain"] = strconv.Itoa(*set.RetainDays)
	}
	if len(set.OrderClasses) > 0 {
		out["order_classes"] = strings.Join(set.OrderClasses, ", ")
	}
	for name, v := range map[string]*float64{"promise": set.PromiseDays, "false_order": set.FalseOrderCost, "missed_day": set.MissedDayCost} {
		if v != nil {
			out[name] = s.figure(*v)
		}
	}
	return out
}

func (s *face) showSettings(w http.ResponseWriter, r *http.Request, status int, set city.Settings, change func(*settingsView)) error {
	v := &settingsView{head: head{Page: "settings", Title: s.texts.T("settings.title")}, Section: "settings", refusal: refusal{Wrong: map[string]string{}}, Version: set.Version,
		Fields: map[string]settingField{}, Choices: []crowd.Visibility{crowd.Hidden, crowd.Coarse, crowd.Exact}, Alone: aloneChoices(set)}
	texts := s.settingTexts(set)
	rules := s.rulesOf(city.Settings{})
	for name, otherwise := range map[string]string{"city": s.config.City, "promise": s.figure(s.config.PromiseDays), "retain": strconv.Itoa(s.config.RetainDays),
		"suspected": s.texts.T("settings.suspected." + string(s.config.Suspected)), "false_order": s.figure(rules.FalseOrder), "missed_day": s.figure(rules.MissedDay)} {
		if otherwise == "" {
			otherwise = "–"
		}
		v.Fields[name] = settingField{Name: name, Text: texts[name], Default: s.texts.T("settings.default", "value", otherwise), Decimal: name != "city"}
	}
	line := s.rulesOf(set).Probability()
	v.Line = s.texts.T("settings.line", "percent", s.figure(round(100*line, 1)))
	pass, all, err := s.wouldPass(r.Context(), line)
	if err != nil {
		return err
	}
	v.Pass = s.texts.T("settings.pass", "n", pass, "all", all)
	if v.Log, err = s.readLog(r.Context(), access.Search{Action: "settings.", Limit: 20}); err != nil {
		return err
	}
	look, err := city.LoadLook(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	v.Look = s.lookOf(look)
	change(v)
	return s.render(w, r, status, "base", v)
}

// wouldPass counts the suspected potholes, and those of them that have what a place needs beside: enough devices, a known position, and a
// probability from the line on. It is an upper bound: how much the evidence weighs together is judged with the next jolt, and so is whether
// an order beside stands for the same thing.
func (s *Server) wouldPass(ctx context.Context, line float64) (pass, all int, err error) {
	err = s.config.Pool.QueryRow(ctx, `select count(*) filter (where devices >= $2 and uncertainty_m <= $3 and belief[1] >= $1), count(*)
		from places where state = 'suspected' and class = 'pothole'`, line, fewestDevices, mostUncertainM).Scan(&pass, &all)
	if err != nil {
		return 0, 0, fmt.Errorf("count what would pass: %w", err)
	}
	return pass, all, nil
}

func (s *face) settingsPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	f := r.PostForm
	set, faults := readSettings(f)
	keep := func(v *settingsView) {
		v.Draft = true
		for name, field := range v.Fields {
			field.Text = f.Get(name)
			v.Fields[name] = field
		}
	}
	if len(faults) == 0 {
		faults = s.settingFaults(set)
	}
	if len(faults) > 0 {
		return s.showSettings(w, r, http.StatusUnprocessableEntity, set, func(v *settingsView) {
			keep(v)
			v.Wrong = s.wrongs(faults)
		})
	}
	if f.Get("do") != "save" {
		return s.showSettings(w, r, http.StatusOK, set, keep)
	}
	after, err := s.saveSettings(r.Context(), set)
	if errors.Is(err, city.ErrChanged) {
		set.Version = after.Version
		return s.showSettings(w, r, http.StatusConflict, set, func(v *settingsView) {
			keep(v)
			v.overtaken(s.texts.T("admin.stale", "what", s.texts.T("settings.title")))
		})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, settingsPath+"?done=saved", http.StatusSeeOther)
	return nil
}

// readSettings reads a form; an empty field is not set.
func readSettings(f url.Values) (set city.Settings, faults dispatch.Faults) {
	get := f.Get
	set.OrderClasses = f["order_class"]
	set.Version, _ = strconv.ParseInt(get("version"), 10, 64)
	if name := strings.Join(strings.Fields(get("city")), " "); name != "" {
		set.Name = &name
	}
	if seen := get("suspected"); seen != "" {
		set.Suspected = &seen
	}
	number := func(field string) *float64 {
		text := strings.TrimSpace(get(field))
		if text == "" {
			return nil
		}
		v, ok := decimal(text)
		if !ok {
			faults = append(faults, dispatch.NewFault(field, "number", "{value} is no number", "value", text))
			return nil
		}
		return &v
	}
	set.PromiseDays, set.FalseOrderCost, set.MissedDayCost = number("promise"), number("false_order"), number("missed_day")
	if days := number("retain"); days != nil {
		whole := int(min(max(*days, -1), 1e6))
		if float64(whole) != *days {
			faults = append(faults, dispatch.NewFault("retain", "retain", "days are whole: 0, or {least} to {most}", "least", leastRetained, "most", mostRetained))
		}
		set.RetainDays = &whole
	}
	return set, faults
}

// settingFaults says all that is wrong with settings.
func (s *Server) settingFaults(set city.Settings) (out dispatch.Faults) {
	add := func(field, kind, text string, pairs ...any) {
		out = append(out, dispatch.NewFault(field, kind, text, pairs...))
	}
	if n := set.Name; n != nil && (*n == "" || utf8.RuneCountInString(*n) > mostCityName) {
		add("city", "city", "a name has 1 to {most} letters", "most", mostCityName)
	}
	if d := set.PromiseDays; d != nil && !(*d >= 0 && *d <= mostPromise) {
		add("promise", "promise", "a promise is 0 to {most} days", "most", mostPromise)
	}
	if v := set.Suspected; v != nil {
		if _, err := crowd.ParseVisibility(*v); err != nil {
			add("suspected", "suspected", "it is one of no, coarse, yes")
		}
	}
	if d := set.RetainDays; d != nil && *d != 0 && (*d < leastRetained || *d > mostRetained) {
		add("retain", "retain", "days are whole: 0, or {least} to {most}", "least", leastRetained, "most", mostRetained)
	}
	for field, c := range map[string]*float64{"false_order": set.FalseOrderCost, "missed_day": set.MissedDayCost} {
		if c != nil && !(*c >= leastCost && *c <= mostCost) {
			add(field, "cost", "a cost is {least} to {most}", "least", leastCost, "most", int(mostCost))
		}
	}
	for _, class := range set.OrderClasses {
		if !slices.Contains(orderClasses(), crowd.Class(class)) {
			add("order_classes", "order_classes", "beside potholes it is casting, joint or rail")
		}
	}
	if set.FalseOrderCost == nil && set.MissedDayCost == nil || len(out) > 0 {
		return out
	}
	if p := s.rulesOf(set).Probability(); p < leastLikely || p > mostLikely {
		add("false_order", "likely", "orders would be written from {percent} % on: 50 to 99.9 are taken", "percent", strconv.FormatFloat(100*p, 'f', 2, 64))
	}
	return out
}

// saveSettings stores settings, as who is logged in.
func (s *Server) saveSettings(ctx context.Context, set city.Settings) (after city.Settings, err error) {
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := city.Change(ctx, tx, set, changesChannel)
		after = changed
		return access.Entry{Action: "settings.change", What: fmt.Sprint("settings-", changed.Version), Detail: s.settingsSince(before, changed)}, err
	})
	if err == nil {
		s.settingsChanged() // whoever did it sees it at once
	}
	return after, err
}

// settingsSince says in words what is different, for the log.
func (s *Server) settingsSince(before, after city.Settings) string {
	f := s.faces[languages()[0]]
	was, is := f.settingTexts(before), f.settingTexts(after)
	var out []string
	for _, name := range []string{"city", "promise", "suspected", "retain", "false_order", "missed_day", "order_classes"} {
		a, b := was[name], is[name]
		if _, ok := was[name]; !ok {
			a = "(as started)"
		}
		if _, ok := is[name]; !ok {
			b = "(as started)"
		}
		if a != b {
			out = append(out, name+": "+a+" → "+b)
		}
	}
	return strings.Join(out, "; ")
}
