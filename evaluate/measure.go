package evaluate

import "fmt"

// Measure is one of the figures that a city is judged by, and what is wanted of it.
type Measure struct {
	Name string
	Goal float64
	More bool // more is better: Goal is the least that is wanted, else the most
	Of   func(Score) float64
	Text string // how a figure is written, for fmt
}

// Measures are the goal's figures.
func Measures() []Measure {
	return []Measure{
		{"Precision", 0.95, true, func(s Score) float64 { return s.Precision }, "%.3f"},
		{"Recall", 0.90, true, func(s Score) float64 { return s.Recall }, "%.3f"},
		{"F1", harmonic(0.95, 0.90), true, func(s Score) float64 { return s.F1 }, "%.3f"},
		{"Inventions promoted, of 40", 1, false, func(s Score) float64 { return float64(s.Inventions) }, "%.1f"},
		{"Splits, share of found potholes", 0.02, false, func(s Score) float64 { return s.Split }, "%.3f"},
		{"Median error of position, m", 2.5, false, func(s Score) float64 { return s.MedianM }, "%.1f"},
		{"Median honest trips to promotion", 7, false, func(s Score) float64 { return s.MedianTrips }, "%.1f"},
	}
}

// Met says whether a figure is as good as the goal.
func (m Measure) Met(x float64) bool {
	if m.More {
		return x >= m.Goal
	}
	return x <= m.Goal
}

// Write writes a figure.
func (m Measure) Write(x float64) string { return fmt.Sprintf(m.Text, x) }

// meanWorst returns the mean and the worst of a measure over cities, by the rule that of picks; and the seed of the worst.
func (m Measure) meanWorst(reports []Report, of func(Report) Score) (mean, worst float64, seed uint64) {
	for i, r := range reports {
		x := m.Of(of(r))
		mean += x / float64(len(reports))
		if i == 0 || m.More && x < worst || !m.More && x > worst {
			worst, seed = x, r.Seed
		}
	}
	return mean, worst, seed
}

func ours(r Report) Score        { return r.Crowd }
func threePhones(r Report) Score { return r.Three }
func fivePhones(r Report) Score  { return r.Five }

// mean is the mean of a figure over cities.
func mean(reports []Report, of func(Report) float64) float64 {
	sum := 0.0
	for _, r := range reports {
		sum += of(r) / float64(len(reports))
	}
	return sum
}

// sum adds a count up over cities.
func sum(reports []Report, of func(Report) int) int {
	n := 0
	for _, r := range reports {
		n += of(r)
	}
	return n
}
