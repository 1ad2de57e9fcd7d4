// Package web shows what is known to everybody: the public map, the list, the page of a place, vector tiles, the JSON
// API and its stream of changes.
//
// It decides nothing: what a place is comes from package crowd, what is done about it from package dispatch, and both
// are cut here to what the public may see (public.go is the only way to them). Pages are server-rendered and work
// without scripts; the map adds to them. Their texts are in text/, their scripts and styles in ui/.
//
// Begin reading at Server.Handler in server.go: every address that is served stands there.
package web
