// Package evaluate measures how well Streetpulse works: it feeds recorded or simulated events through the same pipeline as
// live ones, and holds the work orders that come out against the truth that only the simulator knows.
//
// The pipeline never sees that truth. Begin reading at Replay.Run for the way of an event without a network, and at City for
// what is measured.
package evaluate
