package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// A dataset of open data: its columns, and every record of it one after the other.
type dataset struct {
	name    string
	columns []string
	each    func(ctx context.Context, s *Server, yield func(record datum) error) error
}

// datum is one record: its values in the order of the columns, and where it is.
type datum struct {
	lat, lon float64
	values   []any // string, float64, int, bool, or nil
}

func datasets() []dataset {
	return []dataset{
		{"orders", []string{"id", "number", "place", "class", "severity", "probability", "devices", "state", "street", "body", "promoted_at",
			"state_at", "lat", "lon", "h3", "heading_deg", "uncertainty_m", "external_id"}, eachOrder},
		{"places", []string{"id", "state", "mark", "class", "probability", "severity", "devices", "passes", "first_day", "last_day", "state_day",
			"lat", "lon", "coarse", "h3", "heading_deg", "uncertainty_m", "order", "number"}, eachPlace},
	}
}

func findDataset(name string) (dataset, bool) {
	for _, d := range datasets() {
		if d.name == name {
			return d, true
		}
	}
	return dataset{}, false
}

const dataPage = 1000 // records read at once

func number(v *float64, digits int) any {
	if v == nil {
		return nil
	}
	return round(*v, digits)
}

func eachOrder(ctx context.Context, s *Server, yield func(datum) error) error {
	f := dispatch.Filter{Limit: dataPage}
	for {
		found, err := dispatch.Orders(ctx, s.config.Pool, f)
		if err != nil {
			return err
		}
		for _, o := range found {
			err := yield(datum{o.Lat, o.Lon, []any{o.ID, o.Number, o.Place, string(o.Class), round(o.Severity, 3), round(o.Probability, 4), o.Devices,
				string(o.State), o.Street, o.Body, crowd.Decided(o.PromotedAt).UTC().Format(time.RFC3339), crowd.Decided(o.StateAt).UTC().Format(time.RFC3339), round(o.Lat, 6), round(o.Lon, 6),
				o.Cell.String(), number(o.Heading(), 0), round(o.UncertaintyM, 1), o.ExternalID}})
			if err != nil {
				return err
			}
		}
		if len(found) < dataPage {
			return nil
		}
		last := found[len(found)-1]
		f.Before = dispatch.Cursor{At: last.PromotedAt, ID: last.ID}
	}
}

func eachPlace(ctx context.Context, s *Server, yield func(datum) error) error {
	in, after := &placesInput{Limit: dataPage}, ""
	for {
		found, err := s.placesAfter(ctx, in, nil, after)
		if err != nil {
			return err
		}
		for _, p := range found {
			day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
			order, no := "", ""
			if p.Order != nil {
				order, no = p.Order.ID, p.Order.Number
			}
			err := yield(datum{p.Lat, p.Lon, []any{p.ID, string(p.State), string(p.Mark()), string(p.Class), round(p.Belief.Of(p.Class), 3), round(p.Severity, 3),
				p.Devices, p.Passes, day(p.FirstAt), day(p.LastAt), day(p.StateAt), round(p.Lat, 6), round(p.Lon, 6), p.Coarse, p.Cell.String(),
				number(p.HeadingDeg, 0), round(p.UncertaintyM, 1), order, no}})
			if err != nil {
				return err
			}
		}
		if len(found) <= dataPage {
			return nil
		}
		after = found[len(found)-1].ID
	}
}

// dataFile serves /data/{file}: orders or places as CSV or GeoJSON, written as it is read.
func (s *face) dataFile(w http.ResponseWriter, r *http.Request) error {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	d, ok := findDataset(name)
	if !ok {
		return errHidden
	}
	h := w.Header()
	var write func(io.Writer) error
	switch format {
	case "csv":
		h.Set("Content-Type", "text/csv; charset=utf-8")
		write = func(to io.Writer) error { return d.writeCSV(r.Context(), s.Server, to) }
	case "geojson":
		h.Set("Content-Type", "application/geo+json")
		write = func(to io.Writer) error { return d.writeGeoJSON(r.Context(), s.Server, to) }
	default:
		return errHidden
	}
	if r.Method != http.MethodHead {
		if err := s.countDownload(r.Context(), name, format); err != nil {
			return err
		}
	}
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="streetpulse-%s.%s"`, name, format))
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-cache")
	h.Set("Link", fmt.Sprintf(`<%s>; rel="license"`, s.licence().URL))
	// A city of many years takes its time.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(15 * time.Minute))
	if err := write(w); err != nil && r.Context().Err() == nil {
		s.config.Log.Error("a file of open data broke off", "file", name, "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes half of it for all
	}
	return nil
}

func (d dataset) writeCSV(ctx context.Context, s *Server, to io.Writer) error {
	out := csv.NewWriter(to)
	if err := out.Write(d.columns); err != nil {
		return err
	}
	err := d.each(ctx, s, func(r datum) error {
		row := make([]string, len(r.values))
		for i, v := range r.values {
			switch v := v.(type) {
			case string:
				row[i] = harmless(v)
			case float64:
				row[i] = strconv.FormatFloat(v, 'f', -1, 64)
			case nil:
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		return out.Write(row)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func (d dataset) writeGeoJSON(ctx context.Context, s *Server, to io.Writer) error {
	if _, err := fmt.Fprintf(to, `{"type":"FeatureCollection","license":%q,"features":[`, s.licence().URL); err != nil {
		return err
	}
	between := "\n"
	err := d.each(ctx, s, func(r datum) error {
		properties := map[string]any{}
		for i, v := range r.values {
			if c := d.columns[i]; c != "lat" && c != "lon" {
				properties[c] = v
			}
		}
		b, err := json.Marshal(map[string]any{"type": "Feature", "id": r.values[0], "geometry": pointAt(r.lat, r.lon), "properties": properties})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(to, "%s%s", between, b)
		between = ",\n"
		return err
	})
	if err == nil {
		_, err = io.WriteString(to, "\n]}\n")
	}
	return err
}

func (s *Server) countDownload(ctx context.Context, name, format string) error {
	_, err := s.config.Pool.Exec(ctx, `insert into downloads as d (month, dataset, format, n) values (date_trunc('month', $1::timestamptz at time zone 'UTC')::date, $2, $3, 1)
		on conflict (month, dataset, format) do update set n = d.n + 1`, s.config.Now(), name, format)
	if err != nil {
		return fmt.Errorf("count a download: %w", err)
	}
	return nil
}

// licence is what open data may be used under.
type licence struct{ Name, URL string }

func (s *Server) licence() licence {
	if s.config.LicenceName != "" {
		return licence{s.config.LicenceName, s.config.LicenceURL}
	}
	return licence{"CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"}
}

// dataView is the page of open data.
type dataView struct {
	head
	Sets    []setView
	Licence licence
	Months  []monthRow
	Columns []string // of the months' table: orders.csv …
}

type setView struct {
	Name    string
	Formats []string
	Columns []string
}

type monthRow struct {
	Month time.Time
	N     []int
}

func (s *face) dataPage(w http.ResponseWriter, r *http.Request) error {
	v := &dataView{head: head{Page: "data", Title: s.texts.T("data.title")}, Licence: s.licence()}
	formats := []string{"csv", "geojson"}
	for _, d := range datasets() {
		v.Sets = append(v.Sets, setView{d.name, formats, d.columns})
		for _, f := range formats {
			v.Columns = append(v.Columns, d.name+"."+f)
		}
	}
	rows, err := s.config.Pool.Query(r.Context(), `select month, dataset || '.' || format, n from downloads
		where month > $1::date - interval '12 months' order by month desc`, s.config.Now())
	if err != nil {
		return fmt.Errorf("read downloads: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var month time.Time
		var file string
		var n int
		if err := rows.Scan(&month, &file, &n); err != nil {
			return fmt.Errorf("read downloads: %w", err)
		}
		if len(v.Months) == 0 || !v.Months[len(v.Months)-1].Month.Equal(month) {
			v.Months = append(v.Months, monthRow{month, make([]int, len(v.Columns))})
		}
		if i := slices.Index(v.Columns, file); i >= 0 {
			v.Months[len(v.Months)-1].N[i] = n
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read downloads: %w", err)
	}
	return s.render(w, r, http.StatusOK, "base", v)
}
