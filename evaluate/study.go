package evaluate

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// Study is how Streetpulse did in several cities, and what became of the first of them under other conditions.
type Study struct {
	Cities      []Report
	Adversaries []Trial  // each adversary alone, and none
	Defences    []Trial  // all defences, and each one off
	Verdicts    []Trial  // by how many orders a crew has looked at
	Unseen      []Report // cities of the simulator that nothing was learnt from
}

// Trial is what the same cities came to under one condition.
type Trial struct {
	Name   string
	Cities []Report
}

// Experiments run on the first cities of a study.
const (
	adversaryCities = 2
	defenceCities   = 3
)

// alone are the conditions of the adversaries' experiment.
func alone() []struct {
	name string
	who  firmwaresim.Adversaries
} {
	return []struct {
		name string
		who  firmwaresim.Adversaries
	}{
		{"none", firmwaresim.Nobody}, {"inventor", firmwaresim.Inventor}, {"vandals", firmwaresim.Vandals}, {"companions", firmwaresim.Companions},
		{"odd vehicles", firmwaresim.Odd}, {"faulty fleet", firmwaresim.FaultyFleet}, {"copycat", firmwaresim.Copycat},
	}
}

// condition is how a city is judged once more.
type condition struct {
	name     string
	off      crowd.Defence // defences that are off
	verdicts int           // orders that a crew has time to look at
}

// without are the conditions of the defences' experiment.
func without() []condition {
	return []condition{
		{name: "all defences"}, {name: "no learning of devices' honesty", off: crowd.Honesty}, {name: "no drives", off: crowd.Drives},
		{name: "phones in one car count each", off: crowd.SameCar}, {name: "classes not adapted to the city", off: crowd.Adapting}, {name: "copied waveforms not looked for", off: crowd.Copies},
	}
}

// RehearseAll rehearses the cities of the seeds, several at a time; what else they are like says base. It calls done with each
// report in the seeds' order.
func RehearseAll(ctx context.Context, base firmwaresim.CityOptions, seeds Seeds, done func(Report)) ([]Report, error) {
	s, err := run(ctx, seeded(base), seeds, false, done, func(string) {})
	return s.Cities, err
}

// RehearseIn does as RehearseAll in a simulator's cities.
func RehearseIn(ctx context.Context, simulator Simulator, seeds Seeds, done func(Report)) ([]Report, error) {
	city := func(seed uint64, _ firmwaresim.Adversaries) (*Drive, error) { return NewDriveIn(simulator, seed) }
	s, err := run(ctx, city, seeds, false, done, func(string) {})
	return s.Cities, err
}

// driver drives the city of a seed with some adversaries: its own where they are not given.
type driver func(seed uint64, who firmwaresim.Adversaries) (*Drive, error)

// seeded drives cities that are as base says but for their seeds and adversaries.
func seeded(base firmwaresim.CityOptions) driver {
	return func(seed uint64, who firmwaresim.Adversaries) (*Drive, error) {
		options := base
		options.Seed = seed
		if who != 0 {
			options.Adversaries = who
		}
		return NewDrive(options)
	}
}

// RunStudy does as RehearseAll and runs the experiments on the first of them. It calls done with each city's
// report in the seeds' order, and progress with a sentence for each experiment that has ended.
func RunStudy(ctx context.Context, base firmwaresim.CityOptions, seeds Seeds, done func(Report), progress func(string)) (Study, error) {
	return run(ctx, seeded(base), seeds, true, done, progress)
}

func run(ctx context.Context, city driver, seeds Seeds, experiments bool, done func(Report), progress func(string)) (Study, error) {
	s := Study{Cities: make([]Report, len(seeds))}
	some := func(n int) int { return min(n, len(seeds)) }
	if experiments {
		for _, x := range without() {
			s.Defences = append(s.Defences, Trial{x.name, make([]Report, some(defenceCities))})
		}
		for _, x := range budgets() {
			s.Verdicts = append(s.Verdicts, Trial{x.name, make([]Report, some(defenceCities))})
		}
		for _, x := range alone() {
			s.Adversaries = append(s.Adversaries, Trial{x.name, make([]Report, some(adversaryCities))})
		}
	}
	var mu sync.Mutex // guards what follows, and calls of done and progress
	ended, told := make([]bool, len(seeds)), 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, seed := range seeds {
		group.Go(func() error {
			drive, report, err := prepared(ctx, func() (*Drive, error) { return city(seed, 0) })
			if err != nil {
				return err
			}
			if err := drive.rehearse(&report, condition{}); err != nil {
				return err
			}
			s.Cities[i] = report
			mu.Lock()
			ended[i] = true
			for ; told < len(seeds) && ended[told]; told++ {
				done(s.Cities[told])
			}
			mu.Unlock()
			if !experiments || i >= defenceCities {
				return nil
			}
			if err := drive.again(ctx, without(), s.Defences, i, report); err != nil {
				return err
			}
			return drive.again(ctx, budgets(), s.Verdicts, i, report)
		})
	}
	for k, x := range alone() {
		for i, seed := range seeds {
			if !experiments || i >= adversaryCities {
				break
			}
			group.Go(func() error {
				drive, report, err := prepared(ctx, func() (*Drive, error) { return city(seed, x.who) })
				if err != nil {
					return err
				}
				if err := drive.rehearse(&report, condition{}); err != nil {
					return err
				}
				s.Adversaries[k].Cities[i] = report
				mu.Lock()
				progress(fmt.Sprintf("city %d, %s alone: precision %.2f, recall %.2f", seed, x.name, report.Crowd.Precision, report.Crowd.Recall))
				mu.Unlock()
				return nil
			})
		}
	}
	return s, group.Wait()
}

// prepared drives a city and begins its report, unless the work has been stopped.
func prepared(ctx context.Context, city func() (*Drive, error)) (*Drive, Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, Report{}, err
	}
	start := time.Now()
	drive, err := city()
	if err != nil {
		return nil, Report{}, err
	}
	return drive, newReport(drive, start), nil
}

// again judges the city once more under each condition, and notes the i-th city's results.
func (d *Drive) again(ctx context.Context, conditions []condition, trials []Trial, i int, whole Report) error {
	for k, x := range conditions {
		if err := ctx.Err(); err != nil {
			return err
		}
		report := whole
		if x.off != 0 || x.verdicts != 0 {
			if err := d.rehearse(&report, x); err != nil {
				return err
			}
		}
		trials[k].Cities[i] = report
	}
	return nil
}

// counted are the reports of the cities that are hard enough to count, or all where none is.
func counted(reports []Report) []Report {
	hard := slices.DeleteFunc(slices.Clone(reports), func(r Report) bool { return !r.Hard })
	if len(hard) == 0 {
		return reports
	}
	return hard
}
