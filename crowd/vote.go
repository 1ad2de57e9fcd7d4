package crowd

import "math"

// Vote is what a passer-by says of a place.
type Vote string

const (
	Known  Vote = "known"    // I know it
	Absent Vote = "absent"   // it is not there
	Mended Vote = "repaired" // it is repaired
)

// Votes lists every vote.
func Votes() []Vote { return []Vote{Known, Absent, Mended} }

// Poll is how many people say what of a place, since it was last repaired.
type Poll struct {
	Known    int `json:"known"`
	Absent   int `json:"absent"`
	Repaired int `json:"repaired"`
}

func (p *Poll) of(v Vote) *int {
	switch v {
	case Known:
		return &p.Known
	case Absent:
		return &p.Absent
	case Mended:
		return &p.Repaired
	}
	return nil
}

// add takes over another place's poll.
func (p *Poll) add(o Poll) {
	p.Known, p.Absent, p.Repaired = p.Known+o.Known, p.Absent+o.Absent, p.Repaired+o.Repaired
}

// What votes weigh. One person's word is worth little, as nobody knows where that person stands; a crowd's is easily
// called together. So one vote makes it 1.3 times likelier that something is there, or that nothing is, and all of them
// twice at most: a place must have reached 0.74 by what devices felt before votes take it over a line at 0.85, and votes
// stand for no device (line.devices).
const (
	oneVoteOdds  = 1.3
	allVotesOdds = 2.0
)

// logOdds is how much likelier votes make it that something is there than that nothing is.
func (p Poll) logOdds() float64 {
	most := math.Log(allVotesOdds)
	return most * math.Tanh(float64(p.Known-p.Absent-p.Repaired)*math.Log(oneVoteOdds)/most)
}

// weigh adds what votes say to the log weights of the causes.
func (p Poll) weigh(causes *[numCauses]float64) {
	l := p.logOdds()
	for c := range numReal {
		causes[c] += l
	}
}

// votesForDevice is by how many more people must say that a repair holds, or does not, to stand for one of the devices
// that are needed to say so.
const votesForDevice = 3

// back is 1 where people say that a repaired place is bad again, holds where they say that it is good.
func (p Poll) back() int {
	if p.Known-p.Absent-p.Repaired >= votesForDevice {
		return 1
	}
	return 0
}

func (p Poll) holds() int {
	if p.Absent+p.Repaired-p.Known >= votesForDevice {
		return 1
	}
	return 0
}

// vote counts a vote that replaces another, or none, and weighs the belief anew. Since the odds of something against
// nothing are multiplied and all else stays, this is what judging would come to.
func (s *site) vote(v, was Vote) {
	before := s.poll.logOdds()
	if n := s.poll.of(was); n != nil && *n > 0 {
		*n--
	}
	if n := s.poll.of(v); n != nil {
		*n++
	}
	shift := s.poll.logOdds() - before
	if shift == 0 || !s.repairedAt.IsZero() { // what it was before the repair stays as it was
		return
	}
	factor, sum := math.Exp(shift), 0.0
	s.Belief = storedBelief(s.Belief)
	for c := range s.Belief {
		if c < numReal {
			s.structure[c] += shift
			s.Belief[c] *= factor
		}
		sum += s.Belief[c]
	}
	for c := range s.Belief {
		s.Belief[c] /= sum
	}
	s.lie /= sum
	s.Class = s.Belief.Top()
}

// storedBelief is a belief as the database gives it back: in single precision.
func storedBelief(b Belief) Belief {
	for c := range b {
		b[c] = float64(float32(round(b[c], 9))) // far smaller ones do not fit the column
	}
	return b
}
