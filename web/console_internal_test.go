package web

import (
	"net/url"
	"testing"
)

// What is no position must not become 0,0, which is one.
func TestADeedIsReadFromItsForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"48.4091, 15.6104", "48,4091 15,6104", "48,4091,15,6104", " 48.4091;15.6104 "} {
		if d, err := new(face).deedOf(url.Values{"do": {"move"}, "at": {text}}); err != nil || d.Lat == nil || *d.Lat != 48.4091 || *d.Lon != 15.6104 {
			t.Errorf("a move to %q is %+v, %v", text, d, err)
		}
	}
	for _, text := range []string{"here, there", "48.4, x", "", "48.4", "95, 10", "1, 2, 3"} {
		if d, err := new(face).deedOf(url.Values{"do": {"move"}, "at": {text}}); err != nil || d.Lat != nil || d.Lon != nil {
			t.Errorf("a move to %q is %+v, %v", text, d, err)
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
