package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/streetpulse/streetpulse/dispatch"
)

// aboutPages are the pages of words that every page's foot leads to, in its order.
func aboutPages() []string { return []string{"judging", "privacy", "accessibility"} }

// aboutView is a page of words: a heading and a text each, which the languages have as about.NAME.1.head and about.NAME.1.text.
type aboutView struct {
	head
	Lead  string
	Parts []aboutPart
	Ask   []dispatch.Responsible // who answers questions
}

type aboutPart struct {
	Head  string
	Texts []string // paragraphs
}

// about returns what serves a page of words.
func about(name string) func(*face, http.ResponseWriter, *http.Request) error {
	return func(s *face, w http.ResponseWriter, r *http.Request) error {
		key := "about." + name
		v := &aboutView{head: head{Page: "about", Title: s.texts.T(key)}, Lead: s.texts.T(key + ".lead")}
		days := setOr(s.set().RetainDays, s.config.RetainDays)
		for i := 1; s.texts.Has(key + "." + strconv.Itoa(i) + ".head"); i++ {
			part := key + "." + strconv.Itoa(i)
			text := s.texts.T(part+".text", "kept", s.keptWords(days))
			v.Parts = append(v.Parts, aboutPart{s.texts.T(part + ".head"), strings.Split(text, "\n")})
		}
		var err error
		if name != "judging" {
			v.Ask, err = s.answering(r)
		}
		if err != nil {
			return err
		}
		return s.render(w, r, http.StatusOK, "base", v)
	}
}

func (s *face) keptWords(days int) string {
	if days == 0 {
		return s.texts.T("about.kept.always")
	}
	return s.texts.N("about.kept", days)
}

// answering are the bodies above all others that can be written to or called.
func (s *face) answering(r *http.Request) ([]dispatch.Responsible, error) {
	bodies, err := dispatch.Bodies(r.Context(), s.config.Pool, false)
	if err != nil {
		return nil, err
	}
	var out []dispatch.Responsible
	for _, b := range bodies {
		if b.Parent == "" && !b.External && (b.Email != "" || b.Phone != "") {
			out = append(out, b)
		}
	}
	return out, nil
}

// developersView is the page for those who build on it.
type developersView struct {
	head
	Trials []trial
	Doors  []entrance
}

// trial is something to try: the languages have its words as dev.NAME and dev.NAME.text.
type trial struct{ Name, How, Code string }

// entrance is a way in: the languages have what it is good for as dev.door.NAME.
type entrance struct{ Name, Path, Href, Standard string }

func (s *face) developersPage(w http.ResponseWriter, r *http.Request) error {
	origin := s.origin(r)
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(origin, "https://"), "http://"), ":")
	near := "0,0"
	if n := s.network(); n != nil {
		middle := n.Bound().Center()
		near = strconv.FormatFloat(middle.Lat(), 'f', 4, 64) + "," + strconv.FormatFloat(middle.Lon(), 'f', 4, 64)
	}
	fill := strings.NewReplacer("ORIGIN", origin, "HOST", host, "NEAR", near)
	v := &developersView{head: head{Page: "developers", Title: s.texts.T("dev.title")}, Doors: entrances()}
	for _, x := range trials() {
		x.Code = fill.Replace(x.Code)
		v.Trials = append(v.Trials, x)
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

func trials() []trial {
	return []trial{
		{"near", "curl", `curl -G ORIGIN/api/v1/places \
  -d near=NEAR -d radius_m=400`},
		{"enrol", "curl", `curl -X POST ORIGIN/api/v1/devices \
  -H 'Content-Type: application/json' \
  -d '{"name":"my-unit","kind":"unit"}'`},
		{"send", "MQTT 3.1.1, 5.0", `mosquitto_pub -h HOST -q 1 \
  -i $DEVICE -u $DEVICE -P $SECRET \
  -t streetpulse/v1/devices/$DEVICE/events -f batch.json`},
		{"hear", "server-sent events", `curl -N ORIGIN/api/v1/stream`},
		{"files", "GDAL", `ogr2ogr orders.gpkg ORIGIN/data/orders.geojson`},
	}
}

func entrances() []entrance {
	return []entrance{
		{"api", "/api/v1", "/api/v1/openapi.json", "OpenAPI 3.1"},
		{"stream", "/api/v1/stream", "/api/v1/openapi.json", "HTML: server-sent events"},
		{"tiles", "/tiles/places.json", "/tiles/places.json", "Mapbox Vector Tile 2.1, TileJSON 3"},
		{"data", "/data", "/data", "CSV (RFC 4180), GeoJSON (RFC 7946)"},
		{"feed", "/feeds/orders.atom", "/feeds/orders.atom", "Atom (RFC 4287)"},
		{"mqtt", "/mqtt", "", "MQTT 3.1.1, 5.0"},
		{"webhooks", "/admin/webhooks", "", "Standard Webhooks"},
	}
}
