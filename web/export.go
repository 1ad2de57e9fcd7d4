package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/xuri/excelize/v2"
)

// mostExported rows are written into one file. Longer ones are refused: half of them would pass for all.
const mostExported = 200_000

// exported is a table as it is written into a file: names of columns are English in every language, as in all data. One with the columns lat,
// lon and id can be GeoJSON.
type exported struct {
	Name    string
	Columns []string
	Rows    iter.Seq2[[]any, error]
}

// rowsOf goes through rows that are there already.
func rowsOf(rows [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// fileKind is a kind of file that tables are written as.
type fileKind struct {
	contentType string
	write       func(io.Writer, exported) error
}

func fileKinds() map[string]fileKind {
	return map[string]fileKind{
		"csv":     {"text/csv; charset=utf-8", exportCSV},
		"xlsx":    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", exportXLSX},
		"geojson": {"application/geo+json", exportGeoJSON},
	}
}

// may says whether a table can be written as a kind of file.
func (e exported) may(format string) bool {
	_, known := fileKinds()[format]
	return known && (format != "geojson" || slices.Contains(e.Columns, "lat"))
}

// serveFile answers with a table as a file.
func (s *face) serveFile(w http.ResponseWriter, r *http.Request, e exported, format string) error {
	if !e.may(format) {
		return errHidden
	}
	kind := fileKinds()[format]
	w.Header().Set("Content-Type", kind.contentType)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, e.Name, s.config.Now().UTC().Format(time.DateOnly), format))
	w.Header().Set("Cache-Control", "no-store")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute)) // a long list takes its time
	if err := kind.write(w, e); err != nil && r.Context().Err() == nil {
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

func exportCSV(to io.Writer, e exported) error {
	out := csv.NewWriter(to)
	if err := out.Write(e.Columns); err != nil {
		return err
	}
	for row, err := range e.Rows {
		if err != nil {
			return err
		}
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
	line := 1
	for row, err := range e.Rows {
		if err != nil {
			return err
		}
		line++
		if err := rows.SetRow(fmt.Sprintf("A%d", line), row); err != nil {
			return err
		}
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	return f.Write(to)
}

func exportGeoJSON(to io.Writer, e exported) error {
	begin := `{"type":"FeatureCollection","features":[` + "\n"
	between := begin
	for row, err := range e.Rows {
		if err != nil {
			return err
		}
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
	if between == begin { // there are none
		if _, err := io.WriteString(to, between); err != nil {
			return err
		}
	}
	_, err := io.WriteString(to, "\n]}\n")
	return err
}
