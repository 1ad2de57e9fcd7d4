package crowd

import (
	"fmt"
	"testing"

	"github.com/paulmach/orb"
)

// On a street that the same five pass every day it is they who are expected, and hardly somebody who has never been there.
func TestRegularsAreExpected(t *testing.T) {
	t.Parallel()
	const day = 2 * halfDay
	var nodes []*node
	visit := func(at orb.Point, device int, day int64) {
		n := &node{id: fmt.Sprint(len(nodes)), at: at}
		n.voices = []voice{{device: fmt.Sprint("device-", device), number: device, first: day, last: day, hits: 1}}
		nodes = append(nodes, n)
	}
	here, elsewhere := orb.Point{15.6, 48.41}, orb.Point{15.7, 48.41}
	for device := range 20 {
		for d := range int64(8) {
			if device < 5 {
				visit(here, device, (d+1)*day)
			} else {
				visit(elsewhere, device, (d+1)*day)
			}
		}
	}
	h := newHaunts(nodes, 20)
	place := &node{at: here}
	regular, known := h.passes(place, 2, nil)
	stranger, _ := h.passes(place, 12, nil)
	if known < 0.8 || regular < 4*stranger {
		t.Errorf("known by %.2f, a regular comes along with %.3f, a stranger with %.3f", known, regular, stranger)
	}
	sum := 0.0
	for device := range 20 {
		likely, _ := h.passes(place, device, nil)
		sum += likely
	}
	if sum < 0.8 || sum > 1.2 {
		t.Errorf("somebody comes along with probability %.2f", sum)
	}
	sameDay, _ := h.passes(place, 2, visits{1 * 2, 2 * 2, 3 * 2, 4 * 2, 5 * 2, 6 * 2, 7 * 2, 8 * 2})
	if sameDay > 1.01*stranger {
		t.Errorf("whoever was around only on the days of the jolts is expected with %.3f, a stranger with %.3f", sameDay, stranger)
	}
	if likely, known := h.passes(&node{at: orb.Point{16, 48}}, 2, nil); known != 0 || likely > 0.06 {
		t.Errorf("where nobody was ever seen, it is known by %.2f, and one of twenty comes along with %.3f", known, likely)
	}
}

// What was said by whom nobody can tell any more makes nobody likelier to have been sent.
func TestSealedVoicesComeAlongNowhere(t *testing.T) {
	t.Parallel()
	place := &node{at: orb.Point{15.6, 48.41}, voices: []voice{
		{device: "device", first: halfDay, last: 3 * halfDay},
		{device: sealMark + "a.1", number: 1, first: 2 * halfDay, last: 4 * halfDay},
		{device: sealMark + "b.2", number: 2, first: 2 * halfDay, last: 5 * halfDay},
	}}
	alone := &node{at: place.at, voices: place.voices[:1]}
	want, known := newHaunts([]*node{alone}, 1).passes(alone, 0, nil)
	if likely, k := newHaunts([]*node{place}, 3).passes(place, 0, nil); likely != want || k != known {
		t.Errorf("with sealed voices the device comes along with %.3f, known by %.2f; without with %.3f, %.2f", likely, k, want, known)
	}
}
