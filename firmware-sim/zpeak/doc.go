// Package zpeak is a simple detector of jolts, as other people's apps have one: the z-peak filter of Pothole Patrol (Eriksson
// 2008) with an adaptive threshold (Mednis 2011). The simulated city's phones run it, each app with parameters of its own.
// It stays as it is, so that a seed's city stays the same; what our own phones and units run is package detector.
//
// It imports nothing but the standard library, allocates nothing while it runs, and needs the same memory however long the
// drive is. Begin reading at Detector.Add.
package zpeak
