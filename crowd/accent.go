package crowd

// Impression is what one device's jolts at one place are like, on average.
type Impression struct {
	Device int // its number; negative: nobody knows which device it was
	Shape  *Shape
}

// Accents returns how each device's jolts differ from what others feel at the same places: its car, its mount and its sensor colour
// all that it feels. Devices and places are told apart by turns (analysis of variance in two ways), and a device that has met others at
// few places is held to differ little.
func Accents(places [][]Impression, devices int) []Shape {
	const (
		turns = 3
		none  = 8 // places of meeting that no difference at all is worth
	)
	accents, apart, met := make([]Shape, devices), make([]Shape, devices), make([]float64, devices)
	for turn := range turns {
		clear(apart)
		for _, p := range places {
			if len(p) < 2 {
				continue
			}
			var mean Shape
			for _, s := range p {
				for i, x := range s.Shape {
					mean[i] += x
				}
				if s.Device >= 0 {
					for i, x := range accents[s.Device] {
						mean[i] -= x
					}
				}
			}
			for i := range mean {
				mean[i] /= float64(len(p))
			}
			for _, s := range p {
				if s.Device < 0 {
					continue
				}
				if turn == 0 {
					met[s.Device]++
				}
				for i, x := range s.Shape {
					apart[s.Device][i] += x - mean[i]
				}
			}
		}
		for d := range accents {
			for i := range accents[d] {
				accents[d][i] = apart[d][i] / (met[d] + none)
			}
		}
	}
	return accents
}

// accent is how a device's jolts without and with a waveform differ from others'.
type accent [2]Shape

// encode returns the accent's fixed binary form, empty where none is known.
func (a *accent) encode() []byte {
	if a == nil {
		return []byte{}
	}
	return doubles(a.numbers())
}

func (a *accent) numbers() []*float64 {
	var all []*float64
	for kind := range a {
		for i := range a[kind] {
			all = append(all, &a[kind][i])
		}
	}
	return all
}

// decodeAccent reads what encode returned; of the form of another version nothing is known.
func decodeAccent(b []byte) *accent {
	a := &accent{}
	if readDoubles(b, a.numbers()) != nil {
		return nil
	}
	return a
}

// accents works out every device's accent from what is said at all places.
func accents(nodes []*node, speakers []string) map[string]*accent {
	known := make(map[string]*accent, len(speakers))
	for _, d := range speakers {
		if !isSealed(d) { // what is sealed has been freed of its device's accent
			known[d] = &accent{}
		}
	}
	for kind := range 2 {
		var places [][]Impression
		for _, n := range nodes {
			var said []Impression
			for i := range n.voices {
				v := &n.voices[i]
				if v.said[kind] == nil {
					continue
				}
				s := Impression{v.number, v.said[kind]}
				if isSealed(v.device) {
					s.Device = -1
				}
				said = append(said, s)
			}
			if len(said) > 1 {
				places = append(places, said)
			}
		}
		for number, a := range Accents(places, len(speakers)) {
			if own := known[speakers[number]]; own != nil {
				own[kind] = a
			}
		}
	}
	return known
}

// sums are how many jolts without or with a waveform the account has, and what their scores and standardised features add up to.
func (a *account) sums(kind int) (n float64, scores *Scores, standard []float32) {
	if kind == 1 {
		return float64(a.waves), &a.wave, a.waveShape[:]
	}
	return float64(a.hits - a.waves), &a.plain, a.plainShape[:]
}

// said is what the account's jolts without or with a waveform are like, on average; not ok: there are none.
func (a *account) said(kind int) (s Shape, ok bool) {
	n, scores, standard := a.sums(kind)
	if n == 0 {
		return s, false
	}
	for i, x := range standard {
		s[i] = float64(x) / n
	}
	for i := range dims {
		s[len(standard)+i] = scores[i] / n / scoreScale
	}
	return s, true
}

// speakPlainly takes the device's accent out of what the account says.
func (a *account) speakPlainly(from *accent) {
	if from == nil {
		return
	}
	for kind := range from {
		n, scores, standard := a.sums(kind)
		for i := range standard {
			standard[i] -= float32(n * from[kind][i])
		}
		for i := range dims {
			x := n * scoreScale * from[kind][len(standard)+i]
			scores[i] -= x
			scores[dims] += x
		}
	}
}
