package crowd

import (
	"cmp"
	"slices"

	"github.com/streetpulse/streetpulse/geo"
)

// lonely says whether a device's jolts at a place belong to a drive: whoever drives feels more than one thing on the way.
type lonely int8

const (
	notKnown  lonely = -1
	onDrive   lonely = 0
	onNoDrive lonely = 1
)

// Two jolts of a device belong to one drive when they are nearer than this in time, and no car would have had to hurry.
const (
	driveMilliseconds = 12 * 60 * 1000
	driveMPS          = 35.0
	driveM            = 60.0 // error of both positions
	enoughJolts       = 5    // of a device, before it is asked whether they belong to drives
)

// finding is a voice of which it is now known whether it was on a drive.
type finding struct {
	node  *node
	voice int
}

// drives looks whether jolts belong to drives and returns what has changed.
func drives(nodes []*node) []finding {
	type jolt struct {
		at int64
		finding
	}
	by := map[string][]jolt{}
	for _, n := range nodes {
		for i := range n.voices {
			v := &n.voices[i]
			for _, t := range v.times {
				if t != 0 {
					by[v.device] = append(by[v.device], jolt{t, finding{n, i}})
				}
			}
		}
	}
	var changed []finding
	for _, jolts := range by {
		if len(jolts) < enoughJolts {
			continue // whoever has felt so little is on no drive by chance
		}
		slices.SortFunc(jolts, func(a, b jolt) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.node.id, b.node.id)) })
		for i, j := range jolts {
			v := &j.node.voices[j.voice]
			now := v.alone
			if i > 0 && together(jolts[i-1].node, j.node, j.at-jolts[i-1].at) ||
				i < len(jolts)-1 && together(jolts[i+1].node, j.node, jolts[i+1].at-j.at) {
				now = onDrive
			} else if now == notKnown {
				now = onNoDrive
			}
			if now != v.alone {
				v.alone = now
				changed = append(changed, j.finding)
			}
		}
	}
	return changed
}

// together says whether one drive may have led over both places, a time apart.
func together(a, b *node, milliseconds int64) bool {
	return a != b && milliseconds <= driveMilliseconds && geo.Distance(a.at, b.at) < driveM+driveMPS*float64(milliseconds)/1000
}
