// Package firmwaresim is the phone or vehicle unit and the world it drives through: streets with defects and furniture, cars
// with suspensions, phones in mounts, GPS that errs, drivers, liars, and deliveries that come late or twice.
//
// It holds no server code. What is true in its world is kept apart from what its phones send (Truth). Begin reading at City.Day
// in trip.go, which drives one day, and at City.feel in event.go for how a jolt comes about; CityOptions in options.go say what may
// differ from city to city, and docs/world.md from which ranges it is drawn. Fleet in fleet.go drives a city over real MQTT.
package firmwaresim
