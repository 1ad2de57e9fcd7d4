// Package detector is what runs in our phones and vehicle units: it turns accelerometer samples into jolts, and says where
// and when the wheel was. It does not say what caused a jolt.
//
// A sample goes through four steps. Which way is up follows from gravity, so the phone may lie in any orientation and slowly slip
// into another (upright.go). The vertical acceleration is high-passed and held against a threshold that depends on speed and
// sample rate (detector.go). What exceeds it waits until 1.4 s have followed, and is then judged against the road's own
// roughness before and after it (judge.go, noise.go) and against what hands do to a phone (handled.go). What remains is cut out
// at an even rate (cut.go). Track places it between the satellites' fixes (track.go).
//
// Nothing has to be warmed up: the first two seconds are kept until gravity is known from them, and then looked at from the
// beginning; a recording of one second is judged when it ends. Rates from 5 Hz to 500 Hz, uneven intervals and gaps are taken
// as they come.
//
// It imports nothing but the standard library, allocates nothing while it runs, and needs the same memory however long the
// drive is, so that it can run in a unit's firmware and in a browser. Begin reading at Detector.Add.
package detector
