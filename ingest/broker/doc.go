// Package broker is the embedded MQTT broker: devices log in, publish their batches and are answered. Its one promise
// is that a PUBACK is sent only when every event of the batch that will be kept is committed (package ingest).
//
// It wraps mochi-mqtt/server so that it can be replaced: nothing of mochi shows. It is no general broker: what a device
// publishes goes to ingest and to nobody else; what it may read, this process publishes. A message at QoS 0 is taken
// without any promise, one at QoS 2 is stored before its PUBREC.
//
// Begin reading at hook.go, the moments at which mochi calls us; what a device may is in package topics. A device above its
// rate is read more slowly (ingest.Pace). Nothing here must survive the process: sessions are short, watch lists and presence are in
// the database (watch.go), other retained messages are published again by whoever owns them.
package broker
