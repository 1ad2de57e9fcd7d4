package evaluate

import (
	"math"
	"math/rand/v2"

	"github.com/streetpulse/streetpulse/crowd"
)

// fitNetwork fits a network by stochastic gradient descent (Adam: Kingma & Ba 2015). The same samples give the same
// parameters.
func fitNetwork(samples []Sample, units int) crowd.Network {
	const (
		rounds = 12
		batch  = 64
		first  = 0.006
		last   = 0.0003
		shrink = 2e-5
	)
	features := len(samples[0].X)
	n := crowd.Network{Mean: make([]float64, features), Scale: make([]float64, features)}
	for i := range features {
		sum, squares := 0.0, 0.0
		for _, s := range samples {
			sum += s.X[i]
			squares += s.X[i] * s.X[i]
		}
		mean := sum / float64(len(samples))
		n.Mean[i], n.Scale[i] = rounded(mean), rounded(math.Sqrt(math.Max(squares/float64(len(samples))-mean*mean, 1e-9)))
	}
	var weight [crowd.NumClasses]float64 // rare classes count for more, so that they are learned too
	for _, s := range samples {
		weight[s.Class]++
	}
	for k := range weight {
		weight[k] = 1 / math.Sqrt(math.Max(weight[k], 1)/float64(len(samples))*crowd.NumClasses)
	}
	r := rand.New(rand.NewPCG(7, 7))
	p := newParameters(features, units)
	for i := range p.values {
		p.values[i] = r.NormFloat64() / math.Sqrt(float64(features))
	}
	x, hidden, back := make([]float64, features), make([]float64, units), make([]float64, units)
	order := r.Perm(len(samples))
	steps, all := 0, rounds*len(samples)/batch
	for range rounds {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for at := 0; at+batch <= len(order); at += batch {
			clear(p.gradient)
			for _, o := range order[at : at+batch] {
				s := &samples[o]
				for i := range x {
					x[i] = math.Max(-4, math.Min(4, (s.X[i]-n.Mean[i])/n.Scale[i]))
				}
				p.step(x, hidden, back, s.Class, weight[s.Class]/batch)
			}
			steps++
			p.move(steps, first*math.Pow(last/first, float64(steps)/float64(all)), shrink)
		}
	}
	for u := range units {
		w := make([]float64, features+1)
		for i := range w {
			w[i] = rounded(p.values[p.hidden(u)+i])
		}
		n.Hidden = append(n.Hidden, w)
	}
	for k := range n.Out {
		n.Out[k] = make([]float64, units+1)
		for i := range n.Out[k] {
			n.Out[k][i] = rounded(p.values[p.out(k)+i])
		}
	}
	return n
}

// parameters are a network's weights while it is fitted, with what Adam remembers of each.
type parameters struct {
	features, units                int
	values, gradient, mean, square []float64
}

func newParameters(features, units int) *parameters {
	size := units*(features+1) + crowd.NumClasses*(units+1)
	return &parameters{features: features, units: units, values: make([]float64, size), gradient: make([]float64, size),
		mean: make([]float64, size), square: make([]float64, size)}
}

// hidden is where a unit's weights begin, out where a class's do: the bias first.
func (p *parameters) hidden(unit int) int { return unit * (p.features + 1) }
func (p *parameters) out(class int) int {
	return p.units*(p.features+1) + class*(p.units+1)
}

// step adds a sample's gradient of the cross entropy.
func (p *parameters) step(x, hidden, back []float64, class int, weight float64) {
	for u := range hidden {
		w := p.values[p.hidden(u):]
		sum := w[0]
		for i, v := range x {
			sum += w[i+1] * v
		}
		hidden[u] = math.Tanh(sum)
		back[u] = 0
	}
	var score [crowd.NumClasses]float64
	top := math.Inf(-1)
	for k := range score {
		w := p.values[p.out(k):]
		score[k] = w[0]
		for u, h := range hidden {
			score[k] += w[u+1] * h
		}
		top = math.Max(top, score[k])
	}
	sum := 0.0
	for k := range score {
		score[k] = math.Exp(score[k] - top)
		sum += score[k]
	}
	for k := range score {
		d := score[k] / sum
		if k == class {
			d--
		}
		d *= weight
		w, g := p.values[p.out(k):], p.gradient[p.out(k):]
		g[0] += d
		for u, h := range hidden {
			g[u+1] += d * h
			back[u] += d * w[u+1]
		}
	}
	for u, h := range hidden {
		d := back[u] * (1 - h*h)
		g := p.gradient[p.hidden(u):]
		g[0] += d
		for i, v := range x {
			g[i+1] += d * v
		}
	}
}

// move takes one step of Adam.
func (p *parameters) move(n int, rate, shrink float64) {
	const keepMean, keepSquare = 0.9, 0.999
	first, second := 1-math.Pow(keepMean, float64(n)), 1-math.Pow(keepSquare, float64(n))
	for i, g := range p.gradient {
		g += shrink * p.values[i]
		p.mean[i] = keepMean*p.mean[i] + (1-keepMean)*g
		p.square[i] = keepSquare*p.square[i] + (1-keepSquare)*g*g
		p.values[i] -= rate * p.mean[i] / first / (math.Sqrt(p.square[i]/second) + 1e-8)
	}
}
