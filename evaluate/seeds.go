package evaluate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Seeds are the cities to drive, in the order given. As text: numbers and ranges, such as 1-8,11.
type Seeds []uint64

// mostSeeds bounds what one text may ask for: a day of computing.
const mostSeeds = 10_000

// UnmarshalText reads seeds. It returns an error that says which part is wrong. A seed that is named twice counts once.
func (s *Seeds) UnmarshalText(text []byte) error {
	var out Seeds
	had := map[uint64]bool{}
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 64)
		to := from
		if err == nil && isRange {
			to, err = strconv.ParseUint(strings.TrimSpace(last), 10, 64)
		}
		switch {
		case err != nil:
			return fmt.Errorf("seeds: %q is neither a number nor a range: write for instance 1-8,11", part)
		case to < from:
			return fmt.Errorf("seeds: the range %q ends before it begins", part)
		case to-from >= mostSeeds:
			return fmt.Errorf("seeds: the range %q has more than %d seeds", part, mostSeeds)
		}
		for n := from; ; n++ {
			if !had[n] {
				had[n] = true
				out = append(out, n)
			}
			if n == to {
				break
			}
		}
	}
	*s = out
	return nil
}

// String is the seeds as text, in order.
func (s Seeds) String() string {
	sorted := slices.Sorted(slices.Values(s))
	var parts []string
	for i := 0; i < len(sorted); {
		k := i
		for k+1 < len(sorted) && sorted[k+1] == sorted[k]+1 {
			k++
		}
		part := strconv.FormatUint(sorted[i], 10)
		if k > i {
			part += "-" + strconv.FormatUint(sorted[k], 10)
		}
		parts = append(parts, part)
		i = k + 1
	}
	return strings.Join(parts, ",")
}
