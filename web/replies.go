package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const repliesPath = "/admin/replies"

// templateRow is a reply template in the list of all.
type templateRow struct {
	dispatch.Template
	Title string
	Text  string
	For   string // which orders it is offered for
}

// repliesView is the page of all reply templates.
type repliesView struct {
	head
	Section   string
	Notice    string
	Templates []templateRow
	Log       []logLine
}

// replyView is the page of one of them, or of one to be.
type replyView struct {
	head
	refusal
	Section   string
	Notice    string
	Template  dispatch.Template
	Languages []tongueText
	States    []dispatch.State
	Classes   []crowd.Class
	Blanks    []blankWords
}

// tongueText is a template in one language.
type tongueText struct{ Code, Name, Title, Text string }

// blankWords is something that is filled in, and what with.
type blankWords struct{ Blank, Words string }

// For says whether the template is for a state or a class.
func (v *replyView) For(what any) bool {
	switch x := what.(type) {
	case dispatch.State:
		return slices.Contains(v.Template.States, x)
	case crowd.Class:
		return slices.Contains(v.Template.Classes, x)
	}
	return false
}

// saying returns a text in the page's language, else in any other.
func (s *face) saying(texts map[string]string) string {
	if text := texts[s.language]; text != "" {
		return text
	}
	for _, l := range languages() {
		if texts[l] != "" {
			return texts[l]
		}
	}
	return ""
}

func (s *face) repliesPage(w http.ResponseWriter, r *http.Request) error {
	list, err := dispatch.Templates(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	v := &repliesView{head: head{Page: "replies", Title: s.texts.T("replies.title")}, Section: "replies"}
	if done := r.URL.Query().Get("done"); done == "removed" {
		v.Notice = s.texts.T("replies.done.removed")
	}
	for _, t := range list {
		v.Templates = append(v.Templates, templateRow{t, s.saying(t.Titles), s.saying(t.Texts), s.offeredFor(t)})
	}
	if v.Log, err = s.readLog(r.Context(), access.Search{Action: "reply.", Limit: 20}); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

// offeredFor says in words which orders a template is for.
func (s *face) offeredFor(t dispatch.Template) string {
	var states, classes []string
	for _, x := range t.States {
		states = append(states, s.texts.T("console.state."+string(x)))
	}
	for _, c := range t.Classes {
		classes = append(classes, s.texts.T("class."+string(c)))
	}
	var out []string
	for _, part := range [][]string{states, classes} {
		if len(part) > 0 {
			out = append(out, strings.Join(part, ", "))
		}
	}
	if out == nil {
		return s.texts.T("replies.for.all")
	}
	return strings.Join(out, "; ")
}

func (s *face) template(ctx context.Context, id string) (dispatch.Template, error) {
	list, err := dispatch.Templates(ctx, s.config.Pool)
	if err != nil {
		return dispatch.Template{}, err
	}
	i := slices.IndexFunc(list, func(t dispatch.Template) bool { return t.ID == id })
	if i < 0 {
		return dispatch.Template{}, errHidden
	}
	return list[i], nil
}

func (s *face) replyPage(w http.ResponseWriter, r *http.Request) error {
	var t dispatch.Template
	if id := r.PathValue("id"); id != "" {
		var err error
		if t, err = s.template(r.Context(), id); err != nil {
			return err
		}
	}
	return s.showReply(w, r, http.StatusOK, t, func(v *replyView) {
		if done := r.URL.Query().Get("done"); done == "added" || done == "saved" {
			v.Notice = s.texts.T("replies.done." + done)
		}
	})
}

func (s *face) showReply(w http.ResponseWriter, r *http.Request, status int, t dispatch.Template, change func(*replyView)) error {
	v := &replyView{head: head{Page: "reply", Title: s.texts.T("replies.new")}, Section: "replies", refusal: refusal{Wrong: map[string]string{}}, Template: t, States: dispatch.States()}
	for _, c := range crowd.Classes() {
		if c != crowd.Nothing {
			v.Classes = append(v.Classes, c)
		}
	}
	for _, l := range languages() {
		v.Languages = append(v.Languages, tongueText{l, s.faces[l].texts.T("lang.name"), t.Titles[l], t.Texts[l]})
	}
	for _, b := range dispatch.Blanks() {
		v.Blanks = append(v.Blanks, blankWords{"{" + b + "}", s.texts.T("replies.blank." + b)})
	}
	if t.ID != "" {
		v.Title = s.saying(t.Titles)
		var err error
		if v.Log, err = s.readLog(r.Context(), access.Search{Action: "reply.", What: t.ID, Limit: 20}); err != nil {
			return err
		}
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

// replyPost adds, changes or removes a template.
func (s *face) replyPost(w http.ResponseWriter, r *http.Request) error {
	f, err := posted(w, r)
	if err != nil {
		return err
	}
	ctx, id := r.Context(), r.PathValue("id")
	var t dispatch.Template
	if id != "" {
		if t, err = s.template(ctx, id); err != nil {
			return err
		}
	}
	t.Version, _ = strconv.ParseInt(f.Get("version"), 10, 64)
	var to string
	switch f.Get("do") {
	case "remove":
		err, to = s.dropTemplate(ctx, id, t.Version), repliesPath+"?done=removed"
	case "", "save":
		readTemplate(f, &t)
		var after dispatch.Template
		after, err = s.saveTemplate(ctx, t)
		to = repliesPath + "/" + url.PathEscape(after.ID) + "?done=" + map[bool]string{true: "added", false: "saved"}[id == ""]
	default:
		return badRequest("do is one of save, remove.")
	}
	if err == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	status, stands, say := s.refusalOf(err, s.saying(t.Titles))
	if say == nil {
		return err
	}
	t.Version = cmp.Or(stands, t.Version)
	return s.showReply(w, r, status, t, func(v *replyView) { say(&v.refusal) })
}

// readTemplate takes over what a form says of a template.
func readTemplate(f url.Values, t *dispatch.Template) {
	t.Titles, t.Texts, t.States, t.Classes = map[string]string{}, map[string]string{}, nil, nil
	for _, l := range languages() {
		t.Titles[l] = strings.Join(strings.Fields(strings.ToValidUTF8(f.Get("title-"+l), "")), " ")
		t.Texts[l] = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(f.Get("text-"+l), ""), "\r\n", "\n"))
	}
	for _, x := range f["state"] {
		t.States = append(t.States, dispatch.State(x))
	}
	for _, c := range f["class"] {
		t.Classes = append(t.Classes, crowd.Class(c))
	}
	if place, err := strconv.Atoi(f.Get("place")); err == nil && place > 0 && place < 1000 {
		t.Place = place
	}
}

// saveTemplate makes or changes a template, as who is logged in, and notes it in the log.
func (s *Server) saveTemplate(ctx context.Context, t dispatch.Template) (after dispatch.Template, err error) {
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := dispatch.ChangeTemplate(ctx, tx, t)
		after = changed
		return access.Entry{Action: "reply.change", What: changed.ID, Detail: changed.Since(before)}, err
	})
	return after, err
}

func (s *Server) dropTemplate(ctx context.Context, id string, seen int64) error {
	return s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		was, err := dispatch.DropTemplate(ctx, tx, id, seen)
		return access.Entry{Action: "reply.remove", What: id, Detail: dispatch.Template{Titles: map[string]string{"en": "", "de": ""}}.Since(was)}, err
	})
}

// offered is a template as it is offered for an order, filled in as far as that can be.
type offered struct {
	ID       string `json:"id"`
	Language string `json:"language"`
	Tongue   string `json:"tongue" doc:"the language's own name"`
	Title    string `json:"title"`
	Text     string `json:"text" doc:"what cannot be filled in stands as it was, as in {street}"`
}

// Key tells it from the others, as a form does.
func (o offered) Key() string { return o.ID + "." + o.Language }

// offers lists the templates for an order, those in the page's language first; nil: for any, not filled in.
func (s *face) offers(ctx context.Context, o *dispatch.Order, zone *time.Location) ([]offered, error) {
	list, err := dispatch.Templates(ctx, s.config.Pool)
	if err != nil {
		return nil, err
	}
	out := []offered{}
	tongues := append([]string{s.language}, slices.DeleteFunc(languages(), func(l string) bool { return l == s.language })...)
	for _, l := range tongues {
		for _, t := range list {
			if t.Texts[l] == "" || o != nil && !t.Suits(*o) {
				continue
			}
			x := offered{t.ID, l, s.faces[l].texts.T("lang.name"), t.Titles[l], t.Texts[l]}
			if o != nil {
				x.Text = filledFar(x.Text, s.faces[l].blanks(*o, zone))
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// filledFar fills in what there is.
func filledFar(text string, values map[string]string) string {
	for _, b := range dispatch.Blanks() {
		if values[b] == "" {
			values[b] = "{" + b + "}"
		}
	}
	text, _ = dispatch.Fill(text, values)
	return text
}

// blanks are an order's values for what is filled in.
func (s *face) blanks(o dispatch.Order, zone *time.Location) map[string]string {
	if zone == nil {
		zone = time.UTC
	}
	out := map[string]string{"number": o.Number, "street": o.Street, "class": s.texts.T("class." + string(o.Class))}
	switch {
	case !o.State.Open():
		out["day"] = s.dayIn(o.StateAt, zone)
	case o.DueAt.After(s.config.Now()): // what has passed is no promise
		out["day"] = s.dayIn(o.DueAt, zone)
	}
	return out
}

// dayIn is the day of at where the works department is.
func (s *face) dayIn(at time.Time, zone *time.Location) string {
	y, m, d := at.In(zone).Date()
	return s.texts.Date(time.Date(y, m, d, 12, 0, 0, 0, time.UTC))
}

// worded is the reason of a deed for one order: what is to be filled into a reply is.
func (s *face) worded(ctx context.Context, d consoleDesk, given Deed, id string) (string, error) {
	if given.Do != "reply" || !strings.Contains(given.Reason, "{") {
		return given.Reason, nil
	}
	o, _, err := dispatch.FindOrder(ctx, s.config.Pool, id)
	if err != nil {
		return "", err
	}
	text, missing := dispatch.Fill(given.Reason, s.blanks(o, d.works.Calendar.Zone))
	if missing != "" {
		return "", badRequest(s.texts.T("console.reply.missing", "number", o.Number, "blank", missing))
	}
	return text, nil
}

// fillOffers puts reply templates on an order's page, and the one that was chosen into its form.
func (s *face) fillOffers(r *http.Request, v *detailView, d consoleDesk) (err error) {
	if v.D.Order == nil {
		return nil
	}
	v.Offers, err = s.offers(r.Context(), v.D.Order, d.works.Calendar.Zone)
	v.Chosen = r.URL.Query().Get("template")
	for _, o := range v.Offers {
		if o.Key() == v.Chosen {
			v.Draft = o.Text
		}
	}
	return err
}
