package evaluate

import (
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
)

func TestCutsTellWhatDoesNotLast(t *testing.T) {
	t.Parallel()
	at := func(hours int) time.Time { return time.Date(2026, 3, 2, hours, 0, 0, 0, time.UTC) }
	place := func(id string, since int) crowd.Place {
		return crowd.Place{ID: id, State: crowd.Confirmed, StateAt: at(since), Ordered: true}
	}
	confirmed := func(id string, since int) crowd.Confirmation {
		return crowd.Confirmation{Place: place(id, since), At: at(since)}
	}
	demoted := place("a", 3)
	demoted.State, demoted.Ordered = crowd.Suspected, false
	for _, x := range []struct {
		name      string
		confirmed []crowd.Confirmation
		places    []crowd.Place
		says      string // "": nothing
	}{
		{"nothing new", []crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{place("a", 3)}, ""},
		{"another one", []crowd.Confirmation{confirmed("a", 3), confirmed("b", 6)}, []crowd.Place{place("a", 3), place("b", 6)}, ""},
		{"merged, and its confirmation with it", []crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{place("z", 3)}, ""},
		{"gone", nil, nil, "gone"},
		{"its place is gone", []crowd.Confirmation{confirmed("a", 3)}, nil, "no place any more"},
		{"merged, and its confirmation lost", []crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{place("z", 6)}, "no place any more"},
		{"moved in time", []crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{place("a", 6)}, "since"},
		{"demoted", []crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{demoted}, "suspected"},
		{"in hindsight", []crowd.Confirmation{confirmed("a", 3), confirmed("b", 4)}, []crowd.Place{place("a", 3), place("b", 4)}, "was confirmed"},
		{"in the future", []crowd.Confirmation{confirmed("a", 3), confirmed("b", 9)}, []crowd.Place{place("a", 3), place("b", 9)}, "was confirmed"},
	} {
		var w watch
		w.cut([]crowd.Confirmation{confirmed("a", 3)}, []crowd.Place{place("a", 3)}, at(5))
		if len(w.Violations) > 0 {
			t.Fatalf("at the first cut: %v", w.Violations)
		}
		w.cut(x.confirmed, x.places, at(8))
		said := strings.Join(w.Violations, "; ")
		if x.says == "" && said != "" || !strings.Contains(said, x.says) {
			t.Errorf("%s: it says %q, want %q", x.name, said, x.says)
		}
	}
}
