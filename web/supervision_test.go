package web_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/streetpulse/streetpulse/access"
)

// supervised reads the supervisor's page, its files and its operation after an order was repaired as another class, and another split off.
func (w *town) supervised(order string) {
	t := w.t
	t.Helper()
	sue := w.signIn(access.Supervisor)
	for _, path := range []string{"/supervision", "/supervision?period=all&lang=de"} {
		answer, body := sue.get(path)
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, "Crew 2") {
			t.Errorf("%s: %s", path, answer.Status)
		}
		for _, wrong := range wellFormed(body) {
			t.Error(wrong)
		}
	}
	if answer, _ := sue.get("/supervision?period=soon"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a period that there is not: %s", answer.Status)
	}
	tables := map[string][][]string{}
	for _, name := range []string{"ages", "waiting", "crews", "classes", "kinds", "deadlines", "reopened", "spent", "materials"} {
		answer, body := sue.get("/supervision/" + name + ".csv")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) == 0 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/csv") {
			t.Fatalf("%s: %s %v", name, answer.Status, err)
		}
		tables[name] = rows[1:]
		if _, body := sue.get("/supervision/" + name + ".xlsx"); !slices.EqualFunc(w.sheet(body), rows, sameCells) {
			t.Errorf("%s as XLSX: %v, and as CSV %v", name, w.sheet(body), rows)
		}
	}
	if m := tables["materials"]; len(m) != 1 || strings.Join(m[0], " ") != "Cold mix 40 kg 1 12.5" || len(tables["spent"]) != 1 || tables["spent"][0][3] != "12.5" {
		t.Errorf("spent: %v, %v", tables["spent"], m)
	}
	var back struct {
		Features []struct {
			ID       string
			Geometry struct{ Coordinates []float64 }
		}
	}
	if _, body := sue.get("/supervision/reopened.geojson?period=all"); json.Unmarshal([]byte(body), &back) != nil || len(back.Features) != len(tables["reopened"]) {
		t.Errorf("as GeoJSON: %s", body)
	}
	if answer, _ := sue.get("/supervision/crews.geojson"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("crews on a map: %s", answer.Status)
	}
	sue.read("/supervision?lang=en", "Costs and materials", "Cold mix", "12.50", `href="/supervision/spent.xlsx?period=26w"`, `href="/console?due=escalated"`)
	if answer, _ := sue.get("/supervision/people.csv"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a table that there is not: %s", answer.Status)
	}
	answer, body := sue.get("/api/v1/supervision?period=all")
	var got struct {
		Ages    []struct{ New, Accepted, Assigned, Overdue int }
		Bodies  []struct{ Body string }
		Classes []struct {
			Class   string
			Other   int `json:"another_defect"`
			Nothing int
		}
		Reopened  []struct{ Number, By string }
		Spent     []struct{ Cents int }
		Materials []struct{ What string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Ages) != len(tables["ages"]) || len(got.Bodies) != len(tables["waiting"]) || len(got.Reopened) != len(tables["reopened"]) || len(got.Spent) != 1 || len(got.Materials) != 1 {
		t.Errorf("%s %v: %+v, and in files %v", answer.Status, err, got, tables)
	}
	other := 0
	for _, c := range got.Classes {
		if c.Class == "pothole" {
			other = c.Other
		}
	}
	if other == 0 {
		t.Errorf("order %s was a joint where the crowd had said pothole: %+v", order, got.Classes)
	}
}

// sheet returns the cells of a workbook's first sheet.
func (w *town) sheet(body string) [][]string {
	w.t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(body))
	if err != nil {
		w.t.Errorf("no workbook: %v: %.80q", err, body)
		return nil
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetName(0), excelize.Options{RawCellValue: true})
	if err != nil {
		w.t.Error(err)
	}
	return rows
}

// sameCells compares a row of a workbook with one of a text file, where true is written out and what is empty at the end is there.
func sameCells(sheet, text []string) bool {
	for i, cell := range text {
		of := ""
		if i < len(sheet) {
			of = sheet[i]
		}
		if of != cell && (cell != "true" || of != "1") && (cell != "false" || of != "0") {
			return false
		}
	}
	return true
}

// exported compares files with what the console lists: the same rows in the same order, under any filter, and the review list as well.
func (w *town) exported(who *visitor) {
	w.t.Helper()
	for _, query := range []string{"view=open&sort=street", "state=repaired", "view=todo&class=pothole&sort=newest", "q=ring", "view=review"} {
		_, body := who.get("/console/rows?offset=0&limit=500&" + query)
		var listed struct{ Rows []struct{ ID string } }
		if err := json.Unmarshal([]byte(body), &listed); err != nil {
			w.t.Fatal(err)
		}
		_, body = who.get("/console/export/orders.csv?" + query)
		table, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(table) != len(listed.Rows)+1 {
			w.t.Errorf("%s: %d rows of %d, %v", query, len(table)-1, len(listed.Rows), err)
			continue
		}
		if _, body = who.get("/console/export/orders.xlsx?" + query); !slices.EqualFunc(w.sheet(body), table, sameCells) {
			w.t.Errorf("%s as XLSX: %v, and as CSV %v", query, w.sheet(body), table)
		}
		_, body = who.get("/console/export/orders.geojson?" + query)
		var features struct{ Features []struct{ ID string } }
		if err := json.Unmarshal([]byte(body), &features); err != nil || len(features.Features) != len(listed.Rows) {
			w.t.Errorf("%s: %d features, %v", query, len(features.Features), err)
			continue
		}
		for i, row := range listed.Rows {
			if id := table[i+1][len(table[0])-1]; id != row.ID || features.Features[i].ID != row.ID {
				w.t.Errorf("%s: row %d is %s as CSV and %s as GeoJSON, and %s in the console", query, i, id, features.Features[i].ID, row.ID)
			}
		}
	}
}
