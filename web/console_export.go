package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/streetpulse/streetpulse/dispatch"
)

// mostExported rows are written into one file. Longer ones are refused: half of them would pass for all.
const mostExported = 200_000

// exported is a view as it is written into a file: names of columns are English in every language, as in all data. It has the columns lat,
// lon and id.
type exported struct {
	Name    string
	Columns []string
	Rows    [][]any
}

// consoleExport writes a view as a file: orders.csv, orders.xlsx or orders.geojson. It has every row of the view, in its order.
func (s *face) consoleExport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	write, kind := map[string]func(io.Writer, exported) error{"csv": exportCSV, "xlsx": exportXLSX, "geojson": exportGeoJSON}[format], map[string]string{
		"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "geojson": "application/geo+json"}[format]
	if name != "orders" || write == nil {
		return errHidden
	}
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	asked := parseSought(r.URL.Query())
	read := exportOrders
	if asked.Name == reviewView {
		read = exportReviews
	}
	out, err := read(ctx, d, asked.view)
	if err != nil {
		return err
	}
	if len(out.Rows) > mostExported {
		return badRequest(s.texts.T("console.export.many", "most", mostExported))
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, out.Name, d.now.UTC().Format(time.DateOnly), format))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute)) // a long list takes its time
	if err := write(w, out); err != nil && ctx.Err() == nil {
		s.config.Log.Error("an export broke off", "format", format, "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes half of it for all
	}
	return nil
}

func exportedTime(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func exportOrders(ctx context.Context, d consoleDesk, view dispatch.View) (exported, error) {
	out := exported{Name: "orders", Columns: []string{"number", "state", "priority", "class", "severity", "street", "body", "crew", "due_at", "overdue", "promoted_at",
		"state_at", "failed_repair", "external_id", "devices", "probability", "lat", "lon", "id"}}
	view.Limit = mostExported + 1
	orders, err := dispatch.Queue(ctx, d.Pool, view, d.works, d.now)
	for _, o := range orders {
		out.Rows = append(out.Rows, []any{o.Number, string(o.State), o.Priority.Sum(), string(o.Class), round(o.Severity, 3), o.Street, o.Body, o.CrewName, exportedTime(o.DueAt),
			d.works.Due(o, d.now) == dispatch.Overdue, exportedTime(o.PromotedAt), exportedTime(o.StateAt), o.Failed, o.ExternalID, o.Devices, round(o.Probability, 3),
			round(o.Lat, 6), round(o.Lon, 6), o.ID})
	}
	return out, err
}

// exportReviews are the places of the review list, which have no order yet.
func exportReviews(ctx context.Context, d consoleDesk, view dispatch.View) (exported, error) {
	out := exported{Name: "reviews", Columns: []string{"class", "severity", "street", "body", "listed_at", "devices", "passes", "probability", "lat", "lon", "id"}}
	list, err := d.reviewsIn(ctx, view.Bounds)
	for _, r := range list {
		out.Rows = append(out.Rows, []any{string(r.Class), round(r.Severity, 3), r.Street, r.Body, exportedTime(r.ListedAt), r.Devices, r.Passes,
			round(r.Belief.Of(r.Class), 3), round(r.Lat, 6), round(r.Lon, 6), r.ID})
	}
	return out, err
}

func exportCSV(to io.Writer, e exported) error {
	out := csv.NewWriter(to)
	if err := out.Write(e.Columns); err != nil {
		return err
	}
	for _, row := range e.Rows {
		var cells []string
		for _, v := range row {
			cell := fmt.Sprint(v)
			if text, ok := v.(string); ok {
				cell = harmless(text)
			}
			cells = append(cells, cell)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// exportXLSX writes a workbook of one sheet, row by row, so that a long list does not have to lie in memory as cells.
func exportXLSX(to io.Writer, e exported) error {
	f := excelize.NewFile()
	defer f.Close()
	sheet := capital(e.Name)
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
		return err
	}
	rows, err := f.NewStreamWriter(sheet)
	if err != nil {
		return err
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	if err := rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	var head []any
	for _, c := range e.Columns {
		head = append(head, excelize.Cell{StyleID: bold, Value: c})
	}
	if err := rows.SetRow("A1", head); err != nil {
		return err
	}
	for i, row := range e.Rows {
		if err := rows.SetRow(fmt.Sprintf("A%d", i+2), row); err != nil {
			return err
		}
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	return f.Write(to)
}

func exportGeoJSON(to io.Writer, e exported) error {
	between := `{"type":"FeatureCollection","features":[` + "\n"
	for _, row := range e.Rows {
		properties := map[string]any{}
		for i, c := range e.Columns {
			properties[c] = row[i]
		}
		lat, _ := properties["lat"].(float64)
		lon, _ := properties["lon"].(float64)
		delete(properties, "lat")
		delete(properties, "lon")
		b, err := json.Marshal(map[string]any{"type": "Feature", "id": properties["id"], "geometry": pointAt(lat, lon), "properties": properties})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(to, "%s%s", between, b); err != nil {
			return err
		}
		between = ",\n"
	}
	if len(e.Rows) == 0 {
		if _, err := io.WriteString(to, between); err != nil {
			return err
		}
	}
	_, err := io.WriteString(to, "\n]}\n")
	return err
}

// consoleSheet is an order on paper, for who goes there.
func (s *face) consoleSheet(w http.ResponseWriter, r *http.Request) error {
	d, err := s.consoleDesk(r.Context())
	if err != nil {
		return err
	}
	v := &detailView{}
	if v.D, err = s.detailOf(r.Context(), d, r.PathValue("id")); err != nil {
		return err
	}
	v.Page, v.Title, v.Today = "sheet", v.D.Number+", "+v.D.Title, d.now
	return s.render(w, r, http.StatusOK, "base", v)
}
