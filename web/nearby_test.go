package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// TestWhatMayBeMeantInACoarseCell reports near the corner of a cell whose places are shown at its middle, further away than places are near: they may
// be meant, and come after one that is known to lie there.
func TestWhatMayBeMeantInACoarseCell(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	on, _ := w.spot("Ringstraße", .45)
	fine, err := geo.FineCell(on.Lat(), on.Lon())
	if err != nil {
		t.Fatal(err)
	}
	cell := geo.CoverageCell(fine)
	middle, err := cell.LatLng()
	if err != nil {
		t.Fatal(err)
	}
	border, err := cell.Boundary()
	if err != nil {
		t.Fatal(err)
	}
	at := orb.Point{middle.Lng + .9*(border[0].Lng-middle.Lng), middle.Lat + .9*(border[0].Lat-middle.Lat)}
	if d := geo.Distance(at, orb.Point{middle.Lng, middle.Lat}); d < 155 {
		t.Fatalf("the corner is %.0f m from the middle", d)
	}
	for i := range 5 {
		w.put(defect{ID: fmt.Sprint("psuspected", i), At: &at, State: crowd.Suspected, Severity: .8, Devices: 3, Days: 8})
	}
	page := fmt.Sprintf("/report?lat=%.6f&lon=%.6f", at.Lat(), at.Lon())
	if _, body := w.get(page); strings.Count(body, `class="dup"`) != 1 || !strings.Contains(body, "/places/psuspected") {
		t.Error("what lies in the same cell is not asked after")
	}
	beside := geo.Destination(at, 90, 5)
	w.put(defect{ID: "pexact1", At: &beside, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.New})
	_, body := w.get(page)
	asked := regexp.MustCompile(`<form method="post" action="/places/(\w+)/votes">`).FindAllStringSubmatch(body, -1)
	if len(asked) != 4 || asked[0][1] != "pexact1" {
		t.Errorf("asked after %v", asked)
	}
}
