package web

import (
	"net/url"
	"testing"
)

// What is no position must not become 0,0, which is one.
func TestADeedIsReadFromItsForm(t *testing.T) {
	t.Parallel()
	for text, lat := range map[string]float64{"48.40917, 15.61042": 48.40917, "here, there": 360, "48.4, x": 360, "": 360} {
		if d, err := new(face).deedOf(url.Values{"do": {"move"}, "at": {text}}); err != nil || d.Lat != lat {
			t.Errorf("a move to %q has latitude %g, not %g, %v", text, d.Lat, lat, err)
		}
	}
	for text, want := range map[string]float64{"": 0, "0,5": 0.5, "1": 1} {
		if d, err := new(face).deedOf(url.Values{"do": {"reclass"}, "severity": {text}}); err != nil || d.Severity != want {
			t.Errorf("a severity of %q is %g, %v", text, d.Severity, err)
		}
	}
	for _, text := range []string{"deep", "NaN", "Inf", "1e999", "0,5,5"} {
		if d, err := new(face).deedOf(url.Values{"do": {"reclass"}, "severity": {text}}); err == nil {
			t.Errorf("a severity of %q is %g", text, d.Severity)
		}
	}
}
