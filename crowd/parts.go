package crowd

import (
	"runtime"
	"sync"
)

// parts is how many parts places are divided into, to be looked at side by side. It is the same on every machine: sums over places
// must not depend on who adds them up.
const parts = 8

// inParts calls work for each part of the places, on all processors, and with the index of its first.
func inParts(nodes []*node, work func(part, from int, nodes []*node)) {
	sideBySide(parts, func(part int) {
		from := part * len(nodes) / parts
		work(part, from, nodes[from:(part+1)*len(nodes)/parts])
	})
}

// sideBySide calls do for each number from 0 to n-1, on all processors.
func sideBySide(n int, do func(int)) {
	numbers := make(chan int)
	var working sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		working.Go(func() {
			for i := range numbers {
				do(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	working.Wait()
}
