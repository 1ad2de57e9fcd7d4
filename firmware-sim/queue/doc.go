// Package queue is where a vehicle unit keeps its events until the server has acknowledged them: a bounded log in flash memory
// that survives a power cut at any byte of a write or an erase.
//
// The log lies in segments of a fixed size, which are written from the front and erased as a whole, in turn, so that they wear
// evenly. A segment begins with a head; a record follows another from the next page on, never in the same one: a page that a power
// cut tears holds nothing that was confirmed before. Everything carries a checksum over its content and its place, so that what is
// torn, half erased or left over from the segment's earlier use is told from what was written. Records are numbered without gaps.
// That is why nothing but the log is needed to say, after any cut, what is there, what was acknowledged and how much was dropped.
//
// When the log is full the oldest segment makes room, and what in it was not acknowledged is counted as dropped. An acknowledgement is
// a record itself, a small one; if a cut takes it, the events before it are sent again, which the server notices by their ids.
//
// It imports nothing but the standard library, keeps a few words for each segment in memory and one record, and reads no clock.
// Begin reading at Queue.Append.
package queue
