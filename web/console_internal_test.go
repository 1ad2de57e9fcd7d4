package web

import (
	"net/url"
	"testing"
)

// What is no position must not become 0,0, which is one.
func TestADeedIsReadFromItsForm(t *testing.T) {
	t.Parallel()
	for text, lat := range map[string]float64{"48.40917, 15.61042": 48.40917, "here, there": 360, "48.4, x": 360, "": 360} {
		if d := deedOf(url.Values{"do": {"move"}, "at": {text}}); d.Lat != lat {
			t.Errorf("a move to %q has latitude %g, not %g", text, d.Lat, lat)
		}
	}
}
