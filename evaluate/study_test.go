package evaluate_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// village is a city that is driven and judged within a second.
func village() firmwaresim.CityOptions {
	return firmwaresim.CityOptions{Network: firmwaresim.NetworkGrid, Blocks: 7, Drivers: 40, Defects: 25, Days: 5, Attackers: 16, Inventions: 10,
		Physics: firmwaresim.PhysicsPulse, GPSM: 2, Canyons: -1, Answers: 0.5, Busy: 1.5}
}

// A drive is what the simulator drives, and its trips are the truth's.
func TestDriveIsTheWholeCity(t *testing.T) {
	t.Parallel()
	if testing.Short() { // as for TestCrowdBeatsCounting
		t.Skip("not with -short")
	}
	o := village()
	o.Seed, o.Days = 3, 4
	drive, err := evaluate.NewDrive(o)
	if err != nil {
		t.Fatal(err)
	}
	city, err := firmwaresim.NewCity(o)
	if err != nil {
		t.Fatal(err)
	}
	all := city.All()
	if len(all) == 0 || !slices.EqualFunc(all, drive.Sent, func(a, b firmwaresim.Sent) bool {
		return a.ID == b.ID && a.Device == b.Device && a.Deliver.Equal(b.Deliver)
	}) {
		t.Fatalf("driven day by day it sends something else: %d and %d events", len(drive.Sent), len(all))
	}
	// Each pothole that is passed now and then is found in the end, so all of its trips count.
	var found []evaluate.Found
	var trips []int
	for _, x := range drive.Truth.Objects {
		if x.Class == "pothole" && x.Trips >= 5 {
			found = append(found, evaluate.Found{Lat: x.Lat, Lon: x.Lon, At: drive.End.AddDate(0, 0, 1)})
			trips = append(trips, x.Trips)
		}
	}
	slices.Sort(trips)
	s := drive.Score(found)
	if len(found) < 5 || s.Doubled > 0 {
		t.Fatalf("the city is no test: %+v", s)
	}
	if s.MedianTrips != float64(trips[len(trips)/2]) || s.MedianHeard < 3 || s.MedianHeard > s.MedianTrips {
		t.Errorf("median of %g trips, %g heard; the truth has %d", s.MedianTrips, s.MedianHeard, trips[len(trips)/2])
	}
	for i := range found { // at their appearance there have been none but those before
		found[i].At = drive.Options.Begin
	}
	if s := drive.Score(found); s.MedianTrips != 0 || s.MedianHeard != 0 {
		t.Errorf("before anybody drove, %g trips and %g heard", s.MedianTrips, s.MedianHeard)
	}
}

func TestStudy(t *testing.T) {
	t.Parallel()
	if testing.Short() { // as for TestCrowdBeatsCounting; what runs side by side in it does so in TestReportsComeInTheOrderOfTheSeeds
		t.Skip("not with -short")
	}
	var order []uint64
	told := 0
	study, err := evaluate.RunStudy(context.Background(), village(), evaluate.Seeds{5}, func(r evaluate.Report) { order = append(order, r.Seed) },
		func(string) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []uint64{5}) || told != 7 {
		t.Errorf("reports came in the order %v, %d experiments were told", order, told)
	}
	orders := 0
	for _, r := range study.Cities {
		orders += r.Promotions.Confirmed
		if r.Promotions.Cuts != 12 || len(r.Promotions.Violations) > 0 || r.Promotions.Confirmed != r.Crowd.Found {
			t.Errorf("city %d: %+v with %d found", r.Seed, r.Promotions, r.Crowd.Found)
		}
		missed := 0
		for _, n := range r.Missed {
			missed += n
		}
		if r.Lies["inventor"] != 10 || missed != r.Crowd.Eligible-int(r.Crowd.Recall*float64(r.Crowd.Eligible)+0.5) {
			t.Errorf("city %d: %v made up, %d missed, %+v", r.Seed, r.Lies, missed, r.Crowd)
		}
	}
	if orders == 0 {
		t.Error("nothing was found: the study shows nothing")
	}
	for _, trial := range study.Adversaries {
		for _, r := range trial.Cities {
			if (r.Lies["inventor"] > 0) != (trial.Name == "inventor") || (r.Lies["fleet"] > 0) != (trial.Name == "faulty fleet") {
				t.Errorf("%s: city %d has lies %v", trial.Name, r.Seed, r.Lies)
			}
		}
	}
	if len(study.Defences) != 6 || study.Defences[0].Cities[0].Crowd != study.Cities[0].Crowd {
		t.Error("with all defences the cities come to something else")
	}
	if study.Defences[1].Cities[0].Calibration == study.Cities[0].Calibration {
		t.Error("what is learnt of devices changes no place's probability")
	}
	page(t, study)
	plot(t, study.Cities)
}

func TestReportsComeInTheOrderOfTheSeeds(t *testing.T) {
	t.Parallel()
	o := village()
	o.Days = 1
	var order evaluate.Seeds
	seeds := evaluate.Seeds{5, 2, 9}
	told := 0
	study, err := evaluate.RunStudy(context.Background(), o, seeds, func(r evaluate.Report) { order = append(order, r.Seed) }, func(string) { told++ })
	if reports := study.Cities; err != nil || !slices.Equal(order, seeds) || len(reports) != 3 || reports[1].Seed != 2 || told != 14 {
		t.Errorf("reports of %v came as %v, %d experiments were told, error %v", seeds, order, told, err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := evaluate.RehearseAll(stopped, o, seeds, func(evaluate.Report) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped, it says %v", err)
	}
}

// page checks that the document has every part and says nothing about nothing.
func page(t *testing.T, study evaluate.Study) {
	t.Helper()
	var text bytes.Buffer
	if err := study.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"## The goal", "## City by city", "## Calibration", "## Each adversary alone", "## Each defence off", "## Where it fails",
		"| inventor | ", "| no drives | ", "**Of these, 5 are no test**"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(text.String(), "NaN") || strings.Contains(text.String(), "%!") {
		t.Errorf("the page says what is no number:\n%s", text.String())
	}
	columns := 0
	for line := range strings.Lines(text.String()) {
		n := strings.Count(line, "|")
		if columns > 0 && n > 0 && n != columns {
			t.Errorf("a table's row has %d bars, not %d: %s", n, columns, line)
		}
		columns = n
	}
	if err := (evaluate.Study{}).Markdown(io.Discard); err != nil {
		t.Error(err)
	}
}

// plot checks that the drawing is well-formed and that every city and adversary is named.
func plot(t *testing.T, reports []evaluate.Report) {
	t.Helper()
	for _, some := range [][]evaluate.Report{reports, nil} {
		var drawn bytes.Buffer
		if err := evaluate.Plot(&drawn, some); err != nil {
			t.Fatal(err)
		}
		words := map[string]bool{}
		for decoder := xml.NewDecoder(bytes.NewReader(drawn.Bytes())); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("the drawing is not well-formed: %v\n%s", err, drawn.String())
			}
			if s, ok := token.(xml.CharData); ok {
				words[string(s)] = true
			}
		}
		for _, r := range some {
			if !words[fmt.Sprint(r.Seed)] {
				t.Errorf("city %d is not in the drawing", r.Seed)
			}
		}
		if !words["faulty fleet"] || !words["probability of a pothole"] || strings.Contains(drawn.String(), "NaN") {
			t.Errorf("the drawing lacks a label or a number: %s", drawn.String())
		}
	}
}
