// Package dispatch is what is done about a confirmed place: the work order, its number, its states, who moved it and why; who is
// responsible, which crew goes there, by when, and what is most urgent.
//
// It is not the belief in the place (package crowd) and shows nothing to anybody (package web). Begin reading at Office.Promote, which
// package crowd calls in the transaction that confirms a place; at Desk.Act, by which people act on an order; and at way and step in
// transition.go, the one place that moves orders from state to state.
package dispatch
