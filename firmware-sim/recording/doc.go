// Package recording reads what apps record of a phone's sensors, CSV files, and lets the detector run over it.
//
// Read understands the columns of our own recordings, those of Physics Toolbox Sensor Suite, and others that it is told the names and
// units of (columns.go, number.go, clock.go), in UTF-8 or UTF-16 (text.go). It loses nothing silently: lines that it cannot read are counted, and are an
// error with the first one's number where they are many; what it had to decide about is in Recording.Notes. Phones that deliver their samples in bursts have them spread again (spread.go).
// Begin reading at Read; Recording.Detect runs the detector.
package recording
