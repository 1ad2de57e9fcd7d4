// Package consumer takes events from an external MQTT broker, such as a city's own: a client with a persistent session and a
// shared subscription, so that any number of processes share the load. It acknowledges a message to the broker when
// every event in it that will be kept is committed. What was promised to the device before that is the broker's word.
//
// Watch lists and feedback go out over the same broker. Who a device is and what it may is the broker's to check: Checks
// answers it over HTTP.
//
// Begin reading at Consumer.Serve; session.go is one session at the broker, node.go what processes agree on by way of the
// database: which session is whose, and who empties that of one that died.
package consumer
