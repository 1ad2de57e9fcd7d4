// Package detector is what runs in the phone or vehicle unit: it turns accelerometer samples into jolts.
//
// It learns which way is up from gravity, so the phone may lie in any orientation, follows sample rates from 5 Hz to
// 500 Hz as they come, and triggers where the vertical acceleration stands out of the road's own roughness: the z-peak
// filter of Pothole Patrol (Eriksson 2008) with an adaptive threshold (Mednis 2011). It says that there was a jolt, not
// what caused it.
//
// It imports nothing but the standard library, allocates nothing while it runs, and needs the same memory however long the
// drive is, so that it can run in a unit's firmware and in a browser. Begin reading at Detector.Add.
package detector
