// Package dispatch is what is done about a confirmed place: the work order, its number, its states, who moved it and why.
//
// It is not the belief in the place (package crowd) and shows nothing to anybody (package web). Begin reading at Promote,
// which package crowd calls in the transaction that confirms a place, and at Transition.
package dispatch
