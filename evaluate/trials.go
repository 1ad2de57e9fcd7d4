package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

func mistakes(p *page, cities []Report) {
	p.add("## False orders\n\nPlaces where nothing is and an adversary reports jolts, and how many of them have an order:\n\n")
	p.head("who", "places", "Streetpulse", "3 devices", "5 devices")
	for _, k := range liars() {
		row := []string{k.words, fmt.Sprint(sum(cities, func(r Report) int { return r.Lies[k.name] }))}
		for _, rule := range []func(Report) Score{ours, threePhones, fivePhones} {
			row = append(row, fmt.Sprint(sum(cities, func(r Report) int { return k.of(rule(r)) })))
		}
		p.row(row...)
	}
	p.add("\nOrders on things that are no potholes, and on nothing at all:\n\n")
	p.head("what", "Streetpulse", "3 devices", "5 devices")
	for _, k := range falsehoods()[len(liars()):] {
		row := []string{k.words}
		for _, rule := range []func(Report) Score{ours, threePhones, fivePhones} {
			row = append(row, fmt.Sprint(sum(cities, func(r Report) int { return k.of(rule(r)) })))
		}
		p.row(row...)
	}
	p.add("\nWhere an invention lies beside a casting, an order counts in both tables.\n\n")
}

// falsehood is a kind of false order.
type falsehood struct {
	words string
	of    func(Score) int
}

func falsehoods() []falsehood {
	var out []falsehood
	for _, l := range liars() {
		out = append(out, falsehood{l.words + "'s inventions", l.of})
	}
	return append(out, []falsehood{
		{"castings", func(s Score) int { return s.Castings }},
		{"joints", func(s Score) int { return s.Joints }},
		{"rails", func(s Score) int { return s.Rails }},
		{"speed bumps", func(s Score) int { return s.SpeedBumps }},
		{"second orders for one pothole", func(s Score) int { return s.Doubled }},
		{"nothing", func(s Score) int { return s.Nothing }},
	}...)
}

// trials writes a line for each condition: what the cities came to under it.
func (p *page) trials(title string, trials []Trial) {
	p.head(title, "precision", "recall", "F1", "inventor's inventions", "fleet's", "odd vehicles'", "splits", "median trips")
	for _, t := range trials {
		count := func(name string, of func(Score) int) string {
			all := sum(t.Cities, func(r Report) int { return r.Lies[name] })
			if all == 0 {
				return "–"
			}
			return fmt.Sprintf("%d of %d", sum(t.Cities, func(r Report) int { return of(r.Crowd) }), all)
		}
		row := []string{t.Name, fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.Precision })),
			fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.Recall })), fmt.Sprintf("%.3f", t.mean(func(s Score) float64 { return s.F1 }))}
		for _, k := range liars() {
			row = append(row, count(k.name, k.of))
		}
		p.row(append(row, fmt.Sprint(sum(t.Cities, func(r Report) int { return r.Crowd.Doubled })),
			fmt.Sprintf("%.1f", t.mean(func(s Score) float64 { return s.MedianTrips })))...)
	}
	p.add("\n")
}

func (t Trial) mean(of func(Score) float64) float64 {
	return mean(t.Cities, func(r Report) float64 { return of(r.Crowd) })
}

func (s Study) adversaries(p *page) {
	if len(s.Adversaries) == 0 {
		return
	}
	p.add("## Each adversary alone\n\nThe same cities (%s) with one kind of adversary each, and with none. Means; counts are added up. So few cities "+
		"show what matters much; small differences may be chance.\n\n",
		seedsOf(s.Adversaries[0].Cities))
	p.trials("adversary", s.Adversaries)
}

func (s Study) defences(p *page) {
	if len(s.Defences) == 0 {
		return
	}
	p.add("## Each defence off\n\nThe cities %s with all their adversaries, judged without one defence each. Means; counts are added up. So "+
		"few cities show what matters much; small differences may be chance.\n\n",
		seedsOf(s.Defences[0].Cities))
	p.trials("", s.Defences)
}

// fails says where it fails, worst first.
func (s Study) fails(p *page, cities []Report) {
	p.add("## Where it fails\n\n")
	for _, say := range []func(*page, []Report){missedGoals, extremes, falseOrders, missedPotholes, brokenWord, unlasting} {
		say(p, cities)
	}
	s.worstAdversary(p)
	s.idleDefences(p)
}

func missedGoals(p *page, cities []Report) {
	var failed []string
	for _, m := range Measures() {
		if x, _, _ := m.meanWorst(cities, ours); !m.Met(x) {
			failed = append(failed, fmt.Sprintf("%s (%s, goal %s)", m.Name, m.Write(x), m.Write(m.Goal)))
		}
	}
	met := sum(cities, func(r Report) int {
		return one(!slices.ContainsFunc(Measures(), func(m Measure) bool { return !m.Met(m.Of(r.Crowd)) }))
	})
	if len(failed) == 0 {
		p.add("- The mean misses none of the goals")
	} else {
		p.add("- The mean misses %d of %d goals: %s", len(failed), len(Measures()), strings.Join(failed, "; "))
	}
	p.add(". %d of %d cities reach all of them together.\n", met, len(cities))
}

func extremes(p *page, cities []Report) {
	byF1 := func(a, b Report) int { return cmp.Compare(a.Crowd.F1, b.Crowd.F1) }
	a, b := slices.MinFunc(cities, byF1), slices.MaxFunc(cities, byF1)
	p.add("- The worst city by F1 is %d (%s streets, %s physics): precision %.3f, recall %.3f. The best is %d (%s, %s): %.3f and %.3f.\n",
		a.Seed, a.Network, a.Physics, a.Crowd.Precision, a.Crowd.Recall, b.Seed, b.Network, b.Physics, b.Crowd.Precision, b.Crowd.Recall)
}

func falseOrders(p *page, cities []Report) {
	type count struct {
		words string
		n     int
	}
	var counts []count
	for _, k := range falsehoods() {
		if n := sum(cities, func(r Report) int { return k.of(r.Crowd) }); n > 0 {
			counts = append(counts, count{k.words, n})
		}
	}
	slices.SortStableFunc(counts, func(a, b count) int { return cmp.Compare(b.n, a.n) })
	var words []string
	for _, c := range counts {
		words = append(words, fmt.Sprintf("%s %d", c.words, c.n))
	}
	found, potholes := sum(cities, func(r Report) int { return r.Crowd.Found }), sum(cities, func(r Report) int { return r.Crowd.Potholes })
	p.add("- Of %d orders %d are false", found, found-potholes)
	if len(words) > 0 {
		p.add(": %s", strings.Join(words, ", "))
	}
	p.add(". Of the true ones, %d were made after the pothole had been repaired.\n", sum(cities, func(r Report) int { return r.Crowd.Repaired }))
}

func missedPotholes(p *page, cities []Report) {
	as, all := map[string]int{}, 0
	for _, r := range cities {
		for k, n := range r.Missed {
			as[k] += n
			all += n
		}
	}
	eligible := sum(cities, func(r Report) int { return r.Crowd.Eligible })
	p.add("- Of %d potholes that should have been found, %d were missed", eligible, all)
	kinds := slices.Collect(func(yield func(string) bool) {
		for k := range as {
			if !yield(k) {
				return
			}
		}
	})
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(as[b], as[a]), strings.Compare(a, b)) })
	var words []string
	for _, k := range kinds {
		switch k {
		case "no place":
			words = append(words, fmt.Sprintf("%d where no place with two devices is", as[k]))
		case "pothole":
			words = append(words, fmt.Sprintf("%d that are most likely a pothole, but not surely enough", as[k]))
		default:
			words = append(words, fmt.Sprintf("%d taken for %s", as[k], strings.ReplaceAll(k, "_", " ")))
		}
	}
	if len(words) > 0 {
		p.add(" (by the nearest place: %s)", strings.Join(words, ", "))
	}
	p.add(".\n")
}

func brokenWord(p *page, cities []Report) {
	const enough = 20 // places, to speak of a share
	worst, off := Bin{}, -1.0
	for _, b := range togetherOf(cities).Bins {
		if d := math.Abs(b.Share() - b.Stated); b.Places >= enough && d > off {
			worst, off = b, d
		}
	}
	if off < 0 {
		p.add("- There are too few places to say whether probabilities keep their word.\n")
		return
	}
	than := "more"
	if worst.Share() < worst.Stated {
		than = "less"
	}
	p.add("- Probabilities are farthest from their word at %.2f: %d of %d such places, %.2f, are potholes, which is %.2f %s.\n", worst.Stated, worst.Potholes,
		worst.Places, worst.Share(), off, than)
}

func unlasting(p *page, cities []Report) {
	if n := sum(cities, func(r Report) int { return len(r.Promotions.Violations) }); n > 0 {
		p.add("- %d confirmations did not last, or came in hindsight.\n", n)
	}
}

func (s Study) worstAdversary(p *page) {
	if len(s.Adversaries) < 2 {
		return
	}
	none := s.Adversaries[0]
	f1 := func(s Score) float64 { return s.F1 }
	worst := slices.MinFunc(s.Adversaries[1:], func(a, b Trial) int { return cmp.Compare(a.mean(f1), b.mean(f1)) })
	p.add("- Without any adversary precision is %.3f and recall %.3f: what these lack is lost to roads and phones alone.",
		none.mean(func(s Score) float64 { return s.Precision }), none.mean(func(s Score) float64 { return s.Recall }))
	if lost := none.mean(f1) - worst.mean(f1); lost > 0 {
		p.add(" Of the adversaries alone, “%s” costs most: F1 falls by %.3f.", worst.Name, lost)
	}
	p.add("\n")
}

func (s Study) idleDefences(p *page) {
	if len(s.Defences) < 2 {
		return
	}
	all := s.Defences[0]
	var idle []string
	for _, t := range s.Defences[1:] {
		gain := t.mean(func(s Score) float64 { return s.F1 }) - all.mean(func(s Score) float64 { return s.F1 })
		lies := func(t Trial) int {
			return sum(t.Cities, func(r Report) int { return r.Crowd.Inventions + r.Crowd.Fleet + r.Crowd.Odd })
		}
		if gain >= 0 {
			idle = append(idle, fmt.Sprintf("%s (F1 %+.3f, %+d inventions)", t.Name, gain, lies(t)-lies(all)))
		}
	}
	if len(idle) > 0 {
		p.add("- Without these defences F1 does not fall in these cities: %s.\n", strings.Join(idle, "; "))
	}
}
