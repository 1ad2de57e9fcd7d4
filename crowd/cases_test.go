package crowd_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func mapping(t testing.TB, text string) crowd.CaseMapping {
	t.Helper()
	m, err := crowd.ReadCaseMapping(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const plainMapping = `{"columns":{"id":"no","lat":"y","lon":"x","opened":"from","closed":"to","category":"what"},"potholes":["Pothole"],
	"time":{"layout":"%d.%m.%Y %H:%M","zone":"Europe/Vienna"},"delimiter":";"}`

func TestBostonsCases(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/examples/boston-311.json")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("testdata/boston-potholes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rows []crowd.CaseRow
	if err := mapping(t, string(text)).Read(file, func(r crowd.CaseRow) error { rows = append(rows, r); return r.Refused }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 9 {
		t.Fatalf("%d rows", len(rows))
	}
	first := rows[0].Case
	if first.ID != "101001247383" || first.Lat != 42.3542 || first.Lon != -71.1626 || first.Cell == 0 ||
		!first.Opened.Equal(time.Date(2015, 1, 14, 20, 4, 41, 0, time.UTC)) || first.Closed.Sub(first.Opened) != time.Second {
		t.Errorf("%+v", first)
	}
	if last := rows[8].Case; !last.Closed.Equal(last.Opened) { // closed a second before it was opened
		t.Errorf("%+v", last)
	}
}

const someCases = `no;y;x;from;to;what
1;48.41;15.60;02.03.2026 08:00;;pothole
2;48.42;15.60;02.03.2026 08:00;05.07.2026 08:00; POTHOLE
3;48.42;15.60;02.03.2026 08:00;;Graffiti
4;;15.60;02.03.2026 08:00;;Pothole
5;48.42;15.60;2026-03-02;;Pothole
6;48.42;15.60;02.03.2026 08:00;01.03.2026 08:00;Pothole
7;48.42;15.60
8;98.42;15.60;02.03.2026 08:00;;Pothole
"9";48.42;"15".60;02.03.2026 08:00;;Pothole
10;48.43;15.60;02.03.2026 08:00;;Pothole
`

// Importing twice changes nothing; what changed in the city's system changes here.
func TestCasesAreImportedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	run := func(text string) (crowd.CaseSummary, string) {
		t.Helper()
		var refused []string
		s, err := crowd.CaseImport{Pool: pool, Source: "works", Mapping: mapping(t, plainMapping), Refused: func(line int, _ error) {
			refused = append(refused, fmt.Sprint(line))
		}}.Run(ctx, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return s, strings.Join(refused, " ")
	}
	s, refused := run(someCases)
	if want := (crowd.CaseSummary{Rows: 10, Added: 3, Other: 1, Refused: 6}); s != want || refused != "5 6 7 8 9 10" {
		t.Errorf("%+v, refused %s", s, refused)
	}
	if s, _ = run(someCases); s.Same != 3 || s.Added+s.Changed+s.Removed != 0 {
		t.Errorf("again: %+v", s)
	}
	s, _ = run("what;no;x;y;from;to\npothole;1;15.60;48.41;02.03.2026 08:00;03.03.2026 08:00\nGraffiti;2;15.6;48.42;02.03.2026 08:00;\n" +
		"pothole;10;15.60;48.44;02.03.2026 08:00;\npothole;10;15.60;48.43;02.03.2026 08:00;\n")
	if want := (crowd.CaseSummary{Rows: 4, Changed: 1, Same: 1, Repeated: 1, Other: 1, Removed: 1}); s != want {
		t.Errorf("later: %+v", s)
	}
	var closed time.Time
	if err := pool.QueryRow(ctx, `select closed from cases where source = 'works' and id = '1'`).Scan(&closed); err != nil ||
		!closed.Equal(time.Date(2026, 3, 3, 7, 0, 0, 0, time.UTC)) {
		t.Error(closed, err)
	}
}

func TestAMappingThatCannotBeRight(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no column":      `{"columns":{"id":"a","lat":"b","lon":"c"},"time":{}}`,
		"misspelt":       `{"columns":{"id":"a","lat":"b","lon":"c","opend":"d"},"time":{}}`,
		"no zone":        `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d"},"time":{"zone":"Boston"}}`,
		"unknown word":   `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d"},"time":{"layout":"%Y-%Q"}}`,
		"no year":        `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d"},"time":{"layout":"dd.mm.yyyy"}}`,
		"no category":    `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d","category":"e"},"time":{}}`,
		"long delimiter": `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d"},"time":{},"delimiter":";;"}`,
		"not JSON":       `columns:`,
	} {
		if _, err := crowd.ReadCaseMapping(strings.NewReader(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	err := mapping(t, plainMapping).Read(strings.NewReader("no;y;x;from;what\n"), func(crowd.CaseRow) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no column to") {
		t.Error(err)
	}
}

// Whatever a file and a mapping hold, each row is accounted for, and what is kept can be stored.
func FuzzReadCases(f *testing.F) {
	boston := `{"columns":{"id":"a","lat":"b","lon":"c","opened":"d","closed":"e"},"time":{"layout":"%m/%d/%Y %I:%M:%S %p","zone":"America/New_York"}}`
	f.Add(plainMapping, []byte(someCases))
	f.Add(boston, []byte("a,b,c,d,e\n1,2,3,01/14/2015 03:04:41 PM,\n2,2,3,03/08/2015 02:30:00 AM,11/01/2015 01:30:00 AM\n"))
	f.Add(boston, []byte("\ufeffa,b,c,d,e\n\"1\n2\",2,3,01/14/0015 03:04:41 PM,\n\x00,2,3,,\n\xff,NaN,1e999,,\n"))
	f.Add(`{"columns":{"id":"a","lat":"a","lon":"a","opened":"a"},"time":{"layout":"06"},"delimiter":"\t"}`, []byte("a\n15\n\"\n"))
	f.Add(`{"time":{"layout":"%"}}`, []byte(""))
	f.Fuzz(func(t *testing.T, text string, file []byte) {
		m, err := crowd.ReadCaseMapping(strings.NewReader(text))
		if err != nil {
			return
		}
		last := 0
		_ = m.Read(strings.NewReader(string(file)), func(r crowd.CaseRow) error {
			if r.Line <= last {
				t.Errorf("line %d after %d", r.Line, last)
			}
			last = r.Line
			if c := r.Case; r.Refused == nil && !r.Other && (c.ID == "" || !c.Cell.IsValid() || c.Opened.Year() < 1899 || c.Closed != nil && c.Closed.Before(c.Opened)) {
				t.Errorf("%+v", c)
			}
			return nil
		}) // an error is a header that lacks a column
	})
}
