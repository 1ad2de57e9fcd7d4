// Package crowd works out what is there: it gathers events into places, weighs the evidence of independent
// devices for and against, and says when a place is confirmed.
//
// It is not the log of events (package ingest) and knows no work orders (package dispatch): whoever makes an Engine
// hands it the function that is called when a place is confirmed, in the transaction that confirms it.
//
// Begin reading at Engine.turn in turn.go: one transaction that leases regions, takes their pending events in order
// of arrival, and judges them. What a jolt says is in belief.go and waveform.go, what is learned of devices in
// epoch.go. Nothing here reads a clock: the time of every decision is the event's time of arrival, and what
// crosses regions changes only at epochs, so that judging the same events again gives the same places.
package crowd
