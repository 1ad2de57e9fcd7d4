// Package unseen simulates cities on which crowd validation is measured honestly: nothing of it was learnt or tuned here.
// It shares the events' form and the truth's form with package firmwaresim, and no model: streets are a Gabriel graph of
// random points with a ring road and arterials, cars are seven-degree-of-freedom multibody models on an enveloping tyre,
// objects are height fields, phones hang in resonators. It is no place to tune anything against.
//
// Begin reading at [New], then follow City.drive in trip.go.
package unseen
