// Package detector is what runs in the phone or vehicle unit: it turns accelerometer samples into jolts.
//
// It imports nothing, allocates nothing while it runs, and needs the same memory however long the drive is, so that it
// can run in a unit's firmware and in a browser. Begin reading at Detector.Add.
package detector
