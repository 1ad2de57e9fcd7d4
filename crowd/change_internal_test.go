package crowd

import (
	"fmt"
	"testing"

	"github.com/paulmach/orb"
)

// What is felt whenever somebody drives was always there; what is felt from some day on, though others drove before, has come.
func TestWhatComesIsToldFromWhatWasThere(t *testing.T) {
	t.Parallel()
	at, day := orb.Point{15.6, 48.41}, int64(24*3600*1000)
	var nodes []*node
	place := func(name string, from, to int64) *node {
		n := &node{id: name, at: at}
		for d := from; d < to; d++ {
			device := int(d % 12)
			n.voices = append(n.voices, voice{device: fmt.Sprint("device-", device), number: device, hits: 1, first: d * day, last: d * day, firstJolt: d * day, times: [4]int64{d * day}})
		}
		nodes = append(nodes, n)
		return n
	}
	always, came, went, rare := place("always", 1, 25), place("came", 14, 25), place("went", 1, 9), place("rare", 20, 22)
	sealed := place("sealed", 14, 25)
	for i := range sealed.voices {
		sealed.voices[i].device, sealed.voices[i].times = fmt.Sprint(sealMark, "a.", i), [4]int64{}
	}
	news := newHaunts(nodes, 12).changes(nodes)
	for _, c := range []struct {
		n          *node
		came, went bool
	}{{always, false, false}, {came, true, false}, {went, false, true}, {rare, false, false}, {sealed, true, false}} {
		if (c.n.change.came > 3) != c.came || (c.n.change.went > 3) != c.went {
			t.Errorf("%s: %+v", c.n.id, c.n.change)
		}
	}
	if rare.change != (change{}) {
		t.Errorf("two jolts tell %+v", rare.change)
	}
	if len(news) == 0 || came.came != came.change.came {
		t.Errorf("%d places are news", len(news))
	}
	if again := newHaunts(nodes, 12).changes(nodes); len(again) != 0 {
		t.Errorf("%d places are news again", len(again))
	}
	var lean [numCauses]float64
	came.change.lean(&lean)
	if lean[0] < 1 || lean[invented] < lean[0] || lean[1] != 0 {
		t.Errorf("what has come leans to %.2f", lean)
	}
	lean = [numCauses]float64{}
	if (change{}).lean(&lean); lean != ([numCauses]float64{}) {
		t.Errorf("what is not known leans to %.2f", lean)
	}
}
