// Package firmwaresim is the phone or vehicle unit and the world it drives through: streets with defects and furniture, cars
// with suspensions, phones in mounts, GPS that errs, drivers, liars, and deliveries that come late or twice.
//
// It holds no server code. What is true in its world is kept apart from what its phones send (Truth). Begin reading at City.Day,
// which drives one day, and at ride in physics.go for how a jolt comes about; Fleet in fleet.go drives a city over real MQTT.
package firmwaresim
