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

// mostExported orders are written into one file.
const mostExported = 200_000

func exportColumns() []string {
	return []string{"number", "state", "priority", "class", "severity", "street", "body", "crew", "due_at", "overdue", "promoted_at", "state_at", "failed_repair",
		"external_id", "devices", "probability", "lat", "lon", "id"}
}

func exportRow(o dispatch.Order, d consoleDesk) []any {
	when := func(t time.Time) any {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return []any{o.Number, string(o.State), o.Priority.Sum(), string(o.Class), round(o.Severity, 3), o.Street, o.Body, o.CrewName, when(o.DueAt), d.works.Due(o, d.now) == dispatch.Overdue,
		when(o.PromotedAt), when(o.StateAt), o.Failed, o.ExternalID, o.Devices, round(o.Probability, 3), round(o.Lat, 6), round(o.Lon, 6), o.ID}
}

// consoleExport writes a view as a file: orders.csv, orders.xlsx or orders.geojson.
func (s *face) consoleExport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	write, kind := map[string]func(context.Context, io.Writer, []dispatch.Order, consoleDesk) error{
		"csv": exportCSV, "xlsx": exportXLSX, "geojson": exportGeoJSON}[format], map[string]string{
		"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "geojson": "application/geo+json"}[format]
	if name != "orders" || write == nil {
		return errHidden
	}
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	asked := parseSought(r.URL.Query())
	if asked.Name == reviewView {
		return badRequest("The review list holds places, not orders: the interface has it under /reviews.")
	}
	view := asked.view
	view.Limit = mostExported
	orders, err := dispatch.Queue(ctx, s.config.Pool, view, d.works, d.now)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="orders-%s.%s"`, d.now.UTC().Format(time.DateOnly), format))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute)) // a long list takes its time
	if err := write(ctx, w, orders, d); err != nil && ctx.Err() == nil {
		s.config.Log.Error("an export broke off", "format", format, "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes half of it for all
	}
	return nil
}

func exportCSV(_ context.Context, to io.Writer, orders []dispatch.Order, d consoleDesk) error {
	out := csv.NewWriter(to)
	if err := out.Write(exportColumns()); err != nil {
		return err
	}
	for _, o := range orders {
		var cells []string
		for _, v := range exportRow(o, d) {
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
func exportXLSX(_ context.Context, to io.Writer, orders []dispatch.Order, d consoleDesk) error {
	f := excelize.NewFile()
	defer f.Close()
	const sheet = "Orders"
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
	for _, c := range exportColumns() {
		head = append(head, excelize.Cell{StyleID: bold, Value: c})
	}
	if err := rows.SetRow("A1", head); err != nil {
		return err
	}
	for i, o := range orders {
		if err := rows.SetRow(fmt.Sprintf("A%d", i+2), exportRow(o, d)); err != nil {
			return err
		}
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	return f.Write(to)
}

func exportGeoJSON(_ context.Context, to io.Writer, orders []dispatch.Order, d consoleDesk) error {
	between := `{"type":"FeatureCollection","features":[` + "\n"
	for _, o := range orders {
		properties := map[string]any{}
		for i, v := range exportRow(o, d) {
			if c := exportColumns()[i]; c != "lat" && c != "lon" {
				properties[c] = v
			}
		}
		b, err := json.Marshal(map[string]any{"type": "Feature", "id": o.ID, "geometry": pointAt(o.Lat, o.Lon), "properties": properties})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(to, "%s%s", between, b); err != nil {
			return err
		}
		between = ",\n"
	}
	if len(orders) == 0 {
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
