package evaluate

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Seeds that the model has seen, and that are therefore no test of it.
const (
	trainedOn = "101-112" // the waveform classifier is fitted to jolts of these cities, and of those with the same seeds elsewhere
	tunedOn   = "1-16"    // the numbers of the belief were chosen on these
)

// Markdown writes the study as a document. All of its words follow from the numbers, so that it stays true when they change.
func (s Study) Markdown(w io.Writer) error {
	p := &page{}
	s.about(p)
	if len(s.Cities) > 0 {
		cities := counted(s.Cities)
		p.add("## The goal\n\n")
		goals(p, cities)
		byCity(p, s.Cities)
		s.unseen(p)
		groups(p, cities)
		calibrated(p, cities)
		mistakes(p, cities)
		s.adversaries(p)
		s.defences(p)
		s.verdicts(p)
		s.fails(p, cities)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// page is a document that is being written.
type page struct{ strings.Builder }

func (p *page) add(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// row writes a line of a table.
func (p *page) row(cells ...string) { p.add("| %s |\n", strings.Join(cells, " | ")) }

// head writes the headings of a table whose first column is words and the others are numbers.
func (p *page) head(cells ...string) {
	p.row(cells...)
	p.add("|---|%s\n", strings.Repeat("---:|", len(cells)-1))
}

// seedsOf are the seeds of the reports.
func seedsOf(reports []Report) Seeds {
	var s Seeds
	for _, r := range reports {
		s = append(s, r.Seed)
	}
	return s
}

// seen are those of the seeds that the model has seen.
func seen(seeds Seeds) Seeds {
	var trained, tuned, out Seeds
	_ = trained.UnmarshalText([]byte(trainedOn))
	_ = tuned.UnmarshalText([]byte(tunedOn))
	for _, n := range seeds {
		if slices.Contains(trained, n) || slices.Contains(tuned, n) {
			out = append(out, n)
		}
	}
	return out
}

func (s Study) about(p *page) {
	seeds := seedsOf(s.Cities)
	p.add("# How well it works\n\nThis page is written by `streetpulse evaluate`; `make eval` writes it again, with the picture.\n\n")
	p.add("Simulated cities ([world.md](world.md)) are driven for three weeks, what their phones send is judged event by event in order of " +
		"delivery, and the places that are confirmed, and so become work orders, are held against the truth, which only the simulator " +
		"knows. Judging is done in memory, by the code that judges in the server.\n\n")
	p.add("The cities are those of the seeds %s. ", seeds)
	if known := seen(seeds); len(known) > 0 {
		p.add("**Of these, %s are no test**: the model has seen them. ", known)
	} else {
		p.add("They were held back: the model has seen none of them. ")
	}
	p.add("Training used %s, tuning %s. ", trainedOn, tunedOn)
	hard := counted(s.Cities)
	if len(hard) == len(s.Cities) && len(hard) > 0 && hard[0].Hard {
		p.add("All of them are hard enough to count: ")
	} else {
		p.add("%d of %d are hard enough to count, and figures over several cities are over those (over all, where none is): ",
			sum(s.Cities, func(r Report) int { return one(r.Hard) }), len(s.Cities))
	}
	p.add("counting three devices has a precision of at most %.2f there, and falls for at least %d of 40 inventions.\n\n", hardPrecision, hardInventions)
	p.add("But these cities come from the same simulator as those that the model has learnt from. Another simulator gives other figures, see below; so will " +
		"a real city.\n\n![Precision and recall by city, reliability, inventions](pictures/evaluation.svg)\n\n")
	p.add(`What is measured:

- **Precision**: the share of the orders that are a pothole within %.0f m which had appeared by the time of the order. A pothole counts once.
- **Recall**: of the potholes that were there for a day and that at least %d trips of at least %d honest cars passed, the share that has an order.
- **Inventions**: orders within %.1f m of a place that an adversary has made up, and of no pothole.
- **Splits**: further orders for a pothole that has one, as a share of the potholes found.
- **Position**: how far the order lies from its pothole at the end. Median and 90th percentile over the potholes found.
- **Trips to promotion**: honest trips over the pothole from its appearance to its order, whether they sent anything or not. The
  simulator counts them by day; within a day they are spread evenly from 6 to 21 h. **Heard**: those of them that sent something about the
  pothole, a jolt or that they felt none. Medians over the potholes found, so what is never found does not count.
- **Calibration**: for places that at least %d independent devices felt, the probability of a pothole at the end against whether one was
  within %.0f m, at some time from the place's first jolt to its last. The Brier score is the mean square of the difference.
- **Lasting**: %d times while a city is judged, every place that was confirmed must still be, since the same time, and what was confirmed
  since the last look must have a time since then.

`, nearM, eligibleTrips, eligibleDevice, inventedM, feltBy, nearM, cuts)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func goals(p *page, cities []Report) {
	p.add("Over %d cities.\n\n", len(cities))
	p.head("", "goal", "mean", "worst city", "mean reaches it", "cities that do", "3 devices, mean", "5 devices, mean")
	for _, m := range Measures() {
		mean, worst, seed := m.meanWorst(cities, ours)
		three, _, _ := m.meanWorst(cities, threePhones)
		five, _, _ := m.meanWorst(cities, fivePhones)
		sign, yes := "≤", "no"
		if m.More {
			sign = "≥"
		}
		if m.Met(mean) {
			yes = "yes"
		}
		met := sum(cities, func(r Report) int { return one(m.Met(m.Of(r.Crowd))) })
		p.row(m.Name, sign+" "+m.Write(m.Goal), m.Write(mean), fmt.Sprintf("%s (%d)", m.Write(worst), seed), yes, fmt.Sprintf("%d of %d", met, len(cities)),
			m.Write(three), m.Write(five))
	}
	p.add("\nThe 90th percentile of the position's error is %.1f m, and the median delay %.1f days or %.1f trips that were heard (means over the cities).\n\n",
		mean(cities, func(r Report) float64 { return r.Crowd.P90M }), mean(cities, func(r Report) float64 { return r.Crowd.MedianDays }),
		mean(cities, func(r Report) float64 { return r.Crowd.MedianHeard }))
	moved, orders := sum(cities, func(r Report) int { return len(r.Promotions.Violations) }), sum(cities, func(r Report) int { return r.Promotions.Confirmed })
	looks := sum(cities, func(r Report) int { return r.Promotions.Cuts })
	p.add("Lasting: in %d looks, %d of %d confirmations had vanished, moved in time or been made in hindsight.\n\n", looks, moved, orders)
}

// unseen is the same in another world.
func (s Study) unseen(p *page) {
	if len(s.Unseen) == 0 {
		return
	}
	p.add("## Another world\n\nThe same for cities of a simulator that shares no model with the one above: `streetpulse evaluate --simulator unseen --seed %s`. "+
		"Nothing was learnt from it and nothing tuned on it. Of its jolts with a waveform a gradient boosting that was trained there told potholes from all others with "+
		"an AUC of 0.98.\n\n", seedsOf(s.Unseen))
	goals(p, counted(s.Unseen))
	byCity(p, s.Unseen)
}

func byCity(p *page, cities []Report) {
	p.add("### City by city\n\n")
	p.head("city", "streets", "physics", "events", "orders", "precision", "recall", "F1", "inventions", "splits", "median m", "90 % m", "trips", "heard", "days", "Brier")
	for _, r := range cities {
		c := r.Crowd
		p.row(fmt.Sprint(r.Seed), string(r.Network), string(r.Physics), fmt.Sprint(r.Events), fmt.Sprint(c.Found), fmt.Sprintf("%.3f", c.Precision),
			fmt.Sprintf("%.3f", c.Recall), fmt.Sprintf("%.3f", c.F1), fmt.Sprint(c.Inventions), fmt.Sprint(c.Doubled), fmt.Sprintf("%.1f", c.MedianM),
			fmt.Sprintf("%.1f", c.P90M), fmt.Sprintf("%.1f", c.MedianTrips), fmt.Sprintf("%.0f", c.MedianHeard), fmt.Sprintf("%.1f", c.MedianDays),
			fmt.Sprintf("%.3f", r.Calibration.Brier))
	}
	p.add("\n")
}

// group is some of the cities, by what they have in common.
type group struct {
	name   string
	cities []Report
}

func grouped(cities []Report, by func(Report) string) []group {
	var out []group
	for _, r := range cities {
		i := slices.IndexFunc(out, func(g group) bool { return g.name == by(r) })
		if i < 0 {
			i = len(out)
			out = append(out, group{name: by(r)})
		}
		out[i].cities = append(out[i].cities, r)
	}
	slices.SortFunc(out, func(a, b group) int { return strings.Compare(a.name, b.name) })
	return out
}

func groups(p *page, cities []Report) {
	p.add("## By physics and by streets\n\n")
	p.head("", "cities", "precision", "recall", "F1", "inventions", "3 devices, precision", "3 devices, recall")
	for _, by := range []func(Report) string{
		func(r Report) string { return "physics: " + string(r.Physics) },
		func(r Report) string { return "streets: " + string(r.Network) },
	} {
		for _, g := range grouped(cities, by) {
			p.row(g.name, fmt.Sprint(len(g.cities)), fmt.Sprintf("%.3f", mean(g.cities, func(r Report) float64 { return r.Crowd.Precision })),
				fmt.Sprintf("%.3f", mean(g.cities, func(r Report) float64 { return r.Crowd.Recall })),
				fmt.Sprintf("%.3f", mean(g.cities, func(r Report) float64 { return r.Crowd.F1 })),
				fmt.Sprintf("%.1f", mean(g.cities, func(r Report) float64 { return float64(r.Crowd.Inventions) })),
				fmt.Sprintf("%.2f", mean(g.cities, func(r Report) float64 { return r.Three.Precision })),
				fmt.Sprintf("%.2f", mean(g.cities, func(r Report) float64 { return r.Three.Recall })))
		}
	}
	p.add("\n")
}

func calibrated(p *page, cities []Report) {
	c := togetherOf(cities)
	p.add("## Calibration\n\n%d places, %.0f %% of them potholes. Brier score %.3f; whoever says %.2f of each place has %.3f.\n\n", c.Places,
		100*share(c.Potholes, c.Places), c.Brier, share(c.Potholes, c.Places), c.Base())
	p.head("probability", "places", "mean probability", "potholes", "share")
	for i, b := range c.Bins {
		if b.Places == 0 {
			p.row(fmt.Sprintf("%.1f to %.1f", float64(i)/10, float64(i+1)/10), "0", "–", "0", "–")
			continue
		}
		p.row(fmt.Sprintf("%.1f to %.1f", float64(i)/10, float64(i+1)/10), fmt.Sprint(b.Places), fmt.Sprintf("%.3f", b.Stated), fmt.Sprint(b.Potholes),
			fmt.Sprintf("%.3f", b.Share()))
	}
	p.add("\n")
}
