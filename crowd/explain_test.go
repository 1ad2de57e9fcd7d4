package crowd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// eager is a city that would rather send a crew too often: its line is at 0.72, and what the belief comes to does not hang on the
// last word of the model.
func eager() crowd.Rules { return crowd.Rules{FalseOrder: 18, MissedDay: 1} }

// explain returns the explanation of the town's only place.
func (w *town) explain() crowd.Explanation {
	w.t.Helper()
	x, err := crowd.NewExplainer(w.pool, eager())
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := x.Explain(context.Background(), w.place().ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *town) place() crowd.Place {
	w.t.Helper()
	places := w.places()
	if len(places) != 1 {
		w.t.Fatalf("want one place, got %d", len(places))
	}
	return places[0]
}

// change returns what the explanation says of a change, or fails.
func change(t *testing.T, e crowd.Explanation, kind crowd.ChangeKind) crowd.Change {
	t.Helper()
	for _, c := range e.Changes {
		if c.Kind == kind {
			return c
		}
	}
	t.Fatalf("nothing of %q in %+v", kind, e.Changes)
	return crowd.Change{}
}

// office judges with work orders.
func office() crowd.Config {
	return crowd.Config{Rules: eager(), Confirmed: dispatch.Office{Prefix: "T"}.Promote, Verified: dispatch.Verify, Reopened: dispatch.Reopen}
}

// What is said to change a belief does change it, and one driver fewer does not.
func TestWhatWouldChangeItDoes(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.jolt("first", 0, 1.8)
	w.judge(office())
	more := change(t, w.explain(), crowd.ChangeConfirm)
	if more.More || more.N < 2 || more.N > 10 {
		t.Fatalf("a place that one driver felt: %+v", more)
	}
	for i := range more.N {
		if w.place().State != crowd.Suspected {
			t.Fatalf("%d more were to confirm it, %d did", more.N, i)
		}
		w.jolt(fmt.Sprintf("felt%d", i), float64(i%2)*14-7, 1.8) // as far apart as positions err
		w.judge(office())
	}
	if p := w.place(); p.State != crowd.Confirmed {
		t.Fatalf("%d more were to confirm it: it is %s at %v", more.N, p.State, p.Belief)
	}
	e := w.explain()
	fewer := change(t, e, crowd.ChangeBelow)
	change(t, e, crowd.ChangeNotThere)
	if fewer.More || fewer.N < 1 {
		t.Fatalf("%+v of %+v", fewer, e)
	}
	for i := range fewer.N {
		if p := w.place(); p.Belief.Of(crowd.Pothole) < e.Line {
			if i >= fewer.N*4/5 {
				break // "about", beyond ten
			}
			t.Fatalf("%d smooth passes were to bring it below the line, %d did", fewer.N, i)
		}
		w.at = w.at.Add(-395 * time.Second) // within one epoch nothing is learned of devices
		w.pass(fmt.Sprintf("smooth%d", i), 0)
		w.judge(office())
	}
	if p := w.place(); p.Belief.Of(crowd.Pothole) >= e.Line {
		t.Fatalf("%d smooth passes were to bring it below the line: %.3f", fewer.N, p.Belief.Of(crowd.Pothole))
	}
	change(t, w.explain(), crowd.ChangeIsBelow)
}

func TestAPromotionKeepsItsExplanation(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	w.jolt("a", 0, 1.8)
	for i := range 8 {
		w.jolt(fmt.Sprintf("device-%d", i), 0, 1.8)
	}
	w.judge(office())
	order, _, err := dispatch.OrderOf(ctx, w.pool, w.place().ID)
	if err != nil {
		t.Fatal(err)
	}
	stored := func() (text string) {
		t.Helper()
		if err := w.pool.QueryRow(ctx, `select explanation::text from promotions where order_id = $1`, order.ID).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	then := stored()
	grounds, err := dispatch.Grounds(ctx, w.pool, order.ID)
	if err != nil || grounds.Devices != order.Devices || grounds.Probability < grounds.Line || len(grounds.Reasons) < 3 {
		t.Fatalf("%+v, %v", grounds, err)
	}
	if !slices.Contains(grounds.Reasons, crowd.Reason{Kind: crowd.ReasonFelt, N: order.Devices, Of: order.Devices}) {
		t.Errorf("%d devices felt it: %+v", order.Devices, grounds.Reasons)
	}
	if strings.Contains(then, "device-") {
		t.Errorf("the explanation names a device: %s", then)
	}
	for i := range 5 {
		w.pass(fmt.Sprintf("smooth%d", i), 0)
	}
	w.judge(office())
	now := w.explain()
	if !slices.Contains(now.Reasons, crowd.Reason{Kind: crowd.ReasonRecent, N: 5}) || now.Passes != 5 {
		t.Errorf("five smooth passes since: %+v", now)
	}
	out, err := crowd.Rebuild(ctx, w.pool, eager(), false, nil)
	if err != nil || out.Different != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := w.pool.Exec(ctx, `update places set passes = 0`); err != nil {
		t.Fatal(err)
	}
	if out, err = crowd.Rebuild(ctx, w.pool, eager(), true, nil); err != nil || out.Different != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if stored() != then {
		t.Errorf("the promotion was explained by\n%s\nand now by\n%s", then, stored())
	}
	if _, err := w.pool.Exec(ctx, `update promotions set explanation = '{}'`); err == nil {
		t.Error("the explanation of a promotion could be changed")
	}
}

func TestExplanationsSayWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.jolt("driver", 0, 1.8)
	w.at = w.at.Add(-7*60e9 + 1e9) // a second phone in the same car
	w.jolt("passenger", 0, 1.8)
	w.jolt("other", 0, 1.8)
	w.judge(crowd.Config{})
	e := w.explain()
	if !slices.Contains(e.Reasons, crowd.Reason{Kind: crowd.ReasonSameCar, N: 1, Of: 3}) {
		t.Errorf("two phones in one car: %+v", e.Reasons)
	}
	if c := change(t, e, crowd.ChangeDevices); c.N != 1 || c.Of != 3 {
		t.Errorf("one more device is needed: %+v", c)
	}
	if b, err := json.Marshal(e); err != nil || strings.Contains(string(b), "driver") {
		t.Errorf("%s, %v", b, err)
	}
	x, err := crowd.NewExplainer(w.pool, eager())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Explain(context.Background(), "nowhere"); !errors.Is(err, crowd.ErrNotFound) {
		t.Errorf("a place that is none: %v", err)
	}
}

// TestRulesAreAskedForInEveryTurn changes what errors cost while an engine works.
func TestRulesAreAskedForInEveryTurn(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rules, failed := crowd.Rules{FalseOrder: 1e9, MissedDay: 1}, error(nil)
	config := office()
	config.RulesNow = func(context.Context, pgx.Tx) (crowd.Rules, error) { return rules, failed }
	engine, err := crowd.NewEngine(w.pool, config)
	if err != nil {
		t.Fatal(err)
	}
	judge := func(device string) error {
		w.jolt(device, 0, 1.8)
		_, err := engine.Judge(t.Context(), w.at.Add(time.Minute))
		return err
	}
	for i := range 9 {
		if err := judge(fmt.Sprintf("device-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if p := w.place(); p.State != crowd.Suspected {
		t.Fatalf("where a false order is dear it is %s at %v", p.State, p.Belief)
	}
	rules = eager()
	if err := judge("the-next"); err != nil {
		t.Fatal(err)
	}
	if p := w.place(); p.State != crowd.Confirmed {
		t.Errorf("where it has become cheap it is %s at %v", p.State, p.Belief)
	}
	failed = errors.New("the settings cannot be read")
	if err := judge("another"); !errors.Is(err, failed) || w.place().Devices != 10 {
		t.Errorf("with rules that cannot be read: %v, %d devices", err, w.place().Devices)
	}
}
