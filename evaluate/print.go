package evaluate

import (
	"fmt"
	"io"
)

// PrintHead writes the headings of the lines that PrintReport writes.
func PrintHead(w io.Writer) {
	fmt.Fprintf(w, "%5s  %-15s %7s  %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s  %-18s %s\n", "city", "streets", "events", "P", "R", "F1",
		"lies", "split", "furn.", "m", "trips", "days", "Brier", "moved", "3 devices P, R", "time")
}

// PrintReport writes a city's results on one line.
func PrintReport(w io.Writer, r Report) {
	easy := ""
	if !r.Hard {
		easy = "  too easy to count"
	}
	s := r.Crowd
	fmt.Fprintf(w, "%5d  %-15s %7d  %6.3f %6.3f %6.3f %6d %6.3f %6d %6.1f %6.1f %6.1f %6.3f %6d  %-18s %.0f s + %.1f s%s\n",
		r.Seed, fmt.Sprintf("%s, %s", r.Network, r.Physics), r.Events, s.Precision, s.Recall, s.F1, s.Inventions+s.Fleet+s.Odd, s.Split, s.Furniture,
		s.MedianM, s.MedianTrips, s.MedianDays, r.Calibration.Brier, len(r.Promotions.Violations),
		fmt.Sprintf("%.2f %.2f", r.Three.Precision, r.Three.Recall), r.Drove, r.Took, easy)
}

// PrintSummary writes the mean and the worst of the goal's figures over the cities that count, or over all where none does,
// and every promotion that did not last.
func PrintSummary(w io.Writer, reports []Report) {
	cities := counted(reports)
	if len(cities) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%-34s %8s %8s %8s\n", fmt.Sprintf("%d of %d cities", len(cities), len(reports)), "goal", "mean", "worst")
	for _, m := range Measures() {
		mean, worst, seed := m.meanWorst(cities, ours)
		fmt.Fprintf(w, "%-34s %8s %8s %8s in city %d\n", m.Name, m.Write(m.Goal), m.Write(mean), m.Write(worst), seed)
	}
	for _, r := range reports {
		for _, v := range r.Promotions.Violations {
			fmt.Fprintf(w, "city %d, %s\n", r.Seed, v)
		}
	}
}
