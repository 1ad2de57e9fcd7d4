package web_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"

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
	for _, name := range []string{"ages", "waiting", "crews", "classes", "kinds", "deadlines", "reopened"} {
		answer, body := sue.get("/supervision/" + name + ".csv")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) == 0 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/csv") {
			t.Fatalf("%s: %s %v", name, answer.Status, err)
		}
		tables[name] = rows[1:]
	}
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
		Reopened []struct{ Number, By string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Ages) != len(tables["ages"]) || len(got.Bodies) != len(tables["waiting"]) || len(got.Reopened) != len(tables["reopened"]) {
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
