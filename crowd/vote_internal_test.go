package crowd

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is voted, in whatever order: the belief stays one, classes keep their odds among themselves, and something
// against nothing moves by no more than a factor of two either way.
func TestVotesMoveOddsWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &site{}
		sum := 0.0
		for c := range s.Belief {
			s.Belief[c] = rapid.Float64Range(0.01, 1).Draw(t, "belief")
			sum += s.Belief[c]
		}
		for c := range s.Belief {
			s.Belief[c] /= sum
		}
		s.lie = rapid.Float64Range(0, s.Belief[NumClasses-1]).Draw(t, "made up")
		odds := func(b Belief) float64 { return (1 - b[NumClasses-1]) / b[NumClasses-1] }
		before, among := odds(s.Belief), s.Belief[0]/s.Belief[1]
		for range rapid.IntRange(1, 80).Draw(t, "votes") {
			s.vote(rapid.SampledFrom(Votes()).Draw(t, "vote"), rapid.SampledFrom(append(Votes(), "")).Draw(t, "before"))
		}
		total := 0.0
		for _, p := range s.Belief {
			total += p
		}
		if math.Abs(total-1) > 1e-6 || math.Abs(s.Belief[0]/s.Belief[1]-among) > 1e-3*among {
			t.Fatalf("%v", s.Belief)
		}
		if rise := odds(s.Belief) / before; rise > 2.001 || rise < 0.499 {
			t.Fatalf("odds moved by %g", rise)
		}
		if math.Abs(odds(s.Belief)/before-math.Exp(s.poll.logOdds())) > 1e-3 {
			t.Fatal("the belief is not what the votes come to")
		}
		if s.lie > s.Belief[NumClasses-1]+1e-6 {
			t.Fatal("more is made up than there is nothing")
		}
	})
}

// After a repair votes stand for one device at most, and for none alone.
func TestVotesAfterARepair(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		poll        Poll
		back, holds int
	}{
		{Poll{}, 0, 0}, {Poll{Known: 2}, 0, 0}, {Poll{Known: 3}, 1, 0}, {Poll{Known: 500}, 1, 0}, {Poll{Repaired: 3}, 0, 1},
		{Poll{Absent: 2, Repaired: 2, Known: 1}, 0, 1}, {Poll{Known: 500, Repaired: 499}, 0, 0},
	} {
		if c.poll.back() != c.back || c.poll.holds() != c.holds {
			t.Errorf("%+v: back %d, holds %d", c.poll, c.poll.back(), c.poll.holds())
		}
	}
	l := newLine(Rules{})
	if l.reopened-1 < 2 || l.verified-1 < 2 {
		t.Error("votes and one device would be enough")
	}
}
