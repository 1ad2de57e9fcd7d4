// Package unit is what a phone does on a drive besides feeling jolts (package detector): it says where each was, keeps back what
// would show where a drive began and ended, answers for the watched places that it passed without feeling anything, and knows when
// its holder is loose and when the car is parked.
//
// It knows neither a network nor a clock: samples and fixes come with their times, events go out through a function. Like the
// detector it imports no server code and runs in the browser. Begin reading at Drive.Sample and Drive.Fix.
package unit
