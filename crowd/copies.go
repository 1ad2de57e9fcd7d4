package crowd

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Whoever makes jolts up needs waveforms for them, and takes those of jolts: of potholes that somebody has felt elsewhere. A copy is
// nearer to its model than what two cars feel in two places. How near that would be depends on rate, speed and the shape of the jolt, so
// it is measured on the jolt itself: by how far the next most similar ones are.
const (
	copyNeighbours = 13    // the nearest, and the twelfth after it, by which it is measured
	copySpare      = 13    // that many more are kept, to move up where nearer ones go
	copyAlike      = 0.94  // correlation below which nothing is similar
	copyGap        = 1.1   // a copy differs from its model e^1.1 = 3 times less than from the twelfth after it
	copyNoise      = 1e-3  // what quantisation and noise leave of the difference
	copySame       = 0.999 // nothing is as similar by chance, however many copies there are
	copyApartM     = 60.0  // jolts nearer to each other are of one place
)

// Imprints are compared where the signs of random projections of their slower half agree, in one table or another: as good as all that are
// similar enough to be copies meet so, and one in some hundred of the others (Charikar 2002).
const (
	copyTables = 8
	copyBits   = 24
	copySlow   = imprintTones / 2
)

// copied says of how many imprints of an account there is an alike one of another device elsewhere: an earlier one, or only later ones.
type copied struct{ imprints, before, after int8 }

// code is the form in which it is stored.
func (c copied) code() int16 { return int16(c.imprints) | int16(c.before)<<4 | int16(c.after)<<8 }

func decodeCopied(n int16) copied { return copied{int8(n & 15), int8(n >> 4 & 15), int8(n >> 8 & 15)} }

// join adds those of another account of the device at the place, until learning counts them again.
func (c copied) join(o copied) copied {
	return copied{min(c.imprints+o.imprints, mostImprints), min(c.before+o.before, mostImprints), min(c.after+o.after, mostImprints)}
}

// copies finds imprints that are copies of each other. What it says follows from the imprints that are in it, and not from the order in
// which they came.
type copies struct {
	planes [copyTables][copyBits][2 * copySlow]int8
	filed  map[filedKey]int32
	who    map[string]int32 // numbers of devices
	all    []filedImprint
	free   []int32
	heads  map[uint64]int32 // by table and signs: the first imprint, plus 1
	visit  int32            // counts studies
	round  int32            // counts searches
	mark   []int32          // by imprint: the round in which it was last met
}

type filedKey struct {
	device string
	at     int64
	lat    int32
	lon    int32
}

// filedImprint is an imprint with the most similar ones.
type filedImprint struct {
	*imprint
	device string
	who    int32   // the device's number
	scale  float32 // 1 over its norm
	keys   [copyTables]uint64
	next   [copyTables]int32 // the next imprint with that key, plus 1
	alike  []alike           // best first
	more   bool              // there are others that are similar
	visit  int32             // the study that last found it
}

// alike is an imprint that is similar to another.
type alike struct {
	correlation float32
	number      int32
	at          int64
}

func newCopies() *copies {
	c := &copies{filed: map[filedKey]int32{}, who: map[string]int32{}, heads: map[uint64]int32{}}
	r := rand.New(rand.NewPCG(1962, 24)) // any, but always the same
	for t := range c.planes {
		for b := range c.planes[t] {
			for i := range c.planes[t][b] {
				c.planes[t][b][i] = int8(math.Round(40 * r.NormFloat64()))
			}
		}
	}
	return c
}

// study brings the index up to what the places hold, and returns of whom it is now known to have copied something else than before.
func (c *copies) study(nodes []*node) []finding {
	c.visit++
	for _, n := range nodes {
		for i := range n.voices {
			v := &n.voices[i]
			for k := range v.imprints {
				c.keep(v.device, &v.imprints[k])
			}
		}
	}
	c.sweep()
	var changed []finding
	for _, n := range nodes {
		for i := range n.voices {
			v := &n.voices[i]
			if now := c.of(v.device, v.imprints); now != v.copied {
				v.copied = now
				changed = append(changed, finding{n, i})
			}
		}
	}
	return changed
}

func keyOf(device string, i *imprint) filedKey { return filedKey{device, i.at, i.lat, i.lon} }

// keep files an imprint, unless that has been done. One of the same name that says something else is swept away.
func (c *copies) keep(device string, i *imprint) {
	number, ok := c.find(device, i)
	if ok && c.all[number].tones == i.tones {
		c.all[number].visit = c.visit
		return
	}
	c.add(keyOf(device, i), i)
}

// find returns the number of an imprint. Most have been found before: their names need not be looked up again.
func (c *copies) find(device string, i *imprint) (number int32, ok bool) {
	if hint := i.filed - 1; hint >= 0 && int(hint) < len(c.all) {
		if f := &c.all[hint]; f.imprint != nil && f.at == i.at && f.lat == i.lat && f.lon == i.lon && f.device == device {
			return hint, true
		}
	}
	number, ok = c.filed[keyOf(device, i)]
	if ok {
		i.filed = number + 1
	}
	return number, ok
}

func (c *copies) add(key filedKey, i *imprint) {
	var number int32
	if n := len(c.free); n > 0 {
		number, c.free = c.free[n-1], c.free[:n-1]
	} else {
		number = int32(len(c.all))
		c.all, c.mark = append(c.all, filedImprint{}), append(c.mark, 0)
	}
	who, ok := c.who[key.device]
	if !ok {
		who = int32(len(c.who))
		c.who[key.device] = who
	}
	own := *i
	c.filed[key] = number
	i.filed = number + 1
	f := &c.all[number]
	*f = filedImprint{imprint: &own, device: key.device, who: who, scale: float32(1 / i.norm()), keys: c.keys(i), visit: c.visit}
	c.meet(f, func(other int32, o *filedImprint, correlation float32) {
		f.resemble(alike{correlation, other, o.at})
		o.resemble(alike{correlation, number, f.at})
	})
	for t, k := range f.keys {
		f.next[t], c.heads[k] = c.heads[k], number+1
	}
}

// sweep takes out the imprints that the last study has not found any more, and looks again for what those resemble that resembled them.
func (c *copies) sweep() {
	var gone []int32
	for number := range c.all {
		if f := &c.all[number]; f.imprint != nil && f.visit != c.visit {
			c.unlink(int32(number))
			gone = append(gone, int32(number))
		}
	}
	if len(gone) == 0 {
		return
	}
	for number := range c.all {
		f := &c.all[number]
		f.alike = slices.DeleteFunc(f.alike, func(a alike) bool { return c.all[a.number].imprint == nil })
		if f.more && len(f.alike) < copyNeighbours {
			f.alike, f.more = f.alike[:0], false
			c.meet(f, func(other int32, o *filedImprint, correlation float32) { f.resemble(alike{correlation, other, o.at}) })
		}
	}
	c.free = append(c.free, gone...)
}

// unlink takes an imprint out of the tables.
func (c *copies) unlink(number int32) {
	f := &c.all[number]
	for t, k := range f.keys {
		if c.heads[k] == number+1 {
			if f.next[t] == 0 {
				delete(c.heads, k)
			} else {
				c.heads[k] = f.next[t]
			}
			continue
		}
		for at := c.heads[k]; at != 0; at = c.all[at-1].next[t] {
			if c.all[at-1].next[t] == number+1 {
				c.all[at-1].next[t] = f.next[t]
				break
			}
		}
	}
	if key := keyOf(f.device, f.imprint); c.filed[key] == number { // it may be the name of another one by now
		delete(c.filed, key)
	}
	*f = filedImprint{}
}

// keys are the signs of the imprint's projections, by table.
func (c *copies) keys(i *imprint) [copyTables]uint64 {
	var slow [2 * copySlow]int32
	for k := range copySlow {
		slow[k], slow[copySlow+k] = int32(i.tones[k]), int32(i.tones[imprintTones+k])
	}
	var keys [copyTables]uint64
	for t := range c.planes {
		key := uint64(t) << 32
		for b := range c.planes[t] {
			sum := int32(0)
			for k, w := range c.planes[t][b] {
				sum += int32(w) * slow[k]
			}
			if sum > 0 {
				key |= 1 << b
			}
		}
		keys[t] = key
	}
	return keys
}

// meet calls with for every filed imprint of another device elsewhere that is similar.
func (c *copies) meet(f *filedImprint, with func(int32, *filedImprint, float32)) {
	c.round++
	stretch := math.Cos(float64(f.lat) * 1e-7 * math.Pi / 180)
	for t, k := range f.keys {
		for at := c.heads[k]; at != 0; at = c.all[at-1].next[t] {
			if c.mark[at-1] == c.round {
				continue
			}
			c.mark[at-1] = c.round
			o := &c.all[at-1]
			if o.who == f.who {
				continue
			}
			sum := int32(0)
			for i, x := range &f.tones {
				sum += int32(x) * int32(o.tones[i])
			}
			if correlation := float32(sum) * f.scale * o.scale; correlation >= copyAlike && f.apart(o.imprint, stretch) {
				with(at-1, o, correlation)
			}
		}
	}
}

// apart says whether two jolts are of different places, given how long a degree is there towards the east against one to the north.
func (i *imprint) apart(o *imprint, stretch float64) bool {
	const metres = metresPerDegree * 1e-7
	north := float64(i.lat-o.lat) * metres
	east := float64(i.lon-o.lon) * metres * stretch
	return north*north+east*east > copyApartM*copyApartM
}

// resemble notes a similar imprint, if it is among the nearest.
func (f *filedImprint) resemble(a alike) {
	n := len(f.alike)
	full := n == copyNeighbours+copySpare
	f.more = f.more || full
	if full && !a.nearer(f.alike[n-1]) {
		return
	}
	at, _ := slices.BinarySearchFunc(f.alike, a, func(o, a alike) int {
		if o.nearer(a) {
			return -1
		}
		return 1
	})
	if full {
		f.alike = f.alike[:n-1]
	}
	f.alike = slices.Insert(f.alike, at, a)
}

func (a alike) nearer(o alike) bool {
	return a.correlation > o.correlation || a.correlation == o.correlation && a.at < o.at
}

// of counts the imprints of an account that are copies, or have been copied.
func (c *copies) of(device string, imprints []imprint) copied {
	out := copied{imprints: int8(len(imprints))}
	for k := range imprints {
		number, ok := c.find(device, &imprints[k])
		if !ok {
			continue
		}
		switch before, after := c.all[number].models(); {
		case before:
			out.before++
		case after:
			out.after++
		}
	}
	return out
}

// models says whether there is something earlier that the imprint is too similar to, and something later.
func (f *filedImprint) models() (before, after bool) {
	usual := float32(copyAlike)
	nearest := f.alike[:min(copyNeighbours, len(f.alike))]
	if len(nearest) == copyNeighbours {
		usual = nearest[copyNeighbours-1].correlation
	}
	line := (1-usual+copyNoise)*float32(math.Exp(-copyGap)) - copyNoise // of the difference
	for _, a := range nearest {
		if 1-a.correlation > line && a.correlation < copySame {
			break
		}
		if a.at < f.at {
			before = true
		} else {
			after = true
		}
	}
	return before, after
}

// copyRates says how often an imprint is alike an earlier one elsewhere, and how often only a later one.
type copyRates struct{ before, after float64 }

// What is believed before a city has taught anything: guesses, and how many imprints they count for.
const (
	copyMadeBefore, copyMadeAfter  = 0.30, 0.20 // of what is made up
	copyRealBefore, copyRealAfter  = 0.03, 0.03 // of jolts of what is there
	copyMadeWeight, copyRealWeight = 60.0, 100.0
	copiers                        = 0.5 // what is made up is so with copies
	copyMostAfter                  = 3.0 // nats that later copies of its jolts say against a place, or copying would be a way to silence others
)

// copying sums up imprints by what they are like.
type copying struct{ imprints, before, after float64 }

func (s *copying) add(c copied, weight float64) {
	s.imprints += weight * float64(c.imprints)
	s.before += weight * float64(c.before)
	s.after += weight * float64(c.after)
}

func (s *copying) merge(o *copying) {
	s.imprints += o.imprints
	s.before += o.before
	s.after += o.after
}

func (s *copying) rates(usual copyRates, weight float64) copyRates {
	n := s.imprints + weight
	return copyRates{(s.before + weight*usual.before) / n, (s.after + weight*usual.after) / n}
}

// copyLessons is what a city teaches of copies.
type copyLessons struct{ made, real copyRates }

func usualCopies() copyLessons {
	return copyLessons{copyRates{copyMadeBefore, copyMadeAfter}, copyRates{copyRealBefore, copyRealAfter}}
}

func (l *learning) copyLessons() copyLessons {
	usual := usualCopies()
	out := copyLessons{l.made.rates(usual.made, copyMadeWeight), l.there.rates(usual.real, copyRealWeight)}
	out.made.before = math.Max(out.made.before, out.real.before) // a copy never speaks for a place
	out.made.after = math.Max(out.made.after, out.real.after)
	return out
}

// copyOdds are the log odds that an imprint is of something made up: one that is like no other, like an earlier one, like a later one.
type copyOdds struct{ own, before, after float64 }

func (l *copyLessons) odds() copyOdds {
	return copyOdds{
		own:    math.Log((1 - l.made.before - l.made.after) / (1 - l.real.before - l.real.after)),
		before: math.Log(l.made.before / l.real.before),
		after:  math.Log(l.made.after / l.real.after),
	}
}

// copies adds what an account's imprints say to the tally.
func (t *tally) copies(c copied, o *copyOdds) {
	t.copied += float64(c.imprints-c.before-c.after)*o.own + float64(c.before)*o.before
	t.later += float64(c.after) * o.after
}

// copying is the log odds that what the imprints at a place are like is said of something made up. Not all who make things up copy.
func (t *tally) copying() float64 {
	if t.copied == 0 && t.later == 0 {
		return 0
	}
	return logAdd(math.Log(copiers)+t.copied+math.Min(t.later, copyMostAfter), math.Log(1-copiers))
}
