package drives

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the study as a page.
func (s *Study) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `# How well the detector hears

Made by %[1]sbin/streetpulse evaluate --detector docs/detector.md%[1]s (part of %[1]smake eval%[1]s), which simulates drives with raw sensor samples and lets detectors
listen; the same command gives the same page. What a simulated drive is: [below](#the-drives). Simulated roads are not roads: what is known of
real recordings is [at the end](#real-recordings).

Each number is from %[2]d drives of %[5]g minutes, seeds %[3]d to %[4]d. **Recall** is the share of potholes of at least 30 mm, met at 2 m/s or more, in
whose time (0.3 s before to 1.6 s after the front wheels) there is an event. **Precision** is the share of events in the time of anything
that lies on the road (potholes, castings, joints, rails, speed bumps: a detector says that there was a jolt, the crowd says what it was).

## The methods

| method | what it does | thresholds × |
|---|---|---|
`, "`", s.Drives, s.First, s.First+uint64(s.Drives)-1, s.minutes())
	for i, m := range s.Methods {
		fmt.Fprintf(b, "| %s | %s | %g |\n", m.Name, m.What, s.Sensitivity[i])
	}
	fmt.Fprintf(b, `
Published thresholds belong to the cars, mounts and roads that they were found on. So that they are not judged by that, each was multiplied by
the factor in the last column, which is best (F1) on other drives (seeds %d to %d, 100 Hz). Ours and the apps' were not. All hear one event in
1.5 s at most, and see the phone turned upright. Pothole Patrol's ratio of sideways to vertical peaks is left out: a simulated car sways
sideways in bends only.

With thresholds as published, at 100 Hz:

`, s.Tuning, s.Tuning+uint64(s.Drives)-1)
	s.table(b, s.AsPublished)
	fmt.Fprint(b, "\n## Sample rates\n\nA saloon, a small car or a van; windscreen or dashboard. Recall / precision:\n\n")
	s.grid(b, "rate", s.Rates)
	fmt.Fprint(b, "\nIn full, at 100 Hz:\n\n")
	for _, l := range s.Rates {
		if l.Name == "100 Hz" {
			s.table(b, l.Counts)
		}
	}
	fmt.Fprint(b, "\n## Mounts\n\nAt 100 Hz. Recall / precision:\n\n")
	s.grid(b, "mount", s.Mounts)
	fmt.Fprint(b, "\n## Vehicles\n\nAt 100 Hz. Recall / precision:\n\n")
	s.grid(b, "vehicle", s.Vehicles)
	fmt.Fprint(b, "\n## What is heard of what lies on the road\n\nBy ours, at each rate, of everything met at 2 m/s or more, however small:\n\n")
	s.classes(b)
	fmt.Fprint(b, "\n## Good road\n\nGood asphalt on which nothing lies and nobody touches the phone. Events:\n\n")
	s.good(b)
	fmt.Fprintf(b, `
## Places

%d roads, five trips over each in different cars, %g Hz, a position once a second (3 to 4 m off, 0.25 s late). Events within %g m are a place if at least
two trips felt it. Found is the share of potholes with a place; right the share of places with an object.

| method | found | right | potholes | places |
|---|---|---|---|---|
`, s.roads(), s.PlacesRate, nearM)
	for i, m := range s.Methods {
		p := s.Places[i]
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %d | %d |\n", m.Name, p.Recall(), p.Precision(), p.Holes, p.Felt)
	}
	fmt.Fprintf(b, `
## Clips

Recordings of 1.2 to 3 s at 50 Hz, the vertical axis only, no speed: %d with a pothole, %d of road between objects.

| method | potholes heard | road heard |
|---|---|---|
`, s.Clips.Potholes, s.Clips.Roads)
	for i, m := range s.Methods {
		fmt.Fprintf(b, "| %s | %.2f | %.2f |\n", m.Name, share(s.Clips.Heard[i], s.Clips.Potholes), share(s.Clips.Wrong[i], s.Clips.Roads))
	}
	fmt.Fprint(b, "\n## Pothole or speed bump\n\nBy one waveform alone, the speed not known, `detect --classify` on what ours heard. Area under the curve:\n\n| recordings | area | potholes | speed bumps |\n|---|---|---|---|\n")
	for _, l := range s.Looks {
		fmt.Fprintf(b, "| %s | %.2f | %d | %d |\n", l.Name, l.Area, l.Potholes, l.Bumps)
	}
	fmt.Fprint(b, footer)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// minutes is how long a drive is.
func (s *Study) minutes() float64 {
	if s.Seconds > 0 {
		return s.Seconds / 60
	}
	return 5
}

// grid is a table of recall and precision, a column a method.
func (s *Study) grid(w io.Writer, what string, lines []Line) {
	names := make([]string, len(s.Methods))
	for i, m := range s.Methods {
		names[i] = m.Name
	}
	fmt.Fprintf(w, "| %s | %s |\n|---%s|\n", what, strings.Join(names, " | "), strings.Repeat("|---", len(names)))
	for _, l := range lines {
		fmt.Fprintf(w, "| %s ", strings.ReplaceAll(l.Name, "_", " "))
		for _, c := range l.Counts {
			fmt.Fprintf(w, "| %.2f / %.2f ", c.Recall(), c.Precision())
		}
		fmt.Fprintln(w, "|")
	}
}

// table has all counts, a line a method.
func (s *Study) table(w io.Writer, counts []Counts) {
	fmt.Fprint(w, "| method | recall | precision | F1 | events from hands, an hour | false events, an hour |\n|---|---|---|---|---|---|\n")
	for i, c := range counts {
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f | %.1f | %.1f |\n", s.Methods[i].Name, c.Recall(), c.Precision(), c.F1(), 60*float64(c.Hands)/c.Minutes, 60*float64(c.False)/c.Minutes)
	}
}

func (s *Study) classes(w io.Writer) {
	classes := []string{"pothole", "casting", "joint", "rail", "speed_bump"}
	fmt.Fprintf(w, "| rate | %s |\n|---%s|\n", strings.ReplaceAll(strings.Join(classes, " | "), "_", " "), strings.Repeat("|---", len(classes)))
	for _, l := range s.Rates {
		fmt.Fprintf(w, "| %s ", l.Name)
		for _, class := range classes {
			fmt.Fprintf(w, "| %.2f ", share(l.Counts[0].Felt[class], l.Counts[0].Met[class]))
		}
		fmt.Fprintln(w, "|")
	}
}

func (s *Study) good(w io.Writer) {
	names := make([]string, len(s.Methods))
	for i, m := range s.Methods {
		names[i] = m.Name
	}
	fmt.Fprintf(w, "| rate | minutes | %s |\n|---|---%s|\n", strings.Join(names, " | "), strings.Repeat("|---", len(names)))
	for _, l := range s.Good {
		fmt.Fprintf(w, "| %s | %.0f ", l.Name, l.Counts[0].Minutes)
		for _, c := range l.Counts {
			fmt.Fprintf(w, "| %d ", c.Events)
		}
		fmt.Fprintln(w, "|")
	}
}
