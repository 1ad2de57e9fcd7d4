// Package ingest takes in what devices say and makes it durable: it knows the devices, checks their batches, and
// stores the events. What it acknowledges is committed, and an event sent again changes nothing.
//
// It does not judge events (package crowd) and speaks no transport of its own: package broker beside it brings
// batches over MQTT, package web over HTTP; package wire is the format.
//
// Begin reading at Ingest.Submit in ingest.go, the way of one batch; then Writer in writer.go, the group commit that
// all batches of a process go through. Devices are in device.go and credentials.go, clocks in clock.go.
package ingest
