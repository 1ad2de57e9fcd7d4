// Package evaluate measures how well Streetpulse works: it feeds recorded or simulated events through the same pipeline as
// live ones, and holds the work orders that come out against the truth that only the simulator knows.
//
// The pipeline never sees that truth. Begin reading at Replay.Run for the way of an event without a network, at Rehearse for how
// a city is judged in memory, at City for the same through the database, at Score for what is measured, and at RunStudy for the
// experiments. What they come to is written by Study.Markdown and Plot.
package evaluate
