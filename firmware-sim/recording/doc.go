// Package recording reads what apps record of a phone's sensors, CSV files, and lets the detector run over it.
//
// Read understands the columns of our own recordings, those of Physics Toolbox Sensor Suite, and others that it is told the names and
// units of (columns.go, number.go). It loses nothing silently: a line that it cannot read is an error with the line's number, and
// what it had to decide about is in Recording.Notes. Phones that deliver their samples in bursts have them spread again (spread.go).
// Begin reading at Read; Recording.Detect runs the detector.
package recording
