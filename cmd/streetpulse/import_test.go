package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// told runs a command in this process and returns its exit code and what it printed.
func told(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, output{out: &o, err: &e, in: &bytes.Buffer{}})
	return code, o.String(), e.String()
}

func TestImportFurnitureAndCases(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	register := filepath.Join(t.TempDir(), "speed bumps.csv")
	if err := os.WriteFile(register, []byte("id,kind,lat,lon\n1,hump,48.41,15.60\n2,birdbath,48.42,15.60\n3,valve,48.43,15.60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bodies := filepath.Join(t.TempDir(), "bodies.geojson")
	if err := os.WriteFile(bodies, []byte(`{"type":"FeatureCollection","features":[{"properties":{"name":"Water","external":true,"classes":["casting"]},"geometry":null}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	boston := []string{"import", "cases", "../../crowd/testdata/boston-potholes.csv", "--mapping", "../../docs/examples/boston-311.json", "--database", url}
	for _, test := range []struct {
		args      []string
		code      int
		out, errs string
	}{
		{[]string{"import", "furniture", register, "--database", url}, 0, "speed bumps: 2 added, 0 changed, 0 the same, 0 removed; 0 said twice, 1 refused", "line 3: kind \"birdbath\""},
		{[]string{"import", "furniture", register, "--database", url}, 0, "0 added, 0 changed, 2 the same", "line 3"},
		{[]string{"import", "furniture", register, "--database", url, "--source", "works"}, 0, "works: 2 added", "line 3"},
		{[]string{"import", "furniture", register, "--database", url, "--source", "openstreetmap"}, exitFailed, "", "--source"},
		{[]string{"import", "furniture", register, "--database", url, "--kind", "dragon"}, exitUsage, "", "dragon"},
		{[]string{"import", "furniture", "../../docs/examples/boston-311.json", "--database", url}, exitFailed, "", "features"},
		{[]string{"import", "bodies", bodies, "--database", url}, 0, "1 bodies. 0 open orders", ""},
		{[]string{"import", "bodies", "../../docs/examples/boston-311.json", "--database", url}, exitFailed, "", "FeatureCollection"},
		{boston, 0, "boston-311: 9 rows: 9 cases added", ""},
		{boston, 0, "0 cases added, 0 changed, 9 the same", ""},
		{append(boston, "--source", "other"), 0, "other: 9 rows: 9 cases added", ""},
		{append([]string{"import", "cases", register}, boston[3:]...), exitFailed, "", "no column CASE_ENQUIRY_ID"},
	} {
		code, out, errs := told(test.args...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.errs) {
			t.Errorf("%v ends with %d: %s%s", test.args, code, out, errs)
		}
	}
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log, err := access.Log(t.Context(), db.Pool, access.Search{Action: "import.", Text: "BODIES", Limit: 10})
	if err != nil || len(log) != 1 || log[0].Action != "import.bodies" || log[0].What != "bodies.geojson" || log[0].Detail != "1 bodies" {
		t.Errorf("the log has %+v, %v", log, err)
	}
}
