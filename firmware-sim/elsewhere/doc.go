// Package elsewhere simulates cities of a second kind: with streets, vehicles, phones, people and an adversary of its own. It shares
// nothing with package firmwaresim but the form of what comes out. The waveform classifier learns from its cities beside our own, so that it
// knows more than one world.
//
// Streets are a neighbourhood graph of scattered points (Toussaint 1980; Gabriel and Sokal 1969), with arterials laid over it. Road
// shapes pass under a tandem of elliptical cams (Schmeitz, Besselink and Jansen 2007), move a two-mass system at each axle whose damper
// is digressive, and reach the phone through the body's and the mount's resonances. Detectors differ from app to app.
//
// Begin reading at City.
package elsewhere
