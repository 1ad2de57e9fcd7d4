package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/streetpulse/streetpulse/access"
)

type reportInput struct {
	asked
	Spoken
	Body struct {
		Lat      float64  `json:"lat" minimum:"-90" maximum:"90"`
		Lon      float64  `json:"lon" minimum:"-180" maximum:"180"`
		Category string   `json:"category" maxLength:"40" doc:"the id of one that GET /reports/categories lists"`
		Words    string   `json:"words,omitempty" maxLength:"1000" doc:"what else there is to say; only the city reads it"`
		Email    string   `json:"email" format:"email" maxLength:"254" doc:"a link to confirm the report goes there; it is shown to nobody"`
		Photos   [][]byte `json:"photos,omitempty" maxItems:"4" doc:"JPEG, PNG or WebP, in base64, 12 MB together; only the city sees them. The form at /report takes 12 MB each, as multipart/form-data"`
	}
}

type reportOutput struct {
	Status int
	Body   struct {
		Text string `json:"text"`
	}
}

type streetsInput struct {
	Query string `query:"q" minLength:"1" maxLength:"100" required:"true" doc:"how a word of the name begins"`
}

type foundStreet struct {
	Name string  `json:"name"`
	Lat  float64 `json:"lat"`
	Lon  float64 `json:"lon"`
}

type streetsBody struct {
	Streets []foundStreet `json:"streets"`
}

func (s *Server) registerReports(api huma.API) {
	send := open("send-report", http.MethodPost, "/reports", "Report a defect by hand", 403, 413, 422, 429, 503)
	send.Description = "The report counts once the link in the mail was followed and confirmed. It is weak evidence then, like an open case of a 311 system."
	send.MaxBodyBytes = mostJSONReport
	send.BodyReadTimeout = reportReadTime
	send.DefaultStatus = http.StatusAccepted
	send.Middlewares = append(send.Middlewares, s.metered(api))
	s.weighed(api, &send, newBulk(mostJSONReports, mostJSONReport), http.StatusTooManyRequests)
	huma.Register(api, send, each(s, (*face).apiReport, func(in *reportInput) Spoken { return in.Spoken }))
	huma.Register(api, open("find-streets", http.MethodGet, "/streets", "Streets by name", 422), s.apiStreets)
}

// metered refuses who has sent as many reports as one may in an hour before their report is read.
func (s *Server) metered(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		now := s.config.Now()
		wait, ok := s.reports.may(s.client(r), now)
		if ok {
			wait, ok = s.tries.take(s.client(r), now)
		}
		if !ok {
			refuse(api, ctx, s.speak(r).tooOften(wait))
			return
		}
		next(ctx)
	}
}

// tooOften is the answer to who reports more often than one may.
func (s *face) tooOften(wait time.Duration) error {
	return huma.ErrorWithHeaders(huma.Error429TooManyRequests(s.texts.T("report.often")), http.Header{"Retry-After": {seconds(wait)}})
}

func (s *face) apiReport(ctx context.Context, in *reportInput) (*reportOutput, error) {
	if err := s.origins.Check(in.request); err != nil {
		return nil, huma.Error403Forbidden("Another site's page may not report for its visitors.")
	}
	b := in.Body
	f := reportForm{Lat: strconv.FormatFloat(b.Lat, 'f', -1, 64), Lon: strconv.FormatFloat(b.Lon, 'f', -1, 64), Category: b.Category,
		Words: strings.TrimSpace(strings.ToValidUTF8(b.Words, "")), Email: b.Email}
	said, err := s.check(ctx, &f)
	if err != nil {
		return nil, s.failed(ctx, "report", err)
	}
	var details []error
	for _, wrong := range said {
		details = append(details, &huma.ErrorDetail{Message: wrong.Text, Location: "body." + wrong.Field})
	}
	for i, body := range b.Photos {
		p, err := s.photos.readPhoto(ctx, body)
		text, err := s.photoWrong(err)
		if err != nil {
			return nil, s.failed(ctx, "report", err)
		}
		if text != "" {
			details = append(details, &huma.ErrorDetail{Message: text, Location: "body.photos[" + strconv.Itoa(i) + "]"})
			continue
		}
		f.photos = append(f.photos, p)
	}
	if len(details) > 0 {
		return nil, huma.Error422UnprocessableEntity(s.texts.T("report.problem"), details...)
	}
	f.Draft, _ = access.Secret()
	err = s.keepPhotos(ctx, f.Draft, f.photos)
	if err == nil {
		err = s.submit(in.request, f)
	}
	if errors.Is(err, errBusy) {
		return nil, huma.Error429TooManyRequests(s.texts.T("report.busy"))
	}
	if err != nil {
		return nil, s.failed(ctx, "report", err)
	}
	out := &reportOutput{Status: http.StatusAccepted}
	out.Body.Text = s.texts.T("report.sent.text")
	return out, nil
}

func (s *Server) apiStreets(_ context.Context, in *streetsInput) (*struct{ Body streetsBody }, error) {
	body := streetsBody{Streets: []foundStreet{}}
	if n := s.network(); n != nil {
		for _, f := range n.Search(in.Query, 8) {
			body.Streets = append(body.Streets, foundStreet{f.Name, round(f.Point.Lat(), 6), round(f.Point.Lon(), 6)})
		}
	}
	return &struct{ Body streetsBody }{body}, nil
}
