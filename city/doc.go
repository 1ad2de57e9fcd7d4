// Package city is what an administrator sets for the whole city while the server runs: its name, its promise, what the public sees, how
// long raw events are kept, and what mistakes cost. What is not set is as the server was started.
//
// It knows only what is set, and does not check whether that makes sense: who asks for a change does (package web). Begin reading at
// Settings.
package city
