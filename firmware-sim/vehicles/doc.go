// Package vehicles is a fleet of vehicle units in one process: each has sensors, satellites, a detector, a queue in flash memory, a clock
// that drifts, and a connection that breaks, and talks real MQTT to any broker.
//
// What a unit does is what its firmware would do: package unit hears the jolts in the raw samples, package queue keeps the events until
// the broker has acknowledged them. The samples come from simulated drives, each of which many vehicles drive, one with other satellites,
// another gain and another orientation than the next: simulating the suspensions of thousands of cars at once takes more than a machine,
// listening to their sensors does not.
//
// Begin reading at Fleet.Run in fleet.go; vehicle.go is the unit's sensors, link.go its connection.
package vehicles
