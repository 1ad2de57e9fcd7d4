package crowd_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
)

// A place that nobody feels for two months fades and teaches nothing any more; the engine that knew it goes on knowing it, and tells its story
// on when it is felt again. Another one, that begins after that, comes to the same.
func TestWhatFadedComesBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	engine, err := crowd.NewEngine(w.pool, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	judge := func(engine *crowd.Engine) {
		t.Helper()
		if _, err := engine.Judge(ctx, w.at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	drive := func(days int, car string) { // one car finds a hole at 900 m twice a day and passes the one at the origin
		for range 2 * days {
			w.at = w.at.Add(12 * time.Hour)
			w.jolt(car, 900, 0.9)
			w.pass(car, 1)
		}
	}
	for i := range 4 {
		w.jolt(fmt.Sprintf("car%d", i), 900, 0.9)
	}
	w.jolt("car0", 0, 0.8)
	w.jolt("car1", 0, 0.8)
	judge(engine)
	place := w.places()[0].ID
	for _, p := range w.places() {
		if p.Devices == 2 {
			place = p.ID
		}
	}
	state := func() crowd.State {
		t.Helper()
		p, err := crowd.FindPlace(ctx, w.pool, place)
		if err != nil {
			t.Fatal(err)
		}
		return p.State
	}
	for week := range 10 {
		drive(7, fmt.Sprintf("car%d", week%4))
		judge(engine)
		if want := map[bool]crowd.State{true: crowd.Faded, false: crowd.Suspected}[week >= 8]; state() != want {
			t.Fatalf("after %d weeks it is %s", week+1, state())
		}
	}
	w.jolt("car2", 1, 0.8)
	judge(engine)
	if state() != crowd.Suspected {
		t.Errorf("felt again it is %s", state())
	}
	drive(2, "car3")
	restarted, err := crowd.NewEngine(w.pool, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	judge(restarted)
	story, err := crowd.Story(ctx, w.pool, place)
	if err != nil {
		t.Fatal(err)
	}
	var told []crowd.StepKind
	for i, step := range story {
		if step.N != i+1 {
			t.Errorf("step %d is numbered %d", i+1, step.N)
		}
		told = append(told, step.Kind)
	}
	if want := []crowd.StepKind{crowd.StepFirstJolt, crowd.StepSuspected, crowd.StepFaded, crowd.StepRevived}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("its story is %v", told)
	}
	if out, err := crowd.Rebuild(ctx, w.pool, crowd.Rules{}, false, nil); err != nil || out.Different != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}
