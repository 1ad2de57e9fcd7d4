package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

const (
	mostWords      = 1000     // letters of what somebody adds
	mostFormBytes  = 16 << 10 // of all fields but photos
	mostReportBody = 200 << 20
	reportReadTime = 5 * time.Minute // phones send photos slowly
	triesPerReport = 3               // tries of an address for each report that it may send in an hour
	nearM          = 150.0           // a place this near may be what somebody means
	mostNear       = 4
	outsideM       = 3000.0 // beyond the map's edge
)

// reportForm is what somebody fills in.
type reportForm struct {
	Lat, Lon, Category, Words, Email, Draft string
	Query                                   string // a street that was looked for without scripts

	do     string // the button's: what is to be done instead of sending it; empty: it is sent
	asked  string // the street that was looked for before
	drop   []int  // kept photos that are to go, by number
	at     *orb.Point
	photos []photo
}

// What the buttons of the form do that do not send it.
const (
	doFind  = "find"  // look for a street
	doEnter = "enter" // the key: look for the street where another was typed, else send
	doMove  = "at:"   // and a latitude and a longitude, after which the pin goes there
)

// looking says whether a form asks for a street, and not to be sent.
func (f *reportForm) looking() bool {
	return f.do == doFind || f.do == doEnter && f.Query != "" && f.Query != f.asked
}

// moving puts the pin where a button says, if one does.
func (f *reportForm) moving() bool {
	at, ok := strings.CutPrefix(f.do, doMove)
	if ok {
		f.Lat, f.Lon, _ = strings.Cut(at, ",")
	}
	return ok
}

// fieldError says what is wrong with a field; Field is its id on the page.
type fieldError struct{ Field, Text string }

// nearby is a public place that somebody may mean.
type nearby struct {
	titled
	Metres int // 0: only roughly known
	Vote   crowd.Vote
}

type nudge struct{ Href, Text string }

// reportView is the page on which a defect is reported.
type reportView struct {
	head
	reportForm
	Found      []nudge // streets that a search found: what their buttons do, and their names
	Searched   bool
	Placed     bool
	Where      string
	Near       []nearby
	Minimap    template.HTML
	Nudges     []nudge
	Categories []city.Category
	Kept       []int // numbers of photos that are kept
	Errors     []fieldError
	Bounds     string
	Texts      string
}

// Error returns what is wrong with a field, empty where nothing is.
func (v *reportView) Error(field string) string {
	for _, e := range v.Errors {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

func (s *face) reportPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := reportForm{Lat: q.Get("lat"), Lon: q.Get("lon"), Category: q.Get("category")}
	f.at, _ = parsePosition(f.Lat, f.Lon)
	if p, ok := personOf(r.Context()); ok {
		f.Email = p.Email
	}
	f.Query = q.Get("q")
	return s.showReport(w, r, http.StatusOK, f, nil)
}

// reportNear answers with what is known about a position, for the page's script.
func (s *face) reportNear(w http.ResponseWriter, r *http.Request) error {
	at, err := parsePosition(r.URL.Query().Get("lat"), r.URL.Query().Get("lon"))
	if err != nil || at == nil {
		return badRequest("lat and lon are a position in degrees.")
	}
	v := &reportView{head: head{Page: "report"}, reportForm: reportForm{at: at}}
	if err := s.fillWhere(r.Context(), v); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "near", v)
}

func (s *face) showReport(w http.ResponseWriter, r *http.Request, status int, f reportForm, wrong []fieldError) error {
	v := &reportView{head: head{Page: "report", Title: s.texts.T("report.title")}, reportForm: f, Errors: wrong}
	set, err := city.LoadCategories(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	if v.Categories = set.Offered(); v.Category == "" {
		v.Category = v.Categories[0].ID
	}
	if v.Bounds, err = s.bounds(r.Context()); err != nil {
		return err
	}
	v.Texts = s.scriptTexts()
	if n := s.network(); f.Query != "" && n != nil {
		v.Searched = true
		for _, found := range n.Search(f.Query, 8) {
			v.Found = append(v.Found, nudge{moveTo(found.Point), found.Name})
		}
	}
	if v.Draft != "" {
		n, err := s.photosOf(r.Context(), v.Draft)
		if err != nil {
			return err
		}
		for i := range n {
			v.Kept = append(v.Kept, i+1)
		}
	}
	if err := s.fillWhere(r.Context(), v); err != nil {
		return err
	}
	return s.render(w, r, status, "base", v)
}

// moveTo is what a button does that puts the pin somewhere.
func moveTo(p orb.Point) string { return fmt.Sprintf(doMove+"%.6f,%.6f", p.Lat(), p.Lon()) }

// fillWhere tells what is known about the position: its street, the places that may be meant, a small map.
func (s *face) fillWhere(ctx context.Context, v *reportView) error {
	if v.at == nil {
		return nil
	}
	v.Placed, v.Where = true, s.streetAt(*v.at)
	v.Lat, v.Lon = fmt.Sprintf("%.6f", v.at.Lat()), fmt.Sprintf("%.6f", v.at.Lon())
	found, err := s.inBox(ctx, fromFew, widen(orb.Bound{Min: *v.at, Max: *v.at}, coarseShift), "")
	if err != nil {
		return err
	}
	fine, err := geo.FineCell(v.at.Lat(), v.at.Lon())
	if err != nil {
		return badRequest("The position is not on the globe.")
	}
	for _, p := range found {
		d := geo.Distance(p.Point(), *v.at)
		near := d <= nearM || p.Coarse && p.Cell == geo.CoverageCell(fine) // its middle can be further away than it is
		if p.Mark() == markDismissed || !near {
			continue
		}
		n := nearby{titled: s.describe(p), Vote: crowd.Known}
		if !p.Coarse {
			n.Metres = max(5, int(math.Round(d/5))*5)
		}
		v.Near = append(v.Near, n)
	}
	slices.SortStableFunc(v.Near, func(a, b nearby) int {
		if a.Coarse != b.Coarse { // what is known to lie here comes before what may
			if b.Coarse {
				return -1
			}
			return 1
		}
		return a.Metres - b.Metres
	})
	v.Near = v.Near[:min(len(v.Near), mostNear)]
	v.Minimap = s.pinMap(*v.at)
	for i, key := range []string{"report.north", "report.east", "report.south", "report.west"} {
		const step = 15.0
		v.Nudges = append(v.Nudges, nudge{moveTo(geo.Destination(*v.at, float64(i)*90, step)), s.texts.T(key)})
	}
	return nil
}

// streetAt names a position after its street and the nearest cross street, empty where there is none.
func (s *face) streetAt(p orb.Point) string {
	n := s.network()
	if n == nil {
		return ""
	}
	m, ok := n.Nearest(p, nil, nearStreet)
	if !ok || m.Street.Name == "" {
		return ""
	}
	street := crossName(m.Street.Name, "")
	if cross := crossName(m.From, street); cross != "" {
		return s.texts.T("report.where.near", "street", street, "cross", cross)
	}
	return street
}

// streetName is the street of a position, empty where there is none.
func (s *Server) streetName(p orb.Point) string {
	if n := s.network(); n != nil {
		if m, ok := n.Nearest(p, nil, nearStreet); ok {
			return crossName(m.Street.Name, "")
		}
	}
	return ""
}

// parsePosition reads a position; nil where none is given.
func parsePosition(lat, lon string) (*orb.Point, error) {
	if lat == "" && lon == "" {
		return nil, nil
	}
	v, ok := floats(lat+","+lon, 2)
	if !ok || math.Abs(v[0]) > 90 || math.Abs(v[1]) > 180 || v[0] == 0 && v[1] == 0 {
		return nil, badRequest("lat and lon are a position in degrees.")
	}
	return &orb.Point{v[1], v[0]}, nil
}

// reportPost takes the form. Whatever keeps it from being a report, what was filled in comes back.
func (s *face) reportPost(w http.ResponseWriter, r *http.Request) error {
	from, now := s.client(r), s.config.Now()
	// Phones send slowly; where the time cannot be set, the usual one holds.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(reportReadTime))
	r.Body = http.MaxBytesReader(w, r.Body, mostReportBody)
	var wait time.Duration
	try := sync.OnceValue(func() (may bool) { // a photo, or a report; not where the pin is only moved
		wait, may = s.tries.take(from, now)
		return may
	})
	f, wrong, err := s.readForm(r, try)
	if err != nil {
		return err
	}
	if !isDraft(f.Draft) {
		f.Draft = ""
	}
	if err := s.dropPhotos(r.Context(), f.Draft, f.drop); err != nil {
		return err
	}
	if len(f.photos) > 0 {
		if f.Draft == "" {
			f.Draft, _ = access.Secret()
		}
		if err := s.keepPhotos(r.Context(), f.Draft, f.photos); err != nil {
			return err
		}
	}
	if moved := f.moving(); moved || f.looking() {
		f.at, _ = parsePosition(f.Lat, f.Lon)
		if moved {
			f.Query = ""
		}
		return s.showReport(w, r, http.StatusOK, f, wrong)
	}
	f.Query = ""
	said, err := s.check(r.Context(), &f)
	if err != nil {
		return err
	}
	wrong = append(said, wrong...)
	may := try()
	if may {
		wait, may = s.reports.may(from, now)
	}
	if !may {
		w.Header().Set("Retry-After", seconds(wait))
		return s.showReport(w, r, http.StatusTooManyRequests, f, append([]fieldError{{"report", s.texts.T("report.often.form")}}, wrong...))
	}
	if len(wrong) > 0 {
		return s.showReport(w, r, http.StatusUnprocessableEntity, f, wrong)
	}
	err = s.submit(r, f)
	if errors.Is(err, errBusy) {
		return s.showReport(w, r, http.StatusTooManyRequests, f, []fieldError{{"report", s.texts.T("report.busy")}})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/report/sent", http.StatusSeeOther)
	return nil
}

// seconds writes a time to wait as headers do.
func seconds(wait time.Duration) string { return strconv.Itoa(int(wait.Seconds()) + 1) }

// submit takes a report, and counts it where it was taken.
func (s *face) submit(r *http.Request, f reportForm) error {
	if f.Draft == "" {
		f.Draft, _ = access.Secret()
	}
	from, now := s.client(r), s.config.Now()
	err := s.takeReport(r.Context(), report{ID: f.Draft, Category: f.Category, Words: f.Words, At: *f.at, Street: s.streetName(*f.at), Email: f.Email}, s.reports.fresh(from, now))
	if err == nil {
		s.reports.count(from, now)
	}
	return err
}

// readForm reads the parts of the form as they come: a photo that is too large costs nothing but itself. Photos it passes over where try
// says no.
func (s *face) readForm(r *http.Request, try func() bool) (f reportForm, wrong []fieldError, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return f, nil, badRequest("The form is no multipart form.")
	}
	left := int64(mostFormBytes)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, wrong, nil
		}
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return f, append(wrong, fieldError{"photos", s.texts.T("report.photo.large")}), nil
		}
		if err != nil {
			return f, nil, badRequest("The form broke off.")
		}
		if part.FormName() == "photos" && (part.FileName() == "" || !try()) { // none was chosen, or too many were sent
			continue
		}
		if part.FormName() == "photos" {
			text, err := s.readPart(r, part, &f)
			if err != nil {
				return f, nil, err
			}
			if text != "" && !slices.Contains(wrong, fieldError{"photos", text}) {
				wrong = append(wrong, fieldError{"photos", text})
			}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil || int64(len(b)) > left {
			return f, nil, badRequest("The form is too long.")
		}
		left -= int64(len(b))
		if n, err := strconv.Atoi(string(b)); part.FormName() == "drop" && err == nil {
			f.drop = append(f.drop, n)
		}
		if to := f.field(part.FormName()); to != nil {
			*to = strings.TrimSpace(textOf(string(b)))
		}
	}
}

func (f *reportForm) field(name string) *string {
	switch name {
	case "lat":
		return &f.Lat
	case "lon":
		return &f.Lon
	case "category":
		return &f.Category
	case "words":
		return &f.Words
	case "email":
		return &f.Email
	case "draft":
		return &f.Draft
	case "q":
		return &f.Query
	case "asked":
		return &f.asked
	case "do":
		return &f.do
	}
	return nil
}

// readPart reads one photo, or returns what is wrong with it.
func (s *face) readPart(r *http.Request, part *multipart.Part, f *reportForm) (string, error) {
	b, done, err := s.uploads.read(s.client(r), io.LimitReader(part, mostPhotoBytes+1))
	if errors.Is(err, photoBusy) {
		return s.photoWrong(err)
	}
	if err != nil {
		return s.photoWrong(errors.Join(photoBroken, err))
	}
	defer done()
	if len(b) == 0 {
		return "", nil // no photo was chosen
	}
	if len(f.photos) >= mostPhotos {
		return s.texts.N("report.photo.many", mostPhotos), nil
	}
	p, err := s.photos.readPhoto(r.Context(), b)
	if err == nil {
		f.photos = append(f.photos, p)
	}
	return s.photoWrong(err)
}

// photoWrong says what is wrong with a photo that was not read; other errors it returns.
func (s *face) photoWrong(err error) (string, error) {
	var why photoError
	if errors.As(err, &why) {
		return s.texts.T("report.photo." + string(why)), nil
	}
	return "", err
}

// check reads the fields and says what is wrong with them.
func (s *face) check(ctx context.Context, f *reportForm) (wrong []fieldError, err error) {
	t := s.texts
	set, err := city.LoadCategories(ctx, s.config.Pool)
	if err != nil {
		return nil, err
	}
	at, err := parsePosition(f.Lat, f.Lon)
	switch {
	case err != nil || at == nil:
		wrong = append(wrong, fieldError{"where", t.T("report.where.missing")})
	case !s.inTown(*at):
		wrong = append(wrong, fieldError{"where", t.T("report.where.outside")})
	default:
		f.at = at
	}
	if c, known := set.Find(f.Category); !known || c.Retired {
		wrong = append(wrong, fieldError{"category", t.T("report.category.missing")})
	}
	if utf8.RuneCountInString(f.Words) > mostWords {
		wrong = append(wrong, fieldError{"words", t.T("report.words.long", "n", mostWords)})
	}
	if !isEmail(f.Email) {
		wrong = append(wrong, fieldError{"email", t.T("report.email.wrong")})
	}
	return wrong, nil
}

// isDraft says whether a text can be the secret name of a report that is not sent yet.
func isDraft(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == access.SecretBytes
}

// inTown says whether a position lies in the town, or near it.
func (s *Server) inTown(p orb.Point) bool {
	n := s.network()
	return n == nil || widen(n.Bound(), outsideM).Contains(p)
}

// isEmail says whether a text is an address that mail can go to, and nothing else.
func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || a.Name != "" || len(text) > 254 || strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	_, host, _ := strings.Cut(text, "@")
	return strings.Contains(host, ".") && !strings.HasPrefix(host, "[")
}

// messageView is a page that says one thing.
type messageView struct {
	head
	Text string
}

func (s *face) reportSent(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "base", &messageView{head{Page: "message", Title: s.texts.T("report.sent")}, s.texts.T("report.sent.text")})
}

// followView is what the link in a mail shows of a report.
type followView struct {
	head
	Report   report
	What     string
	Token    string
	Place    *titled
	Minimap  template.HTML
	Photos   []string
	Category string
	Asking   bool      // it waits to be confirmed
	Became   string    // of a report where no place is known: what a dispatcher decided
	Order    string    // its order's page; empty: none
	Story    []chapter // its order's
}

// reportLink shows what became of a report to who has its link, or asks to confirm it.
func (s *face) reportLink(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	rep, err := s.findReport(r.Context(), token)
	if err != nil {
		return err
	}
	set, err := city.LoadCategories(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	v := &followView{Report: rep, What: s.reportTitle(set, rep.Category, rep.Street), Category: s.categoryName(set, rep.Category), Token: token, Asking: rep.Confirmed == nil, Minimap: s.pinMap(rep.At)}
	v.head = head{Page: "reported", Title: v.What}
	for i := range rep.Photos {
		v.Photos = append(v.Photos, "/reports/"+url.PathEscape(token)+"/photos/"+strconv.Itoa(i+1))
	}
	if rep.Place != nil {
		found, err := s.find(r.Context(), *rep.Place)
		if err == nil {
			place := s.describe(found)
			v.Place = &place
		} else if !errors.Is(err, errHidden) {
			return err
		}
	}
	if rep.Place == nil && rep.Decision != "" {
		if err := s.fillBecame(r.Context(), v); err != nil {
			return err
		}
	}
	secretPage(w)
	return s.render(w, r, http.StatusOK, "base", v)
}

// secretPage keeps an address that holds a secret from going elsewhere.
func secretPage(w http.ResponseWriter) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
}

// reportConfirm confirms a report. It takes a button: programs that look at links in mails press none.
func (s *face) reportConfirm(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	rep, err := s.findReport(r.Context(), token)
	if err != nil {
		return err
	}
	if err := s.confirmReport(r.Context(), rep); err != nil && !errors.Is(err, crowd.ErrReported) {
		return err
	}
	http.Redirect(w, r, "/reports/"+url.PathEscape(token), http.StatusSeeOther)
	return nil
}

// reportPhoto shows a photo to who has the report's link, and to nobody else: it may show people and number plates.
func (s *face) reportPhoto(w http.ResponseWriter, r *http.Request) error {
	rep, err := s.findReport(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return errHidden
	}
	return s.showPhoto(w, r, `select jpeg from report_photos where report = $1 and n = $2`, rep.ID, n)
}

// draftPhoto shows a photo of a report that is not sent yet to who is writing it.
func (s *face) draftPhoto(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || !isDraft(r.PathValue("draft")) {
		return errHidden
	}
	return s.showPhoto(w, r, `select jpeg from report_photos where report = $1 and n = $2 and not exists (select 1 from reports where id = $1)`, r.PathValue("draft"), n)
}

// showPhoto answers with a photo that a query finds.
func (s *face) showPhoto(w http.ResponseWriter, r *http.Request, query string, args ...any) error {
	var body []byte
	err := s.config.Pool.QueryRow(r.Context(), query, args...).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return errHidden
	}
	if err != nil {
		return fmt.Errorf("read a photo: %w", err)
	}
	secretPage(w)
	w.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
