// Package pb is the batch of events as Protobuf, for those who write one: the code that protoc makes of
// ingest/streetpulse.proto, and Encode. `make generate` makes it again. The server reads with wire.ReadProtobuf.
package pb
