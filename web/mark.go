package web

import (
	"net/url"
	"slices"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// mark is the symbol that a place stands under on the map and in every text: where it is in its life, as far as
// a passer-by needs to tell.
type mark string

const (
	markSuspected mark = "suspected"
	markConfirmed mark = "confirmed"
	markOrdered   mark = "ordered"
	markProgress  mark = "progress"
	markRepaired  mark = "repaired"
	markVerified  mark = "verified"
	markDismissed mark = "dismissed"
)

// marks lists every mark in the order of a place's life, which is also that of the legend.
func marks() []mark {
	return []mark{markSuspected, markConfirmed, markOrdered, markProgress, markRepaired, markVerified, markDismissed}
}

// urgency is the order in which marks stand for a group of places: the worst first.
func urgency() []mark {
	return []mark{markConfirmed, markProgress, markOrdered, markSuspected, markRepaired, markVerified, markDismissed}
}

// Colour is the name of the token that the mark is drawn with.
func (m mark) Colour() string {
	if m == markProgress {
		return string(markOrdered)
	}
	return string(m)
}

// group is what the filter on the map tells apart.
type group string

const (
	groupAll       group = "all"
	groupOpen      group = "open"
	groupRepaired  group = "repaired"
	groupDismissed group = "dismissed"
)

func groups() []group { return []group{groupAll, groupOpen, groupRepaired, groupDismissed} }

// parseGroup returns the group that s names, or all of them.
func parseGroup(s string) group {
	for _, g := range groups() {
		if string(g) == s {
			return g
		}
	}
	return groupAll
}

// marks returns the marks that are shown where the filter stands on g.
func (g group) marks() []mark {
	switch g {
	case groupOpen:
		return []mark{markSuspected, markConfirmed, markOrdered, markProgress}
	case groupRepaired:
		return []mark{markRepaired, markVerified}
	case groupDismissed:
		return []mark{markDismissed}
	default:
		return marks()
	}
}

// markOf returns the mark of a place in state p whose order is in state o; o is empty where there is no order.
func markOf(p crowd.State, o dispatch.State) mark {
	switch o {
	case dispatch.New, dispatch.Reopened:
		return markConfirmed
	case dispatch.Accepted, dispatch.Assigned:
		return markOrdered
	case dispatch.InProgress:
		return markProgress
	case dispatch.Repaired:
		return markRepaired
	case dispatch.Verified:
		return markVerified
	case dispatch.Dismissed:
		return markDismissed
	}
	switch p {
	case crowd.Confirmed:
		return markConfirmed
	case crowd.Faded, crowd.Dismissed:
		return markDismissed
	default:
		return markSuspected
	}
}

// calledSQL is sight.Called over places p left joined with orders o.
const calledSQL = `case when ` + dispatch.OpenSQL + ` then o.class else p.class end`

// markSQL is markOf over places p left joined with orders o.
const markSQL = `case
	when o.state in ('new', 'reopened') then 'confirmed'
	when o.state in ('accepted', 'assigned') then 'ordered'
	when o.state = 'in_progress' then 'progress'
	when o.state in ('repaired', 'verified', 'dismissed') then o.state
	when p.state = 'confirmed' then 'confirmed'
	when p.state in ('faded', 'dismissed') then 'dismissed'
	else 'suspected' end`

// filter is what the map is to show: a group, and of it one class or, where that is empty, every class.
type filter struct {
	Show  group
	Class crowd.Class
}

// parseFilter returns what an address asks for; what it cannot read means everything.
func parseFilter(q url.Values) filter {
	f := filter{Show: parseGroup(q.Get("show"))}
	for _, c := range crowd.Classes() {
		if string(c) == q.Get("class") {
			f.Class = c
		}
	}
	return f
}

// Address is that of the map under the filter.
func (f filter) Address() string {
	q := url.Values{}
	if f.Show != groupAll {
		q.Set("show", string(f.Show))
	}
	if f.Class != "" {
		q.Set("class", string(f.Class))
	}
	if len(q) == 0 {
		return "/"
	}
	return "/?" + q.Encode()
}

// With is the filter with another group.
func (f filter) With(g group) filter { return filter{g, f.Class} }

// wants says whether a place under a mark is shown.
func (f filter) wants(m mark, c crowd.Class) bool {
	return (f.Class == "" || f.Class == c) && slices.Contains(f.Show.marks(), m)
}

// grade is how severe a place is, in three steps that people can tell apart.
type grade int

const (
	slight grade = iota + 1
	moderate
	severe
)

func gradeOf(severity float64) grade {
	switch {
	case severity >= severe.from():
		return severe
	case severity >= moderate.from():
		return moderate
	}
	return slight
}

// from is the least severity of this grade.
func (g grade) from() float64 {
	switch g {
	case severe:
		return 0.67
	case moderate:
		return 0.34
	case slight:
	}
	return 0
}

// Pixels is the size of a mark of this grade on the map.
func (g grade) Pixels() int {
	switch g {
	case severe:
		return 24
	case moderate:
		return 19
	default:
		return 15
	}
}
