package crowd

import (
	"cmp"
	"math"
	"slices"

	"github.com/streetpulse/streetpulse/geo"
)

// standing is what is known of a device: how sensitive it is against others, and how many of its jolts were inventions.
type standing struct {
	sensitivity float64 // how often it feels what others feel; 1 is usual
	jolts       float64 // places that it felt
	invented    float64 // of them inventions
	usual       float64 // share of the median device's jolts that seem to be
	alone       float64 // share of all honest jolts that are on no drive
	agreed      float64 // places where it felt what others felt
	typical     float64 // of the device that felt a jolt somewhere
}

// weightOfUsual is how many jolts the opinion of all devices is worth when it comes to one.
const weightOfUsual = 6.0

// falseShare is the share of the device's jolts that are made up.
func (s standing) falseShare() float64 {
	return (s.usual*weightOfUsual + s.invented) / (weightOfUsual + s.jolts)
}

// liar grows from 0 to 1 with how much more of the device's jolts seem made up than is usual.
func (s standing) liar() float64 { return clamp((s.falseShare()-s.usual)/0.2, 0, 1) }

// collusion is the log odds that a jolt of the device is made up, against that of any device.
func (s standing) collusion() float64 {
	f := clamp(s.falseShare(), 0.003, 0.95)
	rare := clamp(math.Log((s.typical+3)/(s.agreed+3)), -0.7, 1.2)
	return clamp(math.Log(f/(1-f))-math.Log(s.usual/(1-s.usual))+rare, -3, 3)
}

// candour is the log odds that a smooth pass comes from a device that makes things up, against that of any device.
func (s standing) candour() float64 {
	return math.Log(1-clamp(s.falseShare(), 0, 0.9)) - math.Log(1-s.usual)
}

// node is a place as learning sees it.
type node struct {
	site      *site
	structure [numCauses]float64
	looks     [2]looks
	voices    []voice
}

// voice is what one device said at a place.
type voice struct {
	device       string
	hits, misses int
	alone        int // -1 not known, 0 no, 1 yes
	times        [4]int64
}

// learn works out anew what is known of devices from all places: how likely each place is real, given what was
// known of the devices that speak there, and what follows for each of them, in turn (expectation and maximisation).
func (m *mind) learn(nodes []node, sweeps int) {
	type sums struct{ jolts, invented, expected, felt, agreed float64 }
	isolate(nodes)
	for range sweeps {
		lonely, heardOf := 2.0, 40.0
		var found [2]struct {
			weight [NumClasses]float64
			sum    Centres
		}
		all := map[string]*sums{}
		of := func(d string) *sums {
			if all[d] == nil {
				all[d] = &sums{}
			}
			return all[d]
		}
		for i := range nodes {
			n := &nodes[i]
			var t tally
			for _, v := range n.voices {
				m.model.add(&t, v.hits, v.misses, v.alone, m.trust.of(v.device))
			}
			fixed := m.fixed(&n.structure, &n.looks)
			causes := normalise(m.model.weigh(&t, &fixed))
			for kind := range n.looks {
				if n.looks[kind].count < 2 {
					continue
				}
				for c := range NumClasses {
					p := causes[c]
					if p < 0.5 {
						continue
					}
					found[kind].weight[c] += p
					for i := range dims {
						found[kind].sum[c][i] += p * n.looks[kind].mean[i]
					}
				}
			}
			rate := m.model.rate(&t, &causes)
			real := 1 - causes[noise] - causes[invented]
			heard := len(n.voices) > 1
			for _, v := range n.voices {
				s := of(v.device)
				if wide := causes[2] + causes[3] + causes[4]; v.hits > 0 && v.alone >= 0 && wide > 0.9 {
					lonely += float64(v.alone)
					heardOf++
				}
				if v.hits > 0 && heard {
					s.jolts++
					s.invented += causes[invented]
					s.agreed += real
				}
				if h, k := effective(v.hits), effective(v.misses); real > 0.5 && len(n.voices) > 3 {
					s.expected += real * rate * (h + k)
					s.felt += real * h
				}
			}
		}
		jolts, lies := 100.0, 100*usualInvented
		for _, s := range all {
			jolts += s.jolts
			lies += s.invented
		}
		m.trust.usual = clamp(lies/jolts, 0.01, 0.9)
		hits, logs := 0.0, 0.0
		for _, s := range all {
			hits += s.agreed
			logs += s.agreed * math.Log(s.agreed+3)
		}
		m.trust.typical = math.Exp(logs/math.Max(hits, 1)) - 3
		for kind, spread := range []*Spread{&m.reader.Plain.Spread, &m.reader.Wave.Spread} {
			known := envf("KNOWN", 40)
			for c := range NumClasses - 1 {
				for i := range dims {
					m.trust.centres[kind][c][i] = (known*spread.Mean[c][i] + found[kind].sum[c][i]) / (known + found[kind].weight[c])
				}
			}
		}
		m.trust.alone = clamp(lonely/heardOf, 0.01, 0.6)
		for d, s := range all {
			const usual = 6
			m.trust.devices[d] = standing{
				sensitivity: clamp((s.felt+usual)/(s.expected+usual), 0.1, 1.4),
				jolts:       s.jolts, invented: s.invented, usual: m.trust.usual, alone: m.trust.alone, agreed: s.agreed, typical: m.trust.typical,
			}
		}
	}
}

// nodeOf is the site as learning sees it.
func (s *site) nodeOf() node {
	n := node{structure: s.structure, looks: s.looks, site: s}
	for _, d := range s.order {
		if a := s.accounts[d]; !a.shadow {
			n.voices = append(n.voices, voice{d, a.hits, a.misses, a.alone, a.lastHits})
		}
	}
	return n
}

func (t *trust) of(device string) standing {
	if s, ok := t.devices[device]; ok {
		return s
	}
	return standing{sensitivity: 1, usual: t.usual, alone: t.alone, typical: t.typical}
}

// usualInvented is the share of a device's jolts that seem made up, before anything is known.
const usualInvented = 0.03

// usualAlone is the share of honest jolts that are on no drive of their device, before anything is known.
const usualAlone = 0.1

// isolate finds jolts that are on no drive: nothing else that the device felt lies near them in time.
func isolate(nodes []node) {
	type mark struct {
		at   int64
		n, v int
	}
	by := map[string][]mark{}
	for i := range nodes {
		for j, v := range nodes[i].voices {
			for _, t := range v.times {
				if t != 0 {
					by[v.device] = append(by[v.device], mark{t, i, j})
				}
			}
		}
	}
	const drive = 12 * 60 * 1000
	for _, marks := range by {
		slices.SortFunc(marks, func(a, b mark) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
		for i, k := range marks {
			near := false
			for _, o := range []int{i - 1, i + 1} {
				if o < 0 || o >= len(marks) || marks[o].n == k.n {
					continue
				}
				gap := abs64(marks[o].at - k.at)
				if gap > drive {
					continue
				}
				d := geo.Distance(nodes[marks[o].n].site.point(), nodes[k.n].site.point())
				near = near || d < 60+35*float64(gap)/1000
			}
			v := &nodes[k.n].voices[k.v]
			if near {
				v.alone = 0
			} else if v.alone < 0 {
				v.alone = 1
			}
			nodes[k.n].site.accounts[v.device].alone = v.alone
		}
	}
}
