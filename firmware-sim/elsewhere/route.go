package elsewhere

import (
	"container/heap"
	"math"
	"slices"
)

// reached is a crossing on the frontier of a search.
type reached struct {
	node int
	cost float64
}

type frontier []reached

func (f frontier) Len() int           { return len(f) }
func (f frontier) Less(i, j int) bool { return f[i].cost < f[j].cost }
func (f frontier) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(x any)        { *f = append(*f, x.(reached)) }
func (f *frontier) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// route returns the lanes of the cheapest way between two crossings; none where there is no way.
func (n *network) route(from, to int, cost func(street int) float64) []int {
	best, by := make([]float64, len(n.nodes)), make([]int, len(n.nodes))
	for i := range best {
		best[i], by[i] = math.Inf(1), -1
	}
	best[from] = 0
	next := &frontier{{from, 0}}
	for next.Len() > 0 {
		at := heap.Pop(next).(reached)
		if at.node == to {
			break
		}
		if at.cost > best[at.node] {
			continue
		}
		for _, lane := range n.leaving[at.node] {
			end := n.end(lane)
			if c := at.cost + cost(lane/2); c < best[end] {
				best[end], by[end] = c, lane
				heap.Push(next, reached{end, c})
			}
		}
	}
	var lanes []int
	for at := to; at != from; at = n.end(by[at] ^ 1) {
		if by[at] < 0 {
			return nil
		}
		lanes = append(lanes, by[at])
	}
	slices.Reverse(lanes)
	return lanes
}
